//! The parameters of an authorization request (RFC 6749 §4.1.1, RFC 9126, OpenID Connect Core §3.1.2.1), each
//! read into a type that cannot be wrong.

use crate::confirmation::Thumbprint;
use crate::error::OAuthError;
use crate::form::Form;
use prokura_core::{AgentId, GrantName, Principal};

/// What a `request_uri` from the pushed authorization endpoint begins with (RFC 9126 §2.2).
pub const REQUEST_URI_PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// The longest `state`, in bytes: it goes through a redirect.
const MAX_STATE: usize = 2048;
/// The longest `login_hint` or `nonce`, in bytes.
const MAX_HINT: usize = 512;

/// What the client wants to be shown (`prompt`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prompts {
    /// Nothing at all.
    pub none: bool,
    /// A sign-in, even if there is a session.
    pub login: bool,
    /// A consent, even if it is remembered.
    pub consent: bool,
}

/// A parameter that is refused. The words are for the developer of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// A parameter that must be there is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A parameter has a value that is not allowed.
    #[error("`{0}` has a value that is not allowed")]
    Value(&'static str),
    /// Only `response_type=code` is served.
    #[error("`response_type` must be `code`")]
    ResponseType,
}

impl ParameterError {
    /// The protocol's word for it.
    pub fn code(self) -> OAuthError {
        match self {
            Self::Missing(_) | Self::Value(_) => OAuthError::InvalidRequest,
            Self::ResponseType => OAuthError::UnsupportedResponseType,
        }
    }
}

/// Checks `response_type` and `response_mode`: a code, in the query.
///
/// # Errors
/// [`ParameterError`].
pub fn check_response(form: &Form) -> Result<(), ParameterError> {
    match form.value("response_type") {
        None => return Err(ParameterError::Missing("response_type")),
        Some("code") => {}
        Some(_) => return Err(ParameterError::ResponseType),
    }
    match form.value("response_mode") {
        None | Some("query") => Ok(()),
        Some(_) => Err(ParameterError::Value("response_mode")),
    }
}

/// `state`, which comes back as it is.
///
/// # Errors
/// [`ParameterError::Value`] if it is over 2,048 bytes.
pub fn state(form: &Form) -> Result<Option<&str>, ParameterError> {
    bounded(form, "state", MAX_STATE)
}

/// `nonce`.
///
/// # Errors
/// [`ParameterError::Value`] if it is over 512 bytes.
pub fn nonce(form: &Form) -> Result<Option<&str>, ParameterError> {
    bounded(form, "nonce", MAX_HINT)
}

/// `dpop_jkt`: the thumbprint of the key that the code is to be bound to (RFC 9449 §10).
///
/// # Errors
/// [`ParameterError::Value`] if it is no thumbprint.
pub fn dpop_key(form: &Form) -> Result<Option<Thumbprint>, ParameterError> {
    let read = |v| Thumbprint::parse(v).ok_or(ParameterError::Value("dpop_jkt"));
    form.value("dpop_jkt").map(read).transpose()
}

/// The most agents that a request names besides.
const MAX_ACTORS: usize = 8;

/// `requested_actor`, which may be repeated: the agents that are to get a part of what is asked for
/// (draft-oauth-ai-agents-on-behalf-of-user-02 §3.1, where it is one and the only actor; docs/divergences.md).
///
/// # Errors
/// [`ParameterError::Value`] if one is no id of an agent, or there are more than 8.
pub fn requested_actors(form: &Form) -> Result<Vec<AgentId>, ParameterError> {
    let wrong = ParameterError::Value("requested_actor");
    let mut all: Vec<AgentId> = Vec::new();
    for word in form.value("requested_actor").unwrap_or_default().split(' ').filter(|w| !w.is_empty()) {
        // Several are separated by spaces: a comma would make one name of two.
        let Ok(Principal::Agent(agent)) = Principal::parse(word) else { return Err(wrong) };
        if word.contains(',') {
            return Err(wrong);
        }
        if !all.contains(&agent) {
            all.push(agent);
        }
    }
    if all.len() > MAX_ACTORS { Err(wrong) } else { Ok(all) }
}

/// `max_age`, in seconds.
///
/// # Errors
/// [`ParameterError::Value`] if it is no count.
pub fn max_age(form: &Form) -> Result<Option<u64>, ParameterError> {
    let digits = |v: &&str| v.len() <= 10 && v.bytes().all(|b| b.is_ascii_digit());
    match form.value("max_age") {
        None => Ok(None),
        Some(v) => Some(v)
            .filter(digits)
            .and_then(|v| v.parse().ok())
            .map(Some)
            .ok_or(ParameterError::Value("max_age")),
    }
}

/// `prompt`. `select_account` is read as `login`: whoever signs in chooses the account.
///
/// # Errors
/// [`ParameterError::Value`] of an unknown word, or of `none` beside another.
pub fn prompt(form: &Form) -> Result<Prompts, ParameterError> {
    let mut prompts = Prompts::default();
    for word in form.value("prompt").unwrap_or_default().split(' ').filter(|w| !w.is_empty()) {
        match word {
            "none" => prompts.none = true,
            "login" | "select_account" => prompts.login = true,
            "consent" => prompts.consent = true,
            _ => return Err(ParameterError::Value("prompt")),
        }
    }
    if prompts.none && (prompts.login || prompts.consent) {
        return Err(ParameterError::Value("prompt"));
    }
    Ok(prompts)
}

/// What a client wants to happen to a grant (Grant Management for OAuth 2.0 §5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantAction {
    /// A fresh one, with a name for it.
    Create,
    /// What is agreed to now takes the place of what the named one holds.
    Replace(GrantName),
    /// What is agreed to now is added to what the named one holds.
    Merge(GrantName),
}

/// `grant_management_action` and `grant_id`.
///
/// # Errors
/// [`ParameterError`] of an unknown action, or one without the name that it needs, or a name without an action.
pub fn grant_action(form: &Form) -> Result<Option<GrantAction>, ParameterError> {
    let (action, id) = (form.value("grant_management_action"), form.value("grant_id"));
    let name = || {
        let id = id.ok_or(ParameterError::Missing("grant_id"))?;
        GrantName::parse(id).map_err(|_| ParameterError::Value("grant_id"))
    };
    match action {
        None if id.is_some() => Err(ParameterError::Missing("grant_management_action")),
        None => Ok(None),
        Some("create") if id.is_some() => Err(ParameterError::Value("grant_id")),
        Some("create") => Ok(Some(GrantAction::Create)),
        Some("replace") => name().map(GrantAction::Replace).map(Some),
        Some("merge") => name().map(GrantAction::Merge).map(Some),
        Some(_) => Err(ParameterError::Value("grant_management_action")),
    }
}

/// The reference in a `request_uri` that this server made.
pub fn pushed_reference(request_uri: &str) -> Option<&str> {
    let reference = request_uri.strip_prefix(REQUEST_URI_PREFIX)?;
    let fine = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (!reference.is_empty() && reference.len() <= 64 && reference.bytes().all(fine)).then_some(reference)
}

fn bounded<'a>(form: &'a Form, name: &'static str, most: usize) -> Result<Option<&'a str>, ParameterError> {
    match form.value(name) {
        Some(v) if v.len() > most => Err(ParameterError::Value(name)),
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Form {
        pairs.iter().copied().collect()
    }

    #[test]
    fn only_a_code_in_the_query() {
        let code = ("response_type", "code");
        assert_eq!(check_response(&form(&[code])), Ok(()));
        assert_eq!(check_response(&form(&[code, ("response_mode", "query")])), Ok(()));
        for (pairs, why) in [
            (vec![], ParameterError::Missing("response_type")),
            (vec![("response_type", "token")], ParameterError::ResponseType),
            (vec![("response_type", "code id_token")], ParameterError::ResponseType),
            (vec![code, ("response_mode", "fragment")], ParameterError::Value("response_mode")),
        ] {
            assert_eq!(check_response(&form(&pairs)), Err(why), "{pairs:?}");
        }
    }

    #[test]
    fn prompts_are_a_set_and_none_stands_alone() {
        assert_eq!(prompt(&form(&[])), Ok(Prompts::default()));
        let both = Prompts { none: false, login: true, consent: true };
        assert_eq!(prompt(&form(&[("prompt", "consent login")])), Ok(both));
        for bad in ["none login", "None", "create"] {
            assert_eq!(prompt(&form(&[("prompt", bad)])), Err(ParameterError::Value("prompt")), "{bad}");
        }
    }

    #[test]
    fn agents_that_are_named_besides_are_few_and_each_once() {
        let of = |text: &str| requested_actors(&form(&[("requested_actor", text)])).map(|all| all.len());
        assert_eq!((of(""), of("agt_a agt_b agt_a")), (Ok(0), Ok(2)));
        let many = (0..9).map(|i| format!("agt_{i}")).collect::<Vec<_>>().join(" ");
        for bad in ["usr_a", "agt_a,agt_b", &many] {
            assert_eq!(of(bad), Err(ParameterError::Value("requested_actor")), "{bad}");
        }
    }

    #[test]
    fn numbers_and_lengths_are_bounded() {
        assert_eq!(max_age(&form(&[("max_age", "0")])), Ok(Some(0)));
        for bad in ["-1", "+1", "1.5", "99999999999", "x"] {
            assert!(max_age(&form(&[("max_age", bad)])).is_err(), "{bad}");
        }
        assert!(state(&form(&[("state", &"x".repeat(2049))])).is_err());
    }

    #[test]
    fn an_action_has_the_name_that_it_needs_and_no_other() {
        let (id, action) = ("grant_id", "grant_management_action");
        let name = GrantName::parse("gid_1").unwrap();
        assert_eq!(grant_action(&form(&[])), Ok(None));
        assert_eq!(grant_action(&form(&[(action, "create")])), Ok(Some(GrantAction::Create)));
        let merge = grant_action(&form(&[(action, "merge"), (id, "gid_1")]));
        assert_eq!(merge, Ok(Some(GrantAction::Merge(name))));
        for bad in [
            &[(id, "gid_1")][..],
            &[(action, "create"), (id, "gid_1")],
            &[(action, "replace")],
            &[(action, "merge"), (id, "a b")],
            &[(action, "update"), (id, "gid_1")],
        ] {
            assert!(grant_action(&form(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_request_uri_is_one_that_was_made_here() {
        assert_eq!(pushed_reference("urn:ietf:params:oauth:request_uri:par_1"), Some("par_1"));
        for bad in
            ["https://evil/x", "urn:ietf:params:oauth:request_uri:", "urn:ietf:params:oauth:request_uri:a/b"]
        {
            assert_eq!(pushed_reference(bad), None, "{bad}");
        }
    }
}
