//! A modern server: every request says everything (MCP 2026-07-28, "Request Metadata").

use crate::exchange::{Exchange, Step};
use crate::fault::Fault;
use crate::mirror::Mirrors;
use crate::remote::Remote;
use prokura_mcp::envelope::{Call, Id};
use prokura_oauth::json::{Object, Value};
use std::sync::Arc;

/// The error of a server to which headers and message differ.
const HEADER_MISMATCH: i64 = -32020;
/// How many pages of tools are read to learn which parameters are mirrored.
const PAGES: usize = 32;

/// A server that speaks this version.
pub(crate) struct Modern {
    remote: Arc<Remote>,
    version: &'static str,
    mirrors: Mirrors,
}

impl Modern {
    pub(crate) fn new(remote: Arc<Remote>, version: &'static str) -> Self {
        Self { remote, version, mirrors: Mirrors::default() }
    }

    /// Begins a request, which has its `_meta`. If the server misses a header of a tool's parameter, the list of
    /// tools is asked for what is mirrored, and the call sent once more: it was refused before anything was done.
    pub(crate) async fn begin(&self, id: &Id, call: &Call) -> Result<Exchange, Fault> {
        match self.once(id, call).await {
            Err(Fault::Server(error)) if call.method == "tools/call" && is_mismatch(&error) => {
                self.learn(call).await?;
                self.once(id, call).await
            }
            begun => begun,
        }
    }

    async fn once(&self, id: &Id, call: &Call) -> Result<Exchange, Fault> {
        let head = self.mirrors.head(self.version, call);
        Ok(Exchange::begin(&self.remote, (id.clone(), call.clone()), head, None).await?.0)
    }

    /// What passes on its way to the host. A result that says no type is complete, and says so from here on (MCP
    /// 2026-07-28, "ResultType").
    pub(crate) fn pass(&self, method: &str, result: &mut Object) {
        if !result.contains_key("resultType") {
            result.insert("resultType", "complete".into());
        }
        if method == "tools/list" {
            self.mirrors.learn(result);
        }
    }

    /// Asks something of this bridge's own with the `_meta` of a request of the host.
    pub(crate) async fn ask(&self, id: &str, call: &Call) -> Result<Object, Fault> {
        let mut exchange = self.once(&Id::Text(id.into()), call).await?;
        loop {
            if let Step::Answered(outcome) = exchange.next().await? {
                return outcome.map_err(Fault::Server);
            }
        }
    }

    async fn learn(&self, like: &Call) -> Result<(), Fault> {
        let meta = like.params.as_ref().and_then(|p| p.get("_meta")).and_then(Value::as_object).cloned();
        let mut meta = meta.unwrap_or_default();
        meta.remove("progressToken");
        let mut params = Object::new();
        params.insert("_meta", meta.into());
        for page in 0..PAGES {
            let call = Call { method: "tools/list".into(), params: Some(params.clone()) };
            let mut result = self.ask(&format!("prokura-tools-{page}"), &call).await?;
            self.mirrors.learn(&mut result);
            match result.remove("nextCursor") {
                Some(cursor @ Value::String(_)) => params.insert("cursor", cursor),
                _ => break,
            }
        }
        Ok(())
    }
}

fn is_mismatch(error: &Object) -> bool {
    error.get("code").and_then(Value::as_i64) == Some(HEADER_MISMATCH)
}
