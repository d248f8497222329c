//! What clients saw in a run.

use super::agent::{Agent, Heard, Tokens};
use super::family::{Family, now};
use prokura_core::GrantId;

/// A token that was read to the end.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) jti: String,
    pub(crate) grant: GrantId,
    pub(crate) action: &'static str,
}

/// How much was done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) codes: u64,
    pub(crate) redemptions: u64,
    pub(crate) doubles: u64,
    pub(crate) refreshes: u64,
    pub(crate) repeats: u64,
    pub(crate) reuses: u64,
    pub(crate) own: u64,
    pub(crate) revocations: u64,
    pub(crate) calls: u64,
    pub(crate) refusals: u64,
    /// Requests without a whole answer.
    pub(crate) lost: u64,
}

/// What clients saw.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) issued: Vec<Issued>,
    /// The tools whose answers were read.
    pub(crate) calls: Vec<String>,
    /// The traces of the gateway's refusals that were read.
    pub(crate) refusals: Vec<String>,
    pub(crate) families: Vec<Family>,
    /// Access tokens of the robot.
    pub(crate) own: Vec<String>,
    pub(crate) wrong: Vec<String>,
    pub(crate) counts: Counts,
}

impl Facts {
    pub(crate) fn merge(&mut self, other: Self) {
        self.issued.extend(other.issued);
        self.calls.extend(other.calls);
        self.refusals.extend(other.refusals);
        self.families.extend(other.families);
        self.own.extend(other.own);
        self.wrong.extend(other.wrong);
        self.counts.add(&other.counts);
    }

    /// Notes an answer with tokens.
    pub(crate) fn heard(&mut self, heard: &Heard<Tokens>, action: &'static str) {
        match heard {
            Heard::Yes(t) => {
                self.issued.push(Issued { jti: t.jti.clone(), grant: t.grant.clone(), action });
            }
            Heard::Silence => self.counts.lost += 1,
            Heard::No(_) => {}
        }
    }

    /// Redeems a code, with several requests at once if asked to.
    pub(crate) async fn redeem(&mut self, agent: &Agent, family: &mut Family, twice: bool) {
        let code = family.code.clone();
        let heard = if twice {
            self.counts.doubles += 1;
            let (one, other) = tokio::join!(agent.redeem(&code), agent.redeem(&code));
            vec![one, other]
        } else {
            vec![agent.redeem(&code).await]
        };
        self.counts.redemptions += 1;
        heard.iter().for_each(|h| self.heard(h, "token:authorization_code"));
        family.redemptions(heard);
    }

    /// Refreshes with the `i`th token of a family.
    pub(crate) async fn refresh(&mut self, agent: &Agent, family: &mut Family, i: usize) {
        let (token, sent) = (family.chain[i].token.clone(), now());
        let heard = agent.refresh(&token).await;
        self.counts.refreshes += 1;
        self.heard(&heard, "token:refresh_token");
        family.refreshed(i, sent, heard);
    }

    /// Refreshes twice at once with the `i`th token of a family.
    pub(crate) async fn refresh_twice(&mut self, agent: &Agent, family: &mut Family, i: usize) {
        let (token, sent) = (family.chain[i].token.clone(), now());
        let (one, other) = tokio::join!(agent.refresh(&token), agent.refresh(&token));
        self.counts.refreshes += 1;
        self.counts.repeats += 1;
        for heard in [one, other] {
            self.heard(&heard, "token:refresh_token");
            family.refreshed(i, sent, heard);
        }
    }

    pub(crate) async fn revoke(&mut self, agent: &Agent, family: &mut Family, token: &str) {
        let heard = agent.revoke(token).await;
        match heard {
            Heard::Yes(()) => self.counts.revocations += 1,
            Heard::Silence => self.counts.lost += 1,
            Heard::No(_) => {}
        }
        family.revoked(heard);
    }

    /// Calls a tool, and notes what came of it.
    pub(crate) async fn call(&mut self, agent: &Agent, access: &str, tool: String) -> Heard<()> {
        let heard = agent.call(access, &tool).await;
        match &heard {
            Heard::Yes(()) => {
                self.counts.calls += 1;
                self.calls.push(tool);
            }
            Heard::No(told) => {
                self.counts.refusals += 1;
                match told.split_once(' ') {
                    // A token that is not valid names nobody; the others are decisions.
                    Some(("403", trace)) => self.refusals.push(trace.to_owned()),
                    Some(("401", _)) => {}
                    _ => self.wrong.push(format!("a call was answered with {told}")),
                }
            }
            Heard::Silence => self.counts.lost += 1,
        }
        heard
    }

    /// Calls a tool with the newest access token of a family.
    pub(crate) async fn call_as(&mut self, agent: &Agent, family: &mut Family, tool: String) {
        let Some(access) = family.access.clone() else { return };
        let heard = self.call(agent, &access, tool).await;
        family.called(&heard);
    }

    /// The family is done with for now.
    pub(crate) fn done(&mut self, mut family: Family) {
        self.wrong.append(&mut family.wrong);
        self.families.push(family);
    }
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.codes += other.codes;
        self.redemptions += other.redemptions;
        self.doubles += other.doubles;
        self.refreshes += other.refreshes;
        self.repeats += other.repeats;
        self.reuses += other.reuses;
        self.own += other.own;
        self.revocations += other.revocations;
        self.calls += other.calls;
        self.refusals += other.refusals;
        self.lost += other.lost;
    }
}
