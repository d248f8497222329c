//! Servers that send security events, over real connections.

use super::signals::CAEP;
use super::{Answer, SECRET, USUAL, World};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, Method, StatusCode};
use prokura_oauth::json::{Object, Value, obj};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// An address on loopback, and the host that stands for it.
pub struct Door {
    listener: TcpListener,
    pub host: String,
}

impl Door {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let host = listener.local_addr().unwrap().to_string();
        Self { listener, host }
    }

    pub fn issuer(&self) -> String {
        format!("http://{}", self.host)
    }

    pub fn serve(self, router: Router) {
        let listener = tokio::net::TcpListener::from_std(self.listener).unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
}

/// The usual server at `issuer`, which sends events to the client `receiver`.
pub fn sends(issuer: &str) -> String {
    format!(
        "{}\n[signals.send]\nenabled = true\n{}{}",
        USUAL.replace("http://localhost:9400", issuer),
        client("receiver", "\"ssf.read\", \"ssf.manage\""),
        client("reader", "\"ssf.read\"")
    )
}

pub fn client(id: &str, scopes: &str) -> String {
    format!(
        "[[client]]\nid = \"{id}\"\nsecret = {{ env = \"SECRET\" }}\ngrant_types = [\"client_credentials\"]\n\
         [[client.grant]]\nresource = \"ssf\"\nscopes = [{scopes}]\n"
    )
}

/// A server at `issuer` that has a stream made at `transmitter`.
pub fn receives(issuer: &str, transmitter: &str, delivery: &str) -> String {
    format!(
        "{}\n[[signals.transmitter]]\nname = \"acme\"\nissuer = \"{transmitter}\"\naudience = \"receiver\"\n\
         delivery = \"{delivery}\"\n{}create_stream = true\nverify_every = \"1h\"\n\
         client = {{ token_endpoint = \"{transmitter}/token\", id = \"receiver\", secret = {{ env = \"SECRET\" }}, \
         resource = \"{transmitter}/ssf\" }}\n",
        USUAL.replace("http://localhost:9400", issuer),
        if delivery == "push" { "secret = { env = \"SECRET\" }\n" } else { "" },
    )
}

impl World {
    /// A token of that client for the streams of this server.
    pub async fn stream_token(&self, issuer: &str, client: &str) -> String {
        let resource = format!("{issuer}/ssf");
        let form = [("grant_type", "client_credentials"), ("resource", resource.as_str())];
        let answer = self.form("/token", Some(&format!("{client}:{SECRET}")), &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.text("access_token")
    }

    pub async fn ssf(&self, method: Method, path: &str, token: &str, body: &Object) -> Answer {
        let body = String::from_utf8(body.to_vec()).unwrap();
        self.json(method, path, Some(token), &body).await
    }

    /// Makes a stream; its id.
    pub async fn stream(&self, token: &str, delivery: Object) -> String {
        let body = obj([("delivery", Value::Object(delivery))]);
        let made = self.ssf(Method::POST, "/ssf/streams", token, &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.text("stream_id")
    }

    /// Fetches what waits on a stream, and acknowledges `acks`: `jti` and token.
    pub async fn fetch(&self, token: &str, stream: &str, acks: &[String]) -> Vec<(String, String)> {
        let acks: Value = acks.iter().map(String::as_str).collect();
        let body = obj([("returnImmediately", true.into()), ("ack", acks)]);
        let answer = self.ssf(Method::POST, &format!("/ssf/poll/{stream}"), token, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let sets = answer.json();
        let sets = sets.get("sets").unwrap().as_object().unwrap();
        sets.iter().map(|(id, set)| (id.to_owned(), set.as_str().unwrap().to_owned())).collect()
    }

    /// Everything that is due is done, and nothing of it fails.
    pub async fn tend_signals(&self) {
        assert_eq!(self.server.signals_once().await, Vec::<String>::new());
    }
}

pub fn poll() -> Object {
    obj([("method", "urn:ietf:rfc:8936".into())])
}

pub fn push(endpoint: &str) -> Object {
    obj([
        ("method", "urn:ietf:rfc:8935".into()),
        ("endpoint_url", endpoint.into()),
        ("authorization_header", "Bearer hook-secret".into()),
    ])
}

/// The claims of a token, unverified.
pub fn claims(set: &str) -> Object {
    use base64::Engine as _;
    let part = set.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
    prokura_oauth::json::parse(&bytes, &prokura_oauth::json::Limits::TOKEN).unwrap().into_object().unwrap()
}

/// The last word of the event's address.
pub fn event(set: &str) -> String {
    let claims = claims(set);
    let events = claims.get("events").unwrap().as_object().unwrap();
    let uri = events.keys().next().unwrap().to_owned();
    uri.strip_prefix(CAEP).map_or_else(|| uri.rsplit('/').next().unwrap().to_owned(), str::to_owned)
}

type Posted = Arc<Mutex<(u16, Vec<(HeaderMap, String)>)>>;

/// A receiver that keeps what is posted to it, and answers as it is told.
pub struct Hook {
    pub host: String,
    posted: Posted,
}

impl Hook {
    pub fn start() -> Self {
        let (door, posted) = (Door::new(), Posted::new(Mutex::new((202, Vec::new()))));
        let host = door.host.clone();
        door.serve(Router::new().route("/events", post(keep)).with_state(Arc::clone(&posted)));
        Self { host, posted }
    }

    pub fn address(&self) -> String {
        format!("http://{}/events", self.host)
    }

    pub fn answer(&self, status: u16) {
        self.posted.lock().unwrap().0 = status;
    }

    /// What came since this was asked last.
    pub fn take(&self) -> Vec<(HeaderMap, String)> {
        std::mem::take(&mut self.posted.lock().unwrap().1)
    }
}

async fn keep(State(posted): State<Posted>, headers: HeaderMap, body: Bytes) -> (StatusCode, &'static str) {
    let mut posted = posted.lock().unwrap();
    posted.1.push((headers, String::from_utf8(body.to_vec()).unwrap()));
    let status = StatusCode::from_u16(posted.0).unwrap();
    (status, if status == StatusCode::BAD_REQUEST { r#"{"err":"invalid_request"}"# } else { "" })
}
