//! Versions in the store: what files hold becomes one, and what is in force is taken from there.

use crate::keeper::KeeperOptions;
use crate::text::SetText;
use prokura_config::PolicySet;
use prokura_core::TraceId;
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_policy::pdp::EngineError;
use prokura_store::{PolicyActivation, PolicyVersion, StoreError, Tx};

/// Who put a version in force that came from files, in the record.
pub const FILES: &str = "files";

/// What became of the files' version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Adopted {
    /// It was put in force now.
    InForce,
    /// Nothing changed: the files held it before, or it is in force already.
    Nothing,
}

/// Makes what the files hold the version in force, if they held something else when anybody looked last. What
/// administrators put in force meanwhile holds until the files change.
pub(crate) async fn adopt(
    options: &KeeperOptions,
    set: &PolicySet,
    text: &SetText,
) -> Result<Adopted, StoreError> {
    let now = options.clock.now();
    let version = kept(&set.name, text, FILES, "", now);
    let trace = TraceId::random(&*options.rng);
    let job = move |tx: &mut Tx<'_>| {
        let standing = tx.policy_standing(&version.set)?;
        if standing.is_some_and(|s| s.of_files == version.version) {
            return Ok(Adopted::Nothing);
        }
        tx.put_policy_version(&version)?;
        tx.note_policy_files(&version.set, &version.version)?;
        let PolicyVersion { set, version, at, by, .. } = version.clone();
        let activation = PolicyActivation { set, version, at, by, note: String::new() };
        if !tx.activate_policy(&activation)? {
            return Ok(Adopted::Nothing);
        }
        tx.record(activated(&activation, trace.clone()));
        Ok(Adopted::InForce)
    };
    options.store.transact::<_, StoreError>(job).await
}

/// A version as it is kept.
pub fn kept(set: &str, text: &SetText, by: &str, note: &str, at: prokura_core::Timestamp) -> PolicyVersion {
    PolicyVersion {
        set: set.to_owned(),
        version: text.version(),
        language: text.language.as_str().to_owned(),
        texts: String::from_utf8_lossy(&text.to_object().to_vec()).into_owned(),
        at,
        by: by.to_owned(),
        note: note.to_owned(),
    }
}

/// The entry that says that a version was put in force.
pub fn activated(a: &PolicyActivation, trace: TraceId) -> Event {
    let mut event = Event::new(EventKind::Administration, "policy:activate", Outcome::Permit, a.at, trace);
    event.details.insert("set", a.set.as_str().into());
    event.details.insert("version", a.version.as_str().into());
    event.details.insert("by", a.by.as_str().into());
    if !a.note.is_empty() {
        event.details.insert("note", a.note.as_str().into());
    }
    event
}

/// The texts of a version.
pub(crate) async fn kept_text(
    options: &KeeperOptions,
    set: &PolicySet,
    version: &str,
) -> Result<Result<SetText, Vec<EngineError>>, StoreError> {
    let (name, wanted) = (set.name.clone(), version.to_owned());
    let found = options.store.read::<_, StoreError>(move |tx| tx.policy_version(&name, &wanted)).await?;
    let problem = |why: String| vec![EngineError { place: format!("{}@{version}", set.name), why }];
    let Some(found) = found else { return Ok(Err(problem("it is not kept".to_owned()))) };
    if found.language != set.language.as_str() {
        let why = format!("it is written in {}, and the set is in {}", found.language, set.language.as_str());
        return Ok(Err(problem(why)));
    }
    Ok(SetText::from_json(set.language, &found.texts).map_err(|e| problem(e.to_string())))
}
