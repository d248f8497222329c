//! How surely a person proved who they are.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stronger_class_meets_a_weaker_request_and_never_the_other_way() {
        assert!(Acr::Phr.meets(Acr::Mfa) && Acr::Mfa.meets(Acr::Mfa) && !Acr::Single.meets(Acr::Mfa));
        for acr in Acr::ALL {
            assert_eq!(Acr::parse(acr.as_str()), Some(acr));
        }
        assert_eq!(Acr::parse("MFA"), None);
    }
}
