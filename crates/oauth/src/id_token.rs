//! ID tokens (OpenID Connect Core §2): what a client is told about who signed in. They open nothing: their `typ` and
//! audience keep them from being taken for access tokens.

use crate::authentication::Authentication;
use crate::jose::{Algorithm, Audience, Expected, JoseError, KeySet, NO_TYP, SigningKey, verify};
use crate::json::{Object, Value};
use aws_lc_rs::digest::{self, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prokura_core::{AgentId, ClientId, Timestamp, UserId};
use std::time::Duration;

/// The `typ` of an ID token.
pub const TYP: &str = "JWT";
/// How long an ID token may serve as a hint after it has expired: who wants to sign out does so late.
const HINT_LIFE: Duration = Duration::from_secs(366 * 24 * 3600);
/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(10);

/// What is known of a person and may be told (OpenID Connect Core §5.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// `preferred_username`: the name to sign in with.
    pub username: Option<String>,
    /// `name`: the name to show.
    pub name: Option<String>,
    /// `email`: one that somebody trusted vouches for, so `email_verified` goes with it.
    pub email: Option<String>,
}

impl Profile {
    /// Puts what is known into `claims`.
    pub fn insert_into(&self, claims: &mut Object) {
        let texts = [("name", &self.name), ("preferred_username", &self.username), ("email", &self.email)];
        for (claim, text) in texts {
            if let Some(text) = text {
                claims.insert(claim, text.as_str().into());
            }
        }
        if self.email.is_some() {
            claims.insert("email_verified", true.into());
        }
    }
}

/// An ID token that is to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdToken {
    /// `iss`.
    pub issuer: String,
    /// `sub`: the user.
    pub subject: UserId,
    /// `aud`: the client, and nobody else.
    pub audience: ClientId,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `auth_time`, `acr`, `amr`.
    pub authentication: Authentication,
    /// `agent`: the agent of the client, so that whoever sees the token beside a delegated one knows that both are of one
    /// flow.
    pub agent: Option<AgentId>,
    /// `nonce`, as the client sent it.
    pub nonce: Option<String>,
    /// What else is told.
    pub profile: Profile,
}

impl IdToken {
    /// Signs the token and ties it to the access token that goes out with it (`at_hash`, OpenID Connect Core §3.1.3.6).
    ///
    /// # Errors
    /// [`JoseError`] if the key cannot sign.
    pub fn sign(&self, key: &SigningKey, access_token: &str) -> Result<String, JoseError> {
        let mut o = Object::default();
        o.insert("iss", self.issuer.as_str().into());
        o.insert("sub", self.subject.as_str().into());
        o.insert("aud", self.audience.as_str().into());
        o.insert("iat", self.issued_at.seconds().into());
        o.insert("exp", self.expires_at.seconds().into());
        if let Some(agent) = &self.agent {
            o.insert("agent", agent.as_str().into());
        }
        self.authentication.insert_into(&mut o);
        if let Some(nonce) = &self.nonce {
            o.insert("nonce", nonce.as_str().into());
        }
        o.insert("at_hash", Value::from(half_hash(key.algorithm(), access_token)));
        self.profile.insert_into(&mut o);
        key.sign(TYP, &o)
    }
}

/// Whom an ID token of this server is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// `sub`.
    pub subject: UserId,
    /// `aud`.
    pub audience: ClientId,
    /// `agent`: the agent of that client.
    pub agent: Option<AgentId>,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `auth_time`, `acr`, `amr`, as far as they are known here.
    pub authentication: Option<Authentication>,
}

/// Reads an ID token of this server that is in force: evidence of who signed in at the client.
///
/// # Errors
/// [`JoseError`].
pub fn read(compact: &str, keys: &KeySet, issuer: &str, now: Timestamp) -> Result<Hint, JoseError> {
    within(compact, keys, issuer, now, LEEWAY)
}

/// Reads an ID token of this server that came as a hint, though it may have expired up to a year ago (OpenID Connect
/// RP-Initiated Logout §2).
///
/// # Errors
/// [`JoseError`].
pub fn read_hint(compact: &str, keys: &KeySet, issuer: &str, now: Timestamp) -> Result<Hint, JoseError> {
    within(compact, keys, issuer, now, HINT_LIFE)
}

fn within(
    compact: &str,
    keys: &KeySet,
    issuer: &str,
    now: Timestamp,
    leeway: Duration,
) -> Result<Hint, JoseError> {
    let expected =
        Expected { leeway, ..Expected::new(&[TYP, NO_TYP], now).issuer(issuer).audience(Audience::Any) };
    let verified = verify(compact, keys, &expected)?;
    let claims = &verified.claims;
    // Other things that this server signs have another `typ`; that it is about a sign-in is asked all the same.
    claims.get("auth_time").ok_or(JoseError::Claim("auth_time"))?;
    let agent = claims.get("agent").map(|v| v.as_str().and_then(|a| AgentId::parse(a).ok()));
    Ok(Hint {
        agent: agent.map(|a| a.ok_or(JoseError::Claim("agent"))).transpose()?,
        subject: claims.str("sub").and_then(|s| UserId::parse(s).ok()).ok_or(JoseError::Claim("sub"))?,
        audience: claims.str("aud").and_then(|s| ClientId::parse(s).ok()).ok_or(JoseError::Claim("aud"))?,
        expires_at: verified.expires_at,
        authentication: Authentication::read(claims).map_err(JoseError::Claim)?,
    })
}

/// The left half of the hash that goes with the algorithm: SHA-512 for Ed25519, else that in the algorithm's name.
fn half_hash(algorithm: Algorithm, text: &str) -> String {
    let which = match algorithm {
        Algorithm::EdDsa | Algorithm::Es512 | Algorithm::Rs512 | Algorithm::Ps512 => &digest::SHA512,
        Algorithm::Es384 | Algorithm::Rs384 | Algorithm::Ps384 => &digest::SHA384,
        _ => &digest::SHA256,
    };
    let hash = digest(which, text.as_bytes());
    let hash = hash.as_ref();
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_token;
    use prokura_core::Acr;

    const ISSUER: &str = "https://as.example";

    fn token() -> IdToken {
        IdToken {
            issuer: ISSUER.into(),
            subject: UserId::parse("usr_alice").unwrap(),
            audience: ClientId::parse("https://agent.example/client.json").unwrap(),
            issued_at: Timestamp::from_seconds(1000),
            expires_at: Timestamp::from_seconds(1300),
            authentication: Authentication::new(Timestamp::from_seconds(900), Acr::Phr, "pop user"),
            agent: Some(AgentId::parse("agt_front").unwrap()),
            nonce: Some("n-0S6_WzA2Mj".into()),
            profile: Profile { email: Some("a@b.example".into()), ..Profile::default() },
        }
    }

    /// The example of OpenID Connect Core, Appendix A.3 (`code id_token token` with RS256).
    #[test]
    fn the_hash_of_the_access_token_is_that_of_the_standard() {
        let hash = half_hash(Algorithm::Rs256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
        assert_eq!(hash, "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[test]
    fn it_says_who_signed_in_and_is_a_hint_long_after() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = KeySet::of(vec![key.public()]).unwrap();
        let compact = token().sign(&key, "access").unwrap();
        let at = |s| Timestamp::from_seconds(s);
        let told = read(&compact, &keys, ISSUER, at(1100)).unwrap();
        assert_eq!(
            (told.subject, told.audience, told.agent),
            (token().subject, token().audience, token().agent)
        );
        assert_eq!(told.authentication, Some(token().authentication));
        assert!(read(&compact, &keys, ISSUER, at(1310)).is_err());
        assert!(read_hint(&compact, &keys, ISSUER, at(1_000_000)).is_ok());
        assert!(read_hint(&compact, &keys, ISSUER, at(1000 + 367 * 24 * 3600)).is_err());
        assert!(read_hint(&compact, &keys, "https://other.example", at(1100)).is_err());
    }

    #[test]
    fn it_is_no_access_token_and_an_access_token_is_none() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = KeySet::of(vec![key.public()]).unwrap();
        let now = Timestamp::from_seconds(1100);
        let compact = token().sign(&key, "access").unwrap();
        assert!(access_token::AccessToken::verify_any_resource(&compact, &keys, ISSUER, now).is_err());
        let mut claims = Object::default();
        for (name, value) in [("iss", ISSUER), ("sub", "usr_alice"), ("aud", "c")] {
            claims.insert(name, value.into());
        }
        claims.insert("exp", 1300.into());
        claims.insert("auth_time", 1000.into());
        let access = key.sign(access_token::TYP, &claims).unwrap();
        assert!(read(&access, &keys, ISSUER, now).is_err());
    }
}
