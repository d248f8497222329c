//! What is not in force, in memory.

use crate::marks::Marks;
use prokura_core::{AgentId, ClientId, GrantId, Timestamp, UserId, WorkloadId};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

mod followed;

/// A view older than this must not be trusted.
const STALE: Duration = Duration::from_secs(2);

/// What a word about standing is said of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Grant,
    User,
    Agent,
    Client,
    Issuer,
    Workload,
    /// The stored rules about workloads: a word of them says that they changed.
    Rules,
    /// A word of them says that another version of a policy set is in force.
    Policies,
    /// A word of it says that users, agents, their groups or entities that policies speak of are others than before.
    Directory,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::Grant,
        Self::User,
        Self::Agent,
        Self::Client,
        Self::Issuer,
        Self::Workload,
        Self::Rules,
        Self::Policies,
        Self::Directory,
    ];

    /// Whether its words only say that something else was changed, and nobody's standing.
    pub(crate) fn is_notice(self) -> bool {
        matches!(self, Self::Rules | Self::Policies | Self::Directory)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::User => "user",
            Self::Agent => "agent",
            Self::Client => "client",
            Self::Issuer => "issuer",
            Self::Workload => "workload",
            Self::Rules => "rules",
            Self::Policies => "policies",
            Self::Directory => "directory",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == word)
    }
}

/// One word about standing, as the `revocations` table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) seq: u64,
    pub(crate) kind: Kind,
    pub(crate) id: String,
    /// In force again: a resumed grant, an enabled user.
    pub(crate) active: bool,
    /// When the word no longer matters, because the grant has expired.
    pub(crate) until: Timestamp,
    /// The revision from which on tokens count: the grant was narrowed then.
    pub(crate) floor: u64,
}

/// The grants that are revoked, suspended or narrowed, and the users, agents, clients,
/// issuers and workloads that are disabled. Of a grant that ended, those below it are not in it: ask for the whole chain
/// ([`stands`](Self::stands)). What this
/// process changes is in it before the change is answered; what others change, as soon as the database tells, and within a
/// quarter of a second at most. A
/// view that has not heard from the database for too long is not [`fresh`](Self::fresh): refuse then.
pub struct RevokedView {
    marks: Marks,
    /// The newest word on the stored rules about workloads.
    rules: AtomicU64,
    /// The newest word on which policies are in force.
    policies: AtomicU64,
    /// The newest word on what policies know of users, agents and entities.
    directory: AtomicU64,
    start: Instant,
    /// Microseconds from `start` to when the database last answered; `u64::MAX` if this process alone can
    /// change it.
    heard: AtomicU64,
    /// For how many microseconds it is believed without hearing.
    limit: AtomicU64,
    /// Grows with everything that is taken in, for those who wait for it.
    changed: watch::Sender<u64>,
}

/// That the view has not heard anything yet.
const NEVER: u64 = u64::MAX - 1;

impl RevokedView {
    /// An empty view that is never stale, for a database that this process alone can reach.
    pub(crate) fn alone() -> Self {
        Self { heard: AtomicU64::new(u64::MAX), ..Self::watched() }
    }

    /// An empty view that is fresh for as long as it hears from the database.
    #[allow(clippy::disallowed_methods, reason = "how long ago this process heard is no time of the world")]
    pub(crate) fn watched() -> Self {
        Self {
            marks: Marks::default(),
            rules: AtomicU64::new(0),
            policies: AtomicU64::new(0),
            directory: AtomicU64::new(0),
            start: Instant::now(),
            heard: AtomicU64::new(0),
            limit: AtomicU64::new(micros(STALE)),
            changed: watch::Sender::new(0),
        }
    }

    /// Wakes whoever waits when something is taken in: at once for what this process changes. Ask again then; what it
    /// counts means nothing.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Whether a chain of grants still stands, each with the revision at which it was looked at: none of them is revoked
    /// or suspended, and none was narrowed since. The one question to ask before a token counts.
    pub fn stands<'a>(&self, chain: impl IntoIterator<Item = (&'a GrantId, u64)>) -> bool {
        let fine = |id: &GrantId, revision| {
            let mark = self.marks.get(Kind::Grant, id.as_str());
            mark.is_none_or(|mark| mark.active && revision >= mark.floor)
        };
        chain.into_iter().all(|(id, revision)| fine(id, revision))
    }

    /// Whether this grant itself is revoked or suspended. It may be over for one above it: ask
    /// [`stands`](Self::stands) wherever the chain is known.
    pub fn contains(&self, grant: &GrantId) -> bool {
        self.ended(Kind::Grant, grant.as_str())
    }

    /// Whether this user is disabled.
    pub fn user_disabled(&self, user: &UserId) -> bool {
        self.ended(Kind::User, user.as_str())
    }

    /// Whether this agent is disabled.
    pub fn agent_disabled(&self, agent: &AgentId) -> bool {
        self.ended(Kind::Agent, agent.as_str())
    }

    /// Whether this client is disabled.
    pub fn client_disabled(&self, client: &ClientId) -> bool {
        self.ended(Kind::Client, client.as_str())
    }

    /// Whether nobody's tokens of this issuer count.
    pub fn issuer_disabled(&self, issuer: &str) -> bool {
        self.ended(Kind::Issuer, issuer)
    }

    /// Whether no workload counts that the provider of that name vouches for.
    pub fn provider_disabled(&self, provider: &str) -> bool {
        self.ended(Kind::Issuer, &crate::rows::provider_id(provider))
    }

    /// Whether this workload may do nothing for now.
    pub fn workload_disabled(&self, workload: &WorkloadId) -> bool {
        self.ended(Kind::Workload, workload.as_str())
    }

    /// A number that is another one whenever the stored rules about workloads were changed; 0 if they never were.
    pub fn rules_revision(&self) -> u64 {
        self.rules.load(Ordering::Acquire)
    }

    /// A number that is another one whenever another version of a policy set was put in force; 0 if none ever was.
    pub fn policies_revision(&self) -> u64 {
        self.policies.load(Ordering::Acquire)
    }

    /// A number that is another one whenever users, agents, their groups, or entities that were told are others than
    /// before.
    pub fn directory_revision(&self) -> u64 {
        self.directory.load(Ordering::Acquire)
    }

    /// Whether the view may be trusted: it heard from the database within the limit (2 seconds unless another
    /// was [set](Self::believe_for)), measured on the monotonic clock, for a clock that steps back must not make
    /// an old view look new.
    pub fn fresh(&self) -> bool {
        micros(self.age()) <= self.limit.load(Ordering::Relaxed)
    }

    /// Sets for how long the view is believed without hearing from the database, for everybody who asks it.
    pub fn believe_for(&self, limit: Duration) {
        self.limit.store(micros(limit), Ordering::Relaxed);
    }

    /// How long ago the database last answered; zero if this process alone can change it.
    pub fn age(&self) -> Duration {
        match self.heard.load(Ordering::Acquire) {
            u64::MAX => Duration::ZERO,
            NEVER => Duration::MAX,
            heard => Duration::from_micros(self.elapsed().saturating_sub(heard)),
        }
    }

    /// Microseconds since the view was made.
    #[allow(clippy::disallowed_methods, reason = "how long ago this process heard is no time of the world")]
    pub(crate) fn elapsed(&self) -> u64 {
        micros(Instant::now().saturating_duration_since(self.start))
    }

    /// Notes that everything said up to `at` (from [`elapsed`](Self::elapsed), taken before asking) is in.
    pub(crate) fn heard(&self, at: u64) {
        let later = |heard| match heard {
            u64::MAX => None,
            NEVER => Some(at),
            heard => Some(heard.max(at)),
        };
        // Nothing to note where nobody else can change anything.
        let _alone = self.heard.fetch_update(Ordering::AcqRel, Ordering::Acquire, later);
    }

    /// Takes in words in any order; for each id the newest holds.
    pub(crate) fn apply(&self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        for change in changes {
            let newest = match change.kind {
                Kind::Rules => &self.rules,
                Kind::Policies => &self.policies,
                Kind::Directory => &self.directory,
                _ => {
                    self.marks.apply(change);
                    continue;
                }
            };
            newest.fetch_max(change.seq, Ordering::AcqRel);
        }
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Forgets words about what has expired by `now`.
    pub(crate) fn forget(&self, now: Timestamp) {
        self.marks.forget(now);
    }

    fn ended(&self, kind: Kind, id: &str) -> bool {
        self.marks.get(kind, id).is_some_and(|mark| !mark.active)
    }
}

fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(seq: u64, id: &str, active: bool) -> Change {
        let until = Timestamp::from_seconds(100);
        Change { seq, kind: Kind::Grant, id: id.into(), active, until, floor: 0 }
    }

    fn g(id: &str) -> GrantId {
        GrantId::parse(id).unwrap()
    }

    #[test]
    fn a_late_word_does_not_undo_a_newer_one() {
        let view = RevokedView::alone();
        view.apply(vec![change(5, "g_1", false)]);
        assert!(view.contains(&g("g_1")));
        view.apply(vec![change(6, "g_1", true)]);
        view.apply(vec![change(5, "g_1", false)]);
        assert!(!view.contains(&g("g_1")));
        view.apply(vec![change(9, "g_2", false), change(8, "g_2", true)]);
        assert!(view.contains(&g("g_2")));
    }

    #[test]
    fn a_chain_stands_while_nothing_in_it_ended_or_was_narrowed_since() {
        let view = RevokedView::alone();
        let (top, leaf) = (g("g_top"), g("g_leaf"));
        let stands = |revision| view.stands([(&top, revision), (&leaf, 0)]);
        assert!(stands(0));
        view.apply(vec![Change { floor: 2, ..change(1, "g_top", true) }]);
        assert!(!stands(0) && !stands(1) && stands(2) && stands(3));
        view.apply(vec![Change { floor: 2, ..change(2, "g_top", false) }]);
        assert!(!stands(9));
        view.apply(vec![Change { floor: 2, ..change(3, "g_top", true) }]);
        assert!(stands(4) && !stands(1));
        view.apply(vec![change(4, "g_leaf", false)]);
        assert!(!stands(4));
    }

    #[test]
    fn a_grants_id_says_nothing_of_a_users() {
        let view = RevokedView::alone();
        view.apply(vec![change(1, "usr_1", false)]);
        assert!(!view.user_disabled(&UserId::parse("usr_1").unwrap()));
    }

    #[test]
    fn what_has_expired_is_forgotten_and_not_before() {
        let view = RevokedView::alone();
        view.apply(vec![change(1, "g_1", false)]);
        view.forget(Timestamp::from_seconds(100));
        assert!(view.contains(&g("g_1")));
        view.forget(Timestamp::from_seconds(101));
        assert!(!view.contains(&g("g_1")));
    }

    #[test]
    fn a_view_that_hears_nothing_is_stale() {
        let mut view = RevokedView::watched();
        assert!(view.fresh());
        view.start = view.start.checked_sub(Duration::from_secs(3)).unwrap();
        assert!(!view.fresh());
        view.believe_for(Duration::from_secs(60));
        assert!(view.fresh());
        view.believe_for(Duration::from_millis(500));
        view.heard(view.elapsed());
        assert!(view.fresh());
        let mut alone = RevokedView::alone();
        alone.start = alone.start.checked_sub(Duration::from_secs(3)).unwrap();
        alone.heard(0);
        assert!(alone.fresh() && alone.age() == Duration::ZERO);
    }
}
