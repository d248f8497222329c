//! What was acknowledged, compared with the database.

use super::dice::Dice;
use super::facts::Facts;
use super::family::{Ended, Family};
use super::house::House;
use super::record::Record;
use super::upstream::Log;
use anyhow::Result;
use prokura_core::{Grant, GrantId, GrantState, Principal, SystemClock, SystemRng, UserId};
use prokura_ledger::{Entry, Filter};
use prokura_store::{Artifact, ArtifactKind, Store, StoreError, Tx};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How many entries are read at once.
const PAGE: u32 = 1_000;
/// How many entries before the last kill are compared each time; now and then it is all of them.
const TAIL: usize = 2_048;
/// How many grants are also looked for by the index of the record.
const LOOKED_UP: usize = 5;

pub(crate) struct Checker {
    house: Arc<House>,
    upstream: Log,
    record: Record,
    /// How often a call of this name reached the upstream.
    reached: HashMap<String, u32>,
}

/// What a look at the database found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) wrong: Vec<String>,
    /// Calls that reached the upstream, grants and codes that were compared.
    pub(crate) reached: usize,
    pub(crate) grants: usize,
    pub(crate) families: usize,
}

/// What the database says of a family.
struct Stored {
    code: Option<Artifact>,
    grant: Option<Grant>,
    links: Vec<Option<Artifact>>,
}

impl Checker {
    pub(crate) fn new(house: Arc<House>, upstream: Log) -> Self {
        Self { house, upstream, record: Record::default(), reached: HashMap::new() }
    }

    pub(crate) fn entries(&self) -> usize {
        self.record.len()
    }

    /// Looks at everything that was seen, and at what is new in the record; if `whole`, at all of that.
    pub(crate) async fn check(&mut self, seen: &Facts, dice: &mut Dice, whole: bool) -> Result<Found> {
        let point = Store::command_point(&SystemRng);
        let store = Store::open(&self.house.database()?, point, Arc::new(SystemClock)).await?;
        self.read(&store, whole).await?;
        let mut found = Found::default();
        self.upstream(&mut found);
        self.seen(seen, &mut found);
        self.grants(&store, &mut found).await?;
        self.families(&store, seen, &mut found).await?;
        self.index(&store, dice, &mut found).await?;
        found.wrong.append(&mut self.record.wrong);
        Ok(found)
    }

    /// Compares what is known of the record and reads on.
    async fn read(&mut self, store: &Store, whole: bool) -> Result<()> {
        let known = self.record.len();
        let from = if whole { 0 } else { known.saturating_sub(TAIL) };
        let leaves = leaves(store, from).await?;
        let (old, new) = leaves.split_at(leaves.len().min(known - from));
        self.record.compare(from, old);
        if whole {
            self.bodies(store, old).await?;
        }
        let size = from + leaves.len();
        let entries = entries(store, known, size).await?;
        if entries.len() != new.len() {
            self.record.wrong.push(format!("{} entries have {} leaf hashes", entries.len(), new.len()));
        }
        for ((seq, entry), leaf) in entries.iter().zip(new) {
            self.record.take(*seq, entry, *leaf);
        }
        Ok(())
    }

    /// Sees that the old entries still are what their leaf hashes say.
    async fn bodies(&mut self, store: &Store, leaves: &[[u8; 32]]) -> Result<()> {
        let old = entries(store, 0, leaves.len()).await?;
        if old.len() != leaves.len() {
            self.record.wrong.push(format!("{} entries are left of {}", old.len(), leaves.len()));
        }
        for ((seq, entry), leaf) in old.iter().zip(leaves) {
            if Entry::leaf_hash(&entry.to_bytes()) != *leaf {
                self.record.wrong.push(format!("entry {seq} does not match its leaf hash any more"));
            }
        }
        Ok(())
    }

    /// What reached the upstream was decided, durably, each call by a decision of its own.
    fn upstream(&mut self, found: &mut Found) {
        let came = self.upstream.take();
        found.reached = came.len();
        for name in came {
            let reached = self.reached.entry(name.clone()).or_default();
            *reached += 1;
            let decided = self.record.decisions.get(&format!("tool:{name}")).copied().unwrap_or(0);
            if *reached > decided {
                found
                    .wrong
                    .push(format!("{name} reached the upstream {reached} times, on {decided} decisions"));
            }
        }
    }

    fn seen(&self, seen: &Facts, found: &mut Found) {
        found.wrong.extend(seen.wrong.iter().cloned());
        for token in &seen.issued {
            let recorded = self.record.issued.get(&token.jti);
            if recorded.is_none_or(|(grant, action)| *grant != token.grant || action != token.action) {
                found
                    .wrong
                    .push(format!("{} {} of {} is not on record", token.action, token.jti, token.grant));
            }
        }
        for name in &seen.calls {
            let action = format!("tool:{name}");
            if !self.record.outcomes.contains(&action) || !self.record.decisions.contains_key(&action) {
                found.wrong.push(format!("the answered call {name} is not on record"));
            }
        }
        let missing = seen.refusals.iter().filter(|t| !self.record.refusals.contains(*t));
        found.wrong.extend(missing.map(|t| format!("the refusal {t} is not on record")));
    }

    /// Grants and the record of them were written together: neither is without the other.
    async fn grants(&mut self, store: &Store, found: &mut Found) -> Result<()> {
        let named: Vec<GrantId> = std::mem::take(&mut self.record.named).into_iter().collect();
        found.grants = named.len();
        let (ids, user) = (named.clone(), UserId::parse("usr_alice")?);
        let mut stored: HashMap<GrantId, Grant> = store
            .read(move |tx| {
                let mut all = tx.grants_of_user(&user)?;
                for id in &ids {
                    all.extend(tx.grant(id)?);
                }
                Ok::<_, StoreError>(all.into_iter().map(|g| (g.id.clone(), g)).collect())
            })
            .await?;
        for id in &named {
            if !stored.contains_key(id) {
                found.wrong.push(format!("{id} is on record and not in the database"));
            }
        }
        stored.retain(|_, g| matches!(g.subject, Principal::User(_)));
        for (id, grant) in &stored {
            let log = self.record.grants.get(id).cloned().unwrap_or_default();
            let over = u32::from(matches!(grant.state, GrantState::Revoked(_)));
            if (log.made, log.agreed, log.codes, log.ended) != (1, 1, 1, over) {
                found.wrong.push(format!("{id} is {:?}, and the record says {log:?}", grant.state));
            }
        }
        Ok(())
    }

    async fn families(&self, store: &Store, seen: &Facts, found: &mut Found) -> Result<()> {
        found.families = seen.families.len();
        for family in &seen.families {
            let stored = stored(store, family).await?;
            let wrong = self.family(family, &stored);
            found.wrong.extend(wrong.iter().map(|w| format!("{w}: {family:?}")));
        }
        Ok(())
    }

    fn family(&self, family: &Family, stored: &Stored) -> Vec<&'static str> {
        // A code is forgotten some time after it is over; by then it was compared before.
        let Some(code) = &stored.code else {
            let was_new = family.ended == Ended::No;
            return was_new.then_some("an acknowledged code is not there").into_iter().collect();
        };
        let Some(grant) = &stored.grant else { return vec!["an acknowledged grant is not there"] };
        let log = self.record.grants.get(&grant.id).cloned().unwrap_or_default();
        let asked: u32 = family.chain.iter().map(|l| l.asked).sum();
        let won: u32 = family.chain.iter().map(|l| l.wins).sum();
        let over = matches!(grant.state, GrantState::Revoked(_));
        let spent = |a: &Option<Artifact>| a.as_ref().map(|a| a.consumed_at.is_some());
        let newest_idle = family.chain.last().is_some_and(|l| l.asked == 0);
        let checks = [
            (log.seqs.is_empty(), "an acknowledged grant is not on record"),
            (family.grant.as_ref().is_some_and(|g| *g != grant.id), "the code is another grant's"),
            (family.ended == Ended::Yes && !over, "an acknowledged end is not there"),
            (family.ended == Ended::Yes && log.ended != 1, "an acknowledged end is not on record"),
            (family.ended == Ended::No && over, "a grant ended that nobody ended"),
            (family.wins > 0 && code.consumed_at.is_none(), "a redeemed code is not spent"),
            (
                !over && code.consumed_at.is_some() != (log.redeemed == 1),
                "a code is spent without an issuance",
            ),
            (log.redeemed < family.wins, "a redemption is not on record"),
            (
                log.refreshed < won || log.refreshed > asked,
                "refreshes are on record more or less often than asked",
            ),
            (stored.links.iter().any(Option::is_none), "an acknowledged refresh token is not there"),
            (
                stored.links.iter().rev().skip(1).any(|l| spent(l) == Some(false)),
                "an exchanged refresh token is not spent",
            ),
            (
                family.ended == Ended::No
                    && newest_idle
                    && stored.links.last().is_some_and(|l| spent(l) == Some(true)),
                "a refresh token is spent that nobody used",
            ),
        ];
        checks.into_iter().filter(|(wrong, _)| *wrong).map(|(_, why)| why).collect()
    }

    /// The index finds what is there, also after it was cut off while it was made.
    async fn index(&self, store: &Store, dice: &mut Dice, found: &mut Found) -> Result<()> {
        let known: Vec<&GrantId> = self.record.grants.keys().collect();
        for _ in 0..LOOKED_UP {
            let Some(id) = dice.index(known.len()).map(|i| known[i].clone()) else { return Ok(()) };
            let filter = Filter { grant: Some(id.clone()), limit: PAGE, ..Filter::default() };
            let by_index: Vec<u64> =
                page(store, filter).await?.into_iter().map(|(seq, _)| seq).rev().collect();
            let expected = self.record.grants.get(&id).map(|g| g.seqs.clone()).unwrap_or_default();
            let newest = expected.len().saturating_sub(usize::try_from(PAGE)?);
            if by_index != expected[newest..] {
                found.wrong.push(format!("the index finds {by_index:?} for {id}, not {expected:?}"));
            }
        }
        Ok(())
    }
}

async fn stored(store: &Store, family: &Family) -> Result<Stored, StoreError> {
    let code = family.code.code.clone();
    let links: Vec<String> = family.chain.iter().map(|l| l.token.clone()).collect();
    let known = family.grant.clone();
    store
        .read(move |tx| {
            let code = tx.artifact(ArtifactKind::Code, &code)?;
            let grant = code.as_ref().and_then(|c| c.grant.clone()).or(known.clone());
            let grant = match grant {
                Some(id) => tx.grant(&id)?,
                None => None,
            };
            let refresh = |tx: &mut Tx<'_>, token: &String| tx.artifact(ArtifactKind::RefreshToken, token);
            let links = links.iter().map(|token| refresh(tx, token)).collect::<Result<_, _>>()?;
            Ok(Stored { code, grant, links })
        })
        .await
}

async fn page(store: &Store, filter: Filter) -> Result<Vec<(u64, Entry)>, StoreError> {
    store.read(move |tx| tx.entries(&filter)).await
}

/// All leaf hashes after the first `from`.
async fn leaves(store: &Store, from: usize) -> Result<Vec<[u8; 32]>> {
    let mut all = Vec::new();
    loop {
        let next = u64::try_from(from + all.len() + 1)?;
        let more = store.read::<_, StoreError>(move |tx| tx.leaves(next, 10 * PAGE)).await?;
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
    }
}

/// The entries after the first `known`, up to the `size`th, oldest first.
async fn entries(store: &Store, known: usize, size: usize) -> Result<Vec<(u64, Entry)>> {
    let (known, mut before) = (u64::try_from(known)?, u64::try_from(size)? + 1);
    let mut all = Vec::new();
    while before > known + 1 {
        let filter = Filter { before_seq: Some(before), limit: PAGE, ..Filter::default() };
        let newer = page(store, filter).await?;
        let Some((oldest, _)) = newer.last() else { break };
        before = *oldest;
        all.extend(newer.into_iter().filter(|(seq, _)| *seq > known));
    }
    let mut seen = HashSet::new();
    all.retain(|(seq, _)| seen.insert(*seq));
    all.reverse();
    Ok(all)
}
