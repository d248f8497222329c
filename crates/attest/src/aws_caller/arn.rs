//! Who called: an ARN as a type. The name of a session is the caller's own choice, so it is left out of everything that
//! is compared or bound.

/// An account: twelve digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountId(String);

impl AccountId {
    /// Twelve digits.
    pub fn parse(text: &str) -> Option<Self> {
        let fine = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        fine.then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What sort of identity called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A role, whatever the session was called; the ARN of a session has no path.
    Role(String),
    /// A user, with its path if it has one.
    User(String),
}

/// An identity of IAM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arn {
    pub(crate) partition: String,
    pub(crate) account: AccountId,
    pub(crate) caller: Caller,
}

/// A name of IAM, or one step of a path.
fn name(text: &str) -> Option<&str> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    (!text.is_empty() && text.len() <= 128 && text.bytes().all(fine)).then_some(text)
}

impl Arn {
    /// Reads what `GetCallerIdentity` says. Roots of accounts and federated users have no place among workloads.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        let (partition, service, region) = (parts.next()?, parts.next()?, parts.next()?);
        let account = AccountId::parse(parts.next()?)?;
        let (kind, rest) = parts.next()?.split_once('/')?;
        let caller = match (service, kind) {
            ("sts", "assumed-role") => {
                let (role, session) = rest.split_once('/')?;
                name(session)?;
                Caller::Role(name(role)?.to_owned())
            }
            ("iam", "user") => {
                rest.split('/').try_for_each(|step| name(step).map(drop))?;
                Caller::User(rest.to_owned())
            }
            _ => return None,
        };
        (region.is_empty() && partition.starts_with("aws")).then(|| Self {
            partition: partition.to_owned(),
            account,
            caller,
        })
    }

    /// The identity in one form: that of the role or user in IAM.
    pub(crate) fn canonical(&self) -> String {
        let (kind, name) = match &self.caller {
            Caller::Role(role) => ("role", role),
            Caller::User(user) => ("user", user),
        };
        format!("arn:{}:iam::{}:{kind}/{name}", self.partition, self.account.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_its_role_whatever_it_is_called() {
        for session in ["i-0123456789abcdef0", "alice@example.com", "x"] {
            let arn = format!("arn:aws:sts::123456789012:assumed-role/Planner/{session}");
            assert_eq!(Arn::parse(&arn).unwrap().canonical(), "arn:aws:iam::123456789012:role/Planner");
        }
        let user = Arn::parse("arn:aws-cn:iam::123456789012:user/bots/planner").unwrap();
        assert_eq!(user.canonical(), "arn:aws-cn:iam::123456789012:user/bots/planner");
    }

    #[test]
    fn cve_2020_16250_d07_an_arn_that_two_readers_could_take_for_different_ones_is_none() {
        for odd in [
            "arn:aws:sts::123456789012:assumed-role/Planner",
            "arn:aws:sts::123456789012:assumed-role/Planner/a/b",
            "arn:aws:sts::123456789012:assumed-role/Pl*/a",
            "arn:aws:sts::12345678901:assumed-role/Planner/a",
            "arn:aws:sts::1234567890123:assumed-role/Planner/a",
            "arn:aws:sts:us-east-1:123456789012:assumed-role/Planner/a",
            "arn:aws:iam::123456789012:root",
            "arn:aws:iam::123456789012:role/Planner",
            "arn:aws:sts::123456789012:federated-user/bob",
            "arn:aws:iam::123456789012:user//x",
            "arn:aws:iam::123456789012:user/",
            "arn:other:iam::123456789012:user/x",
            "arn:aws:iam::123456789012:user/x\n",
            "",
        ] {
            assert_eq!(Arn::parse(odd), None, "{odd}");
        }
    }
}
