//! A view of what another server says is in force, by following its feed.

use super::{Change, Kind, NEVER, RevokedView, micros};
use crate::rows::StandingWord;
use crate::tx::Word;
use prokura_core::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

impl RevokedView {
    /// An empty view that is not fresh before it [heard](Self::has_all) something.
    pub fn followed() -> Self {
        Self { heard: AtomicU64::new(NEVER), ..Self::watched() }
    }

    /// Takes words in. A kind that is not known here is about nothing that is asked here; how many there were is answered.
    pub fn take(&self, words: impl IntoIterator<Item = StandingWord>) -> usize {
        let mut unknown = 0;
        let known = words.into_iter().filter_map(|w| {
            let Some(kind) = Kind::parse(&w.kind) else {
                unknown += 1;
                return None;
            };
            let active = w.word == Word::ACTIVE;
            Some(Change { seq: w.seq, kind, id: w.id, active, until: w.until, floor: w.floor })
        });
        self.apply(known.collect());
        unknown
    }

    /// Notes that everything is in that was so at `at`, as [`running`](Self::running) measures.
    pub fn has_all(&self, at: Duration) {
        self.heard(micros(at));
    }

    /// For how long there is this view, on the monotonic clock.
    pub fn running(&self) -> Duration {
        Duration::from_micros(self.elapsed())
    }

    /// Begins to count anew, because it is not known what is missing: until it hears again, it is not fresh, and any word
    /// is newer than what it knows. What ended stays so until then: whoever saw a moment ago that the view was fresh asks
    /// it now.
    pub fn begin_anew(&self) {
        self.heard.store(NEVER, Ordering::Release);
        self.marks.begin_anew();
    }

    /// Forgets words about what has expired by `now`, which must not be from a clock that may be ahead of the server's.
    pub fn tidy(&self, now: Timestamp) {
        self.forget(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::GrantId;

    fn word(seq: u64, word: &str) -> StandingWord {
        let until = Timestamp::from_seconds(100);
        StandingWord { seq, kind: "grant".into(), id: "g_1".into(), word: word.into(), floor: 0, until }
    }

    #[test]
    fn a_view_that_follows_is_believed_only_once_it_heard() {
        let view = RevokedView::followed();
        assert!(!view.fresh());
        view.has_all(view.running());
        assert!(view.fresh());
        view.begin_anew();
        assert!(!view.fresh());
    }

    #[test]
    fn words_are_taken_in_their_order_and_what_is_unknown_is_counted() {
        let (view, grant) = (RevokedView::followed(), GrantId::parse("g_1").unwrap());
        let mut changes = view.changes();
        assert_eq!(
            view.take([word(2, "suspended"), StandingWord { kind: "moon".into(), ..word(3, "full") }]),
            1
        );
        assert!(view.contains(&grant) && changes.has_changed().unwrap());
        changes.mark_unchanged();
        view.take([word(1, "active")]);
        assert!(view.contains(&grant));
        view.take([word(4, "active")]);
        assert!(!view.contains(&grant) && changes.has_changed().unwrap());
        view.take([word(5, "revoked")]);
        view.begin_anew();
        assert!(view.contains(&grant), "what ended does not come to life");
        view.take([word(1, "active")]);
        assert!(!view.contains(&grant), "and any word is newer");
    }
}
