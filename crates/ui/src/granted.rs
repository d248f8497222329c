//! The pages about what was allowed: all of it, and one grant with what came of it.

use crate::consent::Duration;
use crate::frame::{ArgumentPart, Form, Frame, Hop, Notice, Permission};
use crate::ident::Ident;
use crate::shown::Shown;
use crate::text::{Catalogue, Text};
use crate::when::When;
use askama::Template;

/// How a grant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// In force.
    Active,
    /// Paused by the reader.
    Paused,
    /// Stopped for another cause.
    Stopped,
    /// One above it does not stand.
    Above,
    /// Ended for ever.
    Ended,
    /// Its time is over.
    Expired,
}

impl Stand {
    /// Its class in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Self::Active => "permitted",
            Self::Paused | Self::Stopped | Self::Above => "attention",
            Self::Ended | Self::Expired => "refused",
        }
    }

    /// Its sign.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Active => "✓",
            Self::Paused | Self::Stopped | Self::Above => "!",
            Self::Ended | Self::Expired => "✕",
        }
    }

    /// Its word.
    pub fn word(self, text: &Catalogue) -> Text {
        match self {
            Self::Active => text.stand_active,
            Self::Paused => text.stand_paused,
            Self::Stopped => text.stand_stopped,
            Self::Above => text.stand_above,
            Self::Ended => text.stand_ended,
            Self::Expired => text.stand_expired,
        }
    }

    /// Whether it may be used.
    pub fn is_active(self) -> bool {
        self == Self::Active
    }
}

/// A hop in what came of a grant.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Who got it, and for what place.
    pub hops: Vec<Hop>,
    /// What it may do at most.
    pub permissions: Vec<Shown>,
    /// How it stands.
    pub stand: Stand,
    /// When it was last used.
    pub last_used: Option<When>,
    /// When it ends.
    pub expires: When,
    /// Its id.
    pub id: Ident,
    /// Its own page.
    pub href: String,
    /// How many below it are drawn.
    pub below: usize,
    /// How many directly below it are not drawn.
    pub more: u64,
    /// How many lists end after it.
    pub closes: usize,
}

impl Branch {
    /// Sets of each where the lists open and end. `depths` are the hops of each below the top, in the order of drawing.
    pub fn nest(branches: &mut [Self], depths: &[usize]) {
        for (i, branch) in branches.iter_mut().enumerate() {
            let (depth, next) = (depths.get(i).copied().unwrap_or(0), depths.get(i + 1).copied());
            let rest = depths.get(i + 1..).unwrap_or_default();
            branch.below = rest.iter().take_while(|d| **d > depth).count();
            let next = next.unwrap_or_else(|| depths.first().copied().unwrap_or(0));
            branch.closes = if branch.below > 0 { 0 } else { depth.saturating_sub(next) };
        }
    }

    fn opens(&self) -> bool {
        self.below > 0
    }
}

/// A grant on the account page.
#[derive(Debug, Clone)]
pub struct GrantRow {
    /// Its id.
    pub id: Ident,
    /// The resource's title.
    pub resource: Shown,
    /// The sentences of its permissions.
    pub permissions: Vec<Shown>,
    /// Who acts for whom.
    pub chain: Vec<Hop>,
    /// How it stands.
    pub stand: Stand,
    /// When it was made.
    pub since: When,
    /// When it ends.
    pub expires: When,
    /// When it ends if nobody uses it, where that is earlier.
    pub unused: Option<When>,
    /// When it was last used.
    pub last_used: Option<When>,
    /// Whether the operator made it, not the user.
    pub by_operator: bool,
    /// Its own page.
    pub href: String,
    /// What came of it.
    pub tree: Vec<Branch>,
    /// How many that is, drawn or not.
    pub below: u64,
    /// The form that pauses it.
    pub suspend: Option<Form>,
    /// The form that puts it in force again.
    pub resume: Option<Form>,
    /// The form that revokes it.
    pub revoke: Form,
}

/// An agent on the account page, with its grants.
#[derive(Debug, Clone)]
pub struct AgentRow {
    /// What it is called.
    pub name: Shown,
    /// The hosts of its clients, or their ids.
    pub hosts: Vec<String>,
    /// What it was allowed.
    pub grants: Vec<GrantRow>,
}

/// "What I allowed".
#[derive(Debug, Clone, Template)]
#[template(path = "allowed.html")]
pub struct Allowed {
    /// What stands around.
    pub frame: Frame,
    /// What has just happened.
    pub notice: Option<Notice>,
    /// Who may act for the reader.
    pub agents: Vec<AgentRow>,
    /// The page of newer ones, if this is not the first.
    pub newer: Option<String>,
    /// The page of older ones, if there are any.
    pub older: Option<String>,
    /// The form that revokes everything.
    pub revoke_all: Form,
    /// The form that signs out.
    pub sign_out: Form,
}

/// An agent that may hold a part.
#[derive(Debug, Clone)]
pub struct AgentChoice {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: Shown,
    /// Whether it is left.
    pub kept: bool,
}

/// The form that takes something away.
#[derive(Debug, Clone)]
pub struct Narrowing {
    /// Where it goes.
    pub form: Form,
    /// The revision that the reader sees.
    pub revision: u64,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// Whether it is left to be passed on to whom the rules let; none if it may not be.
    pub by_rule: Option<bool>,
    /// Who may hold a part by name.
    pub agents: Vec<AgentChoice>,
    /// Shorter times.
    pub durations: Vec<Duration>,
}

impl Narrowing {
    /// Whether its time stays as it is.
    fn lasts(&self) -> bool {
        !self.durations.iter().any(|duration| duration.chosen)
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Happened {
    /// When.
    pub when: When,
    /// What.
    pub what: Shown,
    /// By whom.
    pub who: Shown,
}

/// One grant.
#[derive(Debug, Clone, Template)]
#[template(path = "grant.html")]
pub struct GrantPage {
    /// What stands around.
    pub frame: Frame,
    /// What has just happened.
    pub notice: Option<Notice>,
    /// Who holds it.
    pub agent: Shown,
    /// The resource's title.
    pub resource: Shown,
    /// Who acts for whom.
    pub chain: Vec<Hop>,
    /// How it stands.
    pub stand: Stand,
    /// What that means, if it is not in force.
    pub stand_more: Option<String>,
    /// The sentences of its permissions.
    pub permissions: Vec<Shown>,
    /// Who made it.
    pub made: String,
    /// Its id.
    pub id: Ident,
    /// When it was made.
    pub since: When,
    /// When it ends.
    pub expires: When,
    /// When it ends if nobody uses it, where that is earlier.
    pub unused: Option<When>,
    /// When it was last used.
    pub last_used: Option<When>,
    /// Where its receipt is, if somebody agreed to it.
    pub receipt: Option<String>,
    /// What is left of its budget.
    pub budget: Vec<Shown>,
    /// Who may hold a part.
    pub holders: Vec<Shown>,
    /// The form that takes something away.
    pub narrow: Option<Narrowing>,
    /// The form that pauses it.
    pub suspend: Option<Form>,
    /// The form that puts it in force again.
    pub resume: Option<Form>,
    /// The form that ends it.
    pub revoke: Option<Form>,
    /// What came of it.
    pub tree: Vec<Branch>,
    /// The next of it.
    pub tree_next: Option<String>,
    /// The same page with what has ended.
    pub tree_ended: Option<String>,
    /// What happened, the newest first.
    pub history: Vec<Happened>,
    /// What happened before that.
    pub older: Option<String>,
    /// The form that signs out.
    pub sign_out: Form,
}

/// One thing that somebody allowed, refused, changed or ended.
#[derive(Debug, Clone)]
pub struct HistoryRow {
    /// When.
    pub when: When,
    /// Whom it is about.
    pub agent: Shown,
    /// Where.
    pub resource: Shown,
    /// What.
    pub what: Shown,
    /// By whom.
    pub who: Shown,
    /// The grant's page, while it is kept.
    pub href: Option<String>,
}

/// "What I allowed, changed and ended".
#[derive(Debug, Clone, Template)]
#[template(path = "history.html")]
pub struct History {
    /// What stands around.
    pub frame: Frame,
    /// What happened, the newest first.
    pub rows: Vec<HistoryRow>,
    /// The newest page, if this is another.
    pub newer: Option<String>,
    /// The page before this one in time.
    pub older: Option<String>,
    /// The form that signs out.
    pub sign_out: Form,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ENGLISH;

    fn nested(depths: &[usize]) -> Vec<(usize, usize)> {
        let branch = |_: &usize| Branch {
            hops: vec![],
            permissions: vec![],
            stand: Stand::Active,
            last_used: None,
            expires: When::at(0, 0, &ENGLISH),
            id: Ident::new("g"),
            href: String::new(),
            below: 0,
            more: 0,
            closes: 0,
        };
        let mut all: Vec<Branch> = depths.iter().map(branch).collect();
        Branch::nest(&mut all, depths);
        all.iter().map(|b| (b.below, b.closes)).collect()
    }

    #[test]
    fn every_list_that_is_opened_ends() {
        assert_eq!(nested(&[1, 2, 3, 2, 1]), [(3, 0), (1, 0), (0, 1), (0, 1), (0, 0)]);
        assert_eq!(nested(&[1, 2, 3]), [(2, 0), (1, 0), (0, 2)]);
        for depths in [&[1, 2, 3, 4, 5][..], &[1, 1, 2, 2, 3, 1], &[1], &[]] {
            let all = nested(depths);
            let opened = all.iter().filter(|b| b.0 > 0).count();
            assert_eq!(all.iter().map(|b| b.1).sum::<usize>(), opened, "{depths:?}");
        }
    }
}
