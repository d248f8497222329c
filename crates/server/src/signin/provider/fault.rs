//! Why a sign-in at another provider came to nothing, as the person is told.

use http::StatusCode;
use prokura_ui::{ENGLISH, Text};

/// Why a sign-in at another provider came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProviderFault {
    /// It cannot be asked, or answers with what cannot be read.
    Unreachable,
    /// The answer names another issuer, or none although every answer should (RFC 9207).
    Mixed,
    /// It refused, or the person did.
    Denied,
    /// The code was not exchanged.
    Code,
    /// The ID token is not what was expected.
    Token,
    /// It did not ask the person again although that was needed.
    Stale,
    /// The person is not of an allowed domain.
    Domain,
    /// The person is in none of the allowed groups.
    Group,
    /// Nobody here is known by that account.
    Unknown,
    /// The account, or its e-mail address, belongs to somebody else here.
    Taken,
    /// The person is disabled here.
    Disabled,
}

impl ProviderFault {
    pub(crate) const ALL: [Self; 11] = [
        Self::Unreachable,
        Self::Mixed,
        Self::Denied,
        Self::Code,
        Self::Token,
        Self::Stale,
        Self::Domain,
        Self::Group,
        Self::Unknown,
        Self::Taken,
        Self::Disabled,
    ];

    /// The word in the record, and in the address of the account page.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "provider_unreachable",
            Self::Mixed => "provider_mixed_up",
            Self::Denied => "provider_denied",
            Self::Code => "provider_code",
            Self::Token => "provider_token",
            Self::Stale => "provider_stale",
            Self::Domain => "provider_domain",
            Self::Group => "provider_group",
            Self::Unknown => "provider_unknown",
            Self::Taken => "provider_taken",
            Self::Disabled => "provider_disabled",
        }
    }

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Unreachable | Self::Code | Self::Token => StatusCode::BAD_GATEWAY,
            Self::Mixed | Self::Domain | Self::Group | Self::Unknown | Self::Taken | Self::Disabled => {
                StatusCode::FORBIDDEN
            }
            Self::Denied | Self::Stale => StatusCode::UNAUTHORIZED,
        }
    }

    /// The sentence, with a place for the provider.
    pub(crate) fn text(self) -> Text {
        match self {
            Self::Unreachable => ENGLISH.provider_unreachable,
            Self::Mixed => ENGLISH.provider_mixed,
            Self::Denied => ENGLISH.provider_denied,
            Self::Code | Self::Token => ENGLISH.provider_token,
            Self::Stale => ENGLISH.provider_stale,
            Self::Domain => ENGLISH.provider_domain,
            Self::Group => ENGLISH.provider_group,
            Self::Unknown => ENGLISH.provider_unknown,
            Self::Taken => ENGLISH.provider_taken,
            Self::Disabled => ENGLISH.provider_disabled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_own_word_and_a_sentence_about_the_provider() {
        let mut words: Vec<_> = ProviderFault::ALL.iter().map(|f| f.word()).collect();
        words.dedup();
        assert_eq!(words.len(), ProviderFault::ALL.len());
        for fault in ProviderFault::ALL {
            assert!(fault.text().with("provider", "Corp").to_string().contains("Corp"), "{fault:?}");
            assert!(fault.status().is_client_error() || fault.status() == StatusCode::BAD_GATEWAY);
        }
    }
}
