//! A server that says what reached it, behind the layer.

use crate::issuer::FakeIssuer;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, Method};
use prokura_core::{Clock, ManualClock, Timestamp};
use prokura_oauth::json::Object;
use prokura_sdk::resource::{Caller, Guard, Profile, Resource, Trust};
use std::sync::Arc;
use tower::ServiceExt;

pub(crate) const RESOURCE: &str = "https://tools.example/mcp";

pub(crate) struct World {
    pub(crate) issuer: FakeIssuer,
    pub(crate) clock: Arc<ManualClock>,
    app: Router,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn challenges(&self) -> Vec<&str> {
        self.headers.get_all("www-authenticate").iter().map(|v| v.to_str().unwrap()).collect()
    }
}

/// `subject client [scopes] body` of what came, and whether a token came along.
async fn echo(request: Request) -> Response {
    let caller = request.extensions().get::<Caller>().cloned();
    let token = request.headers().contains_key("authorization");
    let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let said = caller.map_or("nobody".to_owned(), |c| {
        let actors: Vec<_> = c.actors().collect();
        format!("{:?} {} by {} via {} [{}]", c.kind(), c.subject(), c.client(), actors.join(","), c.scopes())
    });
    Response::new(Body::from(format!("{said} token={token} {}", String::from_utf8_lossy(&body))))
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|r| r).await
    }

    pub(crate) async fn with(change: impl FnOnce(Resource) -> Resource) -> Self {
        let issuer = FakeIssuer::start("/realms/x").await;
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)));
        let shared: Arc<dyn Clock> = clock.clone();
        let trust = Trust::new(issuer.issuer.as_str(), Profile::Rfc9068).audience(RESOURCE);
        let resource = Resource::at(RESOURCE)
            .unwrap()
            .name("Tools")
            .trust(trust.introspect("tools", "secret"))
            .scope("read", &["tool:read_report", "resource:report/*"])
            .scope("write", &["tool:write_report"])
            .first_scopes(&["read"])
            .open("/healthz")
            .clock(shared);
        let guard: Guard = change(resource).build().unwrap();
        Self { issuer, clock, app: Router::new().fallback(echo).layer(guard) }
    }

    pub(crate) fn claims(&self, scope: &str) -> Object {
        let mut claims = self.issuer.claims(RESOURCE, &*self.clock);
        claims.insert("scope", scope.into());
        claims
    }

    pub(crate) fn token(&self, scope: &str) -> String {
        self.issuer.sign("at+jwt", &self.claims(scope))
    }

    pub(crate) async fn send(&self, request: http::Request<Body>) -> Answer {
        let (parts, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.request(Method::GET, path, headers, "").await
    }

    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Posts a message with a token.
    pub(crate) async fn post(&self, token: &str, message: &str) -> Answer {
        let authorization = format!("Bearer {token}");
        let headers = [("content-type", "application/json"), ("authorization", authorization.as_str())];
        self.request(Method::POST, "/mcp", &headers, message).await
    }

    pub(crate) async fn call(&self, token: &str, tool: &str) -> Answer {
        let message = format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{tool}","arguments":{{"n":1}}}}}}"#
        );
        self.post(token, &message).await
    }
}
