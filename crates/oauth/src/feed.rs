//! The feed of revocations: what is said of standing, for gateways that do not share the database. There is no standard
//! for it; it is a stream of server-sent events, each a JWS of its own.
//!
//! One event says: *at this time, after the words up to `prev`, there were these, and with them all up to `seq`*. A
//! follower that has the words up to the `newest` number of an event has everything that was so when that event was made.
//! How long ago that was is told in time that passed on the server's monotonic clock since the follower asked, so that no
//! clock of the world has to agree; and since the follower's own `nonce` and the place in its line stand in every event,
//! nobody between the two can repeat, leave out, change the order, or hold back without being noticed.

mod line;
mod page;

pub use line::{Line, LineError};
pub use page::{FeedPage, LARGEST_PAGE};

use crate::jose::{Algorithm, JoseError, KeySet, SigningKey, verify_jws};
use crate::json::{self, Limits, Object, Value, obj};
use prokura_core::Timestamp;
use std::time::Duration;

/// The `typ` of an event.
pub const TYP: &str = "revocation+jwt";
/// The forms of that `typ` that are accepted.
const TYPES: [&str; 2] = [TYP, "application/revocation+jwt"];
/// How long a nonce may be, in bytes.
pub const NONCE: std::ops::RangeInclusive<usize> = 16..=64;
/// The name that the feed has among resources, and its one scope.
pub const FEED: &str = "feed";
/// Where it is, below the issuer.
pub const PATH: &str = "/feed/revocations";
/// The feed of relations: its scope, and what its pages are of.
pub const RELATIONS: &str = "relations";
/// Where that is, below the issuer.
pub const RELATIONS_PATH: &str = "/feed/relations";
/// When the words of an event take this much room, in bytes, it is full.
const ROOM: usize = 8 * 1024;

/// A word about the standing of somebody or something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its number.
    pub seq: u64,
    /// What it is about: `grant`, `user`, `agent`, `client`, `issuer`, `workload`, `rules`.
    pub kind: String,
    /// About which.
    pub id: String,
    /// `active`, `suspended`, `revoked`, `disabled`.
    pub word: String,
    /// Of a grant that was narrowed: the revision from which on tokens count.
    pub floor: u64,
    /// When it no longer matters, in whole seconds, rounded up; `None`: it always does.
    pub until: Option<Timestamp>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEvent {
    /// `iss`.
    pub issuer: String,
    /// `iat`, whole seconds, for people who look at it.
    pub issued_at: Timestamp,
    /// `nonce`: what the follower sent, if it did.
    pub nonce: Option<String>,
    /// `n`: which event of this connection it is, from 1.
    pub place: u64,
    /// `up`: how long after the connection began everything was asked for that stands here, in whole milliseconds.
    pub up: Duration,
    /// `prev`: after which number its words begin.
    pub previous: u64,
    /// `seq`: up to which number there are no others.
    pub seq: u64,
    /// `newest`: the newest number there was. If it is more than `seq`, the rest follows.
    pub newest: u64,
    /// `words`: none in a heartbeat.
    pub words: Vec<Word>,
}

/// An event that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// Form, header, key, signature or type.
    #[error("the event does not verify: {0}")]
    Jose(#[from] JoseError),
    /// A claim is missing or malformed.
    #[error("the claim `{0}` is missing or malformed")]
    Claim(&'static str),
}

impl Word {
    /// Takes words as long as there is room for them in one event, at least one if there is one.
    pub fn fill(words: &mut impl Iterator<Item = Self>) -> Vec<Self> {
        let (mut taken, mut size) = (Vec::new(), 0);
        for word in words {
            // Twice the id, for what has to be escaped; the names of the members and the numbers take the rest.
            size += 2 * word.id.len() + 128;
            taken.push(word);
            if size > ROOM {
                break;
            }
        }
        taken
    }

    fn to_object(&self) -> Object {
        let mut o = obj([
            ("seq", self.seq.into()),
            ("kind", self.kind.as_str().into()),
            ("id", self.id.as_str().into()),
            ("word", self.word.as_str().into()),
        ]);
        if self.floor > 0 {
            o.insert("floor", self.floor.into());
        }
        if let Some(until) = self.until {
            o.insert("until", until.seconds().into());
        }
        o
    }

    fn read(value: &Value) -> Option<Self> {
        let o = value.as_object()?;
        let text = |name: &str| o.str(name).map(str::to_owned);
        let until = o.get("until").map(|v| v.as_i64().map(Timestamp::from_seconds));
        Some(Self {
            seq: o.get("seq")?.as_u64()?,
            kind: text("kind")?,
            id: text("id")?,
            word: text("word")?,
            floor: o.get("floor").map_or(Some(0), Value::as_u64)?,
            until: if until.is_some() { Some(until.flatten()?) } else { None },
        })
    }
}

impl FeedEvent {
    /// Whether the follower has everything with it that there was.
    pub fn is_all(&self) -> bool {
        self.seq >= self.newest
    }

    /// Its claims.
    pub fn claims(&self) -> Object {
        let up = u64::try_from(self.up.as_millis()).unwrap_or(u64::MAX);
        let mut o = obj([("iss", self.issuer.as_str().into()), ("iat", self.issued_at.seconds().into())]);
        if let Some(nonce) = &self.nonce {
            o.insert("nonce", nonce.as_str().into());
        }
        for (name, number) in [
            ("n", self.place),
            ("up", up),
            ("prev", self.previous),
            ("seq", self.seq),
            ("newest", self.newest),
        ] {
            o.insert(name, number.into());
        }
        o.insert("words", Value::Array(self.words.iter().map(|w| Value::Object(w.to_object())).collect()));
        o
    }

    /// Signs it.
    ///
    /// # Errors
    /// [`JoseError`] if the key cannot sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, JoseError> {
        key.sign(TYP, &self.claims())
    }

    /// Verifies the signature and the type of an event, and reads it. Whether it is what comes next is for
    /// [`Line::next`].
    ///
    /// # Errors
    /// [`FeedError`].
    pub fn verify(compact: &str, keys: &KeySet) -> Result<Self, FeedError> {
        let jws = verify_jws(compact, keys, &Algorithm::PUBLIC)?;
        let typ = jws.header.str("typ").unwrap_or_default();
        if !TYPES.iter().any(|t| t.eq_ignore_ascii_case(typ)) {
            return Err(JoseError::Type.into());
        }
        let claims = json::parse(&jws.payload, &Limits::DOCUMENT).map_err(JoseError::Json)?;
        Self::read(&claims.into_object().ok_or(JoseError::Malformed)?)
    }

    fn read(o: &Object) -> Result<Self, FeedError> {
        let number = |name| o.get(name).and_then(Value::as_u64).ok_or(FeedError::Claim(name));
        let nonce = o.get("nonce").map(|v| v.as_str().ok_or(FeedError::Claim("nonce")));
        let words = o.get("words").and_then(Value::as_array).ok_or(FeedError::Claim("words"))?;
        let word = |value| Word::read(value).ok_or(FeedError::Claim("words"));
        let issued_at = o.get("iat").and_then(Value::as_i64).ok_or(FeedError::Claim("iat"))?;
        Ok(Self {
            issuer: o.str("iss").ok_or(FeedError::Claim("iss"))?.to_owned(),
            issued_at: Timestamp::from_seconds(issued_at),
            nonce: nonce.transpose()?.map(str::to_owned),
            place: number("n")?,
            up: Duration::from_millis(number("up")?),
            previous: number("prev")?,
            seq: number("seq")?,
            newest: number("newest")?,
            words: words.iter().map(word).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(seq: u64, id: &str) -> Word {
        let until = Some(Timestamp::from_seconds(2_000_000_000));
        Word { seq, kind: "grant".into(), id: id.into(), word: "revoked".into(), floor: 0, until }
    }

    fn event() -> FeedEvent {
        FeedEvent {
            issuer: "https://as.example".into(),
            issued_at: Timestamp::from_seconds(1_800_000_000),
            nonce: Some("n".repeat(22)),
            place: 3,
            up: Duration::from_millis(1500),
            previous: 6,
            seq: 9,
            newest: 9,
            words: vec![
                word(7, "g_1"),
                Word { floor: 2, word: "active".into(), ..word(8, "g_2") },
                Word { kind: "user".into(), until: None, ..word(9, "usr_1") },
            ],
        }
    }

    #[test]
    fn what_is_signed_is_read() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = KeySet::of(vec![key.public()]).unwrap();
        assert_eq!(FeedEvent::verify(&event().sign(&key).unwrap(), &keys).unwrap(), event());
        let heartbeat = FeedEvent { words: Vec::new(), nonce: None, ..event() };
        assert_eq!(FeedEvent::verify(&heartbeat.sign(&key).unwrap(), &keys).unwrap(), heartbeat);
    }

    #[test]
    fn what_is_forged_or_no_event_is_refused() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = KeySet::of(vec![key.public()]).unwrap();
        let other = SigningKey::generate(Algorithm::Es256).unwrap();
        let foreign = event().sign(&other).unwrap();
        assert_eq!(FeedEvent::verify(&foreign, &keys), Err(JoseError::UnknownKey.into()));
        for typ in ["JWT", "at+jwt", "secevent+jwt", ""] {
            let as_other = key.sign(typ, &event().claims()).unwrap();
            assert_eq!(FeedEvent::verify(&as_other, &keys), Err(JoseError::Type.into()), "{typ}");
        }
        let compact = event().sign(&key).unwrap();
        let (signed, signature) = compact.rsplit_once('.').unwrap();
        for forged in
            [format!("{signed}."), format!("{signed}x.{signature}"), signed.to_owned(), String::new()]
        {
            assert!(FeedEvent::verify(&forged, &keys).is_err());
        }
        for name in ["iss", "iat", "n", "up", "prev", "seq", "newest", "words"] {
            for value in [None, Some(Value::from("x")), Some(Value::from(-1_i64))] {
                let mut claims = event().claims();
                match &value {
                    None => drop(claims.remove(name)),
                    Some(value) => claims.insert(name, value.clone()),
                }
                let fine = (name == "iss" && value == Some("x".into()))
                    || (name == "iat" && value == Some((-1_i64).into()));
                let read = FeedEvent::verify(&key.sign(TYP, &claims).unwrap(), &keys);
                assert_eq!(read.is_ok(), fine, "{name} {value:?}");
            }
        }
    }

    #[test]
    fn a_full_event_can_be_read_and_every_word_finds_room() {
        let key = SigningKey::generate(Algorithm::Rs256).unwrap();
        let keys = KeySet::of(vec![key.public()]).unwrap();
        for id in ["g_1".to_owned(), "\"".repeat(3000), "i".repeat(4000)] {
            let mut words = (1..=500).map(|seq| word(seq, &id));
            let mut all = 0;
            loop {
                let taken = Word::fill(&mut words);
                if taken.is_empty() {
                    break;
                }
                all += taken.len();
                let compact = FeedEvent { words: taken, ..event() }.sign(&key).unwrap();
                FeedEvent::verify(&compact, &keys).unwrap();
            }
            assert_eq!(all, 500);
        }
    }
}
