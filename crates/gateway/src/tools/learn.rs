//! The gateway asks a server once which tools it has, where a call needs to know and no list has passed by yet.

use super::Pins;
use super::see::Sight;
use crate::answer;
use crate::envelope::{Call, Id, Message};
use crate::fault::Fault;
use crate::forward::{self, Outbound};
use crate::scene::Scene;
use crate::transaction;
use crate::version::{Era, Version};
use http::Method;
use prokura_core::Timestamp;
use prokura_mcp::meta;
use prokura_oauth::json::{Object, Value, obj};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A server is not asked again sooner than this, unless it says that its tools changed.
const PAUSE: Duration = Duration::from_secs(5);
/// At most so many pages of a list are read.
const PAGES: usize = 64;

/// Whose turn it is to ask a server, and when it was asked last.
#[derive(Default)]
pub(crate) struct Turn {
    last: tokio::sync::Mutex<Last>,
    changed: AtomicBool,
}

/// The last time that a server was asked.
#[derive(Default)]
struct Last {
    at: Option<Timestamp>,
    /// Whether it did not answer: then it is not asked again at every call.
    failed: bool,
}

impl Turn {
    /// The server says that its tools changed.
    pub(crate) fn changed(&self) {
        self.changed.store(true, Ordering::Release);
    }

    /// Whether it said so since it was asked.
    pub(crate) fn has_changed(&self) -> bool {
        self.changed.load(Ordering::Acquire)
    }
}

/// How a server is asked: in the session of the call that needs to know, where there are sessions.
pub(crate) struct Learner {
    /// The era of the call.
    pub(crate) era: Era,
    /// The version that the client named.
    pub(crate) version: Option<Version>,
    /// The upstream's session.
    pub(crate) session: Option<String>,
}

impl Learner {
    /// Asks for all tools, and takes in what is said. Who comes while another asks waits for what it learns.
    ///
    /// # Errors
    /// Whatever the upstream makes of it.
    pub(crate) async fn ask(&self, scene: &Scene) -> Result<(), Fault> {
        let Some(turn) = scene.inner.pins.turn(&scene.route) else { return Ok(()) };
        let mut last = turn.last.lock().await;
        let now = scene.inner.clock.now();
        let recently = last.at.is_some_and(|at| now.since(at) < PAUSE);
        if recently && last.failed {
            return Ok(());
        }
        let changed = turn.changed.swap(false, Ordering::AcqRel);
        if recently && !changed {
            return Ok(());
        }
        *last = Last { at: Some(now), failed: true };
        let told = self.ask_all(scene, now).await;
        last.failed = told.is_err();
        if changed && told.is_err() {
            // That its tools changed is still not known in full.
            turn.changed();
        }
        told
    }

    async fn ask_all(&self, scene: &Scene, now: Timestamp) -> Result<(), Fault> {
        let pins: &Pins = &scene.inner.pins;
        let sight = Sight { now, trace: scene.trace.clone() };
        let mut cursor = None;
        for _ in 0..PAGES {
            let mut page = self.page(scene, cursor.as_deref(), now).await?;
            let Some(Value::Array(entries)) = page.remove("tools") else {
                return Err(Fault::UpstreamBad("a list is not of its method's shape"));
            };
            let entries: Vec<_> = entries.into_iter().filter_map(Value::into_object).collect();
            pins.see(&scene.route, &entries, &sight).await?;
            match page.str("nextCursor") {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    async fn page(&self, scene: &Scene, cursor: Option<&str>, now: Timestamp) -> Result<Object, Fault> {
        let id = Id::Text("prokura-tools".to_owned());
        let call = Call { method: "tools/list".to_owned(), params: self.params(cursor) };
        let mut outbound = Outbound::new(Method::POST, Some(Message::Request(id.clone(), call)));
        outbound.version = self.version;
        outbound.mirrored = self.era == Era::Modern;
        outbound.session.clone_from(&self.session);
        outbound.transaction = transaction::token(scene, None, None, now)?;
        let response = forward::send(scene, outbound).await?;
        answer::result_of(scene, response, &id).await
    }

    fn params(&self, cursor: Option<&str>) -> Option<Object> {
        let mut params = Object::new();
        if let Some(cursor) = cursor {
            params.insert("cursor", cursor.into());
        }
        if let (Era::Modern, Some(version)) = (self.era, self.version) {
            let software = obj([("name", "prokura".into()), ("version", env!("CARGO_PKG_VERSION").into())]);
            let said = obj([
                (meta::VERSION, version.as_str().into()),
                (meta::CAPABILITIES, Value::Object(Object::new())),
                (meta::CLIENT, Value::Object(software)),
            ]);
            params.insert("_meta", Value::Object(said));
        }
        Some(params)
    }
}
