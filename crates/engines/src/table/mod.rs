//! Tests of policies as tables in files: who and what there is, and what must come of which question. The same table runs
//! against any engine, or several together.
//!
//! A table is TOML, or JSON of the same shape:
//!
//! ```toml
//! # What a case does not say itself.
//! [defaults]
//! subject = 'User::"mia"'
//! actor = 'Agent::"assistant"'
//! context = { scopes = ["staff"] }
//! now = "2026-11-21T09:00:00Z"
//!
//! [[entities]]
//! uid = 'Employee::"e1"'
//! attrs = { manager = { __entity = { type = "User", id = "mia" } } }
//! parents = ['Team::"sales"']
//!
//! [[cases]]
//! name = "she sees her own staff, without their numbers"
//! action = "view"
//! resource = 'Employee::"e1"'
//! expect = "permit"
//! obligations = [{ type = "redact", with = "$..ssn" }]
//!
//! [[cases]]
//! name = "of all employees her own are left"
//! action = "view"
//! rows = { kind = "Employee", left = ["e1"] }
//! ```
//!
//! | Key of a case | What |
//! |-|-|
//! | `subject`, `actor`, `resource` | a name, `Kind::"id"`, or an entity as in `entities` which holds for this case; `actor = false` for none |
//! | `chain` | names, the current actor first; if it is not there, the actor alone |
//! | `grant`, `action`, `arguments`, `context`, `now` | as engines are asked; `context` is added to that of the defaults |
//! | `expect` | `permit` or `deny` |
//! | `rules` | each of them must have decided; others may have too |
//! | `obligations` | exactly these must be met; not there, none |
//! | `rows` | which entities of a kind the action is permitted on, all of them; in place of `expect` |
//! | `fails` | an engine is expected to say that something went wrong; otherwise that fails the case |

mod case;
mod known;
mod member;
mod read;
mod run;

pub use case::{Case, Expected};
pub use known::Known;
pub use read::TableError;
pub use run::{Outcome, Tally};

/// A table: what is known, and the cases.
#[derive(Debug, Clone)]
pub struct Table {
    /// Who and what there is.
    pub known: Known,
    /// What must come of what.
    pub cases: Vec<Case>,
}
