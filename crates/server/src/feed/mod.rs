//! The feed of revocations, for gateways that do not share the database: what is not in force, and what changes, as it
//! changes. See `prokura_oauth::feed` for what an event says.
//!
//! Invariants: an event says how long ago the database was asked, and nothing is said of a time at which it was not; no
//! follower is waited for: who does not read is cut; who may follow is asked again before every event.

mod caller;
mod fault;
mod hub;
mod relations;
mod stream;

pub use fault::FeedFault;
pub(crate) use hub::Hub;

use crate::fault::Fault;
use crate::places::Place;
use crate::record::About;
use crate::server::AppState;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use http::HeaderName;
use http::request::Parts;
use prokura_config::Config;
use prokura_core::{InvalidResource, ResourceUri, Scope, ScopeSet};
use prokura_ledger::EventKind;
use prokura_oauth::feed::{FEED, NONCE, PATH, RELATIONS, RELATIONS_PATH};
use std::sync::Arc;

/// The address of the feed, below the issuer's own path; nowhere if nobody may follow it.
pub(crate) fn routes(config: &Config) -> Router<Arc<AppState>> {
    if config.has_feed() {
        Router::new().route(PATH, get(follow)).route(RELATIONS_PATH, get(relations::page))
    } else {
        Router::new()
    }
}

/// The place that tokens for the feed are made for, if somebody may follow it.
pub(crate) fn place(config: &Config) -> Result<Option<Arc<Place>>, InvalidResource> {
    if !config.has_feed() {
        return Ok(None);
    }
    let scopes: ScopeSet = [FEED, RELATIONS].into_iter().filter_map(|s| Scope::parse(s).ok()).collect();
    Ok(Some(Arc::new(Place {
        uri: ResourceUri::parse(&format!("{}/{FEED}", config.issuer))?,
        name: FEED.to_owned(),
        first: scopes.clone(),
        scopes,
        needs_proof: false,
        bundled: Vec::new(),
    })))
}

async fn follow(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Issuance, "feed:follow"));
    let (parts, _) = request.into_parts();
    let asked = Asked::read(&parts);
    let result = match caller::follower(&app, &parts, FEED, &mut about).await {
        Ok(token) => asked
            .map_err(|why| Fault::Feed(FeedFault::Request(why)))
            .and_then(|asked| stream::open(&app, token, asked)),
        Err(fault) => Err(fault),
    };
    match result {
        Ok(response) => response,
        Err(fault) => app.refuse(&fault, &about, &trace).await,
    }
}

/// What a follower asks for.
struct Asked {
    /// After which number; 0: from the beginning.
    since: u64,
    /// What stands in every event, so that the follower knows that it was made for it.
    nonce: Option<String>,
}

fn is_nonce(text: &str) -> bool {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    NONCE.contains(&text.len()) && text.bytes().all(fine)
}

/// The header by which a stream of events is resumed (HTML §9.2.4).
static LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

impl Asked {
    fn read(parts: &Parts) -> Result<Self, &'static str> {
        let (mut since, mut nonce) = (None, None);
        for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            let twice = match name.as_ref() {
                "since" => since.replace(value.into_owned()).is_some(),
                "nonce" => nonce.replace(value.into_owned()).is_some(),
                _ => false,
            };
            if twice {
                return Err("`since` or `nonce` stands there twice");
            }
        }
        // A browser's reader resumes by the header, with the address that it began with.
        if let Some(last) = parts.headers.get(&LAST_EVENT) {
            since = Some(last.to_str().unwrap_or("-").to_owned());
        }
        let number =
            |text: String| text.parse().map_err(|_| "`since` and `Last-Event-ID` are the number of an event");
        if nonce.as_ref().is_some_and(|n: &String| !is_nonce(n)) {
            return Err("`nonce` is 16 to 64 letters, digits, `-` or `_`");
        }
        Ok(Self { since: since.map_or(Ok(0), number)?, nonce })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str, last: Option<&str>) -> Result<(u64, Option<String>), &'static str> {
        let mut request = http::Request::builder().uri(format!("/feed/revocations{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        Asked::read(&request.body(()).unwrap().into_parts().0).map(|a| (a.since, a.nonce))
    }

    #[test]
    fn a_follower_says_where_it_was_and_by_what_it_knows_its_events() {
        assert_eq!(read("", None), Ok((0, None)));
        assert_eq!(read("?since=7&nonce=0123456789abcdef", None), Ok((7, Some("0123456789abcdef".into()))));
        assert_eq!(read("?since=7", Some("9")), Ok((9, None)));
        for bad in [
            "?since=-1",
            "?since=x",
            "?since=",
            "?since=1&since=2",
            "?nonce=short",
            "?nonce=0123456789abcd%0A.",
        ] {
            assert!(read(bad, None).is_err(), "{bad}");
        }
        assert!(read("", Some("x")).is_err());
    }
}
