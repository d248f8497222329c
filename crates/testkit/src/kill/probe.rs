//! Questions after a restart, over HTTP: what was acknowledged before it must hold.

use super::agent::{Agent, Heard};
use super::dice::Dice;
use super::facts::Facts;
use super::family::{Ended, Family, now};
use super::house::House;

/// So many families of the last run are asked about.
const RECENT: usize = 64;
/// After so many restarts a family is asked about no more, unless it has ended or waits.
const RESTARTS: u32 = 3;
/// So many that wait until their refresh may not be repeated any more.
const WAITING: usize = 400;
/// So many that ended, long ago too.
const ARCHIVE: usize = 2_000;

/// What was seen before and is asked about again.
#[derive(Default)]
pub(crate) struct Kept {
    recent: Vec<Family>,
    waiting: Vec<Family>,
    archive: Vec<Family>,
    own: Vec<String>,
    runs: u64,
}

impl Kept {
    /// Takes what was compared with the database.
    pub(crate) fn take(&mut self, seen: Facts) {
        for family in seen.families {
            let over = family.ended == Ended::Yes && family.wins > 0 && family.probed > 0;
            if over && self.archive.len() < ARCHIVE {
                self.archive.push(family);
            } else if !over && family.probed < RESTARTS && self.recent.len() < RECENT {
                self.recent.push(family);
            }
        }
        self.own.extend(seen.own.into_iter().take(3));
    }
}

/// Asks.
pub(crate) async fn probe(house: &House, kept: &mut Kept, dice: &mut Dice) -> Facts {
    kept.runs += 1;
    let mut asking = Asking { agent: Agent::new(house), facts: Facts::default(), run: kept.runs, calls: 0 };
    for access in std::mem::take(&mut kept.own) {
        asking.own(&access).await;
    }
    for family in std::mem::take(&mut kept.recent) {
        let waits = family.ended == Ended::No && family.chain.len() > 1 && kept.waiting.len() < WAITING;
        if waits && dice.one_in(4) {
            kept.waiting.push(family);
        } else {
            asking.recent(family, dice).await;
        }
    }
    let now = now();
    let is_due = |f: &Family| f.chain.len().checked_sub(2).is_some_and(|i| f.chain[i].is_over(now));
    let (due, waiting) = std::mem::take(&mut kept.waiting).into_iter().partition(is_due);
    kept.waiting = waiting;
    for family in due {
        asking.late(family).await;
    }
    for _ in 0..3 {
        if let Some(i) = dice.index(kept.archive.len()) {
            asking.ended(kept.archive.swap_remove(i)).await;
        }
    }
    let counts = &asking.facts.counts;
    if counts.lost > counts.calls + counts.refusals {
        asking.facts.wrong.push(format!("{} questions had no answer", counts.lost));
    }
    asking.facts
}

struct Asking {
    agent: Agent,
    facts: Facts,
    run: u64,
    calls: u64,
}

impl Asking {
    fn tool(&mut self) -> String {
        self.calls += 1;
        format!("call_after_{}_{}", self.run, self.calls)
    }

    async fn own(&mut self, access: &str) {
        let tool = self.tool();
        if let Heard::No(why) = self.facts.call(&self.agent, access, tool).await {
            self.facts.wrong.push(format!("a token of the robot was refused after a restart: {why}"));
        }
    }

    async fn call(&mut self, family: &mut Family) {
        let tool = self.tool();
        self.facts.call_as(&self.agent, family, tool).await;
    }

    async fn refresh(&mut self, family: &mut Family, i: Option<usize>) {
        if let Some(i) = i.filter(|i| *i < family.chain.len()) {
            self.facts.refresh(&self.agent, family, i).await;
        }
    }

    async fn redeem(&mut self, family: &mut Family) {
        self.facts.redeem(&self.agent, family, false).await;
    }

    async fn recent(&mut self, mut family: Family, dice: &Dice) {
        family.probed += 1;
        self.call(&mut family).await;
        match (family.wins, dice.between(0, 3)) {
            // Never heard of: redeemed now, and then again.
            (0, _) => self.redeem(&mut family).await,
            (_, 0) => {
                let newest = family.newest();
                self.refresh(&mut family, newest).await;
            }
            // The answer before the newest is asked for again: it names the same successor.
            (_, 1) => {
                let before = family.chain.len().checked_sub(2);
                self.refresh(&mut family, before).await;
                let newest = family.newest();
                self.refresh(&mut family, newest).await;
            }
            _ => {}
        }
        self.call(&mut family).await;
        if dice.one_in(2) {
            self.redeem(&mut family).await;
            self.call(&mut family).await;
        }
        self.facts.done(family);
    }

    /// The newest exchange was so long ago that it is not repeated; asking for it ends the grant.
    async fn late(&mut self, mut family: Family) {
        family.probed += 1;
        let before = family.chain.len().checked_sub(2);
        self.refresh(&mut family, before).await;
        let newest = family.newest();
        self.refresh(&mut family, newest).await;
        self.call(&mut family).await;
        self.facts.done(family);
    }

    /// What ended stays so.
    async fn ended(&mut self, mut family: Family) {
        self.redeem(&mut family).await;
        let newest = family.newest();
        self.refresh(&mut family, newest).await;
        self.call(&mut family).await;
        self.facts.done(family);
    }
}
