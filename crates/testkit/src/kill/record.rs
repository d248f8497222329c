//! The record as it was read: gapless, unaltered, and what stands in it.

use prokura_core::{AgentId, GrantId, Principal};
use prokura_ledger::{Entry, Event, EventKind, Outcome};
use std::collections::{HashMap, HashSet};

/// What the record says of a grant that a user made.
#[derive(Debug, Clone, Default)]
pub(crate) struct GrantLog {
    pub(crate) made: u32,
    pub(crate) agreed: u32,
    pub(crate) codes: u32,
    pub(crate) redeemed: u32,
    pub(crate) refreshed: u32,
    pub(crate) ended: u32,
    /// Every entry that names it.
    pub(crate) seqs: Vec<u64>,
}

/// Everything that was read so far.
#[derive(Default)]
pub(crate) struct Record {
    leaves: Vec<[u8; 32]>,
    points: HashMap<String, u64>,
    pairs: HashMap<(String, String, String), u64>,
    pub(crate) issued: HashMap<String, (GrantId, String)>,
    /// How often the gateway permitted a call of this name.
    pub(crate) decisions: HashMap<String, u32>,
    pub(crate) outcomes: HashSet<String>,
    pub(crate) refusals: HashSet<String>,
    pub(crate) grants: HashMap<GrantId, GrantLog>,
    /// The grants that were named since the last time.
    pub(crate) named: HashSet<GrantId>,
    pub(crate) wrong: Vec<String>,
}

impl Record {
    pub(crate) fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Compares entries that were read before with what they are now.
    pub(crate) fn compare(&mut self, from: usize, leaves: &[[u8; 32]]) {
        let before = self.leaves.iter().skip(from).take(leaves.len());
        let altered = before.zip(leaves).position(|(before, now)| before != now);
        if let Some(at) = altered {
            self.wrong.push(format!("entry {} of the record was altered", from + at + 1));
        }
        if self.leaves.len().saturating_sub(from) > leaves.len() {
            self.wrong.push(format!("the record ends after {} entries", from + leaves.len()));
        }
    }

    /// Takes the next entry, with the leaf hash that is stored beside it.
    pub(crate) fn take(&mut self, seq: u64, entry: &Entry, leaf: [u8; 32]) {
        let expected = u64::try_from(self.leaves.len() + 1).unwrap_or(u64::MAX);
        if seq != expected {
            self.wrong.push(format!("entry {expected} is missing: after it comes {seq}"));
        }
        if Entry::leaf_hash(&entry.to_bytes()) != leaf {
            self.wrong.push(format!("entry {seq} does not match its leaf hash"));
        }
        self.leaves.push(leaf);
        self.count(seq, entry);
        self.read(seq, &entry.event);
    }

    fn count(&mut self, seq: u64, entry: &Entry) {
        let counters = &entry.counters;
        let point = counters.point.as_str().to_owned();
        let last = self.points.entry(point.clone()).or_default();
        *last += 1;
        if counters.counter != *last {
            self.wrong
                .push(format!("entry {seq}: the counter of {point} is {}, not {last}", counters.counter));
        }
        let subject = entry.event.subject.as_ref().map(Principal::as_str);
        let pair = subject.map(|subject| {
            let actor = entry.event.actors.first().map_or("", AgentId::as_str);
            let last = self.pairs.entry((point, subject.to_owned(), actor.to_owned())).or_default();
            *last += 1;
            *last
        });
        if counters.pair != pair {
            self.wrong
                .push(format!("entry {seq}: the counter of its pair is {:?}, not {pair:?}", counters.pair));
        }
    }

    fn read(&mut self, seq: u64, event: &Event) {
        let trace = event.trace.as_str().to_owned();
        match (event.kind, event.outcome) {
            (EventKind::Decision, Outcome::Permit) => {
                *self.decisions.entry(event.action.clone()).or_default() += 1;
            }
            (EventKind::Decision, _) => drop(self.refusals.insert(trace)),
            (EventKind::Outcome, _) => drop(self.outcomes.insert(event.action.clone())),
            (EventKind::Issuance, Outcome::Permit) => self.issuance(seq, event),
            _ => {}
        }
        if let Some(grant) = &event.grant {
            self.grant(seq, grant, event);
        }
    }

    fn issuance(&mut self, seq: u64, event: &Event) {
        let (Some(grant), Some(jti)) = (&event.grant, event.details.str("jti")) else { return };
        if self.issued.insert(jti.to_owned(), (grant.clone(), event.action.clone())).is_some() {
            self.wrong.push(format!("entry {seq}: the token {jti} was issued before"));
        }
        if self.grants.get(grant).is_some_and(|g| g.ended > 0) {
            self.wrong.push(format!("entry {seq}: a token was issued after the end of {grant}"));
        }
    }

    fn grant(&mut self, seq: u64, grant: &GrantId, event: &Event) {
        self.named.insert(grant.clone());
        let log = self.grants.entry(grant.clone()).or_default();
        log.seqs.push(seq);
        if event.outcome != Outcome::Permit {
            return;
        }
        let count = match event.action.as_str() {
            "grant:make" => &mut log.made,
            "consent:allow" => &mut log.agreed,
            "code:issue" => &mut log.codes,
            "token:authorization_code" => &mut log.redeemed,
            "token:refresh_token" => &mut log.refreshed,
            "grant:revoke" => &mut log.ended,
            _ => return,
        };
        *count += 1;
        let often =
            [("made", log.made), ("agreed to", log.agreed), ("redeemed", log.redeemed), ("ended", log.ended)];
        for (what, n) in often {
            if n > 1 {
                self.wrong.push(format!("entry {seq}: {grant} was {what} {n} times"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::{PointId, Timestamp, TraceId, UserId};
    use prokura_ledger::Counters;

    fn entry(n: u64, action: &str, kind: EventKind) -> Entry {
        let trace = TraceId::parse("tr_1").unwrap();
        let mut event = Event::new(kind, action, Outcome::Permit, Timestamp::from_micros(1), trace);
        event.subject = Some(Principal::User(UserId::parse("usr_a").unwrap()));
        event.grant = Some(GrantId::parse("g_1").unwrap());
        event.details.insert("jti", format!("j{n}").as_str().into());
        let point = PointId::parse("pep_1").unwrap();
        Entry { counters: Counters { point, counter: n, pair: Some(n) }, event }
    }

    fn take(record: &mut Record, seq: u64, entry: &Entry) {
        record.take(seq, entry, Entry::leaf_hash(&entry.to_bytes()));
    }

    #[test]
    fn a_whole_record_is_whole() {
        let mut record = Record::default();
        take(&mut record, 1, &entry(1, "grant:make", EventKind::Grant));
        take(&mut record, 2, &entry(2, "token:authorization_code", EventKind::Issuance));
        let leaves = record.leaves.clone();
        record.compare(0, &leaves);
        assert_eq!(record.wrong, Vec::<String>::new());
    }

    #[test]
    fn gaps_are_seen() {
        let mut record = Record::default();
        take(&mut record, 1, &entry(1, "x", EventKind::System));
        take(&mut record, 2, &entry(3, "x", EventKind::System));
        assert_eq!(record.wrong.len(), 2, "{:?}", record.wrong);
        take(&mut record, 4, &entry(3, "x", EventKind::System));
        assert_eq!(record.wrong.len(), 3, "{:?}", record.wrong);
    }

    #[test]
    fn altered_and_lost_entries_are_seen() {
        let mut record = Record::default();
        let first = entry(1, "x", EventKind::System);
        record.take(1, &first, [0; 32]);
        assert_eq!(record.wrong.len(), 1);
        record.compare(0, &[[1; 32]]);
        assert_eq!(record.wrong.len(), 2);
        record.compare(0, &[]);
        assert_eq!(record.wrong.len(), 3);
    }

    #[test]
    fn nothing_is_redeemed_twice_or_issued_after_the_end() {
        let mut record = Record::default();
        take(&mut record, 1, &entry(1, "token:authorization_code", EventKind::Issuance));
        take(&mut record, 2, &entry(2, "token:authorization_code", EventKind::Issuance));
        assert_eq!(record.wrong.len(), 1);
        take(&mut record, 3, &entry(3, "grant:revoke", EventKind::Grant));
        take(&mut record, 4, &entry(4, "token:refresh_token", EventKind::Issuance));
        assert!(record.wrong.iter().any(|w| w.contains("after the end")), "{:?}", record.wrong);
    }
}
