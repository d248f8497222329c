//! An issuer elsewhere, whose feed says what a test wants.

use super::{CONFIG, Reply, World};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use prokura_config::Config;
use prokura_core::{Clock, SeededRng, Timestamp};
use prokura_decider::relations::{Place, Relations};
use prokura_egress::{Egress, EgressConfig, FetchUrl, UpstreamConfig};
use prokura_gateway::{Follower, FollowerOptions};
use prokura_oauth::feed::{FeedEvent, FeedPage, Word};
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// The issuer, from the outside.
pub struct Elsewhere {
    pub key: SigningKey,
    pub address: SocketAddr,
    published: Arc<Mutex<Vec<prokura_oauth::jose::VerifyingKey>>>,
    connections: mpsc::UnboundedReceiver<Connected>,
    /// What it tells of relations.
    pub telling: Arc<Mutex<Telling>>,
}

/// What the issuer tells of relations, if it does.
#[derive(Default)]
pub struct Telling {
    /// None: it does not answer.
    pub relations: Option<Relations>,
    pub issuer: String,
    /// By what pages are signed.
    pub key: Option<SigningKey>,
    /// Another nonce than the one that was asked with.
    pub nonce: Option<String>,
}

/// A gateway that follows.
pub struct Connected {
    pub since: u64,
    pub nonce: String,
    place: u64,
    seq: u64,
    pub pieces: mpsc::UnboundedSender<String>,
}

#[derive(Clone)]
struct Shared {
    published: Arc<Mutex<Vec<prokura_oauth::jose::VerifyingKey>>>,
    connected: mpsc::UnboundedSender<Connected>,
    telling: Arc<Mutex<Telling>>,
}

/// The follower of a configuration that has one.
pub fn follower(config: &Config, clock: &Arc<dyn Clock>) -> Option<Follower> {
    let feed = config.gateway.feed.clone()?;
    let at = FetchUrl::parse(feed.at.as_deref().unwrap()).unwrap();
    let options = FollowerOptions {
        feed,
        secret: "a secret".to_owned().into(),
        egress: Egress::system(EgressConfig::default()).for_named(&[at], None),
        upstream: prokura_egress::Upstream::new(UpstreamConfig::default()),
        clock: Arc::clone(clock),
        rng: Arc::new(SeededRng::new(7)),
    };
    Some(Follower::new(config, options).unwrap())
}

impl Elsewhere {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let published = Arc::new(Mutex::new(vec![key.public()]));
        let (connected, connections) = mpsc::unbounded_channel();
        let telling = Arc::<Mutex<Telling>>::default();
        let shared = Shared { published: Arc::clone(&published), connected, telling: Arc::clone(&telling) };
        let router = Router::new()
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .route("/feed/revocations", get(feed))
            .route("/feed/relations", get(relations))
            .with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { key, address, published, connections, telling }
    }

    /// A gateway that follows it, whose view may be so old.
    pub async fn world(&self, stale_after: &str) -> World {
        let more = format!(
            "stale_after = \"{stale_after}\"\n[gateway.feed]\nat = \"http://{}\"\nclient_id = \"gw\"\nsecret = {{ env = \"S\" }}\n",
            self.address
        );
        let config = CONFIG.replacen("[[resource]]", &format!("{more}[[resource]]"), 1);
        World::with_config(Reply::echo, &config).await
    }

    /// A gateway that follows its relations too, with these of `relations`: what nobody confirmed for so long is not known.
    pub async fn world_with(&self, stale_after: &str, relations: Relations) -> World {
        let more = format!(
            "stale_after = \"{stale_after}\"\n[gateway.feed]\nat = \"http://{}\"\nclient_id = \"gw\"\nrelations = true\n\
             secret = {{ env = \"S\" }}\n[relations]\nparents = {{ Group = \"member\" }}\n",
            self.address
        );
        let config = CONFIG.replacen("[[resource]]", &format!("{more}[[resource]]"), 1);
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        self.published.lock().unwrap().push(key.public());
        let world = World::with_config(Reply::echo, &config).await;
        let issuer = world.issuer.as_str().to_owned();
        *self.telling.lock().unwrap() =
            Telling { relations: Some(relations), issuer, key: Some(key), nonce: None };
        world
    }

    /// The next connection.
    pub async fn connected(&mut self) -> Connected {
        self.connections.recv().await.unwrap()
    }

    /// Signs by another key from now on, which is published.
    pub fn rotate(&mut self) {
        self.key = SigningKey::generate(Algorithm::Es256).unwrap();
        self.published.lock().unwrap().push(self.key.public());
    }
}

async fn jwks(State(shared): State<Shared>) -> Response {
    let keys = KeySet::of(shared.published.lock().unwrap().clone()).unwrap();
    ([("content-type", "application/json")], keys.to_jwks().to_vec()).into_response()
}

async fn token() -> Response {
    let answer = r#"{"access_token":"at","token_type":"Bearer","expires_in":300}"#;
    ([("content-type", "application/json")], answer).into_response()
}

async fn feed(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let value = |name: &str| query.split('&').find_map(|p| p.strip_prefix(name)).unwrap().to_owned();
    let (pieces, heard) = mpsc::unbounded_channel();
    let since = value("since=").parse().unwrap();
    let connected = Connected { since, nonce: value("nonce="), place: 0, seq: since, pieces };
    if shared.connected.send(connected).is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let stream = futures_util::stream::unfold(heard, |mut heard: mpsc::UnboundedReceiver<String>| async {
        let piece = heard.recv().await?;
        Some((Ok::<_, Infallible>(Bytes::from(piece)), heard))
    });
    ([("content-type", "text/event-stream")], Body::from_stream(stream)).into_response()
}

async fn relations(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let value = |name: &str| {
        let found = url::form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name);
        found.map(|(_, value)| value.into_owned()).unwrap()
    };
    let Some(relations) = shared.telling.lock().unwrap().relations.clone() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let place = Place::parse(&value("after")).unwrap();
    let page = relations.page(place, value("model").parse().unwrap()).await.unwrap().to_object();
    let telling = shared.telling.lock().unwrap();
    let page = FeedPage {
        issuer: telling.issuer.clone(),
        issued_at: Timestamp::from_seconds(super::NOW),
        nonce: telling.nonce.clone().unwrap_or_else(|| value("nonce")),
        of: "relations".to_owned(),
        page,
    };
    let signed = page.sign(telling.key.as_ref().unwrap()).unwrap();
    ([("content-type", "application/jwt")], signed).into_response()
}

pub fn word(seq: u64, kind: &str, id: &str, word: &str) -> Word {
    Word { seq, kind: kind.into(), id: id.into(), word: word.into(), floor: 0, until: None }
}

impl Connected {
    /// The next event as it should be, with these words.
    pub fn next(&self, world: &World, words: Vec<Word>) -> FeedEvent {
        let seq = words.last().map_or(self.seq, |w| w.seq);
        FeedEvent {
            issuer: world.issuer.as_str().to_owned(),
            issued_at: Timestamp::from_seconds(super::NOW),
            nonce: Some(self.nonce.clone()),
            place: self.place + 1,
            up: Duration::from_millis(0),
            previous: self.seq,
            seq,
            newest: seq,
            words,
        }
    }

    /// Sends an event; false if the gateway has gone.
    pub fn send(&mut self, event: &FeedEvent, key: &SigningKey) -> bool {
        (self.place, self.seq) = (event.place, event.seq);
        self.pieces.send(format!("id: {}\ndata: {}\n\n", event.seq, event.sign(key).unwrap())).is_ok()
    }

    /// Sends these words.
    pub fn say(&mut self, world: &World, key: &SigningKey, words: Vec<Word>) {
        let event = self.next(world, words);
        assert!(self.send(&event, key));
    }
}
