//! Identifiers. Each is a string of its own type, so that a grant's id cannot stand where a user's is meant. A clone
//! shares the text: every entry of the record holds half a dozen of them.

use std::fmt;
use std::sync::Arc;

/// An identifier that is empty, too long or has a character outside visible ASCII.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id is 1 to {max} visible ASCII characters without spaces, quotes or backslashes", max = MAX)]
pub struct InvalidId;

/// The longest id, in bytes; a CIMD client id is a URL, so this is generous.
const MAX: usize = 2048;

fn check(s: &str) -> Result<(), InvalidId> {
    let fine = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    if s.is_empty() || s.len() > MAX || !s.bytes().all(fine) { Err(InvalidId) } else { Ok(()) }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// What a generated id of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// Takes `s` as it is.
            ///
            /// # Errors
            /// [`InvalidId`] if `s` is empty, longer than 2,048 bytes or not visible ASCII.
            pub fn parse(s: impl Into<String>) -> Result<Self, InvalidId> {
                let s = s.into();
                check(&s)?;
                Ok(Self(s.into()))
            }

            /// A fresh id: the prefix and 128 random bits in base 62 digits.
            pub fn random(rng: &dyn crate::Rng) -> Self {
                Self(crate::random_id($prefix, rng).into())
            }

            /// The text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// A user: a person known to the register.
    UserId "usr_";
    /// An agent: a registered software actor. One agent may have many OAuth clients.
    AgentId "agt_";
    /// An OAuth client: a CIMD URL, a registered id or a configured one.
    ClientId "cli_";
    /// What software asks of a user who is not where it is (CIBA).
    AskId "ask_";
    /// A grant: the unit of consent, delegation and revocation.
    GrantId "g_";
    /// What a client calls a grant (`grant_id` of *Grant Management for OAuth 2.0*): it stays when the grant behind it
    /// is replaced, and is no secret.
    GrantName "gid_";
    /// One access token (`jti`).
    TokenId "t_";
    /// A browser session of a user.
    SessionId "s_";
    /// A sign-in and consent under way.
    InteractionId "i_";
    /// An enforcement point: one process that writes to the record.
    PointId "pep_";
    /// An attested running instance: always the same for the same instance of the same provider.
    WorkloadId "wl_";
    /// One flow, from the client's error to the ledger entry.
    TraceId "tr_";
    /// A call that waits for somebody to agree to it.
    TaskId "apt_";
}

/// A user or an agent: who may be a subject or an actor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// A person.
    User(UserId),
    /// A software actor.
    Agent(AgentId),
}

impl Principal {
    /// The id as it stands in `sub` and in the record.
    pub fn as_str(&self) -> &str {
        match self {
            Self::User(id) => id.as_str(),
            Self::Agent(id) => id.as_str(),
        }
    }

    /// Reads a principal by its prefix: `usr_…` is a user, `agt_…` an agent.
    ///
    /// # Errors
    /// [`InvalidId`] if the text is no id or has neither prefix.
    pub fn parse(s: &str) -> Result<Self, InvalidId> {
        if s.starts_with(UserId::PREFIX) {
            UserId::parse(s).map(Self::User)
        } else if s.starts_with(AgentId::PREFIX) {
            AgentId::parse(s).map(Self::Agent)
        } else {
            Err(InvalidId)
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_could_break_a_header_or_a_log_line() {
        for bad in ["", "a b", "a\r\nb", "é", "a\"b", "a\\b", &"x".repeat(2049)] {
            assert_eq!(GrantId::parse(bad), Err(InvalidId), "{bad:?}");
        }
        assert_eq!(GrantId::parse("g_1").unwrap().as_str(), "g_1");
    }

    #[test]
    fn a_principal_is_told_by_its_prefix() {
        assert!(matches!(Principal::parse("usr_alice"), Ok(Principal::User(_))));
        assert!(matches!(Principal::parse("agt_planner"), Ok(Principal::Agent(_))));
        assert_eq!(Principal::parse("alice"), Err(InvalidId));
    }
}
