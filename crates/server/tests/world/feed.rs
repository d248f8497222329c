//! A follower of the feed of revocations.

use super::{ISSUER, SECRET, USUAL, World};
use axum::body::Body;
use axum::extract::Request;
use http::header::AUTHORIZATION;
use http_body_util::BodyExt;
use prokura_core::{ClientId, Clock as _};
use prokura_oauth::feed::{FeedEvent, Line};
use prokura_oauth::jose::KeySet;
use std::collections::VecDeque;
use std::sync::Arc;
use tower::ServiceExt;

pub const NONCE: &str = "0123456789abcdef";

/// The usual server, which `gw` and `gw2` may follow.
pub fn followed() -> String {
    let client = |id: &str| {
        format!(
            "[[client]]\nid = \"{id}\"\nsecret = {{ env = \"SECRET\" }}\ngrant_types = [\"client_credentials\"]\n\
             [[client.grant]]\nresource = \"feed\"\nscopes = [\"feed\"]\n"
        )
    };
    format!("{USUAL}\n[feed]\nconnections = 3\nconnections_per_client = 2\n{}{}", client("gw"), client("gw2"))
}

/// An open connection.
pub struct Followed {
    body: Body,
    keys: tokio::sync::watch::Receiver<Arc<KeySet>>,
    text: String,
    waiting: VecDeque<(String, String)>,
}

impl World {
    /// A token of that client for the feed.
    pub async fn feed_token(&self, client: &str) -> String {
        let resource = format!("{ISSUER}/feed");
        let form = [("grant_type", "client_credentials"), ("resource", resource.as_str())];
        let answer = self.form("/token", Some(&format!("{client}:{SECRET}")), &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.text("access_token")
    }

    /// Follows with that query, from that event on.
    pub async fn follow(&self, token: &str, query: &str, last: Option<&str>) -> Followed {
        let mut request = Request::builder().uri(format!("/feed/revocations{query}"));
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = self.server.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let keys = self.server.keys();
        Followed { body: response.into_body(), keys, text: String::new(), waiting: VecDeque::new() }
    }

    /// Says so many words: of clients that nobody knows.
    pub async fn say_words(&self, from: usize, to: usize) {
        let now = self.clock.now();
        self.write(move |tx| {
            (from..to).try_for_each(|n| {
                let id = ClientId::parse(format!("cli_nobody_{n}")).unwrap();
                tx.disable_client(&id, true, "operator", "test", now).map(drop)
            })
        })
        .await;
    }
}

impl Followed {
    /// The `id` and the `data` of the next event; `None` when the stream is over.
    pub async fn raw(&mut self) -> Option<(String, String)> {
        while self.waiting.is_empty() {
            let frame = self.body.frame().await?.unwrap().into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&frame).unwrap());
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|l| l.strip_prefix(name)).unwrap().to_owned();
                self.waiting.push_back((field("id: "), field("data: ")));
                self.text = rest.to_owned();
            }
        }
        self.waiting.pop_front()
    }

    /// The next event, verified.
    pub async fn next(&mut self) -> FeedEvent {
        let (id, data) = self.raw().await.unwrap();
        let event = FeedEvent::verify(&data, &self.keys.borrow()).unwrap();
        assert_eq!(id, event.seq.to_string());
        event
    }

    /// The next event that says something.
    pub async fn words(&mut self) -> FeedEvent {
        loop {
            let event = self.next().await;
            if !event.words.is_empty() {
                return event;
            }
        }
    }

    /// Everything up to the newest word, each event right after the other on `line`.
    pub async fn all(&mut self, line: &mut Line) -> Vec<String> {
        let mut ids = Vec::new();
        loop {
            let event = self.next().await;
            line.next(&event).unwrap();
            ids.extend(event.words.iter().map(|w| w.id.clone()));
            if event.is_all() {
                return ids;
            }
        }
    }
}
