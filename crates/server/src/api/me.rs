//! Who calls: the first thing to try with a new token.

use super::{ApiFault, Call, Reply, Route, Takes};
use http::Method;
use prokura_oauth::json::{Value, obj};

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::GET,
    path: "/me",
    scope: "",
    summary: "Who calls, and which scopes its token has",
    query: &[],
    takes: Takes::Nothing,
    gives: r#"{"type":"object","required":["client","agent","scopes"],"properties":{
        "client":{"type":"string"},"agent":{"type":"string"},"scopes":{"type":"array","items":{"type":"string"}}}}"#,
    handler: |call| Box::pin(me(call)),
}];

async fn me(call: Call) -> Result<Reply, ApiFault> {
    let caller = &call.caller;
    let scopes: Value = caller.scopes.iter().map(|s| s.as_str()).collect();
    Reply::ok(obj([
        ("client", caller.client.as_str().into()),
        ("agent", caller.agent.as_str().into()),
        ("scopes", scopes),
    ]))
}
