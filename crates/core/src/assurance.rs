//! How surely a person proved who they are.

use crate::Timestamp;
use std::fmt;

/// How surely a person proved who they are: the authentication context class (`acr`, OpenID Connect Core §2), from
/// the weakest to the strongest. Each contains those before it, so a request for one is met by any after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Acr {
    /// One factor: a password, or a link that the operator gave.
    #[default]
    Single,
    /// Two factors: a password and a one-time code, or what an identity provider vouches for as such.
    Mfa,
    /// Phishing-resistant: a passkey with user verification. The value `phr` is that of the OpenID *EAP ACR Values*.
    Phr,
}

impl Acr {
    /// Every class, from the weakest.
    pub const ALL: [Self; 3] = [Self::Single, Self::Mfa, Self::Phr];

    /// Its value in claims, requests and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Mfa => "mfa",
            Self::Phr => "phr",
        }
    }

    /// The class of that value, byte for byte.
    pub fn parse(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == value)
    }

    /// Whether who proved this much meets a request for `asked`.
    pub fn meets(self, asked: Self) -> bool {
        self >= asked
    }
}

impl fmt::Display for Acr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// When and how surely somebody signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignIn {
    /// When (`auth_time`).
    pub at: Timestamp,
    /// How surely (`acr`).
    pub acr: Acr,
}

/// What of a sign-in is asked for: how sure, and how fresh (RFC 9470 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Demand {
    /// At least this class.
    pub acr: Option<Acr>,
    /// No older than so many seconds.
    pub max_age: Option<u64>,
}

impl Demand {
    /// What meets both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let fresher = match (self.max_age, other.max_age) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { acr: self.acr.max(other.acr), max_age: fresher }
    }

    /// Whether this sign-in will do at `now`. Where nobody signed in, only the empty demand is met.
    pub fn is_met_by(self, said: Option<SignIn>, now: Timestamp) -> bool {
        let Some(said) = said else { return self == Self::default() };
        self.acr.is_none_or(|asked| said.acr.meets(asked))
            && self.max_age.is_none_or(|most| now.since(said.at).as_secs() <= most)
    }
}

impl fmt::Display for Demand {
    /// As what is needed: `a sign-in of class phr, no older than 600 seconds`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sign-in")?;
        if let Some(acr) = self.acr {
            write!(f, " of class {acr}")?;
        }
        match self.max_age {
            Some(most) => write!(f, ", no older than {most} seconds"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_is_met_by_who_is_sure_and_fresh_enough() {
        let now = Timestamp::from_seconds(1000);
        let said = |at, acr| Some(SignIn { at: Timestamp::from_seconds(at), acr });
        let demand = Demand { acr: Some(Acr::Mfa), max_age: Some(60) };
        assert!(demand.is_met_by(said(940, Acr::Mfa), now) && demand.is_met_by(said(940, Acr::Phr), now));
        assert!(!demand.is_met_by(said(939, Acr::Phr), now), "too old");
        assert!(!demand.is_met_by(said(1000, Acr::Single), now), "too weak");
        assert!(!demand.is_met_by(None, now) && Demand::default().is_met_by(None, now));
        let both = demand.and(Demand { acr: Some(Acr::Single), max_age: Some(30) });
        assert_eq!(both, Demand { acr: Some(Acr::Mfa), max_age: Some(30) });
        assert_eq!(demand.and(Demand::default()), demand);
        assert_eq!(demand.to_string(), "a sign-in of class mfa, no older than 60 seconds");
    }

    #[test]
    fn a_stronger_class_meets_a_weaker_request_and_never_the_other_way() {
        assert!(Acr::Phr.meets(Acr::Mfa) && Acr::Mfa.meets(Acr::Mfa) && !Acr::Single.meets(Acr::Mfa));
        for acr in Acr::ALL {
            assert_eq!(Acr::parse(acr.as_str()), Some(acr));
        }
        assert_eq!(Acr::parse("MFA"), None);
    }
}
