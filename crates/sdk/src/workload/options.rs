//! What a person says about the platform, where the platform does not say it for itself.

use super::error::EvidenceError;
use std::path::PathBuf;

/// Choices beyond the platform's own. All of them may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// What the evidence is to be for, where that cannot be the issuer of the authorization server: some platforms only
    /// know audiences that were registered with them. Needs `issuer`.
    pub audience: Option<String>,
    /// The only authorization server that the evidence is shown to.
    pub issuer: Option<String>,
    /// The file with the token.
    pub file: Option<PathBuf>,
    /// The variable with the token.
    pub variable: Option<String>,
    /// Which managed identity, where there are several.
    pub client_id: Option<String>,
    /// Which service account, where there are several.
    pub service_account: Option<String>,
    /// The region whose token service is asked.
    pub region: Option<String>,
    /// How long a token is to live, in seconds, where the platform lets one choose: 60 to 3600.
    pub life: Option<u32>,
    /// The socket of the Workload API.
    pub socket: Option<String>,
    /// Which SPIFFE ID, where the agent has several for this process.
    pub spiffe_id: Option<String>,
}

impl Options {
    /// Reads `key=value`.
    ///
    /// # Errors
    /// [`EvidenceError::Option`] names what cannot be read, and what can be written.
    pub fn parse<S: AsRef<str>>(lines: &[S]) -> Result<Self, EvidenceError> {
        let mut options = Self::default();
        for line in lines {
            options.take(line.as_ref())?;
        }
        options.check()?;
        Ok(options)
    }

    /// # Errors
    /// [`EvidenceError::Option`] if they cannot be meant together.
    pub(super) fn check(&self) -> Result<(), EvidenceError> {
        if self.audience.is_some() && self.issuer.is_none() {
            return Err(EvidenceError::Option(
                "evidence for another audience than the authorization server would be shown to whatever server is \
                 discovered: name the one that it is for, `issuer=https://…`"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    fn take(&mut self, line: &str) -> Result<(), EvidenceError> {
        let wrong = |why: &str| EvidenceError::Option(format!("`{line}` {why}"));
        let (key, value) = line.split_once('=').ok_or_else(|| wrong("is not written `key=value`"))?;
        if value.is_empty() {
            return Err(wrong("has no value"));
        }
        let text = Some(value.to_owned());
        match key {
            "audience" => self.audience = text,
            "issuer" => self.issuer = text,
            "file" => self.file = Some(PathBuf::from(value)),
            "variable" => self.variable = text,
            "client_id" => self.client_id = text,
            "service_account" => self.service_account = text,
            "region" => {
                self.region = Some(region(value).ok_or_else(|| wrong("is no region, like `eu-central-1`"))?)
            }
            "life" => {
                self.life = Some(life(value).ok_or_else(|| wrong("is no number of seconds from 60 to 3600"))?)
            }
            "socket" => self.socket = text,
            "spiffe_id" => self.spiffe_id = text,
            _ => {
                return Err(wrong(
                    "is no option: there are audience, issuer, file, variable, client_id, service_account, region, life, \
                     socket and spiffe_id",
                ));
            }
        }
        Ok(())
    }
}

/// A region becomes part of a host name.
pub(super) fn region(text: &str) -> Option<String> {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let well = (3..=32).contains(&text.len())
        && text.bytes().all(fine)
        && !text.starts_with('-')
        && !text.ends_with('-');
    well.then(|| text.to_owned())
}

fn life(text: &str) -> Option<u32> {
    text.parse().ok().filter(|life| (60..=3600).contains(life))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_or_refused_in_words() {
        let read = Options::parse(&["issuer=https://as.example", "audience=api://a=b", "life=120"]).unwrap();
        assert_eq!((read.audience.as_deref(), read.life), (Some("api://a=b"), Some(120)));
        for (line, says) in [
            ("audience", "key=value"),
            ("file=", "no value"),
            ("audience=api://x", "issuer="),
            ("region=evil.example/", "no region"),
            ("region=-a-", "no region"),
            ("life=59", "60 to 3600"),
            ("life=3601", "60 to 3600"),
            ("command=curl", "no option"),
        ] {
            let said = Options::parse(&[line]).unwrap_err().to_string();
            assert!(said.contains(says), "{line}: {said}");
        }
    }
}
