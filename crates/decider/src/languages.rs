//! Engines of the texts of a set.

use crate::keeper::Build;
use crate::text::{SetText, TextFile};
use prokura_config::PolicyLanguage;
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
        PolicyLanguage::Cedar => Ok(cedar(set, text)?.warnings().to_vec()),
        _ => engine(set, text).map(|_| Vec::new()),
    }
}

fn cedar(set: &str, text: &SetText) -> Result<CedarEngine, Vec<EngineError>> {
    let source = |f: &TextFile| Source::new(f.name.as_str(), f.text.as_str());
    let sources: Vec<_> = text.files.iter().map(source).collect();
    CedarEngine::load_set(set, &sources, text.schema.as_ref().map(source).as_ref())
}

fn named(text: &SetText) -> Vec<File> {
    text.files.iter().map(|f| (f.name.clone(), f.text.clone())).collect()
}
