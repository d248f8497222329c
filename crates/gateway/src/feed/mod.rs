//! What is revoked at an issuer whose database this gateway does not share: its feed is followed, and calls are refused as
//! long as nothing signed was heard.
//!
//! Invariants: the view is filled by verified events of one issuer alone, each right after the other; how old it is, is
//! measured from when the connection was asked for, on the monotonic clock; what cannot be continued is begun anew, and
//! until it is whole again nothing is believed.

mod connection;
mod relations;
mod token;

use crate::route::GatewayError;
use connection::Connection;
use prokura_config::{Config, GatewayFeed};
use prokura_core::{Clock, Rng};
use prokura_decider::relations::{RelationsFault, UnreadablePage, View};
use prokura_egress::{Egress, FetchUrl, Upstream};
use prokura_oauth::feed::{FEED, FeedError, LineError, PATH, RELATIONS_PATH};
use prokura_oauth::foreign::{Profile, Rules};
use prokura_oauth::jose::KeySet;
use prokura_store::RevokedView;
use prokura_verify::{IssuerOptions, TrustedIssuer, Unavailable};
use std::sync::Arc;
use std::time::Duration;
use token::Tokens;
use tokio::sync::watch;
use tokio::time::sleep;
use zeroize::Zeroizing;

/// How long to wait before the first new try, and at most.
const WAIT: Duration = Duration::from_millis(100);
const WAIT_MOST: Duration = Duration::from_secs(5);
/// How often the issuer's keys are asked for, if they are no longer fresh.
const KEYS: Duration = Duration::from_secs(30);
/// How much longer words are kept than they matter, for a clock that is ahead of the issuer's.
const AHEAD: Duration = Duration::from_secs(3600);

/// What a follower is made of.
pub struct FollowerOptions {
    /// How the issuer lets this gateway in.
    pub feed: GatewayFeed,
    /// Its secret there.
    pub secret: Zeroizing<String>,
    /// The way out to its documents and tokens, which must be allowed to go there.
    pub egress: Egress,
    /// The way out to the feed, which stays open.
    pub upstream: Upstream,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for nonces and waits.
    pub rng: Arc<dyn Rng>,
}

/// Follows the feed of one issuer.
pub struct Follower {
    issuer: String,
    feed: String,
    documents: TrustedIssuer,
    tokens: Tokens,
    upstream: Upstream,
    view: Arc<RevokedView>,
    /// What is heard of relations, if they are the issuer's.
    relations: Option<Arc<View>>,
    relations_at: String,
    keys: watch::Sender<Arc<KeySet>>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

/// Why a connection to the feed ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// No token.
    #[error("the issuer gives no token for the feed: {0}")]
    Token(String),
    /// No connection, or it broke.
    #[error("the feed cannot be reached: {0}")]
    Reach(String),
    /// Another answer than a stream.
    #[error("the issuer refuses the feed with status {0}")]
    Status(u16),
    /// Nothing came.
    #[error("the feed is silent")]
    Silent,
    /// The issuer ended the stream.
    #[error("the issuer ended the stream")]
    Closed,
    /// No stream of events.
    #[error("the feed is no stream of events")]
    Framing,
    /// The keys.
    #[error(transparent)]
    Keys(#[from] Unavailable),
    /// An event cannot be believed.
    #[error(transparent)]
    Event(#[from] FeedError),
    /// An event is not what comes next.
    #[error(transparent)]
    Line(#[from] LineError),
    /// A page of relations cannot be read.
    #[error(transparent)]
    Page(#[from] UnreadablePage),
    /// What it says cannot be put in force.
    #[error(transparent)]
    Relations(#[from] RelationsFault),
}

impl Follower {
    /// A follower of the issuer of `config`; nothing is asked before [`run`](Self::run).
    ///
    /// # Errors
    /// [`GatewayError::Feed`] if the addresses cannot be used; of a configuration that was checked there is none.
    pub fn new(config: &Config, options: FollowerOptions) -> Result<Self, GatewayError> {
        let FollowerOptions { feed, secret, egress, upstream, clock, rng } = options;
        let issuer = config.issuer.as_str().to_owned();
        let base = feed.at.clone().unwrap_or_else(|| issuer.clone());
        let url = |path: &str| {
            FetchUrl::parse(&format!("{base}{path}")).map_err(|e| GatewayError::Feed(e.to_string()))
        };
        let rules = Rules::new(&issuer, Profile::Rfc9068);
        let documents = IssuerOptions { keys: Some(url("/jwks")?), ..IssuerOptions::new(rules) };
        let resource = format!("{issuer}/{FEED}");
        let view = Arc::new(RevokedView::followed());
        view.believe_for(config.gateway.stale_after.get());
        Ok(Self {
            documents: TrustedIssuer::new(documents, egress.clone(), Arc::clone(&clock)),
            tokens: Tokens::new(
                url("/token")?,
                resource,
                &feed.client_id,
                &secret,
                egress,
                Arc::clone(&clock),
            ),
            feed: format!("{base}{PATH}"),
            relations: feed.relations.then(|| Arc::new(View::believed_for(config.gateway.stale_after.get()))),
            relations_at: format!("{base}{RELATIONS_PATH}"),
            keys: watch::Sender::new(Arc::new(KeySet::default())),
            issuer,
            upstream,
            view,
            clock,
            rng,
        })
    }

    /// What it hears.
    pub fn view(&self) -> Arc<RevokedView> {
        Arc::clone(&self.view)
    }

    /// What it hears of relations; nothing if they are not the issuer's.
    pub fn relations(&self) -> Option<Arc<View>> {
        self.relations.clone()
    }

    /// The keys of the issuer, by which its tokens are verified too.
    pub fn keys(&self) -> watch::Receiver<Arc<KeySet>> {
        self.keys.subscribe()
    }

    /// Follows, for ever.
    pub async fn run(self) {
        tokio::join!(self.follow(), self.keep_keys(), self.follow_relations());
    }

    async fn follow(&self) {
        let (mut since, mut wait) = (0, WAIT);
        loop {
            let mut connection = Connection::new(self, since);
            let ended = connection.follow().await;
            since = connection.seq();
            if connection.heard() {
                wait = WAIT;
            }
            if let Ended::Line(why) = &ended
                && why.loses()
            {
                self.view.begin_anew();
                since = 0;
            }
            match &ended {
                Ended::Closed => {
                    tracing::info!(since, "the feed of revocations was ended, and is followed anew")
                }
                why => {
                    tracing::warn!(%why, since, age = ?self.view.age(), "what the issuer revokes is not heard")
                }
            }
            sleep(self.jittered(wait)).await;
            wait = (wait * 2).min(WAIT_MOST);
        }
    }

    /// Between half of it and all: so that gateways that lost the issuer at once do not come back at once.
    fn jittered(&self, wait: Duration) -> Duration {
        let mut byte = [0];
        self.rng.fill(&mut byte);
        wait / 2 + wait.mul_f64(f64::from(byte[0]) / 512.0)
    }

    /// Asks for the keys as they get old, so that one that was taken away is believed no longer, and forgets old words.
    async fn keep_keys(&self) {
        loop {
            if let Err(error) = self.ask_for_keys(None).await {
                tracing::warn!(%error, "the issuer's keys are not known: its tokens are refused");
                self.publish(Arc::new(KeySet::default()));
            }
            self.view.tidy(self.clock.now().before(AHEAD));
            let known = !self.keys.borrow().is_empty();
            sleep(if known { KEYS } else { WAIT_MOST }).await;
        }
    }

    async fn ask_for_keys(&self, kid: Option<&str>) -> Result<Arc<KeySet>, Unavailable> {
        let keys = self.documents.keys(kid).await?;
        self.publish(Arc::clone(&keys));
        Ok(keys)
    }

    fn publish(&self, keys: Arc<KeySet>) {
        self.keys.send_if_modified(|held| {
            let same = Arc::ptr_eq(held, &keys) || (held.is_empty() && keys.is_empty());
            if !same {
                *held = keys;
            }
            !same
        });
    }
}
