//! The table's rows, and the router that is made of them.

use super::call::{Call, Reply, Sent};
use super::caller::caller;
use super::problem::{ApiFault, respond};
use super::{PATH, TABLES, openapi};
use crate::record::About;
use crate::server::AppState;
use crate::wire::{read_body, said_to_be};
use axum::Router;
use axum::body::Body;
use axum::extract::{RawPathParams, Request, State};
use axum::response::Response;
use axum::routing::{MethodFilter, any, get, on};
use http::Method;
use http::request::Parts;
use prokura_core::TraceId;
use prokura_ledger::EventKind;
use prokura_oauth::form::Form;
use prokura_oauth::json::{self, Limits, Value};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What a handler returns: written `|call| Box::pin(handler(call))` in a table.
pub(super) type Answering = Pin<Box<dyn Future<Output = Result<Reply, ApiFault>> + Send>>;

/// One route.
pub(super) struct Route {
    /// Its method.
    pub(super) method: Method,
    /// Its path below the API, with parameters as `{name}`.
    pub(super) path: &'static str,
    /// The scope that the token must have; empty if any token for this API will do.
    pub(super) scope: &'static str,
    /// What it does, as one sentence; it stands in the OpenAPI document.
    pub(super) summary: &'static str,
    /// What it takes in the query: name and meaning. Others are refused.
    pub(super) query: &'static [(&'static str, &'static str)],
    /// What it takes as its body.
    pub(super) takes: Takes,
    /// The JSON schema of its answer; empty if it answers 204 without a body.
    pub(super) gives: &'static str,
    /// What it does.
    pub(super) handler: fn(Call) -> Answering,
}

/// What a route takes as its body.
pub(super) enum Takes {
    /// Nothing: a body is refused.
    Nothing,
    /// A JSON object of this schema, at most so many bytes.
    Json(&'static str, usize),
    /// A signed token of that media type, alone.
    Jwt,
}

/// The longest token that is taken as a body, in bytes.
const MAX_JWT: usize = 16 * 1024;
/// How deep a body may nest.
const DEPTH: usize = 16;

/// The routes below the issuer's path; none if the API is off.
pub(crate) fn routes(app: &Arc<AppState>) -> Router<Arc<AppState>> {
    let mut router = Router::new();
    if app.places.admin().is_none() {
        return router;
    }
    for route in TABLES.iter().copied().flatten() {
        let Ok(method) = MethodFilter::try_from(route.method.clone()) else { continue };
        let handler = move |State(app): State<Arc<AppState>>, params: RawPathParams, request: Request| {
            serve(app, route, params, request)
        };
        router = router.route(&format!("{PATH}{}", route.path), on(method, handler));
    }
    let nowhere = |State(app): State<Arc<AppState>>| refuse(app, ApiFault::NoRoute);
    let method = |State(app): State<Arc<AppState>>| refuse(app, ApiFault::Method);
    router
        .route("/api/openapi.json", get(openapi::serve))
        .method_not_allowed_fallback(method)
        .route(&format!("{PATH}/{{*rest}}"), any(nowhere))
}

async fn refuse(app: Arc<AppState>, fault: ApiFault) -> Response {
    respond(&app, &fault, None, &About::new(EventKind::Administration, "api"), &app.trace()).await
}

async fn serve(
    app: Arc<AppState>,
    route: &'static Route,
    params: RawPathParams,
    request: Request,
) -> Response {
    let trace = app.trace();
    let mut about = About::new(EventKind::Administration, &format!("api:{} {}", route.method, route.path));
    match answer(&app, route, &params, request, &trace, &mut about).await {
        Ok(reply) => reply.into_response(),
        Err(fault) => respond(&app, &fault, Some(route.scope), &about, &trace).await,
    }
}

async fn answer(
    app: &Arc<AppState>,
    route: &'static Route,
    params: &RawPathParams,
    request: Request,
    trace: &TraceId,
    about: &mut About,
) -> Result<Reply, ApiFault> {
    let (parts, body) = request.into_parts();
    let caller = caller(app, &parts, route.scope, about).await?;
    let query = query(&parts, route)?;
    let sent = sent(&parts, body, &route.takes).await?;
    let path = params.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let (trace, now) = (trace.clone(), app.clock.now());
    (route.handler)(Call { app: Arc::clone(app), caller, path, query, sent, trace, now }).await
}

fn query(parts: &Parts, route: &Route) -> Result<Form, ApiFault> {
    let form = Form::parse(parts.uri.query().unwrap_or_default().as_bytes())?;
    let unknown = form.iter().find(|(name, _)| route.query.iter().all(|(known, _)| known != name));
    match unknown {
        Some((name, _)) => Err(ApiFault::Query(name.chars().take(64).collect())),
        None => Ok(form),
    }
}

async fn sent(parts: &Parts, body: Body, takes: &Takes) -> Result<Sent, ApiFault> {
    match *takes {
        Takes::Nothing => match read_body(body, 0).await {
            Some(_) => Ok(Sent::Nothing),
            None => Err(ApiFault::BodyUnwanted),
        },
        Takes::Json(_, max_bytes) => {
            said_to_be(parts, "application/json").map_err(|_| ApiFault::ContentType("application/json"))?;
            let bytes = read_body(body, max_bytes).await.ok_or(ApiFault::TooLarge(max_bytes))?;
            match json::parse(&bytes, &Limits { max_bytes, max_depth: DEPTH })? {
                Value::Object(object) => Ok(Sent::Json(object)),
                _ => Err(ApiFault::NotObject),
            }
        }
        Takes::Jwt => {
            said_to_be(parts, "application/jwt").map_err(|_| ApiFault::ContentType("application/jwt"))?;
            let bytes = read_body(body, MAX_JWT).await.ok_or(ApiFault::TooLarge(MAX_JWT))?;
            let text = std::str::from_utf8(&bytes).map_err(|_| ApiFault::NotText)?;
            Ok(Sent::Jwt(text.trim().to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_config::ADMIN_SCOPES;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_has_a_scope_of_the_table_and_stands_there_once() {
        let mut seen = BTreeSet::new();
        for route in TABLES.iter().copied().flatten() {
            let name = format!("{} {}", route.method, route.path);
            assert!(
                route.scope.is_empty() || ADMIN_SCOPES.iter().any(|(scope, _)| *scope == route.scope),
                "{name}: {}",
                route.scope
            );
            assert!(route.path.starts_with('/') && !route.summary.is_empty(), "{name}");
            assert!(MethodFilter::try_from(route.method.clone()).is_ok(), "{name}");
            assert!(seen.insert(name.clone()), "{name} stands there twice");
            let reads = route.scope.ends_with(":read");
            assert!(!reads || matches!(route.method, Method::GET | Method::POST), "{name} changes something");
        }
    }
}
