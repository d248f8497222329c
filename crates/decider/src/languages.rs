//! The languages that this program was built with.

use crate::keeper::Build;
use crate::text::{SetText, TextFile};
use prokura_config::PolicyLanguage;
use prokura_engines::cedar::{CedarEngine, Source};
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
        PolicyLanguage::Rego => rego(set, text),
        PolicyLanguage::Polar => polar(set, text),
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

#[cfg(any(feature = "rego", feature = "polar"))]
fn named(text: &SetText) -> Vec<(String, String)> {
    text.files.iter().map(|f| (f.name.clone(), f.text.clone())).collect()
}

#[cfg(feature = "rego")]
fn rego(set: &str, text: &SetText) -> Result<Arc<dyn Engine>, Vec<EngineError>> {
    use prokura_engines::rego::{Rego, RegoOptions};
    Ok(Arc::new(Rego::load(set, &named(text), &RegoOptions::default())?))
}

#[cfg(feature = "polar")]
fn polar(set: &str, text: &SetText) -> Result<Arc<dyn Engine>, Vec<EngineError>> {
    Ok(Arc::new(prokura_engines::polar::Polar::load(set, &named(text))?))
}

#[cfg(not(feature = "rego"))]
fn rego(set: &str, _: &SetText) -> Result<Arc<dyn Engine>, Vec<EngineError>> {
    Err(absent(set, "Rego", "rego"))
}

#[cfg(not(feature = "polar"))]
fn polar(set: &str, _: &SetText) -> Result<Arc<dyn Engine>, Vec<EngineError>> {
    Err(absent(set, "Polar", "polar"))
}

#[cfg(not(all(feature = "rego", feature = "polar")))]
fn absent(set: &str, language: &str, feature: &str) -> Vec<EngineError> {
    let why = format!("this program was built without {language}: build it with `--features {feature}`");
    vec![EngineError { place: set.to_owned(), why }]
}
