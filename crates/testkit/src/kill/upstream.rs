//! The MCP server behind the gateway: it does nothing but write down what reaches it.

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::routing::post;
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The names of the tools that were called, in their order.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// What came since the last time.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, name: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(name);
    }
}

pub(crate) struct Upstream {
    pub(crate) port: u16,
    pub(crate) log: Log,
}

/// Serves until the test ends.
pub(crate) async fn start() -> Result<Upstream> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let (port, log) = (listener.local_addr()?.port(), Log::default());
    let router = Router::new().route("/mcp", post(answer)).with_state(log.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(Upstream { port, log })
}

async fn answer(State(log): State<Log>, body: Bytes) -> ([(HeaderName, &'static str); 1], String) {
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let name = message["params"]["name"].as_str().unwrap_or_default().to_owned();
    // The work takes a while, so that the kill also comes between a decision and its outcome.
    let busy = Duration::from_millis(u64::from(name.bytes().fold(0_u8, u8::wrapping_add) % 4));
    log.push(name);
    tokio::time::sleep(busy).await;
    let result = json!({ "resultType": "complete", "content": [{ "type": "text", "text": "done" }] });
    let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
    ([(CONTENT_TYPE, "application/json")], answer.to_string())
}
