//! What processes tell each other of agents, and what outlives a restart: every few seconds, in one transaction.

use super::baseline::Baseline;
use super::minutes::{BACK, Count, Minutes, minute};
use super::{Behaviour, MOST};
use prokura_core::Timestamp;
use prokura_store::{Activity, Store, StoreError};
use std::collections::BTreeMap;

/// How often [`Behaviour::share`] should be called, in seconds: others hear of calls so much later.
pub const SHARE_EVERY: u64 = 5;
/// A baseline with nothing new in it but counts is written so seldom, in seconds.
const CALM: i64 = 60;
/// At most so many agents are written at once; others wait for the next time.
const AT_ONCE: usize = 500;

/// What is to be written of one of them.
#[derive(Clone)]
struct Told {
    subject: String,
    minutes: Vec<(i64, Count)>,
    learned: Option<Baseline>,
}

impl Behaviour {
    /// Learns what was usual before the start.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load(&self, store: &Store) -> Result<(), StoreError> {
        if !self.on {
            return Ok(());
        }
        let most = u32::try_from(MOST / 2).unwrap_or(u32::MAX);
        let kept = store.read::<_, StoreError>(move |tx| tx.baselines(most)).await?;
        let mut all = self.lock();
        for (subject, text) in kept {
            let of = all.entry(subject).or_default();
            of.usual = std::mem::take(&mut of.usual).with(&Baseline::read(&text));
        }
        Ok(())
    }

    /// Tells other processes what this one saw since the last time, and hears what they saw. What could not be told is
    /// told the next time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn share(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        if !self.on {
            return Ok(());
        }
        let told = self.to_tell(now);
        let (point, since) = (self.point.clone(), minute(now) - BACK);
        let again = told.clone();
        let done = if told.is_empty() {
            let hear = move |tx: &mut prokura_store::Tx<'_>| tx.activity_of_others(&point, since);
            store.read::<_, StoreError>(hear).await.map(|others| (Vec::new(), others))
        } else {
            let write = move |tx: &mut prokura_store::Tx<'_>| {
                let merged = told.iter().filter_map(|t| tell(tx, t, &point, now).transpose());
                let merged = merged.collect::<Result<Vec<_>, StoreError>>()?;
                Ok((merged, tx.activity_of_others(&point, since)?))
            };
            store.transact::<_, StoreError>(write).await
        };
        match done {
            Ok((merged, others)) => {
                self.heard(merged, others);
                Ok(())
            }
            Err(error) => {
                self.take_back(again);
                Err(error)
            }
        }
    }

    fn to_tell(&self, now: Timestamp) -> Vec<Told> {
        let mut all = self.lock();
        let due = all.iter_mut().filter(|(_, s)| s.moved || s.new).take(AT_ONCE);
        due.map(|(id, s)| {
            let minutes = s.own.since(minute(now) - 1).collect();
            let calm = now.seconds().saturating_sub(s.shared) < CALM;
            let learned = (s.new || !calm).then(|| std::mem::take(&mut s.fresh));
            if learned.is_some() {
                s.shared = now.seconds();
            }
            (s.moved, s.new) = (false, false);
            Told { subject: id.clone(), minutes, learned: learned.filter(|l| *l != Baseline::default()) }
        })
        .collect()
    }

    fn heard(&self, merged: Vec<(String, Baseline)>, others: Vec<Activity>) {
        let mut counted: BTreeMap<String, Minutes> = BTreeMap::new();
        for seen in others {
            let count = Count { calls: seen.calls, refused: seen.refused };
            counted.entry(seen.subject).or_default().put(seen.minute, count);
        }
        let mut all = self.lock();
        for (subject, baseline) in merged {
            let of = all.entry(subject).or_default();
            // What was learned meanwhile is in `fresh`.
            of.usual = baseline.with(&of.fresh);
        }
        for (id, subject) in all.iter_mut() {
            subject.others = counted.remove(id).unwrap_or_default();
        }
        for (id, others) in counted {
            if all.len() < MOST {
                all.entry(id).or_default().others = others;
            }
        }
    }

    fn take_back(&self, told: Vec<Told>) {
        let mut all = self.lock();
        for t in told {
            let of = all.entry(t.subject).or_default();
            (of.moved, of.shared) = (true, 0);
            if let Some(learned) = t.learned {
                of.fresh = learned.with(&of.fresh);
                of.new = true;
            }
        }
    }
}

fn tell(
    tx: &mut prokura_store::Tx<'_>,
    told: &Told,
    point: &str,
    now: Timestamp,
) -> Result<Option<(String, Baseline)>, StoreError> {
    for (minute, count) in &told.minutes {
        let (subject, point) = (told.subject.clone(), point.to_owned());
        let Count { calls, refused } = *count;
        tx.put_activity(&Activity { subject, point, minute: *minute, calls, refused })?;
    }
    let Some(learned) = &told.learned else { return Ok(None) };
    let kept = tx.baseline(&told.subject)?.map(|text| Baseline::read(&text)).unwrap_or_default();
    let merged = kept.with(learned);
    tx.put_baseline(&told.subject, &merged.to_text(), now)?;
    Ok(Some((told.subject.clone(), merged)))
}
