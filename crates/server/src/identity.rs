//! What a client may learn of who signed in (OpenID Connect Core §5): the scopes for it, which belong to no resource of
//! the configuration, and the place where tokens for them alone are used.

use crate::places::Place;
use prokura_config::Issuer;
use prokura_core::{InvalidResource, Principal, ResourceUri, Scope, ScopeSet};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::id_token::{IdToken, Profile};
use prokura_store::{StoreError, Tx, User};
use std::sync::Arc;

/// Asks for an ID token; without it the others mean nothing.
const OPENID: &str = "openid";
/// Names: the one to sign in with, and the one to show.
const PROFILE: &str = "profile";
/// The e-mail address that somebody trusted vouches for.
const EMAIL: &str = "email";

/// The scopes, and how a person reads them.
const WORDS: [(&str, &str); 3] = [
    (OPENID, "Know that it is you, by an identifier of this service"),
    (PROFILE, "Know your name"),
    (EMAIL, "Know your e-mail address"),
];

/// How a person reads the place where these scopes alone are used.
pub(crate) const TITLE: &str = "who you are";

/// The sentence of such a scope.
pub(crate) fn sentence(scope: &str) -> Option<&'static str> {
    WORDS.iter().find(|(word, _)| *word == scope).map(|(_, sentence)| *sentence)
}

/// All of them.
pub(crate) fn scopes() -> ScopeSet {
    WORDS.iter().filter_map(|(word, _)| Scope::parse(*word).ok()).collect()
}

/// The place of `/userinfo`, for which tokens of these scopes alone are made.
pub(crate) fn place(issuer: &Issuer) -> Result<Arc<Place>, InvalidResource> {
    let uri = ResourceUri::parse(&format!("{issuer}/userinfo"))?;
    let first = Scope::parse(OPENID).into_iter().collect();
    let (name, scopes, bundled) = ("userinfo".to_owned(), scopes(), Vec::new());
    Ok(Arc::new(Place { uri, name, scopes, first, needs_proof: false, bundled }))
}

/// Splits what was asked into these scopes and the rest. They count only beside `openid`, and never where the
/// resource has a scope of that name itself.
pub(crate) fn split(asked: &ScopeSet, own: &ScopeSet) -> (ScopeSet, ScopeSet) {
    let here = |s: &&Scope| sentence(s.as_str()).is_some() && !own.contains(s);
    let identity: ScopeSet = asked.iter().filter(here).cloned().collect();
    if !has(&identity, OPENID) {
        return (ScopeSet::default(), asked.clone());
    }
    let rest = asked.difference(&identity);
    (identity, rest)
}

fn has(scopes: &ScopeSet, word: &str) -> bool {
    scopes.iter().any(|s| s.as_str() == word)
}

/// What may be told of `user` under `scopes`.
pub(crate) fn profile(user: &User, scopes: &ScopeSet) -> Profile {
    let names = has(scopes, PROFILE);
    Profile {
        username: names.then(|| user.name.clone()),
        name: names.then(|| user.display_name.clone()),
        email: user.email.clone().filter(|_| has(scopes, EMAIL)),
    }
}

/// The ID token that goes out with `token`, if its scopes ask for one and a person signed in for it.
pub(crate) fn id_token(
    tx: &mut Tx<'_>,
    token: &AccessToken,
    nonce: Option<&str>,
) -> Result<Option<IdToken>, StoreError> {
    let (Principal::User(id), Some(authentication)) = (&token.subject, &token.authentication) else {
        return Ok(None);
    };
    if !has(&token.scopes, OPENID) {
        return Ok(None);
    }
    let Some(user) = tx.user(id)? else { return Ok(None) };
    Ok(Some(IdToken {
        issuer: token.issuer.clone(),
        subject: id.clone(),
        audience: token.client.clone(),
        issued_at: token.issued_at,
        expires_at: token.expires_at,
        authentication: authentication.clone(),
        agent: token.actor().cloned(),
        nonce: nonce.map(str::to_owned),
        profile: profile(&user, &token.scopes),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> ScopeSet {
        ScopeSet::parse(text).unwrap()
    }

    #[test]
    fn they_count_beside_openid_and_where_the_resource_has_none_of_that_name() {
        let own = set("read email");
        let parts = |text: &str| {
            let (identity, rest) = split(&set(text), &own);
            (identity.to_string(), rest.to_string())
        };
        assert_eq!(parts("openid profile read"), ("openid profile".into(), "read".into()));
        assert_eq!(parts("openid email"), ("openid".into(), "email".into()));
        assert_eq!(parts("profile read"), (String::new(), "profile read".into()));
    }
}
