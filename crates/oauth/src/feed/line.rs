//! What a follower has heard on one connection, and what may come next.

use super::FeedEvent;
use std::time::Duration;

/// What is wrong with an event that verifies but is not what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// It is another issuer's.
    #[error("the event is of another issuer")]
    Issuer,
    /// It was made for another connection.
    #[error("the event was made for another connection")]
    Nonce,
    /// An event is missing, came before, or comes out of its order.
    #[error("an event is missing, or comes a second time")]
    Place,
    /// Words are missing between what was heard and this: everything has to be asked for anew.
    #[error("words are missing before this event")]
    Gap,
    /// Its numbers contradict each other or what was heard: everything has to be asked for anew.
    #[error("the numbers of the event contradict what was heard")]
    Numbers,
}

impl LineError {
    /// Whether what is known cannot be continued, and has to be heard from the beginning.
    pub fn loses(self) -> bool {
        matches!(self, Self::Gap | Self::Numbers)
    }
}

/// A connection to a feed, as its follower sees it.
#[derive(Debug, Clone)]
pub struct Line {
    issuer: String,
    nonce: String,
    place: u64,
    seq: u64,
    up: Duration,
}

impl Line {
    /// A connection that was asked for with `nonce`, which nobody could know, for what follows number `since`.
    pub fn new(issuer: &str, nonce: &str, since: u64) -> Self {
        Self { issuer: issuer.to_owned(), nonce: nonce.to_owned(), place: 0, seq: since, up: Duration::ZERO }
    }

    /// Up to which number everything was heard.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Takes the next event. Its words are to be taken in if it is right, and none of them otherwise; if it
    /// [is all](FeedEvent::is_all), everything is known that was so [`up`](FeedEvent::up) after the connection was asked
    /// for, at the earliest.
    ///
    /// # Errors
    /// [`LineError`]: then nothing more is to be taken from this connection.
    pub fn next(&mut self, event: &FeedEvent) -> Result<(), LineError> {
        if event.issuer != self.issuer {
            return Err(LineError::Issuer);
        }
        if event.nonce.as_deref() != Some(&self.nonce) {
            return Err(LineError::Nonce);
        }
        if event.place != self.place + 1 {
            return Err(LineError::Place);
        }
        if event.previous != self.seq {
            return Err(LineError::Gap);
        }
        let mut last = event.previous;
        for word in &event.words {
            if word.seq <= last || word.seq > event.seq {
                return Err(LineError::Numbers);
            }
            last = word.seq;
        }
        if event.seq < event.previous || event.newest < event.seq || event.up < self.up {
            return Err(LineError::Numbers);
        }
        (self.place, self.seq, self.up) = (event.place, event.seq, event.up);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Word;
    use prokura_core::Timestamp;

    const NONCE: &str = "0123456789abcdef";

    fn event(place: u64, previous: u64, seqs: &[u64]) -> FeedEvent {
        let word = |seq: &u64| Word {
            seq: *seq,
            kind: "grant".into(),
            id: format!("g_{seq}"),
            word: "revoked".into(),
            floor: 0,
            until: None,
        };
        let seq = seqs.last().copied().unwrap_or(previous);
        FeedEvent {
            issuer: "https://as.example".into(),
            issued_at: Timestamp::from_seconds(0),
            nonce: Some(NONCE.into()),
            place,
            up: Duration::from_millis(place * 10),
            previous,
            seq,
            newest: seq,
            words: seqs.iter().map(word).collect(),
        }
    }

    fn line() -> Line {
        let mut line = Line::new("https://as.example", NONCE, 4);
        line.next(&event(1, 4, &[5, 9])).unwrap();
        line
    }

    #[test]
    fn a_line_goes_on_where_it_was() {
        let mut line = line();
        line.next(&event(2, 9, &[])).unwrap();
        line.next(&event(3, 9, &[10])).unwrap();
        assert_eq!(line.seq(), 10);
    }

    #[test]
    fn an_event_that_is_repeated_left_out_or_moved_ends_the_line() {
        assert_eq!(line().next(&event(1, 4, &[5, 9])), Err(LineError::Place), "repeated");
        assert_eq!(line().next(&event(3, 9, &[])), Err(LineError::Place), "one was left out");
        assert_eq!(line().next(&event(2, 4, &[5, 9])), Err(LineError::Gap), "from before");
        assert_eq!(line().next(&event(2, 10, &[11])), Err(LineError::Gap), "words were left out");
        let replayed = FeedEvent { nonce: Some("fedcba9876543210".into()), ..event(2, 9, &[]) };
        assert_eq!(line().next(&replayed), Err(LineError::Nonce), "of an earlier connection");
        assert_eq!(line().next(&FeedEvent { nonce: None, ..event(2, 9, &[]) }), Err(LineError::Nonce));
        let other = FeedEvent { issuer: "https://as.example/".into(), ..event(2, 9, &[]) };
        assert_eq!(line().next(&other), Err(LineError::Issuer));
    }

    #[test]
    fn numbers_that_contradict_each_other_lose_what_was_heard() {
        for bad in [
            event(2, 9, &[9]),
            event(2, 9, &[11, 10]),
            FeedEvent { seq: 10, ..event(2, 9, &[11]) },
            FeedEvent { seq: 8, ..event(2, 9, &[]) },
            FeedEvent { newest: 8, ..event(2, 9, &[]) },
            FeedEvent { up: Duration::ZERO, ..event(2, 9, &[]) },
        ] {
            let why = line().next(&bad).unwrap_err();
            assert!(why == LineError::Numbers && why.loses(), "{bad:?}");
        }
        assert!(LineError::Gap.loses() && !LineError::Place.loses());
    }
}
