//! The pages about calls that wait for somebody to agree.

use crate::frame::{Form, Frame, Hop, Notice};
use crate::ident::Ident;
use crate::shown::Shown;
use crate::when::When;
use askama::Template;

/// One argument of the call.
#[derive(Debug, Clone)]
pub struct ApproveLine {
    /// Its name, exactly.
    pub name: Shown,
    /// What the tool calls it.
    pub title: Option<Shown>,
    /// What the tool says of it.
    pub about: Option<Shown>,
    /// What it was, if that is known.
    pub before: Option<ApproveValue>,
    /// What it will be.
    pub after: ApproveValue,
}

/// A value, all of it.
#[derive(Debug, Clone)]
pub struct ApproveValue {
    /// Its lines.
    pub lines: Vec<Shown>,
    /// How it is read more easily, where it is not written so.
    pub reading: Option<String>,
    /// What stands in its place until it is opened, if it is long.
    pub folded: Option<Folded>,
}

/// The ends of a long value.
#[derive(Debug, Clone)]
pub struct Folded {
    /// How it begins and how it ends.
    pub ends: Shown,
    /// What opening it shows: `Show all 4,812 characters`.
    pub more: String,
}

/// What one argument must be for a standing agreement to hold.
#[derive(Debug, Clone)]
pub struct ConditionRow {
    /// The argument.
    pub name: Shown,
    /// Whether the value is a bound.
    pub up_to: bool,
    /// The value.
    pub value: Shown,
}

/// An offer to agree to calls like this one for a while.
#[derive(Debug, Clone)]
pub struct StandingOffer {
    /// Which calls: every argument, and nothing besides.
    pub conditions: Vec<ConditionRow>,
    /// For how many days it may be.
    pub days: Vec<u32>,
    /// The mark of what is shown: what is taken must be that.
    pub mark: String,
}

/// By which a page learns that something has changed.
#[derive(Debug, Clone)]
pub struct Live {
    /// Whom the script asks.
    pub address: String,
    /// What the answer was when the page was made.
    pub seen: String,
}

/// The page of one call that waits, or waited.
#[derive(Debug, Clone, Template)]
#[template(path = "approve.html")]
pub struct Approve {
    /// What stands around.
    pub frame: Frame,
    /// What has just happened.
    pub notice: Option<Notice>,
    /// Who asks.
    pub agent: Shown,
    /// For whom.
    pub lead: String,
    /// Who acts for whom, and the place.
    pub chain: Vec<Hop>,
    /// What it does.
    pub what: Shown,
    /// The action by its name, exactly.
    pub tool: String,
    /// What it is done with.
    pub lines: Vec<ApproveLine>,
    /// Whether something there is in the tool's words.
    pub worded: bool,
    /// Whether that is not kept any longer.
    pub forgotten: bool,
    /// What can come of it.
    pub risk: String,
    /// Whether it can be undone.
    pub undo: String,
    /// Why it is asked.
    pub because: Shown,
    /// Who may agree.
    pub who: String,
    /// Who said what.
    pub votes: Vec<Shown>,
    /// When it was asked.
    pub asked: When,
    /// Until when it waits or may be used; when it was over.
    pub until: When,
    /// How it stands.
    pub stands: String,
    /// Its id.
    pub id: Ident,
    /// Where to sign in more surely, if that is needed to agree.
    pub surely: Option<String>,
    /// The form, if the reader may decide.
    pub decide: Option<Form>,
    /// Whether the reader may agree, and not only refuse.
    pub may_agree: bool,
    /// An offer to agree to more.
    pub offer: Option<StandingOffer>,
    /// By which the page learns of changes, while there may be any.
    pub live: Option<Live>,
    /// The form that signs out.
    pub sign_out: Form,
}

/// A call that waits.
#[derive(Debug, Clone)]
pub struct WaitingRow {
    /// What it does.
    pub what: Shown,
    /// Who acts for whom, and the place.
    pub chain: Vec<Hop>,
    /// Why it is asked.
    pub because: Shown,
    /// When it was asked.
    pub asked: When,
    /// Until when it waits.
    pub until: When,
    /// Its page.
    pub href: String,
}

/// A standing agreement.
#[derive(Debug, Clone)]
pub struct StandingRow {
    /// What it lets whom do.
    pub what: Shown,
    /// Which calls.
    pub conditions: Vec<ConditionRow>,
    /// Who agreed.
    pub by: Shown,
    /// Until when.
    pub until: When,
    /// The form that ends it.
    pub end: Form,
}

/// A call that was decided on, or is over.
#[derive(Debug, Clone)]
pub struct DecidedRow {
    /// When it was asked.
    pub when: When,
    /// What it does.
    pub what: Shown,
    /// How it stands.
    pub stands: String,
    /// Its page.
    pub href: String,
}

/// "Approvals" in the account.
#[derive(Debug, Clone, Template)]
#[template(path = "approvals.html")]
pub struct Approvals {
    /// What stands around.
    pub frame: Frame,
    /// What has just happened.
    pub notice: Option<Notice>,
    /// What waits for the reader.
    pub waiting: Vec<WaitingRow>,
    /// What was agreed to for a while.
    pub rules: Vec<StandingRow>,
    /// What was decided on lately.
    pub decided: Vec<DecidedRow>,
    /// By which the page learns of changes.
    pub live: Live,
    /// The form that signs out.
    pub sign_out: Form,
}
