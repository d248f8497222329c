//! A host that writes lines, a server that is a table of answers, and the bridge between them.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper_like::Frames;
use prokura_connect::{Boxed, Flow, Wire, WireError, bridge};
use prokura_core::SeededRng;
use prokura_oauth::json::{Limits, Object, Value, parse};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What the server was sent.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) verb: Method,
    pub(crate) head: HeaderMap,
    pub(crate) message: Object,
}

impl Seen {
    pub(crate) fn method(&self) -> &str {
        self.message.str("method").unwrap_or_default()
    }

    pub(crate) fn params(&self) -> Object {
        self.message.get("params").and_then(Value::as_object).cloned().unwrap_or_default()
    }

    pub(crate) fn id(&self) -> Value {
        self.message.get("id").cloned().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name).and_then(|v| v.to_str().ok())
    }

    /// The answer with this result.
    pub(crate) fn result(&self, result: &str) -> Answer {
        Answer::json(200, &format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, self.id()))
    }

    /// The answer with this error.
    pub(crate) fn error(&self, status: u16, error: &str) -> Answer {
        Answer::json(status, &format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, self.id()))
    }
}

/// What the server answers.
pub(crate) struct Answer {
    status: u16,
    head: Vec<(&'static str, String)>,
    content: Content,
}

enum Content {
    Whole(Bytes),
    Pieces(mpsc::UnboundedReceiver<Bytes>),
    Failure(WireError),
}

impl Answer {
    pub(crate) fn json(status: u16, text: &str) -> Self {
        let head = vec![("content-type", "application/json".to_owned())];
        Self { status, head, content: Content::Whole(Bytes::copy_from_slice(text.as_bytes())) }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, head: Vec::new(), content: Content::Whole(Bytes::new()) }
    }

    pub(crate) fn failure(error: WireError) -> Self {
        Self { status: 0, head: Vec::new(), content: Content::Failure(error) }
    }

    /// A stream, and the end to write events into; dropping it breaks the connection.
    pub(crate) fn stream() -> (Self, Events) {
        let (to, from) = mpsc::unbounded_channel();
        let head = vec![("content-type", "text/event-stream".to_owned())];
        (Self { status: 200, head, content: Content::Pieces(from) }, Events(to))
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.head.push((name, value.to_owned()));
        self
    }
}

/// Where events are written.
pub(crate) struct Events(mpsc::UnboundedSender<Bytes>);

impl Events {
    pub(crate) fn send(&self, message: &str) {
        self.raw(&format!("data: {message}\n\n"));
    }

    pub(crate) fn raw(&self, text: &str) {
        self.0.send(Bytes::copy_from_slice(text.as_bytes())).unwrap();
    }

    /// Waits until the bridge has closed its end.
    pub(crate) async fn closed(&self) {
        self.0.closed().await;
    }
}

type Handler = Box<dyn FnMut(&Seen) -> Answer + Send>;

pub(crate) struct Server {
    handler: Mutex<Handler>,
    seen: Mutex<Vec<Seen>>,
    news: mpsc::UnboundedSender<Seen>,
}

impl Wire for Server {
    fn send(&self, request: Request<Bytes>) -> Boxed<'_, Result<Response<Flow>, WireError>> {
        let (parts, content) = request.into_parts();
        let message = if content.is_empty() { Object::new() } else { object(&content) };
        let seen = Seen { verb: parts.method, head: parts.headers, message };
        let answer = (self.handler.lock().unwrap())(&seen);
        self.seen.lock().unwrap().push(seen.clone());
        let _ = self.news.send(seen);
        Box::pin(std::future::ready(response(answer)))
    }
}

fn response(answer: Answer) -> Result<Response<Flow>, WireError> {
    let flow = match answer.content {
        Content::Whole(bytes) => Full::new(bytes).map_err(|e| match e {}).boxed_unsync(),
        Content::Pieces(from) => StreamBody::new(Frames(from)).boxed_unsync(),
        Content::Failure(error) => return Err(error),
    };
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.head {
        response = response.header(name, value);
    }
    Ok(response.body(flow).unwrap())
}

mod hyper_like {
    use bytes::Bytes;
    use futures_util::Stream;
    use http_body::Frame;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use tokio::sync::mpsc::UnboundedReceiver;

    type Piece = Result<Frame<Bytes>, Box<dyn std::error::Error + Send + Sync>>;

    /// Pieces as the frames of a body.
    pub(crate) struct Frames(pub(crate) UnboundedReceiver<Bytes>);

    impl Stream for Frames {
        type Item = Piece;

        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
            self.0.poll_recv(cx).map(|piece| piece.map(|p| Ok(Frame::data(p))))
        }
    }
}

/// Host, bridge and server.
pub(crate) struct World {
    to: WriteHalf<DuplexStream>,
    lines: tokio::io::Lines<BufReader<ReadHalf<DuplexStream>>>,
    pub(crate) server: Arc<Server>,
    news: mpsc::UnboundedReceiver<Seen>,
    bridging: JoinHandle<()>,
}

impl World {
    /// A bridge to a server that answers like this.
    pub(crate) fn with(handler: impl FnMut(&Seen) -> Answer + Send + 'static) -> Self {
        let (host, ours) = tokio::io::duplex(1 << 20);
        let (from, to) = tokio::io::split(ours);
        let (news_to, news) = mpsc::unbounded_channel();
        let handler: Handler = Box::new(handler);
        let server = Arc::new(Server { handler: Mutex::new(handler), seen: Mutex::default(), news: news_to });
        let wire: Arc<dyn Wire> = server.clone();
        let bridging = tokio::spawn(async move {
            let address = "https://mcp.example/mcp".parse().unwrap();
            bridge(BufReader::new(from), to, wire, address, Arc::new(SeededRng::new(1))).await.unwrap();
        });
        let (read, to) = tokio::io::split(host);
        Self { to, lines: BufReader::new(read).lines(), server, news, bridging }
    }

    /// The host writes a line.
    pub(crate) async fn send(&mut self, line: &str) {
        let line = line.replace('\n', " ");
        self.to.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// The host reads a message.
    pub(crate) async fn read(&mut self) -> Object {
        object(within(self.lines.next_line()).await.unwrap().unwrap().as_bytes())
    }

    /// The host asks and reads the next message.
    pub(crate) async fn ask(&mut self, line: &str) -> Object {
        self.send(line).await;
        self.read().await
    }

    /// The next thing the server is sent that is so; what came before is passed over.
    pub(crate) async fn sent(&mut self, is: impl Fn(&Seen) -> bool) -> Seen {
        loop {
            let seen = within(self.news.recv()).await.unwrap();
            if is(&seen) {
                return seen;
            }
        }
    }

    /// All that the server was sent by these methods.
    pub(crate) fn all(&self, method: &str) -> Vec<Seen> {
        self.server.seen.lock().unwrap().iter().filter(|s| s.method() == method).cloned().collect()
    }

    /// The host closes, and the bridge ends.
    pub(crate) async fn close(mut self) -> Arc<Server> {
        self.to.shutdown().await.unwrap();
        self.bridging.await.unwrap();
        assert!(self.lines.next_line().await.unwrap().is_none());
        self.server
    }
}

impl Server {
    pub(crate) fn verbs(&self) -> Vec<Method> {
        self.seen.lock().unwrap().iter().map(|s| s.verb.clone()).collect()
    }
}

/// Not for ever: a bridge that says nothing has failed the test. Longer than any pause before something is tried again.
async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(120), work).await.expect("nothing came")
}

pub(crate) fn object(bytes: &[u8]) -> Object {
    parse(bytes, &Limits::MESSAGE).unwrap().into_object().unwrap()
}

/// The result of an answer.
pub(crate) fn result(message: &Object) -> Object {
    message
        .get("result")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_else(|| panic!("no result: {message:?}"))
}

/// The code of an answer that is an error.
pub(crate) fn code(message: &Object) -> i64 {
    let error = message.get("error").and_then(Value::as_object);
    error
        .and_then(|e| e.get("code"))
        .and_then(Value::as_i64)
        .unwrap_or_else(|| panic!("no error: {message:?}"))
}

/// A modern request: its `_meta` declares these capabilities.
pub(crate) fn modern(id: u32, method: &str, params: &str, capabilities: &str) -> String {
    let comma = if params.is_empty() { "" } else { "," };
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}{comma}"_meta":{{
            "io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{{"name":"h","version":"1"}},
            "io.modelcontextprotocol/clientCapabilities":{capabilities},"progressToken":"p{id}"}}}}}}"#
    )
}

/// `initialize` of a host that declares these capabilities.
pub(crate) fn initialize(capabilities: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"2025-11-25",
            "capabilities":{capabilities},"clientInfo":{{"name":"h","version":"1"}}}}}}"#
    )
}

pub(crate) const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// A legacy server's answer to whatever opens and keeps a session; the rest is asked of `then`.
pub(crate) fn legacy(
    mut then: impl FnMut(&Seen) -> Answer + Send + 'static,
) -> impl FnMut(&Seen) -> Answer + Send {
    move |seen| {
        match (seen.verb.as_str(), seen.method()) {
        ("POST", "server/discover") => seen.error(400, r#"{"code":-32000,"message":"no session"}"#),
        ("POST", "initialize") => seen
            .result(
                r#"{"protocolVersion":"2025-11-25","serverInfo":{"name":"old","version":"1"},"instructions":"Go.",
                    "capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{}}}"#,
            )
            .with("mcp-session-id", "s1"),
        ("POST", "notifications/initialized") => Answer::empty(202),
        _ => then(seen),
    }
    }
}

/// A modern server's answer to what is asked of it first; the rest is asked of `then`.
pub(crate) fn newer(
    mut then: impl FnMut(&Seen) -> Answer + Send + 'static,
) -> impl FnMut(&Seen) -> Answer + Send {
    move |seen| match (seen.verb.as_str(), seen.method()) {
        ("POST", "initialize") => {
            seen.error(400, r#"{"code":-32022,"message":"v","data":{"supported":["2026-07-28"]}}"#)
        }
        ("POST", "server/discover") => seen.result(
            r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"ttlMs":0,"cacheScope":"private",
                "capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{}},
                "_meta":{"io.modelcontextprotocol/serverInfo":{"name":"new","version":"2"}}}"#,
        ),
        _ => then(seen),
    }
}
