//! A closed loop: so many connections, each with one request under way.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

pub type Request = http::Request<Full<Bytes>>;

/// An answer, read to the end.
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

/// One kept connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    pub async fn open(port: u16) -> Result<Self> {
        Self::open_as(port, port).await
    }

    /// A connection to `port` of something that is known by the address of another.
    pub async fn open_as(port: u16, host: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, host: format!("localhost:{host}") })
    }

    pub async fn send(&mut self, mut request: Request) -> Result<Answer> {
        let host = http::HeaderValue::from_str(&self.host)?;
        request.headers_mut().insert(http::header::HOST, host);
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// The status of one GET over a connection of its own.
pub async fn get(port: u16, path: &str) -> Result<u16> {
    let mut connection = Connection::open(port).await?;
    Ok(connection.send(http::Request::get(path).body(Full::default())?).await?.status)
}

/// What a run came to.
pub struct Run {
    pub count: usize,
    pub wall: Duration,
    latencies: Vec<Duration>,
}

impl Run {
    /// The latency that this share of requests stayed below, in milliseconds.
    pub fn percentile(&self, share: f64) -> f64 {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let at = ((self.latencies.len() as f64 - 1.0) * share).round() as usize;
        self.latencies.get(at).map_or(0.0, |d| d.as_secs_f64() * 1000.0)
    }

    /// Requests a second.
    pub fn rate(&self) -> f64 {
        self.count as f64 / self.wall.as_secs_f64()
    }
}

/// One exchange, again and again.
pub trait Step: Clone + Send + Sync + 'static {
    /// Does it once.
    fn go(&self, connection: &mut Connection) -> impl Future<Output = Result<()>> + Send;
}

/// The same POST again and again; the answer must be 200 and contain a word.
#[derive(Clone)]
pub struct Post {
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
    pub word: &'static str,
}

impl Post {
    /// Sends it once.
    pub async fn send(&self, connection: &mut Connection) -> Result<Answer> {
        let mut request = http::Request::post(&self.path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        connection.send(request.body(Full::new(self.body.clone()))?).await
    }
}

impl Step for Post {
    async fn go(&self, connection: &mut Connection) -> Result<()> {
        good(&self.send(connection).await?, self.word)
    }
}

/// How fast.
#[derive(Clone, Copy)]
pub enum Pace {
    /// Each connection sends again as soon as it has its answer.
    Full,
    /// So many a second over all connections, evenly.
    PerSecond(u32),
}

/// Runs `count` exchanges over `connections` connections.
pub async fn run(port: u16, connections: usize, count: usize, pace: Pace, step: impl Step) -> Result<Run> {
    let left = Arc::new(AtomicUsize::new(count));
    let begun = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|n| {
            let (left, step) = (Arc::clone(&left), step.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(port).await?;
                let mut latencies = Vec::new();
                let mut ticks = ticks(pace, n, connections);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
                    // From when it was due: what waits behind a stall has waited too.
                    let due = match &mut ticks {
                        Some(ticks) => ticks.tick().await.into_std(),
                        None => Instant::now(),
                    };
                    step.go(&mut connection).await?;
                    latencies.push(due.elapsed());
                }
                anyhow::Ok(latencies)
            })
        })
        .collect();
    let mut latencies = Vec::with_capacity(count);
    for task in tasks {
        latencies.extend(task.await??);
    }
    let wall = begun.elapsed();
    latencies.sort_unstable();
    Ok(Run { count: latencies.len(), wall, latencies })
}

/// Fails unless the answer is a 200 that contains `word`.
pub fn good(answer: &Answer, word: &str) -> Result<()> {
    let text = String::from_utf8_lossy(&answer.body);
    if answer.status != 200 || !text.contains(word) {
        bail!("{}: {text}", answer.status);
    }
    Ok(())
}

/// The JSON of an answer.
pub fn json(answer: &Answer) -> Result<serde_json::Value> {
    serde_json::from_slice(&answer.body).with_context(|| String::from_utf8_lossy(&answer.body).into_owned())
}

fn ticks(pace: Pace, n: usize, connections: usize) -> Option<tokio::time::Interval> {
    let Pace::PerSecond(rate) = pace else { return None };
    let period = Duration::from_secs_f64(connections as f64 / f64::from(rate));
    let offset = period.mul_f64(n as f64 / connections as f64);
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + offset, period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    Some(ticks)
}
