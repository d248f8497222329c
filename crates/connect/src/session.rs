//! A session at a legacy server (MCP 2025-11-25, "Session Management").

use crate::exchange::Exchange;
use crate::fault::{Fault, Outcome};
use crate::remote::{Given, Remote, SESSION, status};
use http::{HeaderMap, HeaderValue};
use prokura_mcp::envelope::{Call, Id, Message};
use prokura_mcp::header;
use prokura_mcp::version::{Era, Version};
use prokura_oauth::json::{Object, Value};
use std::sync::Arc;

/// The first version whose requests name it in a header.
const NAMED_SINCE: &str = "2025-06-18";
/// The id of the request that opens a session.
const OPENING: &str = "prokura-initialize";

/// A session that was opened.
pub(crate) struct Session {
    remote: Arc<Remote>,
    head: HeaderMap,
    /// What the server said when it was opened.
    pub(crate) opened: Object,
}

impl Session {
    /// Opens a session with the parameters of `initialize`. What the server sends before its answer goes nowhere:
    /// it may send nothing but pings and log messages then.
    ///
    /// # Errors
    /// [`Fault::Server`] if the server answers with an error, and every other [`Fault`] of the wire.
    pub(crate) async fn open(remote: &Arc<Remote>, params: Object) -> Result<Self, Fault> {
        let call = Call { method: "initialize".into(), params: Some(params) };
        let id = Id::Text(OPENING.into());
        let (mut exchange, head) = Exchange::begin(remote, (id, call), HeaderMap::new(), None).await?;
        let opened = loop {
            if let crate::exchange::Step::Answered(outcome) = exchange.next().await? {
                break outcome.map_err(Fault::Server)?;
            }
        };
        let version = agreed(&opened)?;
        Ok(Self { remote: remote.clone(), head: session_head(version, head.get(&SESSION)), opened })
    }

    /// What the server offers.
    pub(crate) fn capabilities(&self) -> Option<&Object> {
        self.opened.get("capabilities").and_then(Value::as_object)
    }

    /// Begins a request.
    pub(crate) async fn begin(&self, id: Id, call: Call) -> Result<Exchange, Fault> {
        let head = self.head.clone();
        Ok(Exchange::begin(&self.remote, (id, call), head.clone(), Some(head)).await?.0)
    }

    /// Sends a notification or an answer.
    pub(crate) async fn send(&self, message: Message) -> Result<(), Fault> {
        match self.remote.post(message, self.head.clone()).await? {
            Given::Taken | Given::Reading(..) => Ok(()),
            Given::Refused(http::StatusCode::NOT_FOUND, _) if self.has_id() => Err(Fault::SessionGone),
            Given::Refused(_, Some(Message::Response(_, Err(error)))) => Err(Fault::Server(error)),
            Given::Refused(code, _) => Err(status(code)),
        }
    }

    /// Answers what the server asked.
    pub(crate) async fn answer(&self, id: Id, outcome: Outcome) -> Result<(), Fault> {
        self.send(Message::Response(Some(id), outcome)).await
    }

    /// Opens the stream on which the server speaks of its own accord.
    pub(crate) async fn stream(&self, after: Option<&str>) -> Result<Given, Fault> {
        self.remote.stream(after, self.head.clone()).await
    }

    /// Ends the session, if the server gave it a name. Not every server lets itself be told.
    pub(crate) async fn end(&self) {
        if self.has_id() {
            let _ = self.remote.end(self.head.clone()).await;
        }
    }

    /// Whether the server gave the session a name, without which it cannot be forgotten.
    pub(crate) fn has_id(&self) -> bool {
        self.head.contains_key(SESSION)
    }
}

fn agreed(opened: &Object) -> Result<Version, Fault> {
    opened
        .str("protocolVersion")
        .and_then(Version::parse)
        .filter(|v| v.era() == Era::Legacy)
        .ok_or_else(|| Fault::Malformed("`initialize` ends in a version that is not known here".into()))
}

fn session_head(version: Version, id: Option<&HeaderValue>) -> HeaderMap {
    let mut head = HeaderMap::new();
    if version.as_str() >= NAMED_SINCE {
        head.insert(header::VERSION, HeaderValue::from_static(version.as_str()));
    }
    // Only visible ASCII (MCP 2025-11-25, "Session Management").
    if let Some(id) = id.filter(|id| id.as_bytes().iter().all(u8::is_ascii_graphic)) {
        head.insert(SESSION, id.clone());
    }
    head
}
