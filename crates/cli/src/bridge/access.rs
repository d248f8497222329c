//! How authority is had: options that both commands have.

use super::acting::ActingArgs;
use super::workload::{Chosen, WorkloadArgs};
use crate::failure::Failure;
use clap::{Args, ValueEnum};
use prokura_connect::{Access, Asks, Browser, Identity, Shown, Terminal, is_headless, usual_store};
use prokura_core::ScopeSet;
use prokura_egress::{AllowList, Trust};
use prokura_sdk::client::{ClientKey, Dpop, Secret};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Whether tokens are bound to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DpopChoice {
    /// If the authorization server knows how
    IfServed,
    /// Never
    Never,
    /// Always; a server that cannot is refused
    Always,
}

#[derive(Debug, Args)]
pub(crate) struct AccessArgs {
    /// The address of the client metadata document that says who this client is (CIMD)
    #[arg(long, value_name = "URL", env = "PROKURA_CLIENT_METADATA_URL", help_heading = "Who the client is")]
    client_metadata_url: Option<String>,
    /// The id under which somebody registered this client at the authorization server
    #[arg(long, value_name = "ID", env = "PROKURA_CLIENT_ID", help_heading = "Who the client is")]
    client_id: Option<String>,
    /// The environment variable that holds the client's secret
    #[arg(long, value_name = "NAME", requires = "client_id", help_heading = "Who the client is")]
    client_secret_env: Option<String>,
    /// The file with the client's private key, PKCS#8 as PEM (`private_key_jwt`)
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "client_secret_env",
        help_heading = "Who the client is"
    )]
    client_key: Option<PathBuf>,
    /// The algorithm of that key: ES256, EdDSA or RS256
    #[arg(
        long,
        value_name = "ALG",
        default_value = "ES256",
        requires = "client_key",
        help_heading = "Who the client is"
    )]
    client_key_alg: String,
    /// Never register this client by itself (RFC 7591)
    #[arg(long, help_heading = "Who the client is")]
    no_registration: bool,

    /// Sign in on another device, by a code; this is also what happens where there is no display
    #[arg(long, conflicts_with_all = ["client_credentials", "jwt_file", "workload", "stored_only"], help_heading = "Signing in")]
    device: bool,
    /// Open no browser: show the address, and wait until somebody has opened it
    #[arg(long, conflicts_with_all = ["client_credentials", "jwt_file", "workload", "stored_only"], help_heading = "Signing in")]
    no_browser: bool,
    /// Ask nobody: use what is kept, and end with code 3 if a person would have to sign in
    #[arg(long, conflicts_with_all = ["client_credentials", "jwt_file", "workload"], help_heading = "Signing in")]
    stored_only: bool,
    /// Use the client's own authority; it must be registered, with a secret or a key
    #[arg(long, requires = "client_id", conflicts_with_all = ["jwt_file", "workload"], help_heading = "Signing in")]
    client_credentials: bool,
    #[command(flatten)]
    workload: WorkloadArgs,
    #[command(flatten)]
    acting: ActingArgs,
    /// Ask for this scope too; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", help_heading = "Signing in")]
    scopes: Vec<String>,
    /// A name that tells several logins at one server apart
    #[arg(long, value_name = "NAME", default_value = "", help_heading = "Signing in")]
    profile: String,
    /// Where logins are kept; a folder that only its owner can read
    #[arg(long, value_name = "FOLDER", env = "PROKURA_LOGINS", help_heading = "Signing in")]
    logins: Option<PathBuf>,

    /// What servers may name although it is not public: `HOST`, `HOST:PORT` or a network; may be repeated
    #[arg(long, value_name = "HOST", help_heading = "Network")]
    allow: Vec<String>,
    /// A certificate authority to believe besides the system's, as PEM; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    ca_file: Vec<PathBuf>,
}

impl AccessArgs {
    /// What was chosen, looked through.
    pub(crate) async fn access(
        &self,
        url: &str,
        dpop: Dpop,
        stdin_is_free: bool,
    ) -> Result<(Access, Chosen), Failure> {
        self.acting.check(stdin_is_free)?;
        let mut access = self.by_person(dpop)?;
        let mut chosen = self.workload.choose(url, &access, self.is_another_way()).await?;
        chosen.workload = chosen.workload.map(|workload| workload.trust(access.trust.clone()));
        if let Some(acting) = self.acting.acting(&chosen)? {
            access.asks = Asks::Handed(Box::new(acting));
        } else if let Some(workload) = &chosen.workload {
            access.asks = Asks::Platform(Box::new(workload.clone()));
        }
        Ok((access, chosen))
    }

    /// Whether the platform is not meant, unless it is named.
    fn is_another_way(&self) -> bool {
        let by_person = self.stored_only || self.client_credentials || self.device || self.no_browser;
        let proved = self.client_secret_env.is_some() || self.client_key.is_some();
        by_person || self.acting.names_actor() || (self.acting.is_meant() && proved)
    }

    fn by_person(&self, dpop: Dpop) -> Result<Access, Failure> {
        let scopes = self.scopes.join(" ");
        let scopes = if scopes.is_empty() { Ok(ScopeSet::default()) } else { ScopeSet::parse(&scopes) };
        Ok(Access {
            identity: self.identity()?,
            asks: self.asks(),
            scopes: scopes.map_err(|e| Failure::usage(format!("--scope: {e}")))?,
            dpop,
            profile: self.profile.clone(),
            store: self.store()?,
            allow: AllowList::parse(&self.allow).map_err(|e| Failure::usage(format!("--allow: {e}")))?,
            trust: self.trust()?,
            terminal: self.terminal(),
        })
    }

    fn identity(&self) -> Result<Identity, Failure> {
        let secret = self.client_secret_env.as_ref().map(|name| {
            let unset = || Failure::usage(format!("--client-secret-env: the environment has no `{name}`"));
            env::var(name).ok().filter(|v| !v.is_empty()).map(Secret::new).ok_or_else(unset)
        });
        let key = self.client_key.as_ref().map(|path| {
            let key = ClientKey::from_pem(&self.client_key_alg, None, &text(path)?);
            key.map_err(|e| Failure::usage(format!("{}: {e}", path.display())))
        });
        Ok(Identity {
            document: self.client_metadata_url.clone(),
            id: self.client_id.clone(),
            secret: secret.transpose()?,
            key: key.transpose()?,
            unregistered: self.no_registration,
        })
    }

    fn asks(&self) -> Asks {
        if self.stored_only {
            Asks::Nobody
        } else if self.client_credentials {
            Asks::Itself
        } else if self.device || (!self.no_browser && is_headless(|name| env::var_os(name))) {
            Asks::Device
        } else {
            Asks::Browser
        }
    }

    fn store(&self) -> Result<PathBuf, Failure> {
        let usual = || usual_store(|name| env::var_os(name));
        let none = || Failure::usage("there is no home folder to keep logins in: say where with --logins");
        self.logins.clone().or_else(usual).ok_or_else(none)
    }

    fn trust(&self) -> Result<Trust, Failure> {
        if self.ca_file.is_empty() {
            return Ok(Trust::default());
        }
        let roots = self.ca_file.iter().map(|path| text(path)).collect::<Result<Vec<_>, _>>()?;
        Trust::with_extra(&roots).map_err(|e| Failure::usage(format!("--ca-file: {e}")))
    }

    fn terminal(&self) -> Terminal {
        let browser = env::var("BROWSER").ok();
        Terminal {
            browser: if self.no_browser { Browser::None } else { Browser::of(browser.as_deref()) },
            say: Arc::new(|text| eprintln!("prokura: {text}")),
            shown: Shown::default(),
        }
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))
}

impl DpopChoice {
    /// The same for the client.
    pub(crate) fn of(self) -> Dpop {
        match self {
            Self::IfServed => Dpop::IfServed,
            Self::Never => Dpop::Never,
            Self::Always => Dpop::Always,
        }
    }
}
