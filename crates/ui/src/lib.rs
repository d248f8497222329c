//! View structs in, HTML out. One template a page, one style sheet, one small script, one catalogue of texts.
//!
//! Invariants: nothing here reads a request, a clock or a database; every value is escaped; text from outside is
//! a [`Shown`], which has no invisible characters; no page refers to anything outside this server; every page
//! works without its script.
#![forbid(unsafe_code)]

mod approving;
mod assets;
mod consent;
mod detail;
mod english;
mod frame;
mod granted;
mod ident;
mod pages;
mod qr;
mod reading;
pub mod samples;
mod shown;
mod text;
mod when;

pub use approving::{
    Approvals, Approve, ApproveLine, ApproveValue, ConditionRow, DecidedRow, Folded, Live, StandingOffer,
    StandingRow, WaitingRow,
};
pub use askama::{Error as RenderError, Template};
pub use assets::{Asset, SCRIPT, SEAL, STYLE, asset};
pub use consent::{
    Calling, Change, Changed, Consent, Device, Duration, Further, Organisation, Refused, Software, Standing,
    Withheld,
};
pub use detail::{argument_label, budget_sentences, detail_beginning, detail_sentence, literal};
pub use frame::{Argument, ArgumentPart, ArgumentValue, Form, Frame, Hop, Meaning, Notice, Permission};
pub use granted::{
    AgentChoice, AgentRow, Allowed, Branch, GrantPage, GrantRow, Happened, History, HistoryRow, Narrowing,
    Stand,
};
pub use ident::Ident;
pub use pages::{
    Asker, DeviceCode, DeviceDone, Enrol, Fault, FirstProblems, FirstUser, IdentityRow, LogOut, PasskeyForm,
    PasskeyRow, Password, ProviderLink, RecoveryCodes, SecondStep, Security, SessionRow, SignIn, SignedOut,
    TotpRow, Welcome,
};
pub use qr::Qr;
pub use reading::{date_reading, number_reading};
pub use shown::Shown;
pub use text::{Catalogue, ENGLISH, Filled, Text};
pub use when::{When, lasting};
