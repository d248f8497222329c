//! Engines of the texts of a set.

use crate::keeper::Build;
use crate::text::{SetText, TextFile};
use prokura_config::PolicyLanguage;
use prokura_core::{OPERATOR, SUBJECT};
use prokura_engines::cedar::{CedarEngine, Source};
use prokura_engines::languages::{self, File};
use prokura_policy::pdp::{Engine, EngineError};
use std::sync::Arc;

/// Makes engines of all languages there are.
pub fn build() -> Build {
    Arc::new(engine)
}

/// Makes an engine of texts.
///
/// # Errors
/// Everything that is wrong with them, each with its place.
pub fn engine(set: &str, text: &SetText) -> Result<Arc<dyn Engine>, Vec<EngineError>> {
    match text.language {
        PolicyLanguage::Cedar => Ok(Arc::new(cedar(set, text)?)),
        PolicyLanguage::Rego => languages::rego(set, &named(text)),
        PolicyLanguage::Polar => languages::polar(set, &named(text)),
        PolicyLanguage::Opa | PolicyLanguage::Authzen => {
            Err(vec![EngineError { place: set.to_owned(), why: "its policies are elsewhere".to_owned() }])
        }
    }
}

/// What is odd about valid texts, though nothing is wrong with them.
///
/// # Errors
/// As [`engine`].
pub fn check(set: &str, text: &SetText) -> Result<Vec<EngineError>, Vec<EngineError>> {
    match text.language {
        PolicyLanguage::Cedar => {
            let engine = cedar(set, text)?;
            let mut odd = engine.warnings().to_vec();
            if !engine.permits() {
                let why =
                    "no policy of it permits anything: where no other set permits, everything is denied";
                odd.push(EngineError { place: set.to_owned(), why: why.to_owned() });
            }
            Ok(odd)
        }
        _ => engine(set, text).map(|_| Vec::new()),
    }
}

/// The groups that policies ask to agree and that nobody is in: a call that they hold up would wait for nobody. Of languages
/// that say so only when they are asked, nothing is known beforehand.
///
/// # Errors
/// As [`engine`].
pub fn unknown_approvers(
    set: &str,
    text: &SetText,
    is_group: impl Fn(&str) -> bool,
) -> Result<Vec<EngineError>, Vec<EngineError>> {
    if text.language != PolicyLanguage::Cedar {
        return Ok(Vec::new());
    }
    let engine = cedar(set, text)?;
    let unknown = engine
        .approvers()
        .into_iter()
        .filter(|(_, group)| ![SUBJECT, OPERATOR].contains(group) && !is_group(group));
    let why = |group| format!("`{group}` is to agree, and there is no such group: nobody can");
    Ok(unknown.map(|(place, group)| EngineError { place, why: why(group) }).collect())
}

fn cedar(set: &str, text: &SetText) -> Result<CedarEngine, Vec<EngineError>> {
    let source = |f: &TextFile| Source::new(f.name.as_str(), f.text.as_str());
    let sources: Vec<_> = text.files.iter().map(source).collect();
    CedarEngine::load_set(set, &sources, text.schema.as_ref().map(source).as_ref())
}

fn named(text: &SetText) -> Vec<File> {
    text.files.iter().map(|f| (f.name.clone(), f.text.clone())).collect()
}
