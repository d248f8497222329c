//! Server-sent events (WHATWG HTML §9.2): an incremental decoder and an encoder.
//!
//! Nothing of an upstream's framing is relayed: events are decoded, looked at, and written anew.

/// One event as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// The `event` field.
    pub event: Option<String>,
    /// The `id` field.
    pub id: Option<String>,
    /// The `data` lines, joined by line feeds.
    pub data: Option<String>,
    /// The `retry` field, in milliseconds.
    pub retry: Option<u64>,
}

/// A stream that is no event stream, or too much of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// One event is larger than is relayed.
    #[error("an event is too large")]
    TooLarge,
    /// A line is not UTF-8.
    #[error("an event is not UTF-8")]
    NotUtf8,
}

/// Decodes a stream that comes in pieces.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    line: Vec<u8>,
    event: Event,
    size: usize,
    after_cr: bool,
    started: bool,
}

impl Decoder {
    /// A decoder that takes events of at most `limit` bytes, field names included.
    pub fn new(limit: usize) -> Self {
        Self { limit, line: Vec::new(), event: Event::default(), size: 0, after_cr: false, started: false }
    }

    /// Takes the next piece and appends the events that it completes to `out`. An event that the stream's end
    /// cuts off is dropped, as the standard says.
    ///
    /// # Errors
    /// [`SseError`]; the stream is then of no more use.
    pub fn push(&mut self, mut piece: &[u8], out: &mut Vec<Event>) -> Result<(), SseError> {
        while let Some(&first) = piece.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                piece = &piece[1..];
                continue;
            }
            let end = piece.iter().position(|b| matches!(b, b'\n' | b'\r'));
            let taken = end.unwrap_or(piece.len());
            self.size += taken;
            if self.size > self.limit {
                return Err(SseError::TooLarge);
            }
            self.line.extend_from_slice(&piece[..taken]);
            let Some(end) = end else { return Ok(()) };
            self.after_cr = piece[end] == b'\r';
            piece = &piece[end + 1..];
            self.end_line(out)?;
        }
        Ok(())
    }

    fn end_line(&mut self, out: &mut Vec<Event>) -> Result<(), SseError> {
        let bytes = std::mem::take(&mut self.line);
        let mut line = std::str::from_utf8(&bytes).map_err(|_| SseError::NotUtf8)?;
        if !std::mem::replace(&mut self.started, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            self.size = 0;
            let event = std::mem::take(&mut self.event);
            if event != Event::default() {
                out.push(event);
            }
        } else {
            self.field(line);
        }
        // The buffer is kept, so that a long stream allocates once.
        self.line = bytes;
        self.line.clear();
        Ok(())
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => match &mut self.event.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.event.data = Some(value.to_owned()),
            },
            "event" => self.event.event = Some(value.to_owned()),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                self.event.retry = value.parse().ok();
            }
            // Comments and unknown fields; a comment line alone must not count against the next event.
            _ if self.event == Event::default() => self.size = 0,
            _ => {}
        }
    }
}

/// A line that carries nothing and keeps the connection open.
pub const KEEP_ALIVE: &str = ":\n\n";

impl Event {
    /// Writes the event. Line breaks in `data` become several lines; in `event` and `id` they are left out, so
    /// that no value can end its line.
    pub fn encode(&self) -> String {
        let mut out = String::with_capacity(64 + self.data.as_ref().map_or(0, String::len));
        let mut line = |name: &str, value: &str| {
            out.push_str(name);
            out.push_str(": ");
            out.extend(value.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')));
            out.push('\n');
        };
        if let Some(event) = &self.event {
            line("event", event);
        }
        if let Some(id) = &self.id {
            line("id", id);
        }
        if let Some(retry) = self.retry {
            line("retry", &retry.to_string());
        }
        if let Some(data) = &self.data {
            for part in data.replace("\r\n", "\n").split(['\r', '\n']) {
                line("data", part);
            }
        }
        out.push('\n');
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&str]) -> Vec<Event> {
        let (mut decoder, mut out) = (Decoder::new(1000), Vec::new());
        for piece in pieces {
            decoder.push(piece.as_bytes(), &mut out).unwrap();
        }
        out
    }

    fn data(text: &str) -> Event {
        Event { data: Some(text.into()), ..Event::default() }
    }

    #[test]
    fn every_line_ending_counts_once() {
        for stream in ["data: a\n\ndata: b\n\n", "data: a\r\rdata: b\r\r", "data: a\r\n\r\ndata: b\r\n\r\n"] {
            assert_eq!(decode(&[stream]), [data("a"), data("b")], "{stream:?}");
            let singles: Vec<_> = stream.split_inclusive(|_| true).collect();
            assert_eq!(decode(&singles), [data("a"), data("b")], "{stream:?} byte by byte");
        }
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        let all = decode(&[
            "\u{feff}:comment\nevent: message\nid:7\nretry: 10\ndata:x\ndata\ndata:  y\nother: z\n\n",
        ]);
        let expected = Event {
            event: Some("message".into()),
            id: Some("7".into()),
            data: Some("x\n\n y".into()),
            retry: Some(10),
        };
        assert_eq!(all, [expected]);
        assert_eq!(decode(&["retry: 1x\n\n", ":\n\n", "\n\n", "data: cut off"]), []);
        assert_eq!(decode(&["id: 1\ndata:\n\n"]), [Event { id: Some("1".into()), ..data("") }]);
    }

    #[test]
    fn an_event_has_a_bound_and_a_stream_of_comments_has_none() {
        let (mut decoder, mut out) = (Decoder::new(16), Vec::new());
        for _ in 0..100 {
            decoder.push(b": comment\n\n", &mut out).unwrap();
        }
        assert_eq!(decoder.push(b"data: 0123456789abcdef\n\n", &mut out), Err(SseError::TooLarge));
        assert_eq!(Decoder::new(16).push(b"\xff\n", &mut out), Err(SseError::NotUtf8));
    }

    #[test]
    fn no_value_can_end_its_line() {
        let event = Event {
            event: Some("a\ndata: forged".into()),
            id: Some("1\r\ndata: forged".into()),
            data: Some("x\r\ny\rz".into()),
            retry: None,
        };
        let decoded = decode(&[&event.encode()]);
        assert_eq!(decoded.len(), 1);
        assert_eq!(decoded[0].data.as_deref(), Some("x\ny\nz"));
    }
}
