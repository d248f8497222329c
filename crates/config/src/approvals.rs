//! Approvals of single calls: which are asked for, of whom, and how approvers hear of it.

use crate::{Config, ConfigError, SecretRef, Span};
use prokura_core::{Acr, OPERATOR, Quorum, Risk, SUBJECT};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// Which calls are asked for where no policy says it, by what the bindings of a resource say of the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum AskFor {
    /// None.
    Nothing,
    /// Those that cannot be undone.
    Irreversible,
    /// Those of high risk.
    High,
    /// Those of high risk, and those that cannot be undone.
    #[default]
    HighOrIrreversible,
}

impl AskFor {
    /// Whether a call of this risk is asked for.
    pub fn asks(self, risk: Option<Risk>, reversible: Option<bool>) -> bool {
        let (high, final_) = (risk == Some(Risk::High), reversible == Some(false));
        match self {
            Self::Nothing => false,
            Self::Irreversible => final_,
            Self::High => high,
            Self::HighOrIrreversible => high || final_,
        }
    }
}

/// Approvals of single calls.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Approvals {
    /// Which calls are asked for where no policy says it: `nothing`, `irreversible`, `high` or `high_or_irreversible`. It
    /// goes by `risk` and `reversible` of `[resource.tools.NAME]`.
    pub ask: AskFor,
    /// Who may agree to these: groups, `subject` (the user in whose name it is done) or `operator` (by `prokura approval` or
    /// the administration API).
    pub approvers: Vec<String>,
    /// How many of them must.
    pub of: u8,
    /// How surely each must have signed in: `mfa` or `phr`.
    #[serde(deserialize_with = "acr")]
    #[schemars(with = "Option<String>")]
    pub acr: Option<Acr>,
    /// How long an agreement may be used.
    pub lasts: Span,
    /// How long a call waits for somebody to decide. A refusal stands as long.
    pub waits: Span,
    /// After so many equal agreements, whoever agrees again may agree to calls like it for a while; never if it is 0.
    pub similar: u32,
    /// For how long at most.
    pub standing: Span,
    /// Where the operator hears of what is asked and what was decided.
    pub webhook: Option<ApprovalWebhook>,
}

/// Where the operator hears of approvals (Standard Webhooks).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalWebhook {
    /// The address; `https`, and public unless `[egress] allow` opens it.
    pub url: String,
    /// What each note is signed with: `whsec_` and 24 to 64 random bytes in base64.
    pub secret: SecretRef,
}

impl Default for Approvals {
    fn default() -> Self {
        Self {
            ask: AskFor::default(),
            approvers: vec![SUBJECT.to_owned()],
            of: 1,
            acr: None,
            lasts: Span::minutes(10),
            waits: Span::hours(1),
            similar: 3,
            standing: Span::days(30),
            webhook: None,
        }
    }
}

impl Approvals {
    /// Who must agree to a call that is asked for by its risk.
    pub fn quorum(&self) -> Quorum {
        let approvers = self.approvers.iter().cloned().collect();
        Quorum { approvers, of: self.of, acr: self.acr, lasts: self.lasts.get() }
    }
}

fn acr<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Acr>, D::Error> {
    let word = String::deserialize(d)?;
    let unknown = || serde::de::Error::custom(format!("`{word}` is no class of sign-in: use `mfa` or `phr`"));
    Acr::parse(&word).map(Some).ok_or_else(unknown)
}

/// The longest that an agreement may be used, and the longest that a call may wait.
const LONGEST: Span = Span::days(30);

pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    let a = &config.approvals;
    let wrong =
        |key: &str, why: String, fix: &str| Err(ConfigError::value(format!("approvals.{key}"), why, fix));
    if a.approvers.is_empty() || a.of == 0 {
        return wrong(
            "approvers",
            "nobody could agree".to_owned(),
            "name at least one, and `of` of 1 or more",
        );
    }
    if let Some(webhook) = &a.webhook
        && !is_address(&webhook.url)
    {
        let fix = "write an https address; http only leads to this machine";
        return wrong("webhook.url", format!("`{}` is no address that can be told", webhook.url), fix);
    }
    let known = |name: &&String| !is_word(name) && !config.has_group(name);
    if let Some(unknown) = a.approvers.iter().find(known) {
        let fix = "write `subject`, `operator`, or the name of a `[[group]]`";
        return wrong("approvers", format!("there is no group `{unknown}`"), fix);
    }
    let words = a.approvers.iter().filter(|name| is_word(name)).count();
    if words == a.approvers.len() && usize::from(a.of) > words {
        let why = format!("{} must agree, and there are only {words} to be asked", a.of);
        return wrong("of", why, "lower it, or name a group");
    }
    for (key, span) in [("lasts", a.lasts), ("waits", a.waits), ("standing", a.standing)] {
        if span > LONGEST {
            return wrong(key, "it is longer than 30 days".to_owned(), "choose 30 days or less");
        }
    }
    Ok(())
}

fn is_address(text: &str) -> bool {
    let Ok(url) = ::url::Url::parse(text) else { return false };
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let plain = url.username().is_empty() && url.password().is_none();
    plain && url.host_str().is_some() && (url.scheme() == "https" || url.scheme() == "http" && here)
}

fn is_word(name: &str) -> bool {
    name == SUBJECT || name == OPERATOR
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &str) -> Result<Config, String> {
        let text = format!("issuer = \"http://localhost:9400\"\ndatabase = \"sqlite::memory:\"\n{more}");
        Config::parse(&text).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_risky_or_final_is_asked_for_unless_something_else_is_said() {
        let config = read("").unwrap();
        let asks = |risk, reversible| config.approvals.ask.asks(risk, reversible);
        assert!(
            asks(Some(Risk::High), None) && asks(None, Some(false)) && asks(Some(Risk::Low), Some(false))
        );
        assert!(!asks(None, None) && !asks(Some(Risk::Medium), Some(true)));
        assert_eq!(config.approvals.quorum().approvers.len(), 1);
        for (word, high, last) in
            [("nothing", false, false), ("high", true, false), ("irreversible", false, true)]
        {
            let ask = read(&format!("[approvals]\nask = \"{word}\"")).unwrap().approvals.ask;
            assert_eq!(
                (ask.asks(Some(Risk::High), None), ask.asks(None, Some(false))),
                (high, last),
                "{word}"
            );
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_fix() {
        for (text, why) in [
            ("approvers = []", "nobody could agree"),
            ("of = 0", "nobody could agree"),
            ("approvers = [\"hr\"]", "no group `hr`"),
            ("of = 2", "2 must agree"),
            (
                "webhook = { url = \"http://hooks.example/a\", secret = { env = \"S\" } }",
                "no address that can be told",
            ),
            ("webhook = { url = \"https://hooks.example/a\", secret = \"x\" }", "secrets never stand"),
            ("acr = \"sure\"", "no class of sign-in"),
            ("lasts = \"31d\"", "longer than 30 days"),
            ("ask = \"always\"", "unknown variant"),
        ] {
            let refused = read(&format!("[approvals]\n{text}")).map(|_| ()).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
        let group = "[[group]]\nname = \"subject\"\nmembers = []";
        assert!(read(group).map(|_| ()).unwrap_err().contains("means somebody else"));
        let hr = "[approvals]\napprovers = [\"hr\", \"operator\"]\nof = 2\nacr = \"mfa\"\n[[group]]\nname = \"hr\"\nmembers = [\"bob\"]";
        assert_eq!(read(hr).unwrap().approvals.quorum().acr, Some(Acr::Mfa));
    }
}
