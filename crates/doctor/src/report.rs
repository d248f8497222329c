//! What came of an examination.

use crate::group::Level;
use crate::table::Check;
use prokura_oauth::json::{Object, Value, obj};
use std::collections::BTreeSet;

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which check found it.
    pub check: Check,
    /// Where: an address.
    pub at: String,
    /// What should have been there.
    pub expected: String,
    /// What was.
    pub received: String,
}

/// Why there was nothing to examine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// A stable word: `unreachable`, `tls`, `moved`, `login_page`, `not_mcp`.
    pub word: &'static str,
    /// What happened.
    pub what: String,
    /// What to do.
    pub mend: String,
}

/// Whether a token is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Without one there is a challenge.
    Token,
    /// Everybody may call.
    Open,
    /// That was not found out.
    Unknown,
}

/// The whole of it.
#[derive(Debug, Clone)]
pub struct Report {
    /// The address that was examined.
    pub url: String,
    /// Why nothing could be examined, if so.
    pub trouble: Option<Trouble>,
    /// Whether a token is needed.
    pub protection: Protection,
    /// The issuers that the resource names.
    pub issuers: Vec<String>,
    /// The protocol versions that were seen to be served, newest first.
    pub versions: Vec<String>,
    /// What does not hold, in the order of the table.
    pub findings: Vec<Finding>,
    /// The checks that held.
    pub held: Vec<Check>,
    /// The checks that could not be made, each with the reason.
    pub unseen: Vec<(Check, String)>,
    /// How many requests were made.
    pub requests: u32,
}

impl Report {
    /// How many checks of a level found something, in one place or in several.
    pub fn count(&self, level: Level) -> usize {
        let all = self.findings.iter().map(|f| f.check).filter(|c| c.row().level == level);
        all.collect::<BTreeSet<_>>().len()
    }

    /// Whether nothing is wrong that must be right. What should be right counts only if `strict`.
    pub fn is_well(&self, strict: bool) -> bool {
        let should = if strict { self.count(Level::Should) } else { 0 };
        self.trouble.is_none() && self.count(Level::Must) == 0 && should == 0
    }

    /// For machines: one object.
    pub fn to_json(&self) -> Object {
        let mut o = obj([("url", self.url.as_str().into()), ("well", self.is_well(false).into())]);
        if let Some(trouble) = &self.trouble {
            o.insert("trouble", trouble.to_json().into());
        }
        let protection = match self.protection {
            Protection::Token => "token",
            Protection::Open => "open",
            Protection::Unknown => "unknown",
        };
        o.insert("protection", protection.into());
        o.insert("issuers", self.issuers.iter().collect());
        o.insert("versions", self.versions.iter().collect());
        o.insert("must", (self.count(Level::Must) as u64).into());
        o.insert("should", (self.count(Level::Should) as u64).into());
        o.insert("findings", self.findings.iter().map(Finding::to_json).collect());
        o.insert("held", self.held.iter().map(|c| c.id()).collect());
        let unseen =
            |(c, why): &(Check, String)| obj([("check", c.id().into()), ("why", why.as_str().into())]);
        o.insert("unseen", self.unseen.iter().map(unseen).collect());
        o.insert("requests", self.requests.into());
        o
    }
}

impl Finding {
    fn to_json(&self) -> Value {
        let row = self.check.row();
        obj([
            ("check", row.id.into()),
            ("level", row.level.to_string().into()),
            ("group", row.group.title().to_lowercase().into()),
            ("at", self.at.as_str().into()),
            ("expected", self.expected.as_str().into()),
            ("received", self.received.as_str().into()),
            ("section", row.section.into()),
            ("mend", row.mend.into()),
        ])
        .into()
    }
}

impl Trouble {
    fn to_json(&self) -> Object {
        obj([
            ("word", self.word.into()),
            ("what", self.what.as_str().into()),
            ("mend", self.mend.as_str().into()),
        ])
    }
}
