//! Everything that came of one authorization code, as its client saw it: and what must be true of it therefore.

use super::agent::{Code, Heard, Tokens};
use super::house::RETRY;
use prokura_core::{Clock as _, GrantId, SystemClock, Timestamp};

/// How often a refresh is repeated, besides the first time.
pub(crate) const REPEATS: u32 = 5;

/// Whether the grant has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ended {
    No,
    /// Something that would end it was sent, and no answer came.
    Maybe,
    /// Its end was acknowledged.
    Yes,
}

/// What the next answer has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Must {
    Succeed,
    Refuse,
    Either,
}

/// A refresh token.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) token: String,
    /// How often it was sent.
    pub(crate) asked: u32,
    /// How often it was exchanged, as far as was heard.
    pub(crate) wins: u32,
    /// When it was first sent.
    first_sent: Option<Timestamp>,
    /// When the first exchange was heard of.
    first_won: Option<Timestamp>,
}

impl Link {
    fn new(token: String) -> Self {
        Self { token, asked: 0, wins: 0, first_sent: None, first_won: None }
    }

    /// Whether it surely was exchanged so long ago that it must not be repeated.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.first_won.is_some_and(|won| now.since(won) > RETRY)
    }
}

/// Everything that came of one code.
#[derive(Debug, Clone)]
pub(crate) struct Family {
    pub(crate) code: Code,
    /// How often the code was sent, with an answer or not.
    pub(crate) redeemed: u32,
    pub(crate) wins: u32,
    pub(crate) lost: u32,
    pub(crate) grant: Option<GrantId>,
    /// The newest access token.
    pub(crate) access: Option<String>,
    pub(crate) chain: Vec<Link>,
    pub(crate) ended: Ended,
    /// After how many restarts it was asked about.
    pub(crate) probed: u32,
    /// What came out otherwise than it must.
    pub(crate) wrong: Vec<String>,
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

impl Family {
    pub(crate) fn new(code: Code) -> Self {
        Self {
            code,
            redeemed: 0,
            wins: 0,
            lost: 0,
            grant: None,
            access: None,
            chain: Vec::new(),
            ended: Ended::No,
            probed: 0,
            wrong: Vec::new(),
        }
    }

    fn wrong(&mut self, what: &str, why: &str) {
        self.wrong.push(format!("{what}: {why} (grant {:?}, ended {:?})", self.grant, self.ended));
    }

    /// Notes answers to redemptions that were under way together.
    pub(crate) fn redemptions(&mut self, mut heard: Vec<Heard<Tokens>>) {
        self.redeemed += u32::try_from(heard.len()).unwrap_or(u32::MAX);
        heard.sort_by_key(|h| match h {
            Heard::Yes(_) => 0,
            Heard::Silence => 1,
            Heard::No(_) => 2,
        });
        heard.into_iter().for_each(|h| self.redemption(h));
    }

    fn redemption(&mut self, heard: Heard<Tokens>) {
        match heard {
            Heard::Yes(tokens) => {
                if self.wins > 0 || self.ended == Ended::Yes {
                    self.wrong("a code yielded tokens twice", "or after its grant had ended");
                }
                self.wins += 1;
                self.grant = Some(tokens.grant);
                self.access = Some(tokens.access);
                self.chain = vec![Link::new(tokens.refresh)];
            }
            Heard::Silence => {
                // One of two may have redeemed it, and the other ended everything.
                if self.wins + self.lost > 0 {
                    self.ended = self.ended.max(Ended::Maybe);
                }
                self.lost += 1;
            }
            Heard::No(_) if self.wins + self.lost > 0 => self.ended = Ended::Yes,
            Heard::No(why) => self.wrong("an acknowledged code was refused", &why),
        }
    }

    /// What must come of refreshing with link `i`, sent and answered then.
    fn must_refresh(&self, i: usize, sent: Timestamp, answered: Timestamp) -> Must {
        let link = &self.chain[i];
        let next = self.chain.get(i + 1);
        match self.ended {
            Ended::Yes => return Must::Refuse,
            Ended::Maybe => return Must::Either,
            Ended::No if link.asked == 0 => return Must::Succeed,
            Ended::No => {}
        }
        if next.is_some_and(|n| n.wins > 0) || link.is_over(sent) || link.wins > REPEATS {
            return Must::Refuse;
        }
        let soon = link.first_sent.is_some_and(|first| answered.since(first) < RETRY);
        if soon && link.asked <= REPEATS && next.is_none_or(|n| n.asked == 0) {
            return Must::Succeed;
        }
        Must::Either
    }

    /// Notes an answer to a refresh with link `i`.
    pub(crate) fn refreshed(&mut self, i: usize, sent: Timestamp, heard: Heard<Tokens>) {
        let answered = now();
        let must = self.must_refresh(i, sent, answered);
        let over = self.chain[i].is_over(sent) || self.chain.get(i + 1).is_some_and(|n| n.wins > 0);
        self.chain[i].asked += 1;
        self.chain[i].first_sent.get_or_insert(sent);
        match heard {
            Heard::Yes(tokens) => {
                if must == Must::Refuse {
                    self.wrong("a refresh token was used again", "although that was over");
                }
                self.exchanged(i, tokens, answered);
            }
            Heard::No(why) => match must {
                Must::Succeed => self.wrong("an acknowledged refresh token was refused", &why),
                Must::Refuse if over => self.ended = Ended::Yes,
                Must::Either => self.ended = self.ended.max(Ended::Maybe),
                Must::Refuse => {}
            },
            Heard::Silence if must == Must::Succeed => {}
            Heard::Silence => self.ended = self.ended.max(Ended::Maybe),
        }
    }

    fn exchanged(&mut self, i: usize, tokens: Tokens, answered: Timestamp) {
        self.chain[i].wins += 1;
        self.chain[i].first_won.get_or_insert(answered);
        if self.grant.as_ref() != Some(&tokens.grant) {
            self.wrong("a refresh", "gave a token of another grant");
        }
        self.access = Some(tokens.access);
        match self.chain.get(i + 1) {
            Some(next) if next.token == tokens.refresh => {}
            Some(_) => self.wrong("a refresh token", "has two successors"),
            None => self.chain.push(Link::new(tokens.refresh)),
        }
    }

    /// Notes an answer to a revocation.
    pub(crate) fn revoked(&mut self, heard: Heard<()>) {
        match heard {
            Heard::Yes(()) => self.ended = Ended::Yes,
            Heard::Silence => self.ended = self.ended.max(Ended::Maybe),
            Heard::No(why) => self.wrong("a revocation was refused", &why),
        }
    }

    /// Notes an answer to a call with the newest access token.
    pub(crate) fn called(&mut self, heard: &Heard<()>) {
        match (heard, self.ended) {
            (Heard::Yes(()), Ended::Yes) => self.wrong("a call went through", "after an acknowledged end"),
            (Heard::No(why), Ended::No) => {
                let why = why.clone();
                self.wrong("a call was refused", &why);
            }
            _ => {}
        }
    }

    pub(crate) fn newest(&self) -> Option<usize> {
        self.chain.len().checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn tokens(refresh: &str) -> Tokens {
        let grant = GrantId::parse("g_1").unwrap();
        Tokens { access: "a".into(), refresh: refresh.into(), jti: "j".into(), grant }
    }

    fn redeemed() -> Family {
        let mut family = Family::new(Code { code: "c".into(), verifier: "v".into() });
        family.redemptions(vec![Heard::Yes(tokens("r0"))]);
        family
    }

    fn no<T>() -> Heard<T> {
        Heard::No("refused".into())
    }

    #[test]
    fn a_code_counts_once_whoever_heard_it() {
        let mut twice = redeemed();
        twice.redemptions(vec![Heard::Yes(tokens("r1"))]);
        assert_eq!(twice.wrong.len(), 1);
        let mut lost = Family::new(redeemed().code);
        lost.redemptions(vec![Heard::Silence]);
        lost.redemptions(vec![no()]);
        assert_eq!((lost.ended, lost.wrong.len()), (Ended::Yes, 0));
        let mut refused = Family::new(redeemed().code);
        refused.redemptions(vec![no()]);
        assert_eq!(refused.wrong.len(), 1);
    }

    #[test]
    fn a_replay_that_was_acknowledged_ends_the_grant() {
        let mut family = Family::new(redeemed().code);
        family.redemptions(vec![no(), Heard::Yes(tokens("r0"))]);
        assert_eq!((family.ended, family.wrong.len()), (Ended::Yes, 0));
        family.called(&Heard::Yes(()));
        family.refreshed(0, now(), Heard::Yes(tokens("r1")));
        assert_eq!(family.wrong.len(), 2);
    }

    #[test]
    fn a_refresh_is_repeated_with_the_same_successor_and_not_for_ever() {
        let mut family = redeemed();
        for _ in 0..=REPEATS {
            family.refreshed(0, now(), Heard::Yes(tokens("r1")));
        }
        assert_eq!(family.wrong.len(), 0);
        family.refreshed(0, now(), Heard::Yes(tokens("r1")));
        assert_eq!(family.wrong.len(), 1);
        let mut other = redeemed();
        other.refreshed(0, now(), Heard::Yes(tokens("r1")));
        other.refreshed(0, now(), Heard::Yes(tokens("r2")));
        assert_eq!(other.wrong.len(), 1);
    }

    #[test]
    fn a_token_whose_successor_was_used_ends_everything() {
        let mut family = redeemed();
        family.refreshed(0, now(), Heard::Yes(tokens("r1")));
        family.refreshed(1, now(), Heard::Yes(tokens("r2")));
        let mut reused = family.clone();
        reused.refreshed(0, now(), Heard::Yes(tokens("r1")));
        assert_eq!(reused.wrong.len(), 1);
        family.refreshed(0, now(), no());
        assert_eq!((family.ended, family.wrong.len()), (Ended::Yes, 0));
    }

    #[test]
    fn after_its_time_a_token_is_refused() {
        let mut family = redeemed();
        family.refreshed(0, now(), Heard::Yes(tokens("r1")));
        let late = now().after(RETRY + Duration::from_secs(1));
        family.refreshed(0, late, Heard::Yes(tokens("r1")));
        assert_eq!(family.wrong.len(), 1);
    }

    #[test]
    fn what_was_lost_may_have_come_out_either_way() {
        let mut family = redeemed();
        family.refreshed(0, now(), Heard::Silence);
        assert_eq!(family.ended, Ended::No);
        family.refreshed(0, now(), Heard::Yes(tokens("r1")));
        family.refreshed(1, now(), Heard::Silence);
        family.refreshed(0, now(), no());
        assert_eq!((family.ended, family.wrong.len()), (Ended::Maybe, 0));
    }

    #[test]
    fn what_was_acknowledged_is_not_refused() {
        let mut family = redeemed();
        family.refreshed(0, now(), no());
        family.called(&no());
        assert_eq!(family.wrong.len(), 2);
    }
}
