//! One connection to the feed.

use super::{Ended, Follower};
use crate::sse::{Decoder, Event};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use prokura_core::Timestamp;
use prokura_core::random_id;
use prokura_egress::UpstreamBody;
use prokura_oauth::feed::{FeedError, FeedEvent, Line, Word};
use prokura_oauth::jose::{JoseError, peek};
use prokura_store::StandingWord;
use std::time::Duration;
use tokio::time::timeout;

/// How long the issuer may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// A feed that is silent for so long, three heartbeats, is given up.
const SILENCE: Duration = Duration::from_secs(3);
/// The largest event that is read, in bytes.
const LARGEST: usize = 64 * 1024;

/// A connection, from the question to its end.
pub(super) struct Connection<'a> {
    follower: &'a Follower,
    nonce: String,
    line: Line,
    /// When it was asked for, as the view measures: nothing that it hears was so before.
    asked_at: Duration,
    heard: bool,
}

impl<'a> Connection<'a> {
    pub(super) fn new(follower: &'a Follower, since: u64) -> Self {
        let nonce = random_id("", &*follower.rng);
        let line = Line::new(&follower.issuer, &nonce, since);
        Self { follower, nonce, line, asked_at: Duration::ZERO, heard: false }
    }

    /// Up to which number everything was heard.
    pub(super) fn seq(&self) -> u64 {
        self.line.seq()
    }

    /// Whether an event was believed.
    pub(super) fn heard(&self) -> bool {
        self.heard
    }

    /// Follows until it ends; says why.
    pub(super) async fn follow(&mut self) -> Ended {
        match self.listen().await {
            Ok(()) => Ended::Closed,
            Err(ended) => ended,
        }
    }

    async fn listen(&mut self) -> Result<(), Ended> {
        let mut body = self.ask().await?;
        let (mut decoder, mut events) = (Decoder::new(LARGEST), Vec::new());
        loop {
            let frame = timeout(SILENCE, body.frame()).await.map_err(|_| Ended::Silent)?;
            let Some(frame) = frame else { return Ok(()) };
            let Ok(data) = frame.map_err(|e| Ended::Reach(e.to_string()))?.into_data() else { continue };
            decoder.push(&data, &mut events).map_err(|_| Ended::Framing)?;
            for event in events.drain(..) {
                self.hear(event).await?;
            }
        }
    }

    async fn ask(&mut self) -> Result<UpstreamBody, Ended> {
        let address = format!("{}?since={}&nonce={}", self.follower.feed, self.line.seq(), self.nonce);
        self.asked_at = self.follower.view.running();
        self.follower.get(&address, "text/event-stream").await
    }

    /// Takes one event: verified, right after the last, its words, and how long ago it was so.
    async fn hear(&mut self, event: Event) -> Result<(), Ended> {
        let Some(compact) = event.data else { return Ok(()) };
        let event = self.verified(&compact).await?;
        self.line.next(&event)?;
        let (all, up) = (event.is_all(), event.up);
        let view = &self.follower.view;
        let unknown = view.take(event.words.into_iter().map(standing));
        if unknown > 0 {
            tracing::debug!(unknown, "the feed tells of what is not asked here");
        }
        if all {
            view.has_all(self.asked_at + up);
        }
        self.heard = true;
        Ok(())
    }

    /// A key that is not known here is asked for once.
    async fn verified(&self, compact: &str) -> Result<FeedEvent, Ended> {
        let held = self.follower.keys.borrow().clone();
        match FeedEvent::verify(compact, &held) {
            Err(FeedError::Jose(JoseError::UnknownKey)) => {}
            read => return Ok(read?),
        }
        let kid = peek(compact).and_then(|p| p.kid);
        let keys = self.follower.ask_for_keys(kid.as_deref()).await?;
        Ok(FeedEvent::verify(compact, &keys)?)
    }
}

impl Follower {
    /// Asks the issuer for something of its feeds.
    pub(super) async fn get(&self, address: &str, accept: &str) -> Result<UpstreamBody, Ended> {
        let token = self.tokens.get().await?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.as_str()))
            .map_err(|_| Ended::Token("it cannot be sent".to_owned()))?;
        bearer.set_sensitive(true);
        let request = Request::builder().uri(address).header(AUTHORIZATION, bearer);
        let request = request.header(ACCEPT, accept).body(Full::new(Bytes::new()));
        let request = request.map_err(|e| Ended::Reach(e.to_string()))?;
        let answer = timeout(ANSWER, self.upstream.send(request)).await.map_err(|_| Ended::Silent)?;
        let answer = answer.map_err(|e| Ended::Reach(e.to_string()))?;
        match answer.status() {
            StatusCode::OK => Ok(answer.into_body()),
            status => {
                if status == StatusCode::UNAUTHORIZED {
                    self.tokens.forget();
                }
                Err(Ended::Status(status.as_u16()))
            }
        }
    }
}

fn standing(word: Word) -> StandingWord {
    let Word { seq, kind, id, word, floor, until } = word;
    StandingWord { seq, kind, id, word, floor, until: until.unwrap_or(Timestamp::from_micros(i64::MAX)) }
}
