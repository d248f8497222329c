//! A transmitter of security events: an address with keys, and a way to say what happened.

use super::{Answer, USUAL, World};
use axum::Router;
use axum::routing::get;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use prokura_core::{Acr, Clock as _, Timestamp, UserId};
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::signals::TYP;
use prokura_store::{Identity, SecretHash, Session};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";

pub struct Teller {
    pub host: String,
    pub key: SigningKey,
    told: AtomicU64,
}

impl Teller {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let key = SigningKey::generate(Algorithm::Rs256).unwrap();
        let jwks = String::from_utf8(KeySet::of(vec![key.public()]).unwrap().to_jwks().to_vec()).unwrap();
        let answer = get(move || async move { ([("content-type", "application/json")], jwks) });
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/jwks", answer)).await });
        Self { host, key, told: AtomicU64::new(0) }
    }

    pub fn issuer(&self) -> String {
        format!("http://{}", self.host)
    }

    pub fn config(&self, more: &str) -> String {
        format!(
            "{USUAL}\n[[signals.transmitter]]\nname = \"acme\"\nissuer = \"{0}\"\njwks_uri = \"{0}/jwks\"\n\
             secret = {{ env = \"SECRET\" }}\nstream_id = \"stream-1\"\n{more}",
            self.issuer()
        )
    }

    pub async fn world(&self, more: &str) -> World {
        World::that_reaches(&self.host, &self.config(more), "sqlite::memory:", "pep_test").await
    }

    /// The claims of an event about `subject` that happened at `at`.
    pub fn claims(
        &self,
        world: &World,
        event: &str,
        subject: Object,
        at: Timestamp,
        members: Object,
    ) -> Object {
        let n = self.told.fetch_add(1, Ordering::SeqCst);
        let mut members = members;
        members.insert("event_timestamp", at.seconds().into());
        let mut events = Object::new();
        events.insert(format!("{CAEP}{event}"), Value::Object(members));
        obj([
            ("iss", self.issuer().into()),
            ("aud", super::ISSUER.into()),
            ("jti", format!("set{n}").into()),
            ("iat", world.clock.now().seconds().into()),
            ("sub_id", Value::Object(subject)),
            ("events", Value::Object(events)),
        ])
    }

    /// An event that happens now, told by post.
    pub async fn tell(&self, world: &World, event: &str, subject: Object, members: Object) -> Answer {
        let claims = self.claims(world, event, subject, world.clock.now(), members);
        post(world, &self.key.sign(TYP, &claims).unwrap()).await
    }

    pub async fn revoked(&self, world: &World, subject: Object) -> Answer {
        self.tell(world, "session-revoked", subject, Object::new()).await
    }

    pub async fn risk(&self, world: &World, subject: Object, level: &str) -> Answer {
        let members = obj([("principal", "USER".into()), ("current_level", level.into())]);
        self.tell(world, "risk-level-change", subject, members).await
    }
}

/// Brings an event as the transmitter does.
pub async fn post(world: &World, set: &str) -> Answer {
    post_as(world, super::SECRET, set).await
}

pub async fn post_as(world: &World, bearer: &str, set: &str) -> Answer {
    let request = Request::builder().method("POST").uri("/signals/acme");
    let request = request.header(CONTENT_TYPE, "application/secevent+jwt");
    world.send(request.header(AUTHORIZATION, format!("Bearer {bearer}")), set.to_owned()).await
}

pub fn iss_sub(issuer: &str, subject: &str) -> Object {
    obj([("format", "iss_sub".into()), ("iss", issuer.into()), ("sub", subject.into())])
}

pub fn opaque(id: &str) -> Object {
    obj([("format", "opaque".into()), ("id", id.into())])
}

impl World {
    /// The person whom the development user is, with an account at `issuer`.
    pub async fn alice_at(&self, issuer: &str) -> UserId {
        let (issuer, now) = (issuer.to_owned(), self.clock.now());
        self.write(move |tx| {
            let user = tx.user_by_name("alice")?.unwrap();
            tx.insert_identity(&Identity {
                issuer: issuer.clone(),
                subject: "U1".into(),
                user: user.id.clone(),
                provider: "acme".into(),
                label: "alice".into(),
                groups: Vec::new(),
                created_at: now,
                last_used_at: None,
            })?;
            Ok(user.id)
        })
        .await
    }

    /// Signs somebody in, now, by a way of that name.
    pub async fn begin_session(&self, user: &UserId, way: &str) {
        let now = self.clock.now();
        let session = Session {
            hash: SecretHash::of(way),
            user: user.clone(),
            created_at: now,
            expires_at: now.after(Duration::from_secs(86_400)),
            auth_at: now,
            amr: "pwd".into(),
            acr: Acr::Single,
            way: way.into(),
            provider: None,
            groups: Vec::new(),
            address: String::new(),
            user_agent: String::new(),
            last_used_at: now,
        };
        self.write(move |tx| tx.insert_session(&session)).await;
    }

    pub async fn sessions_of(&self, user: &UserId) -> Vec<Session> {
        let (user, now) = (user.clone(), self.clock.now());
        self.write(move |tx| tx.sessions_of(&user, now)).await
    }

    /// What was recorded of the newest event, and its outcome.
    pub async fn told(&self) -> (String, Vec<String>) {
        let entry = self.record().await.into_iter().find(|e| e.action.starts_with("signal:")).unwrap();
        let effects = entry.details.get("effects").and_then(Value::as_array).unwrap_or_default();
        (entry.reasons[0].clone(), effects.iter().filter_map(|e| e.as_str().map(str::to_owned)).collect())
    }
}
