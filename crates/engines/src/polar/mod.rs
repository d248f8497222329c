//! Polar, the language of Oso's open-source library (cargo feature `polar`). Neither is developed any more, and this is
//! here for those who come from it: `prokura policy import polar` says what of their rules can be carried over to Cedar.
//!
//! | Rule | Says |
//! |-|-|
//! | `allow(subject, action, resource)` | it is permitted |
//! | `deny(subject, action, resource)` | it is denied |
//! | `obligation(subject, action, resource, type, with)` | this must be met where it is permitted |
//!
//! Each may have `request` as one more argument after the resource: a dictionary of `actor`, `chain`, `grant`,
//! `arguments`, `context` and `now` (seconds since 1970), of which what is unknown is not there. An entity is an instance
//! of the class of its kind. Its attributes are fields, beside `id` and `type`; `has("name")` says whether there is such a
//! field, and `is_in("Group", "hr")` whether it belongs to another, directly or not.
//!
//! Invariant: a rule that fails denies, whichever it is: Polar cannot tell which rules would not have needed it.

mod host;
mod import;
mod load;
pub(crate) mod terms;

pub use import::import;

use crate::polar::host::Host;
use polar_core::polar::Polar as Library;
use polar_core::terms::{Call, Symbol, Term, Value};
use prokura_core::Obligation;
use prokura_policy::pdp::{Effect, Engine, EngineError, Finding, Question, RuleRef, from_words};
use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Policies in Polar.
pub struct Polar {
    set: Arc<str>,
    library: Library,
    /// Kinds of entities that the policies speak of.
    classes: BTreeSet<String>,
    asked: Vec<Asked>,
}

/// A rule that is asked, with as many arguments as it is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    what: What,
    with_request: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Allow,
    Deny,
    Obligation,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Obligation => "obligation",
        }
    }

    /// Without the request.
    fn arguments(self) -> usize {
        if self == Self::Obligation { 5 } else { 3 }
    }
}

impl Polar {
    /// Loads files, each with its name. `set` names the policies in the record.
    ///
    /// # Errors
    /// What is wrong, with file, line and column where they are known.
    pub fn load(set: &str, files: &[(String, String)]) -> Result<Self, Vec<EngineError>> {
        load::load(set, files)
    }

    fn answer(&self, question: &Question<'_>) -> Result<Finding, String> {
        let mut finding = Finding::silent();
        for asked in &self.asked {
            match asked.what {
                What::Deny if self.holds(*asked, question)? => {
                    self.decided(&mut finding, asked, Effect::Deny)
                }
                What::Allow if finding.effect != Effect::Deny && self.holds(*asked, question)? => {
                    self.decided(&mut finding, asked, Effect::Permit);
                }
                What::Allow | What::Deny => {}
                What::Obligation => finding.obligations.extend(self.obligations(*asked, question)?),
            }
        }
        Ok(finding)
    }

    fn decided(&self, finding: &mut Finding, asked: &Asked, effect: Effect) {
        if finding.effect != effect {
            finding.rules.clear();
        }
        finding.effect = effect;
        let arguments = asked.what.arguments() + usize::from(asked.with_request);
        let rule = format!("{}/{arguments}", asked.what.name()).into();
        finding.rules.push(RuleRef { set: Arc::clone(&self.set), rule, note: None });
    }

    fn holds(&self, asked: Asked, question: &Question<'_>) -> Result<bool, String> {
        let mut host = Host::new(&self.library, &self.classes, question);
        let query = self.call(&mut host, asked, &[])?;
        Ok(host.run(self.library.new_query_from_term(query, false), 1)?.pop().is_some())
    }

    fn obligations(&self, asked: Asked, question: &Question<'_>) -> Result<Vec<Obligation>, String> {
        let mut host = Host::new(&self.library, &self.classes, question);
        let query = self.call(&mut host, asked, &["type", "with"])?;
        let found = host.run(self.library.new_query_from_term(query, false), 64)?;
        let mut obligations = Vec::new();
        for bound in found {
            let text = |name: &str| match bound.get(&Symbol::new(name)).map(Term::value) {
                Some(Value::String(text)) => Ok(text.clone()),
                _ => Err(format!("an obligation's `{name}` is no text")),
            };
            let obligation = from_words(&text("type")?, &text("with")?).map_err(|e| e.to_string())?;
            if !obligations.contains(&obligation) {
                obligations.push(obligation);
            }
        }
        Ok(obligations)
    }

    fn call(&self, host: &mut Host<'_>, asked: Asked, open: &[&str]) -> Result<Term, String> {
        let mut args = host.subject_action_resource();
        if asked.with_request {
            args.push(host.request()?);
        }
        args.extend(open.iter().map(|name| Term::from(Value::Variable(Symbol::new(name)))));
        let name = Symbol::new(asked.what.name());
        Ok(Term::from(Value::Call(Call { name, args, kwargs: None })))
    }
}

impl Engine for Polar {
    fn name(&self) -> &'static str {
        "polar"
    }

    fn decide(&self, question: &Question<'_>) -> Finding {
        // The library panics where it meets what it did not expect. What it leaves broken stays so, and denies.
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer(question)));
        let answer = answer.unwrap_or_else(|_| Err("Polar broke off".to_owned()));
        answer.unwrap_or_else(|why| Finding::failed(format!("{}: {why}", self.set)))
    }

    fn may_change_results(&self) -> bool {
        self.asked.iter().any(|asked| asked.what == What::Obligation)
    }
}

impl fmt::Debug for Polar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Polar").field("set", &self.set).field("asked", &self.asked).finish_non_exhaustive()
    }
}
