//! What is known about somebody or something, in memory.

use crate::revoked::RevokedView;
use prokura_core::{Fact, FactName, Timestamp};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Whom or what a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKind {
    /// An attested running instance, by its id.
    Workload,
    /// What a workload runs on, by the claim that names it: `node:NAME`, `instance:ID`.
    Host,
    /// A registered software actor.
    Agent,
    /// An OAuth client.
    Client,
    /// A person.
    User,
    /// What somebody agreed to or refused: said by decisions here alone, never from outside.
    Approval,
}

impl FactKind {
    /// Every kind that facts are pushed about, the nearest to a running instance first.
    pub const ALL: [Self; 5] = [Self::Workload, Self::Host, Self::Agent, Self::Client, Self::User];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Host => "host",
            Self::Agent => "agent",
            Self::Client => "client",
            Self::User => "user",
            Self::Approval => "approval",
        }
    }

    /// The kind of that word, of which facts may be stored.
    pub(crate) fn stored(word: &str) -> Option<Self> {
        Self::parse(word).or_else(|| (word == Self::Approval.as_str()).then_some(Self::Approval))
    }

    /// The kind of that word, of which facts may be pushed.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == word)
    }
}

/// Whom or what a fact is about, by kind and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactSubject {
    /// What it is.
    pub kind: FactKind,
    /// Its id.
    pub id: String,
}

/// The newest word on one fact, as the `facts` table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FactChange {
    pub(crate) seq: u64,
    pub(crate) subject: FactSubject,
    pub(crate) name: FactName,
    /// `None` if nothing is known any more.
    pub(crate) fact: Option<Arc<Fact>>,
    /// When the word is forgotten.
    pub(crate) until: Timestamp,
}

struct Mark {
    name: FactName,
    seq: u64,
    fact: Option<Arc<Fact>>,
    until: Timestamp,
}

type OfOneKind = HashMap<String, Vec<Mark>>;

/// The newest observation of everything that was pushed. What this process writes is in it before the write is answered;
/// what others write, within a quarter of a second. It is followed together with the [`RevokedView`], and is as fresh:
/// of a view that has not heard from the database for too long, nothing is known.
pub struct FactsView {
    marks: RwLock<[OfOneKind; 6]>,
    count: AtomicUsize,
    heard_by: Arc<RevokedView>,
}

impl FactsView {
    /// An empty view that is as fresh as `heard_by`.
    pub(crate) fn beside(heard_by: Arc<RevokedView>) -> Self {
        Self { marks: RwLock::default(), count: AtomicUsize::new(0), heard_by }
    }

    /// What is known of that name about `id`, stale or not. Nothing is, if the view is not [`fresh`](Self::fresh).
    pub fn fact(&self, kind: FactKind, id: &str, name: &FactName) -> Option<Arc<Fact>> {
        if !self.fresh() {
            return None;
        }
        let marks = self.marks.read().unwrap_or_else(PoisonError::into_inner);
        marks[kind as usize].get(id)?.iter().find(|m| m.name == *name)?.fact.clone()
    }

    /// Whether the view may be trusted; see [`RevokedView::fresh`].
    pub fn fresh(&self) -> bool {
        self.heard_by.fresh()
    }

    /// How many facts are kept, those included that count no more and are not forgotten yet.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Takes in words in any order; for each fact the newest holds.
    pub(crate) fn apply(&self, changes: Vec<FactChange>) {
        if changes.is_empty() {
            return;
        }
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        for FactChange { seq, subject, name, fact, until } in changes {
            let of_subject = marks[subject.kind as usize].entry(subject.id).or_default();
            match of_subject.iter_mut().find(|m| m.name == name) {
                Some(mark) if mark.seq >= seq => {}
                Some(mark) => *mark = Mark { name, seq, fact, until },
                None => {
                    of_subject.push(Mark { name, seq, fact, until });
                    self.count.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Forgets what is over by `now`.
    pub(crate) fn forget(&self, now: Timestamp) {
        let old = |m: &Mark| m.until < now;
        let any = |marks: &[OfOneKind; 6]| marks.iter().any(|k| k.values().flatten().any(old));
        if !any(&self.marks.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        for of_kind in marks.iter_mut() {
            of_kind.retain(|_, of_subject| {
                of_subject.retain(|m| !old(m));
                !of_subject.is_empty()
            });
        }
        let left = marks.iter().flat_map(HashMap::values).map(Vec::len).sum();
        self.count.store(left, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::FactValue;

    fn change(seq: u64, said: Option<bool>) -> FactChange {
        let fact = said.map(|flag| {
            Arc::new(Fact {
                value: FactValue::Flag(flag),
                source: "edr".into(),
                observed_at: Timestamp::from_seconds(1),
                max_age: None,
            })
        });
        let subject = FactSubject { kind: FactKind::Host, id: "node:a".to_owned() };
        FactChange { seq, subject, name: name(), fact, until: Timestamp::from_seconds(100) }
    }

    fn name() -> FactName {
        FactName::parse("posture.compliant").unwrap()
    }

    fn said(view: &FactsView) -> Option<bool> {
        let fact = view.fact(FactKind::Host, "node:a", &name())?;
        Some(fact.value == FactValue::Flag(true))
    }

    #[test]
    fn a_late_word_does_not_undo_a_newer_one() {
        let view = FactsView::beside(Arc::new(RevokedView::alone()));
        view.apply(vec![change(5, Some(false)), change(4, Some(true))]);
        assert_eq!(said(&view), Some(false));
        view.apply(vec![change(6, None)]);
        view.apply(vec![change(5, Some(false))]);
        assert_eq!((said(&view), view.count()), (None, 1));
        assert!(view.fact(FactKind::Workload, "node:a", &name()).is_none());
    }

    #[test]
    fn what_is_over_is_forgotten_and_not_before() {
        let view = FactsView::beside(Arc::new(RevokedView::alone()));
        view.apply(vec![change(1, Some(true))]);
        view.forget(Timestamp::from_seconds(100));
        assert_eq!(said(&view), Some(true));
        view.forget(Timestamp::from_seconds(101));
        assert_eq!((said(&view), view.count()), (None, 0));
    }

    #[test]
    fn nothing_is_known_of_a_view_that_hears_nothing() {
        let heard = Arc::new(RevokedView::watched());
        let view = FactsView::beside(Arc::clone(&heard));
        view.apply(vec![change(1, Some(true))]);
        assert_eq!(said(&view), Some(true));
        heard.believe_for(std::time::Duration::ZERO);
        std::thread::sleep(std::time::Duration::from_millis(1));
        assert_eq!((view.fresh(), said(&view)), (false, None));
    }
}
