//! Relations as the configuration says them: the model and tuples of its files, and what policies see of them.

use crate::failure::Failure;
use prokura_config::Config;
use prokura_core::{Clock, Rng, TraceId};
use prokura_decider::Decider;
use prokura_decider::relations::{Facts, Kinds, Provided, Relations, View, together};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::json::{self, Limits, Value};
use prokura_relations::{ModelError, Tuple};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked whether others changed something.
const LOOK: Duration = Duration::from_millis(250);

/// How large a file of tuples may be.
const LARGEST: usize = 256 << 20;

/// The entry for what the files of the configuration change.
pub(crate) fn event(clock: &Arc<dyn Clock>, rng: &Arc<dyn Rng>) -> Event {
    let trace = TraceId::random(&**rng);
    Event::new(EventKind::Administration, "relation:files", Outcome::Permit, clock.now(), trace)
}

/// Puts into force what the files say, and lets policies see what they want to know.
pub(crate) async fn begin(
    config: &Config,
    relations: &Relations,
    decider: &Decider,
    event: Event,
) -> Result<(), Failure> {
    if let Some(provided) = provided(config)? {
        let put = relations.provide(provided, event).await;
        put.map_err(|e| Failure::usage(format!("`relations`: {e}")))?;
    }
    if config.relations.is_asked() {
        relations.follow().await.map_err(|e| Failure::usage(format!("`relations`: {e}")))?;
        if relations.view().model().is_none() {
            tracing::warn!(
                "there is no model of relations yet, so every call that policies are asked about is denied"
            );
        }
        known(config, &relations.view())?;
        ask(config, relations.view(), decider);
    }
    Ok(())
}

/// Sees that the model has words for what policies want to know. Where it stands with the configuration both are mended in
/// one place; where it is written otherwise, it may come later.
fn known(config: &Config, view: &View) -> Result<(), Failure> {
    let unknown = view.unknown(&kinds(config));
    if unknown.is_empty() {
        return Ok(());
    }
    let said = format!(
        "{}; name a type and a relation of the model, or say under `relations.types` of which type the entities are",
        unknown.join("; ")
    );
    if config.relations.model.is_some() {
        return Err(Failure::usage(said));
    }
    tracing::warn!("{said}");
    Ok(())
}

fn kinds(config: &Config) -> Kinds {
    let said = &config.relations;
    Kinds { ask: said.ask.clone(), parents: said.parents.clone(), types: said.types.clone() }
}

/// Lets policies see what they want to know of these.
pub(crate) fn ask(config: &Config, view: Arc<View>, decider: &Decider) {
    decider.with_relations(Facts::new(view, kinds(config)));
}

/// Keeps what is in memory fresh, for ever.
pub(crate) async fn follow(relations: Relations) {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = relations.follow().await {
            tracing::warn!(%error, "what relations there are is not known");
        }
    }
}

/// What the files say; none if no file is named.
fn provided(config: &Config) -> Result<Option<Provided>, Failure> {
    let said = &config.relations;
    if said.model.is_none() && said.tuples.is_empty() {
        return Ok(None);
    }
    let model = said.model.as_ref().map(|path| {
        let found = model_text(Path::new(path))
            .map_err(|e| Failure::usage(format!("`relations.model`: `{path}`: {e}")))?;
        found.map_err(|errors| {
            let all: Vec<_> = errors.iter().map(ToString::to_string).collect();
            Failure::usage(format!("`relations.model`: {}", all.join("; ")))
        })
    });
    let model = model.transpose()?;
    let mut tuples = Vec::new();
    for path in &said.tuples {
        tuples
            .extend(read_tuples(&format!("`relations.tuples`: `{path}`"), &text("relations.tuples", path)?)?);
    }
    Ok(Some(Provided { model, tuples }))
}

/// The text of a model: what stands in the file, or in the files that it lists where it is `fga.mod`.
pub(crate) fn model_text(path: &Path) -> std::io::Result<Result<String, Vec<ModelError>>> {
    let text = std::fs::read_to_string(path)?;
    if path.extension().is_none_or(|e| e != "mod") {
        return Ok(Ok(text));
    }
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("fga.mod");
    let folder = path.parent().unwrap_or(Path::new("."));
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).map_err(|e| e.to_string());
    Ok(together(name, &text, read))
}

fn text(key: &str, path: &str) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|e| Failure::usage(format!("`{key}`: `{path}`: {e}")))
}

/// Reads a file of tuples: a JSON array, or a line for each.
pub(crate) fn read_tuples(place: &str, text: &str) -> Result<Vec<Tuple>, Failure> {
    let odd = |at: String, why: String| Failure::usage(format!("{place}{at}: {why}"));
    if text.trim_start().starts_with('[') {
        let limits = Limits { max_bytes: LARGEST, max_depth: 16 };
        let read = json::parse(text.as_bytes(), &limits).map_err(|e| odd(String::new(), e.to_string()))?;
        let all = read.as_array().unwrap_or_default();
        let one = |(n, value): (usize, &Value)| {
            Tuple::from_json(value).map_err(|e| odd(format!(", tuple {}", n + 1), e.to_string()))
        };
        return all.iter().enumerate().map(one).collect();
    }
    let mut tuples = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<_> = line.split_whitespace().collect();
        let at = || format!(":{}", n + 1);
        let [user, relation, object] = words[..] else {
            return Err(odd(at(), "write `USER RELATION OBJECT`".to_owned()));
        };
        tuples.push(Tuple::parse(user, relation, object).map_err(|e| odd(at(), e.to_string()))?);
    }
    Ok(tuples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuples_are_read_from_lines_and_from_json() {
        let lines = "# who reads\nuser:anne viewer document:1\n\n  group:hr#member   viewer document:1\n";
        let json = r#"[{"user":"user:anne","relation":"viewer","object":"document:1"},
            {"user":"group:hr#member","relation":"viewer","object":"document:1"}]"#;
        let read = |text| read_tuples("f", text).unwrap();
        assert_eq!((read(lines).len(), read(lines)), (2, read(json)));
        for (text, place) in [
            ("user:anne viewer", "f:1:"),
            ("\nanne viewer document:1", "f:2:"),
            ("[{}]", "f, tuple 1:"),
            ("[", "f:"),
        ] {
            let error = format!("{:?}", read_tuples("f", text).unwrap_err());
            assert!(error.contains(place), "{error}");
        }
    }
}
