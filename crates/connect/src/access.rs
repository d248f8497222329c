//! What a person chose on the command line, as clients of the SDK.

use crate::acting::Acting;
use crate::person::{Say, Shown, Terminal};
use prokura_core::ScopeSet;
use prokura_egress::{AllowList, Trust};
use prokura_sdk::client::{
    Client, ClientAuth, ClientError, ClientKey, Dpop, FileStore, InvalidServer, KnownClient, Loopback,
    MemoryStore, Secret, Software, Store, StoreError, Way,
};
use prokura_sdk::workload::Workload;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The name under which this software registers itself.
const NAME: &str = "Prokura";
/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Who the client is, where that is known beforehand.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// The address of its metadata document.
    pub document: Option<String>,
    /// Its id, where somebody registered it by hand.
    pub id: Option<String>,
    /// Its secret.
    pub secret: Option<Secret>,
    /// Its key.
    pub key: Option<ClientKey>,
    /// Whether it never registers itself.
    pub unregistered: bool,
}

/// How a token is had when none is kept that works.
#[derive(Debug, Clone)]
pub enum Asks {
    /// A person agrees in a browser.
    Browser,
    /// A person agrees on another device, or, where a server does not offer that, in a browser.
    Device,
    /// Nobody is asked: the client has authority of its own.
    Itself,
    /// Nobody is asked: the platform says who this is.
    Platform(Box<Workload>),
    /// Nobody is asked: the token of a user was handed over, and is exchanged.
    Handed(Box<Acting>),
    /// Nobody is asked: only what is kept is used.
    Nobody,
}

/// All that is to be known before a server can be asked.
#[derive(Clone)]
pub struct Access {
    /// Who the client is.
    pub identity: Identity,
    /// How a token is had.
    pub asks: Asks,
    /// Scopes to ask for besides those that the server wants.
    pub scopes: ScopeSet,
    /// Whether tokens are bound to a key.
    pub dpop: Dpop,
    /// Which of several logins at one server it is.
    pub profile: String,
    /// Where logins are kept.
    pub store: PathBuf,
    /// What servers may name although it is not public.
    pub allow: AllowList,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// The person.
    pub terminal: Terminal,
}

/// Why a server cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The address is none.
    #[error(transparent)]
    Server(#[from] InvalidServer),
    /// Logins cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The client cannot be put together.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Access {
    /// The clients of a server, the preferred way first.
    ///
    /// # Errors
    /// [`AccessError`] if the address or the folder for logins cannot be used.
    pub fn clients(&self, address: &str) -> Result<Vec<Client>, AccessError> {
        let store = self.kept()?;
        self.ways()?
            .into_iter()
            .map(|way| {
                let client = Client::to(address)?
                    .software(self.software())
                    .way(way)
                    .store(store.clone())
                    .profile(self.profile.clone())
                    .dpop(self.dpop)
                    .scopes(self.scopes.clone())
                    .allow(self.allow.clone())
                    .trust(self.trust.clone());
                Ok(client.build()?)
            })
            .collect()
    }

    /// What a platform says at any time is not kept, nor what somebody else's token is worth for a moment; so a file system that cannot be written will do, unless there is a
    /// key to keep.
    fn kept(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match &self.asks {
            Asks::Platform(_) | Asks::Handed(_) => Arc::new(MemoryStore::default()),
            _ => Arc::new(FileStore::at(&self.store)?),
        })
    }

    pub(crate) fn software(&self) -> Software {
        let mut software = Software::named(NAME);
        if let Some(document) = &self.identity.document {
            software = match &self.identity.key {
                Some(key) if self.identity.id.is_none() => software.document_with_key(document, key.clone()),
                _ => software.document(document),
            };
        }
        if let Some(id) = &self.identity.id {
            let auth = match (&self.identity.key, &self.identity.secret) {
                (Some(key), _) => ClientAuth::Key(key.clone()),
                (None, Some(secret)) => ClientAuth::Secret(secret.clone()),
                (None, None) => ClientAuth::None,
            };
            software = software.known_client(KnownClient { issuer: None, id: id.clone(), auth });
        }
        if self.identity.unregistered { software.without_registration() } else { software }
    }

    fn ways(&self) -> Result<Vec<Way>, AccessError> {
        let browser = || Way::Browser(Arc::new(Loopback::new(self.opener()).patience(PATIENCE)));
        Ok(match &self.asks {
            Asks::Browser => vec![browser()],
            Asks::Device => vec![Way::Device(Arc::new(self.terminal.clone())), browser()],
            Asks::Itself => vec![Way::Own],
            Asks::Platform(workload) => vec![self.keeping((**workload).clone())?.way()],
            Asks::Handed(acting) => vec![acting.way(self)?],
            Asks::Nobody => vec![Way::Stored],
        })
    }

    /// The key of an instance has to outlast this process: it is kept beside the logins.
    fn keeping(&self, workload: Workload) -> Result<Workload, StoreError> {
        if workload.keeps_key() {
            Ok(workload.keys(Arc::new(FileStore::at(&self.store)?)))
        } else {
            Ok(workload)
        }
    }

    fn opener(&self) -> Terminal {
        self.terminal.clone()
    }

    /// The page that a person is asked to visit now.
    pub fn shown(&self) -> &Shown {
        &self.terminal.shown
    }

    /// How the person is spoken to.
    pub fn say(&self) -> &Say {
        &self.terminal.say
    }
}

/// Where logins are kept if nobody says where: `$XDG_STATE_HOME/prokura/logins`, or what the system has in its stead.
/// `None` if there is no such place.
pub fn usual_store(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    let at = |name: &str| variable(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let home = |below: &str| at("HOME").map(|home| home.join(below));
    let state = if cfg!(windows) {
        at("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        home("Library/Application Support")
    } else {
        at("XDG_STATE_HOME").filter(|p| p.is_absolute()).or_else(|| home(".local/state"))
    };
    Some(state?.join("prokura").join("logins")).filter(|p: &PathBuf| Path::is_absolute(p))
}

/// Whether no browser can be shown here, as far as the environment tells.
pub fn is_headless(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> bool {
    let is_set = |name: &str| variable(name).is_some_and(|v| !v.is_empty());
    if is_set("BROWSER") {
        return false;
    }
    if cfg!(any(windows, target_os = "macos")) {
        return is_set("SSH_CONNECTION");
    }
    !is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn variables(all: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<std::ffi::OsString> {
        |name| all.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).into())
    }

    #[test]
    fn logins_are_kept_where_state_is_kept() {
        let at = |all| usual_store(variables(all)).map(|p| p.display().to_string());
        assert_eq!(at(&[("HOME", "/h")]).as_deref(), Some("/h/.local/state/prokura/logins"));
        assert_eq!(at(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]).as_deref(), Some("/s/prokura/logins"));
        assert_eq!(
            at(&[("HOME", "/h"), ("XDG_STATE_HOME", "s")]).as_deref(),
            Some("/h/.local/state/prokura/logins")
        );
        assert_eq!(at(&[("HOME", "")]), None);
        assert_eq!(at(&[]), None);
    }

    #[test]
    fn a_machine_without_a_display_is_told_by_its_environment() {
        assert!(is_headless(variables(&[])));
        assert!(is_headless(variables(&[("DISPLAY", ""), ("SSH_CONNECTION", "x")])));
        assert!(!is_headless(variables(&[("DISPLAY", ":0")])));
        assert!(!is_headless(variables(&[("WAYLAND_DISPLAY", "w")])));
        assert!(!is_headless(variables(&[("BROWSER", "lynx")])));
    }
}
