//! Amazon resource names: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.

use crate::reading::is_plain;

/// A name, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    pub(crate) partition: &'a str,
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    /// Twelve digits.
    pub(crate) account: &'a str,
    pub(crate) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Reads a name with an account; `None` of anything else.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        if !is_plain(text) || next()? != "arn" {
            return None;
        }
        let arn = Self {
            partition: next()?,
            service: next()?,
            region: next()?,
            account: next()?,
            resource: next()?,
        };
        let word = |w: &str| w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let partition =
            ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"];
        let fits = partition.contains(&arn.partition)
            && !arn.service.is_empty()
            && word(arn.service)
            && word(arn.region)
            && is_account(arn.account)
            && !arn.resource.is_empty()
            && !arn.resource.contains(['*', '?']);
        fits.then_some(arn)
    }

    /// The name of a role with its path, of `role/…` in IAM.
    pub(crate) fn role(&self) -> Option<&'a str> {
        let named = self.resource.strip_prefix("role/").filter(|name| !name.is_empty())?;
        (self.service == "iam" && self.region.is_empty()).then_some(named)
    }
}

/// An account: twelve digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_taken_apart_and_what_is_none_is_refused() {
        let role = Arn::parse("arn:aws:iam::123456789012:role/team/Reports").unwrap();
        assert_eq!((role.account, role.role()), ("123456789012", Some("team/Reports")));
        assert!(Arn::parse("arn:aws:lambda:us-east-1:123456789012:function:f:1").unwrap().role().is_none());
        for bad in [
            "",
            "arn",
            "arn:aws:iam::123456789012",
            "arn:aws:iam::123456789012:",
            "arn:evil:iam::123456789012:role/x",
            "arn:aws:iam::12345678901:role/x",
            "arn:aws:iam::1234567890123:role/x",
            "arn:aws:iam::12345678901a:role/x",
            "arn:aws:iam::123456789012:role/*",
            "arn:aws:iam::123456789012:role/x?",
            "ARN:aws:iam::123456789012:role/x",
            " arn:aws:iam::123456789012:role/x",
            "arn:aws:iam::123456789012:role/x\n",
            "arn:aws:IAM::123456789012:role/x",
            "arn:aws:iam::*:role/x",
        ] {
            assert_eq!(Arn::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_what_was_written(text in "[a-z:/0-9*-]{0,60}", noise in ".{0,20}") {
            for text in [text, noise.clone(), format!("arn:aws:iam::123456789012:role/{noise}")] {
                if let Some(arn) = Arn::parse(&text) {
                    let again = ["arn", arn.partition, arn.service, arn.region, arn.account, arn.resource].join(":");
                    prop_assert_eq!(again, text);
                }
            }
        }
    }
}
