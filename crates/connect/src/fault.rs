//! Why a request of the host is not answered by the server: one table from fault to JSON-RPC error.

use crate::wire::WireError;
use prokura_oauth::json::{Object, Value, obj};

/// A person has to sign in first. `data.url` says where. (Outside of the range that JSON-RPC keeps for itself, as MCP
/// 2026-07-28, "Error Codes", asks for codes of one's own; chosen like the status of HTTP.)
pub const SIGN_IN: i64 = 401;
/// No authority can be had for this.
pub const REFUSED: i64 = 403;
/// The server cannot be reached, or did not answer as it must.
pub const UNREACHABLE: i64 = 502;

const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const UNSUPPORTED_VERSION: i64 = -32022;

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// There is no answer from the wire.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The server answered with a status and nothing that could be handed on.
    #[error("the server answered with status {status}{hint}")]
    Status {
        /// The status.
        status: u16,
        /// What it means here; begins with a separator, or is empty.
        hint: &'static str,
    },
    /// What the server sent is no message of the protocol.
    #[error("the server's answer is no MCP message that is accepted here: {0}")]
    Malformed(String),
    /// The connection ended before the answer came.
    #[error(
        "the connection to the server ended before its answer; whether it acted is not known: ask it before you repeat the call"
    )]
    NoAnswer,
    /// The server forgot the session.
    #[error("the server ended the session")]
    SessionGone,
    /// The server gave an error of its own, which goes on as it is.
    #[error("the server answered with an error")]
    Server(Object),
    /// The method does not exist for this host.
    #[error("`{method}` is not offered: {why}")]
    NotOffered {
        /// Which method.
        method: String,
        /// Why not.
        why: &'static str,
    },
    /// A parameter is missing, or of another type, or not this bridge's.
    #[error("{0}")]
    Params(&'static str),
    /// The host opened in a way that no version knows.
    #[error("{0}")]
    Opening(&'static str),
    /// The host asked for a version that is not spoken.
    #[error("protocol version `{requested}` is not spoken here")]
    Version {
        /// What it asked for.
        requested: String,
    },
    /// The server asks for input that the host did not declare, or asks without end.
    #[error("the server cannot go on: {0}")]
    Input(String),
    /// Too much is under way.
    #[error("too many {0} are under way")]
    TooMany(&'static str),
}

impl Fault {
    fn code(&self) -> i64 {
        match self {
            Self::Wire(WireError::SignIn { .. }) => SIGN_IN,
            Self::Wire(WireError::Refused(_)) | Self::Status { status: 401 | 403, .. } => REFUSED,
            Self::Wire(WireError::Unreachable { .. })
            | Self::Status { .. }
            | Self::Malformed(_)
            | Self::NoAnswer
            | Self::SessionGone
            | Self::Server(_)
            | Self::Input(_)
            | Self::TooMany(_) => UNREACHABLE,
            Self::NotOffered { .. } => METHOD_NOT_FOUND,
            Self::Params(_) => INVALID_PARAMS,
            Self::Opening(_) => INVALID_REQUEST,
            Self::Version { .. } => UNSUPPORTED_VERSION,
        }
    }

    fn data(&self) -> Option<Object> {
        match self {
            Self::Wire(WireError::SignIn { address: Some(address), .. }) => {
                Some(obj([("url", address.as_str().into())]))
            }
            Self::Version { requested } => Some(obj([
                ("supported", prokura_mcp::version::SUPPORTED.into_iter().collect::<Value>()),
                ("requested", requested.as_str().into()),
            ])),
            _ => None,
        }
    }

    /// The error object of the answer.
    pub fn into_error(self) -> Object {
        if let Self::Server(error) = self {
            return error;
        }
        let mut error = obj([("code", self.code().into()), ("message", self.to_string().into())]);
        if let Some(data) = self.data() {
            error.insert("data", data.into());
        }
        error
    }
}

/// A result, or an error object.
pub(crate) type Outcome = Result<Object, Object>;

/// An outcome, or why there is none.
pub(crate) trait OrFault {
    /// The outcome for the host.
    fn outcome(self) -> Outcome;
}

impl OrFault for Result<Outcome, Fault> {
    fn outcome(self) -> Outcome {
        self.unwrap_or_else(|fault| Err(fault.into_error()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_code_and_a_sentence() {
        let sign_in = WireError::SignIn { address: Some("https://as/x".into()), sentence: "Sign in.".into() };
        let own = obj([("code", (-32000_i64).into()), ("message", "no".into())]);
        let table = [
            (Fault::Wire(sign_in), 401),
            (Fault::Wire(WireError::Refused("No.".into())), 403),
            (Fault::Wire(WireError::Unreachable { sentence: "Down.".into(), sent: false }), 502),
            (Fault::Status { status: 403, hint: "" }, 403),
            (Fault::Status { status: 500, hint: "" }, 502),
            (Fault::Malformed("x".into()), 502),
            (Fault::NoAnswer, 502),
            (Fault::SessionGone, 502),
            (Fault::Server(own), -32000),
            (Fault::NotOffered { method: "x".into(), why: "y" }, -32601),
            (Fault::Params("x"), -32602),
            (Fault::Opening("x"), -32600),
            (Fault::Version { requested: "1900-01-01".into() }, -32022),
            (Fault::Input("x".into()), 502),
            (Fault::TooMany("x"), 502),
        ];
        for (fault, code) in table {
            let error = fault.into_error();
            assert_eq!(error.get("code").and_then(Value::as_i64), Some(code), "{error:?}");
            assert!(error.str("message").is_some_and(|m| !m.is_empty()), "{error:?}");
        }
    }

    #[test]
    fn the_page_to_sign_in_at_is_named() {
        let fault = WireError::SignIn { address: Some("https://as/x".into()), sentence: "Sign in.".into() };
        let error = Fault::Wire(fault).into_error();
        let url = error.get("data").and_then(Value::as_object).and_then(|d| d.str("url"));
        assert_eq!(url, Some("https://as/x"));
    }
}
