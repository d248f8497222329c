//! Why nothing was fetched: in full for administrators, and in a form that tells a stranger nothing of the network.

use crate::address::AddressClass;
use crate::url::InvalidUrl;
use std::net::IpAddr;
use std::time::Duration;

/// Why nothing was fetched. `Display` is for logs and administrators: it names hosts and addresses. A stranger
/// gets [`EgressError::public`].
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The URL itself is refused.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// Plain `http` to a host that is not on the allow list.
    #[error("`{authority}` may only be asked over https; to trust it as it is, add it to `egress.allow`")]
    Http {
        /// Host and port.
        authority: String,
    },
    /// Another port than 443 at a host that is not on the allow list.
    #[error("port {port} of `{host}` is not open: only 443 is, unless `{host}:{port}` is in `egress.allow`")]
    Port {
        /// The host.
        host: String,
        /// The port that was asked for.
        port: u16,
    },
    /// The name has no address.
    #[error("`{host}` has no address: {cause}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        cause: String,
    },
    /// One of the addresses of the host is not public.
    #[error(
        "`{host}` leads to {address}, which is {class}; if it is yours, add the host or a network to `egress.allow`"
    )]
    Forbidden {
        /// The host.
        host: String,
        /// The address that is refused.
        address: IpAddr,
        /// Why.
        class: AddressClass,
    },
    /// No checked address accepts a connection.
    #[error("no connection to `{host}`: {cause}")]
    Connect {
        /// The host.
        host: String,
        /// What the system said.
        cause: String,
    },
    /// The TLS handshake failed; most often the certificate is not valid for the host.
    #[error(
        "no TLS with `{host}`: {cause}; a certificate authority of your own goes into `egress.extra_roots`"
    )]
    Tls {
        /// The host.
        host: String,
        /// What went wrong.
        cause: String,
    },
    /// The answer is not HTTP, or its head is too large, or the connection broke.
    #[error("`{host}` did not answer in HTTP/1.1 as it should: {cause}")]
    Protocol {
        /// The host.
        host: String,
        /// What went wrong.
        cause: String,
    },
    /// The answer is a redirect, which is never followed.
    #[error(
        "`{host}` answers {status} and points to {to}; redirects are not followed: use the final address"
    )]
    Redirect {
        /// The host.
        host: String,
        /// The status.
        status: u16,
        /// The host that it points to.
        to: String,
    },
    /// The status is not 200.
    #[error("`{host}` answers {status} where 200 is needed")]
    Status {
        /// The host.
        host: String,
        /// The status.
        status: u16,
    },
    /// The content type is absent, doubled or another than asked for.
    #[error("`{host}` sends {got} where `application/json` is needed")]
    ContentType {
        /// The host.
        host: String,
        /// What it sends, escaped.
        got: String,
    },
    /// The content is encoded although it was asked for as it is.
    #[error("`{host}` sends compressed or encoded content ({got}) although it was asked not to")]
    ContentEncoding {
        /// The host.
        host: String,
        /// The encoding, escaped.
        got: String,
    },
    /// The content is larger than allowed.
    #[error("`{host}` sends more than the {limit} bytes that are allowed")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// Not all of it came in time.
    #[error("`{host}` did not answer in full within {} ms", after.as_millis())]
    Deadline {
        /// The host.
        host: String,
        /// The time that was given.
        after: Duration,
    },
    /// Too many requests were under way for all of the time that was given.
    #[error("too many requests were under way to ask `{host}` within {} ms", after.as_millis())]
    Busy {
        /// The host.
        host: String,
        /// The time that was given.
        after: Duration,
    },
    /// The request cannot be written: a header or form value that HTTP does not allow.
    #[error("the request to `{host}` cannot be written")]
    Request {
        /// The host.
        host: String,
    },
}

impl EgressError {
    /// The sentence for a stranger. Whether an address exists, is open, closed or slow reads the same, so that
    /// nobody can look round the network by asking; what the other side *said* is the stranger's own doing.
    pub fn public(&self) -> String {
        match self {
            Self::Url(invalid) => invalid.to_string(),
            Self::Redirect { .. } => {
                "the address answers with a redirect, which is not followed: use the final address".to_owned()
            }
            Self::Status { .. } => "the address does not answer with status 200".to_owned(),
            Self::ContentType { .. } => {
                "the address does not answer with content type `application/json`".to_owned()
            }
            Self::ContentEncoding { .. } => {
                "the address answers with encoded content although it was asked not to".to_owned()
            }
            Self::TooLarge { limit, .. } => format!("the address answers with more than {limit} bytes"),
            Self::Http { .. } | Self::Port { .. } => "the address must use https and port 443".to_owned(),
            Self::Resolve { .. }
            | Self::Forbidden { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Protocol { .. }
            | Self::Deadline { .. }
            | Self::Busy { .. }
            | Self::Request { .. } => {
                "the address cannot be fetched: it must be public, answer over https with a valid certificate, \
                 and in time"
                    .to_owned()
            }
        }
    }
}

/// Text of the other side as it may stand in a log: escaped, at most 64 characters, in backquotes.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let text: String =
        String::from_utf8_lossy(bytes).chars().take(64).flat_map(char::escape_default).collect();
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_cannot_tell_open_from_closed_from_forbidden() {
        let host = || "in.example".to_owned();
        let after = Duration::from_secs(5);
        let all = [
            EgressError::Resolve { host: host(), cause: "NXDOMAIN".into() },
            EgressError::Forbidden {
                host: host(),
                address: "10.0.0.7".parse().unwrap(),
                class: AddressClass::Private,
            },
            EgressError::Connect { host: host(), cause: "connection refused".into() },
            EgressError::Tls { host: host(), cause: "bad certificate".into() },
            EgressError::Protocol { host: host(), cause: "garbage".into() },
            EgressError::Deadline { host: host(), after },
            EgressError::Busy { host: host(), after },
        ];
        let first = all[0].public();
        for error in &all {
            assert_eq!(error.public(), first, "{error}");
        }
        assert!(all[1].to_string().contains("10.0.0.7, which is private"));
    }

    #[test]
    fn the_public_sentence_names_no_host_and_the_log_line_stays_one_line() {
        let said = EgressError::Redirect { host: "in.example".into(), status: 302, to: "10.0.0.7".into() };
        assert!(!said.public().contains("in.example") && !said.public().contains("10.0.0.7"));
        assert_eq!(quoted(b"text/html\r\n\x1b[31m"), "`text/html\\r\\n\\u{1b}[31m`");
        assert!(quoted(&[b'x'; 1000]).len() < 70);
    }
}
