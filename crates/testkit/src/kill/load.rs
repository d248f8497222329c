//! The load of one client, until the program is dead.

use super::agent::{Agent, Heard};
use super::dice::Dice;
use super::facts::Facts;
use super::family::Family;
use super::house::House;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a client does with a code.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is kept, and redeemed after the restart.
    Kept,
    /// It is redeemed, once.
    Once,
    /// It is redeemed twice at once.
    Twice,
    /// Its refresh token is exchanged, and its successor, and so on.
    Chain,
    /// As the last, and then an old one is used.
    Reused,
    /// It is redeemed and revoked.
    Revoked,
}

const FATES: [(u64, Fate); 6] = [
    (3, Fate::Kept),
    (4, Fate::Once),
    (4, Fate::Twice),
    (6, Fate::Chain),
    (2, Fate::Reused),
    (4, Fate::Revoked),
];

struct Client {
    agent: Agent,
    dice: Dice,
    name: String,
    calls: u64,
    stop: Arc<AtomicBool>,
    facts: Facts,
}

/// Acts until `stop`, or until nobody answers; what was seen.
pub(crate) async fn work(house: Arc<House>, name: String, dice: Dice, stop: Arc<AtomicBool>) -> Facts {
    let mut client =
        Client { agent: Agent::new(&house), dice, name, calls: 0, stop, facts: Facts::default() };
    while client.goes_on() {
        if client.dice.one_in(3) {
            client.own().await;
        } else {
            client.flow().await;
        }
    }
    client.facts
}

impl Client {
    /// An answer that did not come means that the program is dead; then there is nobody to ask.
    fn goes_on(&self) -> bool {
        self.facts.counts.lost == 0 && !self.stop.load(Ordering::Relaxed)
    }

    fn tool(&mut self, kind: &str) -> String {
        self.calls += 1;
        format!("{kind}_{}_{}", self.name, self.calls)
    }

    async fn own(&mut self) {
        self.facts.counts.own += 1;
        let heard = self.agent.own().await;
        self.facts.heard(&heard, "token:client_credentials");
        let tokens = match heard {
            Heard::Yes(tokens) => tokens,
            Heard::Silence => return,
            Heard::No(why) => return self.facts.wrong.push(format!("the robot was refused: {why}")),
        };
        for _ in 0..self.dice.between(0, 3) {
            let tool = self.tool("call");
            if let Heard::No(why) = self.facts.call(&self.agent, &tokens.access, tool).await {
                self.facts.wrong.push(format!("a call of the robot was refused: {why}"));
            }
        }
        if self.dice.one_in(3) {
            let hidden = self.tool("hidden");
            if let Heard::Yes(()) = self.facts.call(&self.agent, &tokens.access, hidden).await {
                self.facts.wrong.push("a call went through that no scope allows".to_owned());
            }
        }
        self.facts.own.push(tokens.access);
    }

    async fn flow(&mut self) {
        let code = match self.agent.authorize(&self.dice).await {
            Heard::Yes(code) => code,
            Heard::Silence => return self.facts.counts.lost += 1,
            Heard::No(why) => return self.facts.wrong.push(format!("no code came back: {why}")),
        };
        self.facts.counts.codes += 1;
        let mut family = Family::new(code);
        if let Some(fate) = self.dice.choose(&FATES) {
            self.live(&mut family, fate).await;
        }
        self.facts.done(family);
    }

    async fn live(&mut self, family: &mut Family, fate: Fate) {
        if matches!(fate, Fate::Kept) {
            return;
        }
        self.facts.redeem(&self.agent, family, matches!(fate, Fate::Twice)).await;
        if self.dice.one_in(2) {
            self.call(family).await;
        }
        match fate {
            Fate::Chain => self.chain(family).await,
            Fate::Reused => self.reuse(family).await,
            Fate::Revoked => self.revoke(family).await,
            Fate::Kept | Fate::Once | Fate::Twice => {}
        }
    }

    async fn call(&mut self, family: &mut Family) {
        let tool = self.tool("call");
        self.facts.call_as(&self.agent, family, tool).await;
    }

    async fn chain(&mut self, family: &mut Family) {
        for _ in 0..self.dice.between(1, 6) {
            let Some(i) = family.newest().filter(|_| self.goes_on()) else { return };
            match self.dice.between(0, 6) {
                0 => self.facts.refresh_twice(&self.agent, family, i).await,
                1 => self.repeat(family, i).await,
                2 => self.call(family).await,
                _ => self.facts.refresh(&self.agent, family, i).await,
            }
        }
    }

    /// As a client does that has lost the answer, more or less often.
    async fn repeat(&mut self, family: &mut Family, i: usize) {
        for _ in 0..self.dice.between(2, 9) {
            if self.goes_on() {
                self.facts.counts.repeats += 1;
                self.facts.refresh(&self.agent, family, i).await;
            }
        }
    }

    /// As a thief does, who comes late.
    async fn reuse(&mut self, family: &mut Family) {
        for i in [0, 1, 0, 1, 2] {
            if family.chain.len() > i && self.goes_on() {
                self.facts.refresh(&self.agent, family, i).await;
            }
        }
        self.facts.counts.reuses += 1;
        if self.goes_on() {
            self.call(family).await;
        }
    }

    async fn revoke(&mut self, family: &mut Family) {
        let refresh = family.chain.first().map(|l| l.token.clone());
        let token = if self.dice.one_in(2) { refresh } else { family.access.clone() };
        let Some(token) = token.filter(|_| self.goes_on()) else { return };
        self.facts.revoke(&self.agent, family, &token).await;
        if self.goes_on() {
            self.call(family).await;
        }
    }
}
