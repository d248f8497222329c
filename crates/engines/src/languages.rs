//! Which languages this program reads.

use prokura_policy::pdp::{Engine, EngineError};
use std::sync::Arc;

/// A file: its name, and what stands in it.
pub type File = (String, String);

/// Policies in Rego.
///
/// # Errors
/// Everything that is wrong with them; without the cargo feature `rego`, that it is not built in.
#[cfg(feature = "rego")]
pub fn rego(set: &str, files: &[File]) -> Result<Arc<dyn Engine>, Vec<EngineError>> {
    let options = crate::rego::RegoOptions::default();
    crate::rego::Rego::load(set, files, &options).map(|rego| Arc::new(rego) as Arc<dyn Engine>)
}

/// Policies in Rego.
///
/// # Errors
/// That it is not built in, and what to do.
#[cfg(not(feature = "rego"))]
pub fn rego(set: &str, _: &[File]) -> Result<Arc<dyn Engine>, Vec<EngineError>> {
    Err(not_built_in(set, "Rego", "rego", "or ask an OPA elsewhere, with `language = \"opa\"`"))
}

/// Policies in Polar.
///
/// # Errors
/// Everything that is wrong with them; without the cargo feature `polar`, that it is not built in.
#[cfg(feature = "polar")]
pub fn polar(set: &str, files: &[File]) -> Result<Arc<dyn Engine>, Vec<EngineError>> {
    crate::polar::Polar::load(set, files).map(|polar| Arc::new(polar) as Arc<dyn Engine>)
}

/// Policies in Polar.
///
/// # Errors
/// That it is not built in, and what to do.
#[cfg(not(feature = "polar"))]
pub fn polar(set: &str, _: &[File]) -> Result<Arc<dyn Engine>, Vec<EngineError>> {
    let or = "or carry them over to Cedar with a program that has it, by `prokura policy import polar`";
    Err(not_built_in(set, "Polar", "polar", or))
}

/// Reads a file of Polar and writes what of it can be said in Cedar.
///
/// # Errors
/// Why it is no Polar, with line and column; without the cargo feature `polar`, that it is not built in.
#[cfg(feature = "polar")]
pub fn import_polar(file: &str, text: &str) -> Result<Imported, EngineError> {
    crate::polar::import(file, text)
}

/// Reads a file of Polar and writes what of it can be said in Cedar.
///
/// # Errors
/// That it is not built in, and what to do.
#[cfg(not(feature = "polar"))]
pub fn import_polar(file: &str, _: &str) -> Result<Imported, EngineError> {
    let why = "Polar is not built into this program: build it with `cargo build --features polar`";
    Err(EngineError { place: file.to_owned(), why: why.to_owned() })
}

/// What became of a file.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The policies in Cedar, with what was not carried over as comments.
    pub cedar: String,
    /// What became of each rule and resource block, in their order.
    pub report: Vec<Carried>,
}

/// What became of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Where it stands: `file:line`.
    pub place: String,
    /// How it begins.
    pub rule: String,
    /// What became of it.
    pub how: How,
}

/// What became of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// So many policies say the same, given that the sentences hold.
    Over(usize, Vec<String>),
    /// Its condition stands in the policies of the rules that call it.
    Within,
    /// A person has to, because of this.
    ByHand(String),
}

impl Imported {
    /// Whether nothing is left for a person.
    pub fn is_whole(&self) -> bool {
        !self.report.iter().any(|carried| matches!(carried.how, How::ByHand(_)))
    }
}

#[cfg(not(all(feature = "rego", feature = "polar")))]
fn not_built_in(set: &str, language: &str, feature: &str, or: &str) -> Vec<EngineError> {
    let why = format!(
        "{language} is not built into this program: build it with `cargo build --features {feature}`, {or}"
    );
    vec![EngineError { place: format!("policy set {set}"), why }]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs with the features and without them.
    #[test]
    fn a_language_that_is_not_built_in_says_what_to_do() {
        let file = |name: &str, text: &str| [(name.to_owned(), text.to_owned())];
        for (loaded, is_there, feature) in [
            (rego("s", &file("p.rego", "package prokura\nallow if true")), cfg!(feature = "rego"), "rego"),
            (polar("s", &file("p.polar", "allow(_s, _a, _r);")), cfg!(feature = "polar"), "polar"),
        ] {
            match loaded {
                Ok(engine) => assert!(is_there && engine.name() == feature),
                Err(wrong) => {
                    assert!(!is_there, "{wrong:?}");
                    assert!(wrong[0].to_string().contains(&format!("--features {feature}")), "{wrong:?}");
                }
            }
        }
    }
}
