//! What is kept between two runs, as documents for the [`Store`](super::Store).

use super::dpop::ProofKey;
use super::secret::Secret;
use super::store::StoreError;
use super::token::{Given, words};
use prokura_core::{ScopeSet, Timestamp};
use prokura_oauth::json::{Limits, Object, Value, obj, parse};
use prokura_oauth::secret::sha256_base64url;
use std::sync::Arc;
use std::time::Duration;

/// What stands in every document, so that a later version can tell what it reads.
const VERSION: u64 = 1;

/// A name for the store: what it is, and a hash of what tells it from others.
pub(crate) fn name_of(kind: &str, parts: &[&str]) -> String {
    let hash = sha256_base64url(parts.join("\0").as_bytes());
    // Lower-case digits only: some file systems and keyrings do not tell cases apart.
    let digits: String = hash.bytes().take(24).map(|b| format!("{b:02x}")).collect();
    format!("{kind}-{digits}")
}

/// What one issuer registered.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) secret: Option<Secret>,
    pub(crate) by_post: bool,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) expires_at: Option<Timestamp>,
}

impl Registration {
    /// Whether it can be used with this redirect URI at this time.
    pub(crate) fn fits(&self, redirect: Option<&str>, now: Timestamp) -> bool {
        let same = redirect.is_none() || redirect == self.redirect_uri.as_deref();
        same && self.expires_at.is_none_or(|t| now < t)
    }

    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut o = obj([
            ("v", VERSION.into()),
            ("issuer", self.issuer.as_str().into()),
            ("client_id", self.client_id.as_str().into()),
            ("by_post", self.by_post.into()),
        ]);
        put(&mut o, "client_secret", self.secret.as_ref().map(Secret::reveal));
        put(&mut o, "redirect_uri", self.redirect_uri.as_deref());
        put_time(&mut o, "expires_at", self.expires_at);
        o.to_vec()
    }

    pub(crate) fn read(document: &[u8], name: &str) -> Result<Self, StoreError> {
        let damaged = || StoreError::Damaged(name.to_owned());
        let o = object(document).ok_or_else(damaged)?;
        Ok(Self {
            issuer: o.str("issuer").ok_or_else(damaged)?.to_owned(),
            client_id: o.str("client_id").ok_or_else(damaged)?.to_owned(),
            secret: o.str("client_secret").map(Secret::new),
            by_post: o.get("by_post").and_then(Value::as_bool) == Some(true),
            redirect_uri: o.str("redirect_uri").map(str::to_owned),
            expires_at: time(&o, "expires_at"),
        })
    }
}

/// The tokens for one MCP server, and what is needed to renew them.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// The canonical URI of the server, for people who look into the file.
    pub(crate) server: String,
    /// `resource`, as tokens were asked for.
    pub(crate) resource: String,
    /// Who gave them. They are shown to nobody else.
    pub(crate) issuer: String,
    pub(crate) token_endpoint: String,
    pub(crate) revocation_endpoint: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) by_post: bool,
    pub(crate) access_token: Secret,
    /// Whether it is bound to `key`.
    pub(crate) bound: bool,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) granted: ScopeSet,
    pub(crate) asked: ScopeSet,
    pub(crate) key: Option<Arc<ProofKey>>,
}

impl Kept {
    /// What is kept after the server gave anew.
    pub(crate) fn renewed(&self, given: Given, now: Timestamp) -> Self {
        Self {
            access_token: given.access_token,
            bound: given.bound,
            expires_at: expiry(given.expires_in, now),
            // A server that does not rotate says nothing (RFC 6749 §6).
            refresh_token: given.refresh_token.or_else(|| self.refresh_token.clone()),
            granted: given.scope.unwrap_or_else(|| self.granted.clone()),
            ..self.clone()
        }
    }

    /// Whether the token can still be used, with time for it to arrive.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|t| now.after(Duration::from_secs(5)) < t)
    }

    /// Whether it is time to renew it although it still works: a minute before its end, or in the last fifth of a short
    /// life. `alone` if a new one is to be had without a person.
    pub(crate) fn is_due(&self, now: Timestamp, life: Option<Duration>, alone: bool) -> bool {
        let early = life.map_or(Duration::from_secs(60), |l| (l / 5).min(Duration::from_secs(60)));
        (alone || self.refresh_token.is_some()) && self.expires_at.is_some_and(|t| now.after(early) >= t)
    }

    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut o = obj([
            ("v", VERSION.into()),
            ("server", self.server.as_str().into()),
            ("resource", self.resource.as_str().into()),
            ("issuer", self.issuer.as_str().into()),
            ("token_endpoint", self.token_endpoint.as_str().into()),
            ("by_post", self.by_post.into()),
            ("access_token", self.access_token.reveal().into()),
            ("bound", self.bound.into()),
            ("granted", self.granted.to_string().into()),
            ("asked", self.asked.to_string().into()),
        ]);
        put(&mut o, "revocation_endpoint", self.revocation_endpoint.as_deref());
        put(&mut o, "client_id", self.client_id.as_deref());
        put(&mut o, "refresh_token", self.refresh_token.as_ref().map(Secret::reveal));
        put_time(&mut o, "expires_at", self.expires_at);
        let key = self.key.as_ref().and_then(|k| k.to_text());
        put(&mut o, "key", key.as_ref().map(Secret::reveal));
        o.to_vec()
    }

    pub(crate) fn read(document: &[u8], name: &str) -> Result<Self, StoreError> {
        let damaged = || StoreError::Damaged(name.to_owned());
        let o = object(document).ok_or_else(damaged)?;
        let text = |member: &str| o.str(member).map(str::to_owned).ok_or_else(damaged);
        let key =
            o.str("key").map(|k| ProofKey::from_text(k).map(Arc::new).ok_or_else(damaged)).transpose()?;
        Ok(Self {
            server: text("server")?,
            resource: text("resource")?,
            issuer: text("issuer")?,
            token_endpoint: text("token_endpoint")?,
            revocation_endpoint: text("revocation_endpoint").ok(),
            client_id: text("client_id").ok(),
            by_post: o.get("by_post").and_then(Value::as_bool) == Some(true),
            access_token: Secret::new(text("access_token")?),
            bound: o.get("bound").and_then(Value::as_bool) == Some(true),
            expires_at: time(&o, "expires_at"),
            refresh_token: o.str("refresh_token").map(Secret::new),
            granted: words(text("granted")?.split(' ')),
            asked: words(text("asked")?.split(' ')),
            key,
        })
    }
}

/// When a token ends that was given now. A life that cannot be right is as good as none said.
pub(crate) fn expiry(expires_in: Option<u64>, now: Timestamp) -> Option<Timestamp> {
    expires_in.filter(|s| *s < 10 * 365 * 86_400).map(|s| now.after(Duration::from_secs(s)))
}

fn object(document: &[u8]) -> Option<Object> {
    let object = parse(document, &Limits::DOCUMENT).ok()?.into_object()?;
    (object.get("v").and_then(Value::as_u64) == Some(VERSION)).then_some(object)
}

fn put(o: &mut Object, member: &str, text: Option<&str>) {
    if let Some(text) = text {
        o.insert(member, text.into());
    }
}

fn put_time(o: &mut Object, member: &str, time: Option<Timestamp>) {
    if let Some(time) = time {
        o.insert(member, time.seconds().into());
    }
}

fn time(o: &Object, member: &str) -> Option<Timestamp> {
    o.get(member).and_then(Value::as_i64).map(Timestamp::from_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn kept() -> Kept {
        Kept {
            server: "https://a.example/mcp".to_owned(),
            resource: "https://a.example/mcp".to_owned(),
            issuer: "https://as.example".to_owned(),
            token_endpoint: "https://as.example/token".to_owned(),
            revocation_endpoint: None,
            client_id: Some("c".to_owned()),
            by_post: true,
            access_token: Secret::new("t"),
            bound: true,
            expires_at: Some(Timestamp::from_seconds(1000)),
            refresh_token: Some(Secret::new("r")),
            granted: ScopeSet::parse("a").unwrap(),
            asked: ScopeSet::parse("a b").unwrap(),
            key: ProofKey::generate().map(Arc::new),
        }
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let before = kept();
        let after = Kept::read(&before.to_vec(), "x").unwrap();
        assert_eq!(after.to_vec(), before.to_vec());
        assert_eq!(after.key.unwrap().thumbprint(), before.key.unwrap().thumbprint());
        for damaged in ["", "{}", "[]", r#"{"v":2}"#, r#"{"v":1,"server":"x"}"#] {
            assert!(matches!(Kept::read(damaged.as_bytes(), "x"), Err(StoreError::Damaged(_))), "{damaged}");
        }
    }

    #[test]
    fn a_token_is_renewed_before_its_end() {
        let (kept, at) = (kept(), Timestamp::from_seconds);
        let hour = Some(Duration::from_secs(3600));
        assert!(!kept.is_due(at(939), hour, false) && kept.is_due(at(940), hour, false));
        let short = Some(Duration::from_secs(50));
        assert!(!kept.is_due(at(989), short, false) && kept.is_due(at(990), short, false));
        assert!(kept.is_fresh(at(994)) && !kept.is_fresh(at(995)));
    }

    #[test]
    fn names_tell_servers_apart_and_fit_everywhere() {
        let a = name_of("server", &["https://a.example/mcp", "x"]);
        assert_ne!(a, name_of("server", &["https://a.example/mc", "px"]));
        assert!(
            a.len() <= 80 && a.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        );
    }
}
