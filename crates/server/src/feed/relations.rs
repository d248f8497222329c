//! The feed of relations: all tuples and the model, and what changes of them, page by page, for gateways that do not share the
//! database.
//!
//! Invariants: a page answers one question, whose nonce stands in it; it was read after it was asked for, in one transaction.

use super::{FeedFault, caller, is_nonce};
use crate::fault::Fault;
use crate::record::About;
use crate::server::AppState;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use prokura_decider::relations::{Place, RelationsFault};
use prokura_ledger::EventKind;
use prokura_oauth::feed::{FeedPage, RELATIONS};
use std::sync::Arc;

pub(super) async fn page(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (trace, mut about) = (app.trace(), About::new(EventKind::Issuance, "feed:relations"));
    let (parts, _) = request.into_parts();
    match answer(&app, &parts, &mut about).await {
        Ok(response) => response,
        Err(fault) => app.refuse(&fault, &about, &trace).await,
    }
}

async fn answer(app: &AppState, parts: &Parts, about: &mut About) -> Result<Response, Fault> {
    caller::follower(app, parts, RELATIONS, about).await?;
    let asked = Asked::read(parts).map_err(|why| Fault::Feed(FeedFault::Request(why)))?;
    let page = app.relations.page(asked.after, asked.model).await.map_err(|fault| match fault {
        RelationsFault::Store(error) => Fault::from(error),
        _ => Fault::Stale,
    })?;
    let now = app.clock.now();
    let page = FeedPage {
        issuer: app.config.issuer.as_str().to_owned(),
        issued_at: now,
        nonce: asked.nonce,
        of: RELATIONS.to_owned(),
        page: page.to_object(),
    };
    let signed = app.keys.signer(now).and_then(|key| page.sign(&key).ok()).ok_or(Fault::Stale)?;
    let headers =
        [(CONTENT_TYPE, "application/jwt"), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, signed).into_response())
}

/// What a follower asks for.
#[derive(Debug, PartialEq)]
struct Asked {
    /// Where it is.
    after: Place,
    /// Which version of the model it has; 0: none.
    model: u64,
    nonce: String,
}

impl Asked {
    fn read(parts: &Parts) -> Result<Self, &'static str> {
        let (mut after, mut model, mut nonce) = (None, None, None);
        for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            let twice = match name.as_ref() {
                "after" => after.replace(value.into_owned()).is_some(),
                "model" => model.replace(value.into_owned()).is_some(),
                "nonce" => nonce.replace(value.into_owned()).is_some(),
                _ => false,
            };
            if twice {
                return Err("`after`, `model` or `nonce` stands there twice");
            }
        }
        let after = Place::parse(&after.unwrap_or_default());
        Ok(Self {
            after: after.ok_or("`after` is `next` of the page before, or empty for everything")?,
            model: model
                .map_or(Ok(0), |m: String| m.parse())
                .map_err(|_| "`model` is the number of a version")?,
            nonce: nonce.filter(|n| is_nonce(n)).ok_or("`nonce` is 16 to 64 letters, digits, `-` or `_`")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Asked, &'static str> {
        let request = http::Request::builder().uri(format!("/feed/relations{query}"));
        Asked::read(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_follower_says_where_it_is() {
        let nonce = "0123456789abcdef";
        let asked = read(&format!("?nonce={nonce}")).unwrap();
        assert_eq!((asked.after, asked.model), (Place::Nowhere, 0));
        let asked = read(&format!("?nonce={nonce}&model=3&after=rev.7+2")).unwrap();
        assert_eq!((asked.after, asked.model), (Place::At(7, 2), 3));
        let among = "?after=rev.7+group%3Ahr%23member+viewer+document%3A1";
        assert!(matches!(read(&format!("{among}&nonce={nonce}")).unwrap().after, Place::Among(7, _)));
        for bad in [
            "",
            "?nonce=short",
            "?model=x",
            "?after=7",
            "?after=rev.7+x",
            "?after=rev.7+a+b+c",
            "?model=1&model=1",
        ] {
            let query = if bad.contains("nonce") || bad.is_empty() {
                bad.to_owned()
            } else {
                format!("{bad}&nonce={nonce}")
            };
            assert!(read(&query).is_err(), "{query}");
        }
    }
}
