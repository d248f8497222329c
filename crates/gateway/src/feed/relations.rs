//! The issuer's relations, asked for page by page: everything at first, then what changed.
//!
//! Invariants: a page is signed, and was made for the question that was asked; what it says was so when the question was
//! asked or later, and so old is what is known then; what cannot be continued is begun anew, and until it is whole again
//! nothing is believed.

use super::{Ended, Follower, WAIT_MOST};
use http_body_util::{BodyExt as _, Limited};
use prokura_core::random_id;
use prokura_decider::relations::{Followed, Page};
use prokura_oauth::feed::{FeedError, FeedPage, LARGEST_PAGE, RELATIONS};
use prokura_oauth::jose::{JoseError, peek};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use url::form_urlencoded::byte_serialize;

/// How often the issuer is asked whether something changed: as often as a database is looked at.
const EVERY: Duration = Duration::from_millis(250);
/// How long a page may take to come.
const PAGE: Duration = Duration::from_secs(10);

impl Follower {
    /// Follows the issuer's relations, for ever, if they are to be followed.
    pub(super) async fn follow_relations(&self) {
        let Some(view) = &self.relations else { return };
        let mut followed = Followed::new(Arc::clone(view));
        let mut wait = EVERY;
        loop {
            match self.hear_relations(&mut followed).await {
                Ok(all) => {
                    wait = EVERY;
                    if all {
                        sleep(EVERY).await;
                    }
                }
                Err(why) => {
                    tracing::warn!(%why, "the issuer's relations are not heard");
                    sleep(self.jittered(wait)).await;
                    wait = (wait * 2).min(WAIT_MOST);
                }
            }
        }
    }

    /// Asks for a page and takes it; whether that is all there is.
    async fn hear_relations(&self, followed: &mut Followed) -> Result<bool, Ended> {
        let nonce = random_id("", &*self.rng);
        let (after, model) = followed.asks();
        let after: String = byte_serialize(after.as_bytes()).collect();
        let address = format!("{}?after={after}&model={model}&nonce={nonce}", self.relations_at);
        let asked_at = self.clock.now();
        let body = self.get(&address, "application/jwt").await?;
        let read =
            timeout(PAGE, Limited::new(body, LARGEST_PAGE).collect()).await.map_err(|_| Ended::Silent)?;
        let bytes = read.map_err(|e| Ended::Reach(e.to_string()))?.to_bytes();
        let compact = std::str::from_utf8(&bytes).map_err(|_| Ended::Framing)?;
        let page = self.verified_page(compact, &nonce).await?;
        Ok(followed.take(Page::read(&page.page)?, asked_at)?)
    }

    /// A key that is not known here is asked for once.
    async fn verified_page(&self, compact: &str, nonce: &str) -> Result<FeedPage, Ended> {
        let asked = (self.issuer.as_str(), nonce, RELATIONS);
        let held = self.keys.borrow().clone();
        match FeedPage::verify(compact, &held, asked) {
            Err(FeedError::Jose(JoseError::UnknownKey)) => {}
            read => return Ok(read?),
        }
        let kid = peek(compact).and_then(|p| p.kid);
        let keys = self.ask_for_keys(kid.as_deref()).await?;
        Ok(FeedPage::verify(compact, &keys, asked)?)
    }
}
