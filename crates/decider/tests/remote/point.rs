//! A decision point on loopback that says what it was told to.

use prokura_core::Timestamp;
use prokura_decider::remote::Remote;
use prokura_oauth::json::{Object, obj};
use prokura_policy::pdp::{Entity, EntityId, Finding, NoEntities, Question};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// It answers every request with what stands for its path, and keeps what it was sent.
pub(crate) struct Point {
    pub(crate) address: String,
    pub(crate) sent: Arc<Mutex<Vec<String>>>,
}

pub(crate) type Answer = (&'static str, String);

impl Point {
    /// `answers` makes the answers by paths of the address; a path without one is never answered.
    pub(crate) async fn with(answers: impl Fn(&str) -> Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (answers, sent) = (Arc::new(answers(&address)), Arc::<Mutex<Vec<String>>>::default());
        let kept = Arc::clone(&sent);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&kept)));
            }
        });
        Self { address, sent }
    }

    /// Where nobody is.
    pub(crate) async fn gone() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        Self { address, sent: Arc::default() }
    }

    /// The first request that it was sent.
    pub(crate) fn first(&self) -> String {
        self.sent.lock().unwrap().remove(0)
    }

    /// The first lines of what it was sent.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|s| s.lines().next().unwrap().to_owned()).collect()
    }
}

async fn serve(mut stream: TcpStream, answers: Arc<Vec<Answer>>, kept: Arc<Mutex<Vec<String>>>) {
    loop {
        let mut sent = Vec::new();
        while !is_whole(&sent) {
            let mut piece = [0; 4096];
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(read) => sent.extend_from_slice(&piece[..read]),
            }
        }
        let text = String::from_utf8(sent).unwrap();
        let path = text.split(' ').nth(1).unwrap().to_owned();
        kept.lock().unwrap().push(text);
        let Some((_, answer)) = answers.iter().find(|(at, _)| *at == path) else {
            return std::future::pending().await;
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
        // What is cut short ends there.
        if !is_whole(answer.as_bytes()) {
            return;
        }
    }
}

/// Whether a message has come to the end that it names.
fn is_whole(message: &[u8]) -> bool {
    let text = String::from_utf8_lossy(message);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// An answer with a body of JSON.
pub(crate) fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// Asks whether Mia may look at an employee, with a number that no float holds.
pub(crate) async fn ask(point: &impl Remote) -> Finding {
    let named = |kind, id| EntityId::new(kind, id).unwrap();
    let (mia, e1) = (Entity::bare(named("User", "mia")), Entity::bare(named("Employee", "e1")));
    let arguments = obj([("n", 12_345_678_901_234_567_890_u64.into())]);
    point
        .ask(&Question {
            subject: &mia,
            actor: None,
            chain: &[],
            grant: None,
            action: "view",
            arguments: Some(&arguments),
            resource: &e1,
            context: &Object::new(),
            directory: &NoEntities,
            now: Timestamp::from_seconds(0),
        })
        .await
}
