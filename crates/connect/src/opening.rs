//! Which era the server is of. The host's own era is tried first; anything but an answer of that era means the other
//! (MCP 2026-07-28, "Backward Compatibility").

use crate::bridge::{Bridge, Legacy, Newer};
use crate::down::Down;
use crate::fault::{Fault, Outcome};
use crate::holder::Holder;
use crate::modern::Modern;
use crate::translate::{down, up};
use crate::up::Up;
use prokura_mcp::envelope::Call;
use prokura_mcp::version::{Era, Version};
use prokura_oauth::json::{Object, Value};
use std::sync::Arc;

/// Errors that only a modern server gives: headers and message differ, a capability is missing.
const MODERN_ERRORS: [i64; 2] = [-32020, -32021];
/// The version is not spoken.
const UNSUPPORTED: i64 = -32022;

impl Bridge {
    /// `initialize`: at the server if it knows it, else from what it says of itself.
    pub(crate) async fn initialize(self: &Arc<Self>, call: Call) -> Result<Outcome, Fault> {
        let opened = up::Opened::read(call.params.as_ref())?;
        let mut side = self.legacy.write().await;
        if side.is_some() {
            return Err(Fault::Opening("the session is open already"));
        }
        let first = match Holder::open(&self.remote, call.params.unwrap_or_default()).await {
            Ok(holder) => {
                let result = holder.session().opened.clone();
                *side = Some((Legacy::Same(holder), opened));
                return Ok(Ok(result));
            }
            Err(fault) if may_be_other_era(&fault) => fault,
            Err(fault) => return Err(fault),
        };
        let modern = Arc::new(Modern::new(self.remote.clone(), up::MODERN));
        let asked = opened.request(Call { method: "server/discover".into(), params: None });
        let Ok(discovered) = modern.ask("prokura-discover", &asked).await else { return Err(first) };
        if !speaks(&discovered, |v| v == up::MODERN) {
            return Err(first);
        }
        let result = up::opened(opened.version, &discovered);
        *side = Some((Legacy::Up(Arc::new(Up::new(modern, opened.clone(), &discovered))), opened));
        Ok(Ok(result))
    }

    /// How a modern host is served; with what the server said of itself, if it was asked just now.
    pub(crate) async fn served_by(
        self: &Arc<Self>,
        call: &Call,
        says: &down::Says,
    ) -> Result<(Newer, Option<Object>), Fault> {
        if let Some(side) = &*self.newer.read().await {
            return Ok((side.clone(), None));
        }
        let mut side = self.newer.write().await;
        if let Some(side) = &*side {
            return Ok((side.clone(), None));
        }
        let (found, discovered) = self.find(call, says).await?;
        *side = Some(found.clone());
        Ok((found, discovered))
    }

    async fn find(
        self: &Arc<Self>,
        call: &Call,
        says: &down::Says,
    ) -> Result<(Newer, Option<Object>), Fault> {
        let modern = Arc::new(Modern::new(self.remote.clone(), up::MODERN));
        let meta = call.params.as_ref().and_then(|p| p.get("_meta")).cloned();
        let params: Object = meta.into_iter().map(|meta| ("_meta", meta)).collect();
        let asked = Call { method: "server/discover".into(), params: Some(params) };
        let mut found = modern.ask("prokura-discover", &asked).await;
        if found.as_ref().is_err_and(|fault| supports(fault, |v| v == up::MODERN)) {
            // It was refused for its version, and is told to come with the one that it had.
            found = modern.ask("prokura-discover-again", &asked).await;
        }
        match found {
            Ok(found) if speaks(&found, |v| v == up::MODERN) => Ok((Newer::Same(modern), Some(found))),
            Ok(found) if !speaks(&found, is_legacy) => {
                Err(Fault::Malformed("it speaks no version that is known here".into()))
            }
            Err(fault) if !is_legacy_answer(&fault) => Err(fault),
            _ => Ok((Newer::Down(Down::open(self, says).await?), None)),
        }
    }
}

/// Whether a server that refuses `initialize` like this may be a modern one.
fn may_be_other_era(fault: &Fault) -> bool {
    match fault {
        Fault::Server(_) | Fault::Malformed(_) => true,
        Fault::Status { status, .. } => (400..500).contains(status) && ![401, 403, 429].contains(status),
        _ => false,
    }
}

/// Whether a server that refuses `server/discover` like this is a legacy one.
fn is_legacy_answer(fault: &Fault) -> bool {
    let Fault::Server(error) = fault else { return may_be_other_era(fault) };
    match error.get("code").and_then(Value::as_i64) {
        Some(UNSUPPORTED) => supports(fault, is_legacy),
        Some(code) => !MODERN_ERRORS.contains(&code),
        None => true,
    }
}

/// Whether a server that refuses a version names one of these that it takes.
fn supports(fault: &Fault, is: impl Fn(&str) -> bool) -> bool {
    let Fault::Server(error) = fault else { return false };
    let data = error.get("data").and_then(Value::as_object);
    error.get("code").and_then(Value::as_i64) == Some(UNSUPPORTED)
        && data.is_some_and(|data| versions(data, "supported").any(is))
}

fn speaks(discovered: &Object, is: impl Fn(&str) -> bool) -> bool {
    versions(discovered, "supportedVersions").any(is)
}

fn versions<'a>(of: &'a Object, name: &str) -> impl Iterator<Item = &'a str> {
    of.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn is_legacy(version: &str) -> bool {
    Version::parse(version).is_some_and(|v| v.era() == Era::Legacy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::WireError;
    use prokura_oauth::json::{Limits, parse};

    #[test]
    fn only_what_a_modern_server_says_keeps_the_bridge_from_trying_the_older_era() {
        let server = |text: &str| {
            Fault::Server(parse(text.as_bytes(), &Limits::MESSAGE).unwrap().into_object().unwrap())
        };
        let status = |status| Fault::Status { status, hint: "" };
        for (fault, legacy) in [
            (server(r#"{"code":-32601,"message":""}"#), true),
            (server(r#"{"code":-32602,"message":""}"#), true),
            (server(r#"{"code":-32000,"message":""}"#), true),
            (server(r#"{"code":-32020,"message":""}"#), false),
            (server(r#"{"code":-32021,"message":""}"#), false),
            (server(r#"{"code":-32022,"message":"","data":{"supported":["2025-11-25"]}}"#), true),
            (server(r#"{"code":-32022,"message":"","data":{"supported":["2030-01-01"]}}"#), false),
            (server(r#"{"code":-32022,"message":""}"#), false),
            (status(400), true),
            (status(404), true),
            (status(401), false),
            (status(403), false),
            (status(500), false),
            (Fault::Wire(WireError::Refused("no".into())), false),
            (Fault::NoAnswer, false),
        ] {
            assert_eq!(is_legacy_answer(&fault), legacy, "{fault:?}");
        }
    }
}
