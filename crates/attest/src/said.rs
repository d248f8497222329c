//! Claims under the names that the configuration knows.

use crate::{ClaimValue, Claims};
use prokura_config::known_claims;
use prokura_core::Platform;

/// These claims, all of them texts, and which of them go into tokens.
pub(crate) fn said(platform: Platform, claims: &[(&str, &str)]) -> (Claims, Vec<String>) {
    let known = known_claims(platform);
    let of = |(name, value): &(&str, &str)| ((*name).to_owned(), ClaimValue::Text((*value).to_owned()));
    let told = known.iter().filter(|k| k.told && claims.iter().any(|(name, _)| *name == k.name));
    (claims.iter().map(of).collect(), told.map(|k| k.name.to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_and_known_to_be_told_is_told() {
        let (claims, told) = said(Platform::Ec2, &[("account", "123456789012"), ("instance_type", "t3")]);
        assert_eq!((claims.len(), told), (2, vec!["account".to_owned()]));
    }
}
