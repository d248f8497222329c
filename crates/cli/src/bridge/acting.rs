//! Acting for a user whose token was handed over: it is exchanged for one of this agent's (RFC 8693).

use super::workload::Chosen;
use crate::failure::Failure;
use clap::Args;
use prokura_connect::{Acting, Actor};
use prokura_sdk::client::{Exchange, TokenFile, TokenSource};
use std::env;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stands before the words of RFC 8693 §3.
const PREFIX: &str = "urn:ietf:params:oauth:token-type:";
/// No token on standard input is longer, in bytes.
const MAX_TOKEN: u64 = 64 * 1024;

#[derive(Debug, Args)]
#[command(next_help_heading = "Acting for a user (token exchange)")]
pub(crate) struct ActingArgs {
    /// Act for whoever the token in this file is of: it is exchanged, and read anew each time. `-` is standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["device", "no_browser", "stored_only", "client_credentials"]
    )]
    subject_token_file: Option<PathBuf>,
    /// The same from this environment variable
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["subject_token_file", "device", "no_browser", "stored_only", "client_credentials"]
    )]
    subject_token_env: Option<String>,
    /// What it is: access_token, id_token, jwt, or the whole URN
    #[arg(long, value_name = "TYPE", default_value = "access_token")]
    subject_token_type: String,
    /// What shows who acts, in this file; without it, what the platform says of this workload
    #[arg(long, value_name = "FILE")]
    actor_token_file: Option<PathBuf>,
    /// The same from this environment variable
    #[arg(long, value_name = "NAME", conflicts_with = "actor_token_file")]
    actor_token_env: Option<String>,
    /// What it is: jwt (evidence of a workload), access_token, or the whole URN
    #[arg(long, value_name = "TYPE", default_value = "jwt")]
    actor_token_type: String,
    /// Show who acts by a token of this client's own authority at this address
    #[arg(
        long,
        value_name = "URL",
        requires = "client_id",
        conflicts_with_all = ["actor_token_file", "actor_token_env", "workload", "jwt_file"]
    )]
    actor_resource: Option<String>,
    /// Prepare the token for this agent, which may exchange it then
    #[arg(long, value_name = "AGENT")]
    requested_actor: Option<String>,
    /// Whose name stands first in the token: user, agent, or impersonation where the operator allows that
    #[arg(long, value_name = "VIEW", value_parser = ["user", "agent", "impersonation"])]
    token_view: Option<String>,
    /// The only authorization server that may see these tokens, if they do not name it
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

impl ActingArgs {
    /// Whether a token was handed over.
    pub(super) fn is_meant(&self) -> bool {
        self.subject_token_file.is_some() || self.subject_token_env.is_some()
    }

    /// Whether it was said what shows who acts.
    pub(super) fn names_actor(&self) -> bool {
        self.actor_token_file.is_some() || self.actor_token_env.is_some() || self.actor_resource.is_some()
    }

    /// Refuses what has no sense without a token, and standard input where it is the host's.
    pub(super) fn check(&self, stdin_is_free: bool) -> Result<(), Failure> {
        let more = [&self.requested_actor, &self.token_view, &self.issuer];
        if !self.is_meant() && (self.names_actor() || more.iter().any(|m| m.is_some())) {
            return Err(Failure::usage(
                "there is nothing to exchange: name the user's token with --subject-token-file or --subject-token-env",
            ));
        }
        if !stdin_is_free && self.subject_token_file.as_deref() == Some(Path::new("-")) {
            return Err(Failure::usage(
                "--subject-token-file: standard input is the host's here, so name a file",
            ));
        }
        Ok(())
    }

    /// What is exchanged; `None` if no token was handed over.
    pub(super) fn acting(&self, chosen: &Chosen) -> Result<Option<Acting>, Failure> {
        if !self.is_meant() {
            return Ok(None);
        }
        let subject = source(
            self.subject_token_file.as_deref(),
            self.subject_token_env.as_deref(),
            "--subject-token-env",
        )?;
        let exchange = Exchange {
            subject_type: typed(&self.subject_token_type, "--subject-token-type")?,
            requested_actor: self.requested_actor.clone(),
            token_view: self.token_view.clone(),
            ..Exchange::of(subject)
        };
        Ok(Some(Acting { exchange, actor: self.actor(chosen)?, issuer: self.issuer.clone() }))
    }

    fn actor(&self, chosen: &Chosen) -> Result<Actor, Failure> {
        if let Some(address) = &self.actor_resource {
            return Ok(Actor::Own(address.clone()));
        }
        if self.names_actor() {
            let (file, name) = (self.actor_token_file.as_deref(), self.actor_token_env.as_deref());
            let kind = typed(&self.actor_token_type, "--actor-token-type")?;
            return Ok(Actor::Token(source(file, name, "--actor-token-env")?, kind));
        }
        match &chosen.workload {
            Some(workload) if !workload.gives_tokens() => Err(Failure::usage(format!(
                "`{}` gives no token that could show who acts: give this client credentials, or name a token with \
                 --actor-token-file",
                workload.platform()
            ))),
            Some(workload) => Ok(Actor::Workload(Box::new(workload.clone()))),
            None => Ok(Actor::Client),
        }
    }
}

/// A token in a file that somebody else keeps fresh, in a variable, or on standard input.
fn source(file: Option<&Path>, name: Option<&str>, option: &str) -> Result<Arc<dyn TokenSource>, Failure> {
    let text = match (file, name) {
        (Some(file), _) if file == Path::new("-") => read_all()?,
        (Some(file), _) => return Ok(Arc::new(TokenFile(file.to_owned()))),
        (None, name) => {
            let name = name.unwrap_or_default();
            let unset = || Failure::usage(format!("{option}: the environment has no `{name}`"));
            env::var(name).ok().filter(|v| !v.trim().is_empty()).ok_or_else(unset)?
        }
    };
    let text = text.trim().to_owned();
    Ok(Arc::new(move |_: &str| Ok(text.clone())))
}

fn read_all() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().take(MAX_TOKEN).read_to_string(&mut text);
    read.map_err(|e| Failure::usage(format!("--subject-token-file -: standard input cannot be read: {e}")))?;
    if text.trim().is_empty() {
        return Err(Failure::usage("--subject-token-file -: standard input is empty"));
    }
    Ok(text)
}

/// The whole URN of a type, which may be said by its last word.
fn typed(word: &str, option: &str) -> Result<String, Failure> {
    match word {
        "access_token" | "id_token" | "jwt" | "txn_token" => Ok(format!("{PREFIX}{word}")),
        whole if whole.contains(':') => Ok(whole.to_owned()),
        other => Err(Failure::usage(format!(
            "{option}: `{other}` is none of access_token, id_token, jwt, and no URN either"
        ))),
    }
}
