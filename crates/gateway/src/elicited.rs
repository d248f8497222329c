//! Which sessions were sent to a page, and what for: so that they hear when somebody has decided there
//! (`notifications/elicitation/complete`, MCP 2025-11-25).
//!
//! Kept in memory, where the session's own stream is: who missed it sends the call again all the same. Nothing here is
//! an agreement, and nobody but the session that was sent hears of it.

use prokura_core::{TaskId, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// So many sessions, and so many pages of each, are remembered; then no more.
const SESSIONS: usize = 10_000;
const PAGES: usize = 50;

/// A session: whose it is, and the upstream's own name for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey(Vec<u8>);

impl SessionKey {
    /// Of a caller's session at a route.
    pub(crate) fn new(binding: &[u8], session: &str) -> Self {
        let mut key = binding.to_vec();
        crate::handle::put(&mut key, session.as_bytes());
        Self(key)
    }
}

/// What was waited for, until when that can matter.
#[derive(Default)]
pub(crate) struct Elicited(Mutex<HashMap<SessionKey, Vec<(TaskId, Timestamp)>>>);

impl Elicited {
    /// A session was sent to the pages of these tasks, which wait until then.
    pub(crate) fn sent(&self, session: SessionKey, tasks: &[TaskId], now: Timestamp, until: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= SESSIONS {
            all.retain(|_, tasks| tasks.iter().any(|(_, until)| now < *until));
        }
        if all.len() >= SESSIONS && !all.contains_key(&session) {
            return;
        }
        let known = all.entry(session).or_default();
        known.retain(|(_, until)| now < *until);
        for task in tasks {
            if known.len() < PAGES && known.iter().all(|(other, _)| other != task) {
                known.push((task.clone(), until));
            }
        }
    }

    /// What a session waits for.
    pub(crate) fn waiting(&self, session: &SessionKey) -> Vec<TaskId> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(session).map_or_else(Vec::new, |known| known.iter().map(|(task, _)| task.clone()).collect())
    }

    /// Forgets one; false if somebody else has told of it.
    pub(crate) fn take(&self, session: &SessionKey, task: &TaskId) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = all.get_mut(session) else { return false };
        let before = known.len();
        known.retain(|(other, _)| other != task);
        let taken = known.len() < before;
        if known.is_empty() {
            all.remove(session);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_session_hears_of_its_own_once() {
        let (all, at) = (Elicited::default(), Timestamp::from_seconds);
        let key = |who: &str, session: &str| SessionKey::new(who.as_bytes(), session);
        let task = |n: usize| TaskId::parse(format!("apt_{n}")).unwrap();
        all.sent(key("a", "s"), &[task(1)], at(0), at(10));
        all.sent(key("a", "s"), &[task(1)], at(0), at(10));
        assert_eq!(all.waiting(&key("a", "s")), [task(1)]);
        for other in [key("a", "t"), key("b", "s"), key("", "as")] {
            assert!(all.waiting(&other).is_empty() && !all.take(&other, &task(1)));
        }
        assert!(all.take(&key("a", "s"), &task(1)) && !all.take(&key("a", "s"), &task(1)));
        let many: Vec<_> = (0..60).map(task).collect();
        all.sent(key("a", "s"), &many, at(0), at(10));
        assert_eq!(all.waiting(&key("a", "s")).len(), PAGES);
        all.sent(key("a", "s"), &[task(99)], at(10), at(20));
        assert_eq!(all.waiting(&key("a", "s")), [task(99)], "what is over makes room");
    }
}
