//! Where the Workload API is (SPIFFE Workload Endpoint §4).

use super::WorkloadApiError;
use std::fmt;
use std::path::{Path, PathBuf};

/// The variable of the environment that names the socket (§4). Who reads the environment asks for it by this name.
pub const ENDPOINT_VARIABLE: &str = "SPIFFE_ENDPOINT_SOCKET";

/// The socket of a Workload API.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint(PathBuf);

impl Endpoint {
    /// Reads `unix:///path`, or the path alone.
    ///
    /// # Errors
    /// [`WorkloadApiError::Address`]; also of `tcp:`, where nothing tells the agent who asks.
    pub fn parse(address: &str) -> Result<Self, WorkloadApiError> {
        let wrong = || WorkloadApiError::Address(address.to_owned());
        let path = match address.split_once(':') {
            Some(("unix", rest)) => rest.strip_prefix("//").unwrap_or(rest),
            Some(_) => return Err(wrong()),
            None => address,
        };
        let odd = path.contains(['?', '#', '\0', '%']);
        if path.starts_with('/') && !path.starts_with("//") && path.len() > 1 && !odd {
            Ok(Self(PathBuf::from(path)))
        } else {
            Err(wrong())
        }
    }

    /// The path of the socket.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix://{}", self.0.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_named_by_its_path() {
        for good in ["unix:///run/agent.sock", "unix:/run/agent.sock", "/run/agent.sock"] {
            assert_eq!(Endpoint::parse(good).unwrap().to_string(), "unix:///run/agent.sock", "{good}");
        }
        for bad in [
            "",
            "/",
            "agent.sock",
            "unix://host/x",
            "unix:///",
            "tcp://127.0.0.1:8000",
            "unix:///a?b",
            "unix:////a",
        ] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }
}
