//! Answers of token introspection (RFC 7662 §2.2), plain or signed (RFC 9701).

use crate::access_token::AccessToken;
use crate::id_token::Hint;
use crate::jose::{JoseError, SigningKey};
use crate::json::{Object, Value, obj};
use prokura_core::{ClientId, Principal, Timestamp};

/// The media type of a signed answer (RFC 9701 §4).
pub const SIGNED_MEDIA_TYPE: &str = "application/token-introspection+jwt";
/// Its `typ` (RFC 9701 §5): nothing that takes access tokens takes it.
const TYP: &str = "token-introspection+jwt";

/// Whether the `Accept` headers of a request ask for a signed answer. One that takes anything is content with a
/// plain one.
pub fn wants_signed<'a>(accept: impl Iterator<Item = &'a str>) -> bool {
    let mut ranges = accept.flat_map(|value| value.split(','));
    ranges.any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().is_some_and(|media| media.eq_ignore_ascii_case(SIGNED_MEDIA_TYPE));
        named && !parts.any(|p| matches!(p.replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// `answer` as a JWT for `caller`. What is said of the token stands in one claim of its own, and there is neither
/// `sub` nor `exp` beside it, so that nobody takes it for a token (RFC 9701 §5).
///
/// # Errors
/// [`JoseError`] if the key cannot sign.
pub fn signed(
    answer: Object,
    issuer: &str,
    caller: &ClientId,
    now: Timestamp,
    key: &SigningKey,
) -> Result<String, JoseError> {
    let claims = obj([
        ("iss", issuer.into()),
        ("aud", caller.as_str().into()),
        ("iat", now.seconds().into()),
        ("token_introspection", Value::Object(answer)),
    ]);
    key.sign(TYP, &claims)
}

/// What every caller hears of a token that is not valid, or is none of its business.
pub fn inactive() -> Object {
    obj([("active", false.into())])
}

/// What a resource hears of a token for it: every claim, the whole chain and the grants among them. Whichever view the
/// token is, `user`, `agent` and `actors` say the same.
pub fn active(token: &AccessToken) -> Object {
    let mut o = obj([("active", true.into()), ("token_type", token.cnf.token_type().into())]);
    for (name, value) in &token.claims() {
        o.insert(name, value.clone());
    }
    o.insert("view", token.view.as_str().into());
    if let Principal::User(user) = &token.subject {
        o.insert("user", user.as_str().into());
    }
    if let Some(agent) = token.actor() {
        o.insert("agent", agent.as_str().into());
    }
    let own = token.actors.is_empty().then(|| token.actor()).flatten();
    let actors = token.actors.iter().chain(own).map(|a| Value::from(a.as_str()));
    o.insert("actors", Value::Array(actors.collect()));
    o
}

/// The user token that stands beside an actor token.
#[derive(Debug, Clone, Copy)]
pub enum UserToken<'a> {
    /// An ID token: it says who the user is, and to which client.
    Id(&'a Hint),
    /// An access token of the user.
    Access(&'a AccessToken),
}

/// What a resource hears of a user token and an actor token that belong together: what it hears of the actor token, which
/// is cut to what both yield, and in `user_token` what the other says besides. `cnf` is that of the actor token: whoever
/// presents the two has to prove that key.
pub fn together(user: UserToken<'_>, actor: &AccessToken) -> Object {
    let mut o = active(actor);
    let (kind, client, expires_at, authentication) = match user {
        UserToken::Id(id) => ("id_token", &id.audience, id.expires_at, id.authentication.as_ref()),
        UserToken::Access(t) => ("access_token", &t.client, t.expires_at, t.authentication.as_ref()),
    };
    let mut beside = obj([
        ("type", kind.into()),
        ("client_id", client.as_str().into()),
        ("exp", expires_at.seconds().into()),
    ]);
    if let Some(said) = authentication {
        said.insert_into(&mut beside);
    }
    if let UserToken::Access(token) = user {
        beside.insert("grant", Value::Object(token.grant.to_object()));
    }
    o.insert("exp", actor.expires_at.min(expires_at).seconds().into());
    o.insert("user_token", Value::Object(beside));
    o
}

/// The actor token, cut to what the user's access token yields too: never the union. `None` if they are about other
/// users or resources, nobody acts, or nothing is left. Whether their grants stand under one root is asked besides.
pub fn cut(user: &AccessToken, actor: &AccessToken) -> Option<AccessToken> {
    let one = user.subject == actor.subject && user.audience == actor.audience;
    if !one || actor.actors.is_empty() || !matches!(actor.subject, Principal::User(_)) {
        return None;
    }
    let scopes = actor.scopes.intersection(&user.scopes);
    let had = !actor.scopes.is_empty() || !user.scopes.is_empty();
    if had && scopes.is_empty() {
        return None;
    }
    let details = user.details.meet(&actor.details).ok().flatten()?;
    let mut cut = AccessToken { scopes, details, ..actor.clone() };
    cut.grant.duties.extend(user.grant.duties.iter().cloned());
    cut.expires_at = actor.expires_at.min(user.expires_at);
    Some(cut)
}

/// Whether an ID token and an actor token are of one flow: the same user, and the client that the ID token was made for
/// holds the actor token, or its agent stands in the chain. Valid tokens of different flows say nothing together.
pub fn of_one_flow(id: &Hint, actor: &AccessToken) -> bool {
    let user = matches!(&actor.subject, Principal::User(user) if *user == id.subject);
    user && (actor.client == id.audience || id.agent.as_ref().is_some_and(|a| actor.actors.contains(a)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_answer_has_to_be_asked_for_by_name() {
        let wants = |accept: &[&'static str]| wants_signed(accept.iter().copied());
        assert!(wants(&["application/token-introspection+jwt"]));
        assert!(wants(&["application/json;q=0.5, Application/Token-Introspection+JWT; q=0.9"]));
        assert!(wants(&["text/html", "application/token-introspection+jwt"]));
        for plain in
            ["", "*/*", "application/json", "application/*", "application/token-introspection+jwt;q=0"]
        {
            assert!(!wants(&[plain]), "{plain}");
        }
    }

    #[test]
    fn nothing_is_said_of_what_is_not_active() {
        assert_eq!(inactive().to_vec(), br#"{"active":false}"#);
    }
}
