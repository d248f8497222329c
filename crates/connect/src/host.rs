//! The host: lines on standard input and output, each one message.

use crate::fault::Outcome;
use prokura_mcp::envelope::{Call, Id, Malformed, Message};
use prokura_oauth::json::{Limits, Object, obj};
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

/// Lines that wait to be written.
const QUEUE: usize = 256;
/// What this bridge's own requests to the host begin with.
const OWN: &str = "prokura-";

/// Reads messages, one a line.
pub(crate) struct Lines<R> {
    from: R,
    line: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(crate) fn new(from: R) -> Self {
        Self { from, line: Vec::new() }
    }

    /// The next message; `None` when the host has closed. A line that is too long is skipped to its end.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Result<Message, Malformed>>> {
        loop {
            self.line.clear();
            let (mut ended, mut giant) = (false, false);
            while !ended {
                let piece = self.from.fill_buf().await?;
                if piece.is_empty() {
                    return Ok(None);
                }
                let end = piece.iter().position(|b| *b == b'\n');
                let taken = end.unwrap_or(piece.len());
                giant |= self.line.len() + taken > Limits::MESSAGE.max_bytes;
                if !giant {
                    self.line.extend_from_slice(&piece[..taken]);
                }
                ended = end.is_some();
                self.from.consume(taken + usize::from(ended));
            }
            if giant {
                let reason = "the message is larger than is read".to_owned();
                return Ok(Some(Err(Malformed { code: -32600, reason, id: None })));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some(Message::parse(self.line.trim_ascii(), &Limits::MESSAGE)));
            }
        }
    }
}

/// Writes lines until nobody has any more.
pub(crate) async fn write<W: AsyncWrite + Unpin>(mut to: W, mut lines: mpsc::Receiver<Vec<u8>>) {
    while let Some(line) = lines.recv().await {
        if to.write_all(&line).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}

/// What the host is told and asked.
pub(crate) struct Host {
    out: mpsc::Sender<Vec<u8>>,
    asked: Mutex<HashMap<Id, oneshot::Sender<Outcome>>>,
    count: AtomicU64,
}

impl Host {
    /// The host, and the lines to be written to it.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Vec<u8>>) {
        let (out, lines) = mpsc::channel(QUEUE);
        (Self { out, asked: Mutex::default(), count: AtomicU64::new(1) }, lines)
    }

    /// Hands a message on. If the host has gone, nobody misses it.
    pub(crate) async fn tell(&self, message: Message) {
        let _ = self.out.send(line(message)).await;
    }

    /// Asks the host and waits for its answer. If the wait is given up, the host is told so.
    pub(crate) async fn ask(&self, call: Call) -> Outcome {
        let id = Id::Text(format!("{OWN}{}", self.count.fetch_add(1, Ordering::Relaxed)));
        let (answer, answered) = oneshot::channel();
        self.open().insert(id.clone(), answer);
        let question = Question { host: self, id: id.clone() };
        self.tell(Message::Request(id, call)).await;
        let outcome = answered.await;
        drop(question);
        outcome.unwrap_or_else(|_| Err(obj([("code", (-32603_i64).into()), ("message", "no answer".into())])))
    }

    /// Takes an answer to a question of this bridge; gives back what is none.
    pub(crate) fn answered(&self, id: &Id, outcome: Outcome) -> Result<(), Outcome> {
        let Some(waiting) = self.open().remove(id) else { return Err(outcome) };
        let _ = waiting.send(outcome);
        Ok(())
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Id, oneshot::Sender<Outcome>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question that waits for its answer.
struct Question<'a> {
    host: &'a Host,
    id: Id,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if self.host.open().remove(&self.id).is_some() {
            let _ = self.host.out.try_send(line(cancelled(&self.id)));
        }
    }
}

/// Says that a request is not waited for any more.
pub(crate) fn cancelled(id: &Id) -> Message {
    let params: Object = obj([("requestId", id.to_value())]);
    Message::Notification(Call { method: "notifications/cancelled".into(), params: Some(params) })
}

fn line(message: Message) -> Vec<u8> {
    let mut line = message.into_bytes();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &[u8]) -> Vec<Result<Message, i64>> {
        let mut lines = Lines::new(text);
        let mut all = Vec::new();
        while let Some(read) = lines.next().await.unwrap() {
            all.push(read.map_err(|e| e.code));
        }
        all
    }

    #[tokio::test]
    async fn each_line_is_a_message_and_a_bad_one_does_not_spoil_the_next() {
        let ping = Message::Request(Id::Integer(1), Call { method: "ping".into(), params: None });
        let line = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        let text = format!(
            "{line}\r\n\n{{\n[{line}]\n{{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}}\n{line}\ncut off"
        );
        let all = read(text.as_bytes()).await;
        assert_eq!(all, [Ok(ping.clone()), Err(-32700), Err(-32600), Err(-32700), Ok(ping)]);
    }

    #[tokio::test]
    async fn a_giant_line_is_skipped_without_being_kept() {
        let mut text = vec![b'x'; Limits::MESSAGE.max_bytes + 1];
        text.extend_from_slice(b"\n{\"jsonrpc\":\"2.0\",\"method\":\"n\"}\n");
        let all = read(&text).await;
        assert!(matches!(all.as_slice(), [Err(-32600), Ok(Message::Notification(_))]), "{all:?}");
    }

    #[tokio::test]
    async fn a_question_that_is_given_up_is_taken_back() {
        let (host, mut lines) = Host::new();
        let call = Call { method: "roots/list".into(), params: None };
        {
            let asking = host.ask(call);
            tokio::pin!(asking);
            tokio::select! { biased; _ = &mut asking => unreachable!(), () = std::future::ready(()) => {} }
        }
        let asked = String::from_utf8(lines.recv().await.unwrap()).unwrap();
        assert!(asked.contains(r#""id":"prokura-1""#), "{asked}");
        let taken = String::from_utf8(lines.recv().await.unwrap()).unwrap();
        assert!(taken.contains("notifications/cancelled") && taken.contains("prokura-1"), "{taken}");
        assert!(host.answered(&Id::Text("prokura-1".into()), Ok(Object::new())).is_err());
    }
}
