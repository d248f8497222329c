//! Policies: which version of each set is in force, checking and changing them, and why something was decided so.

use super::fields::Fields;
use super::{ApiFault, Call, Reply, Route, Takes, Wrong};
use http::Method;
use prokura_config::{PolicyLanguage, PolicySet};
use prokura_core::TraceId;
use prokura_decider::ask::Written;
use prokura_decider::text::SetText;
use prokura_decider::{Keeper, entities, problem_object, version_of};
use prokura_ledger::{Entry, Filter};
use prokura_oauth::json::{Object, Value, obj};
use prokura_policy::pdp::EngineError;
use prokura_store::{PolicyActivation, PolicyVersion, StoreError, StoredEntity};
use std::sync::Arc;

/// The largest texts that are taken, in bytes.
const MAX_TEXTS: usize = 4 << 20;
/// The longest note, in bytes.
const MAX_NOTE: usize = 1024;
/// So many versions or entities are listed at once.
const PAGE: u32 = 500;

const VERSION: &str = r#"{"type":"object","required":["version"],"properties":{"set":{"type":"string"},"version":{"type":"string"},
    "language":{"type":"string"},"at":{"type":"integer"},"by":{"type":"string"},"note":{"type":"string"},
    "active":{"type":"boolean"},"texts":{"type":"object"}}}"#;
const CHECKED: &str = r#"{"type":"object","required":["valid","problems"],"properties":{"valid":{"type":"boolean"},
    "version":{"type":"string"},"problems":{"type":"array","items":{"type":"object"}}}}"#;
const ENTITY: &str = r#"{"type":"object","required":["uid"],"properties":{"uid":{"type":"object"},"attrs":{"type":"object"},
    "parents":{"type":"array","items":{"type":"object"}}}}"#;
const NOTE: &str = r#"{"type":"object","properties":{"note":{"type":"string"}}}"#;

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/policy/sets",
        scope: "policy:read",
        summary: "The policy sets as this process has them in force, and what is wrong with what their files hold",
        query: &[],
        takes: Takes::Nothing,
        gives: r#"{"type":"object","required":["sets"],"properties":{"sets":{"type":"array","items":{"type":"object"}},
            "entities":{"type":"integer"},"revision":{"type":"integer"}}}"#,
        handler: |call| Box::pin(status(call)),
    },
    Route {
        method: Method::GET,
        path: "/policy/sets/{set}/versions",
        scope: "policy:read",
        summary: "The versions of a set, newest first",
        query: &[],
        takes: Takes::Nothing,
        gives: r#"{"type":"object","required":["versions"],"properties":{"versions":{"type":"array","items":{"type":"object"}}}}"#,
        handler: |call| Box::pin(versions(call)),
    },
    Route {
        method: Method::GET,
        path: "/policy/sets/{set}/versions/{version}",
        scope: "policy:read",
        summary: "A version of a set, with its texts",
        query: &[],
        takes: Takes::Nothing,
        gives: VERSION,
        handler: |call| Box::pin(version(call)),
    },
    Route {
        method: Method::POST,
        path: "/policy/sets/{set}/versions",
        scope: "policy:write",
        summary: "Keep new texts of a set as a version, if they are valid; with `activate`, also put it in force",
        query: &[],
        takes: Takes::Json(
            r#"{"type":"object","required":["files"],"properties":{"files":{"type":"array","items":{"type":"object"}},
            "schema":{"type":"object"},"note":{"type":"string"},"activate":{"type":"boolean"}}}"#,
            MAX_TEXTS,
        ),
        gives: VERSION,
        handler: |call| Box::pin(put_version(call)),
    },
    Route {
        method: Method::POST,
        path: "/policy/sets/{set}/versions/{version}/activate",
        scope: "policy:write",
        summary: "Put a version in force in every process, until the files of the set change",
        query: &[],
        takes: Takes::Json(NOTE, 64 * 1024),
        gives: VERSION,
        handler: |call| Box::pin(activate(call)),
    },
    Route {
        method: Method::POST,
        path: "/policy/sets/{set}/rollback",
        scope: "policy:write",
        summary: "Put the version in force that was in force before",
        query: &[],
        takes: Takes::Json(NOTE, 64 * 1024),
        gives: VERSION,
        handler: |call| Box::pin(roll_back(call)),
    },
    Route {
        method: Method::POST,
        path: "/policy/check",
        scope: "policy:read",
        summary: "Whether texts are valid, with the place of everything that is wrong; nothing is kept",
        query: &[],
        takes: Takes::Json(
            r#"{"type":"object","required":["language","files"],"properties":{"language":{"enum":["cedar","rego","polar"]},
            "files":{"type":"array","items":{"type":"object"}},"schema":{"type":"object"}}}"#,
            MAX_TEXTS,
        ),
        gives: CHECKED,
        handler: |call| Box::pin(check(call)),
    },
    Route {
        method: Method::POST,
        path: "/policy/explain",
        scope: "policy:read",
        summary: "What the policies would say to a question, and why; nothing is recorded and nothing changes",
        query: &[],
        takes: Takes::Json(
            r#"{"type":"object","required":["subject","action","resource"],"properties":{"subject":{"type":"object"},
            "actor":{"type":"object"},"chain":{"type":"array"},"grant":{"type":"string"},"action":{"type":"string"},
            "arguments":{"type":"object"},"resource":{"type":"object"},"context":{"type":"object"}}}"#,
            256 * 1024,
        ),
        gives: r#"{"type":"object","required":["permitted","sets"],"properties":{"permitted":{"type":"boolean"},
            "sets":{"type":"array","items":{"type":"object"}}}}"#,
        handler: |call| Box::pin(explain(call)),
    },
    Route {
        method: Method::GET,
        path: "/policy/decisions/{trace}",
        scope: "policy:read",
        summary: "What policies decided in the flow of that trace, as it is on record: rules, version, hash of the arguments",
        query: &[],
        takes: Takes::Nothing,
        gives: r#"{"type":"object","required":["decisions"],"properties":{"decisions":{"type":"array","items":{"type":"object"}}}}"#,
        handler: |call| Box::pin(decisions(call)),
    },
    Route {
        method: Method::GET,
        path: "/policy/entities",
        scope: "policy:read",
        summary: "The entities that were told by this API",
        query: &[("after_type", "Only those after this type"), ("after_id", "and this id")],
        takes: Takes::Nothing,
        gives: r#"{"type":"object","required":["entities"],"properties":{"entities":{"type":"array","items":{"type":"object"}}}}"#,
        handler: |call| Box::pin(list_entities(call)),
    },
    Route {
        method: Method::PUT,
        path: "/policy/entities",
        scope: "policy:write",
        summary: "Tell what is known of an entity, in place of what was told of it before",
        query: &[],
        takes: Takes::Json(ENTITY, 256 * 1024),
        gives: "",
        handler: |call| Box::pin(put_entity(call)),
    },
    Route {
        method: Method::DELETE,
        path: "/policy/entities/{type}/{id}",
        scope: "policy:write",
        summary: "Forget what was told of an entity",
        query: &[],
        takes: Takes::Nothing,
        gives: "",
        handler: |call| Box::pin(delete_entity(call)),
    },
];

fn keeper(call: &Call) -> Result<Arc<Keeper>, ApiFault> {
    call.app.decider.keeper().ok_or(ApiFault::Missing("policy set"))
}

/// The configured set that the path names.
fn set(call: &Call) -> Result<PolicySet, ApiFault> {
    let named = |s: &&PolicySet| s.name == call.param("set") && !s.language.is_remote();
    call.app.config.policy.sets.iter().find(named).cloned().ok_or(ApiFault::Missing("policy set"))
}

async fn status(call: Call) -> Result<Reply, ApiFault> {
    match call.app.decider.keeper() {
        Some(keeper) => Reply::ok(keeper.status().to_object()),
        None => Reply::ok(prokura_decider::Status::default().to_object()),
    }
}

async fn versions(call: Call) -> Result<Reply, ApiFault> {
    let set = set(&call)?.name;
    let (all, active) = call
        .app
        .store
        .read::<_, StoreError>(move |tx| {
            let active = tx.policy_standing(&set)?.map(|s| s.active).unwrap_or_default();
            Ok((tx.policy_versions(&set, "", PAGE)?, active))
        })
        .await?;
    let described = |v: &PolicyVersion| Value::Object(described(v, v.version == active));
    Reply::ok(obj([("versions", all.iter().map(described).collect())]))
}

fn described(v: &PolicyVersion, active: bool) -> Object {
    obj([
        ("set", v.set.as_str().into()),
        ("version", v.version.as_str().into()),
        ("language", v.language.as_str().into()),
        ("at", v.at.seconds().into()),
        ("by", v.by.as_str().into()),
        ("note", v.note.as_str().into()),
        ("active", active.into()),
    ])
}

async fn found(call: &Call, set: &PolicySet) -> Result<(PolicyVersion, bool), ApiFault> {
    let (name, wanted) = (set.name.clone(), call.param("version").to_owned());
    let found = call.app.store.read::<_, StoreError>(move |tx| {
        let active = tx.policy_standing(&name)?.is_some_and(|s| s.active == wanted);
        Ok(tx.policy_version(&name, &wanted)?.map(|v| (v, active)))
    });
    found.await?.ok_or(ApiFault::Missing("version"))
}

async fn version(call: Call) -> Result<Reply, ApiFault> {
    let set = set(&call)?;
    let (version, active) = found(&call, &set).await?;
    let mut object = described(&version, active);
    if let Ok(text) = SetText::from_json(set.language, &version.texts) {
        object.insert("texts", text.to_object().into());
    }
    Reply::ok(object)
}

/// The texts of a body, of which `fields` are left.
fn texts(fields: &mut Fields, language: PolicyLanguage) -> Result<SetText, ApiFault> {
    let mut object = obj([("files", fields.any("files")?)]);
    if let Some(schema) = fields.any_if("schema") {
        object.insert("schema", schema);
    }
    SetText::from_object(language, &object).map_err(|e| fields.wrong("files", e.to_string()).into())
}

async fn put_version(call: Call) -> Result<Reply, ApiFault> {
    let (keeper, set) = (keeper(&call)?, set(&call)?);
    let mut fields = Fields::of(call.body(), "");
    let text = texts(&mut fields, set.language)?;
    let note = fields.text_if("note", MAX_NOTE)?.unwrap_or_default();
    let activate = match fields.any_if("activate") {
        None => false,
        Some(value) => value.as_bool().ok_or_else(|| fields.wrong("activate", "it must be true or false"))?,
    };
    fields.done()?;
    valid(&keeper, &set, &text)?;
    let version = version_of(&set.name, &text, call.caller.client.as_str(), &note, call.now);
    if activate {
        return put_in_force(&call, &keeper, version, note, "policy:activate").await;
    }
    let mut event = call.event("policy:keep");
    event.details.insert("set", set.name.as_str().into());
    event.details.insert("version", version.version.as_str().into());
    let keeping = version.clone();
    let job = call.app.store.transact::<_, StoreError>(move |tx| {
        if tx.put_policy_version(&keeping)? {
            tx.record(event.clone());
        }
        Ok(())
    });
    job.await?;
    Reply::ok(described(&version, false))
}

/// Nothing that is not valid comes in force.
fn valid(keeper: &Keeper, set: &PolicySet, text: &SetText) -> Result<(), ApiFault> {
    let wrong = |problems: Vec<EngineError>| {
        ApiFault::Wrong(problems.into_iter().map(|p| Wrong::new("/files", p.to_string())).collect())
    };
    (keeper.build())(&set.name, text).map(drop).map_err(wrong)
}

async fn put_in_force(
    call: &Call,
    keeper: &Keeper,
    version: PolicyVersion,
    note: String,
    action: &str,
) -> Result<Reply, ApiFault> {
    let mut event = call.event(action);
    event.details.insert("set", version.set.as_str().into());
    event.details.insert("version", version.version.as_str().into());
    if !note.is_empty() {
        event.details.insert("note", note.as_str().into());
    }
    let activation = PolicyActivation {
        set: version.set.clone(),
        version: version.version.clone(),
        at: call.now,
        by: call.caller.client.to_string(),
        note,
    };
    let keeping = version.clone();
    let job = call.app.store.transact::<_, StoreError>(move |tx| {
        tx.put_policy_version(&keeping)?;
        if tx.activate_policy(&activation)? {
            tx.record(event.clone());
        }
        Ok(())
    });
    job.await?;
    // Who changed it sees the change at the next call to this process; others hear of it within a second.
    if let Err(error) = keeper.follow().await {
        tracing::error!(%error, "a version was put in force, and this process could not follow yet");
    }
    Reply::ok(described(&version, true))
}

fn note(call: &Call) -> Result<String, ApiFault> {
    let mut fields = Fields::of(call.body(), "");
    let note = fields.text_if("note", MAX_NOTE)?.unwrap_or_default();
    fields.done()?;
    Ok(note)
}

async fn activate(call: Call) -> Result<Reply, ApiFault> {
    let (keeper, set, note) = (keeper(&call)?, set(&call)?, note(&call)?);
    let (version, _) = found(&call, &set).await?;
    usable(&keeper, &set, &version)?;
    put_in_force(&call, &keeper, version, note, "policy:activate").await
}

fn usable(keeper: &Keeper, set: &PolicySet, version: &PolicyVersion) -> Result<(), ApiFault> {
    if version.language != set.language.as_str() {
        return Err(ApiFault::Conflict(
            "that version is written in another language than the set is now".to_owned(),
        ));
    }
    let text =
        SetText::from_json(set.language, &version.texts).map_err(|e| ApiFault::Conflict(e.to_string()))?;
    valid(keeper, set, &text)
}

async fn roll_back(call: Call) -> Result<Reply, ApiFault> {
    let (keeper, set, note) = (keeper(&call)?, set(&call)?, note(&call)?);
    let name = set.name.clone();
    let before = call.app.store.read::<_, StoreError>(move |tx| {
        let Some(before) = tx.policy_activations(&name, 2)?.into_iter().nth(1) else { return Ok(None) };
        tx.policy_version(&name, &before.version)
    });
    let nothing = || ApiFault::Conflict("no other version was in force before".to_owned());
    let version = before.await?.ok_or_else(nothing)?;
    usable(&keeper, &set, &version)?;
    put_in_force(&call, &keeper, version, note, "policy:rollback").await
}

async fn check(call: Call) -> Result<Reply, ApiFault> {
    let mut fields = Fields::of(call.body(), "");
    let language = match fields.text("language", 16)?.as_str() {
        "cedar" => PolicyLanguage::Cedar,
        "rego" => PolicyLanguage::Rego,
        "polar" => PolicyLanguage::Polar,
        _ => return Err(fields.wrong("language", "write `cedar`, `rego` or `polar`").into()),
    };
    let text = texts(&mut fields, language)?;
    fields.done()?;
    let problems = prokura_decider::languages::check("policies", &text).err().unwrap_or_default();
    Reply::ok(obj([
        ("valid", problems.is_empty().into()),
        ("version", text.version().into()),
        ("problems", problems.iter().map(problem_object).collect()),
    ]))
}

async fn explain(call: Call) -> Result<Reply, ApiFault> {
    let keeper = keeper(&call)?;
    let written =
        Written::of(&call.body()).map_err(|e| ApiFault::from(Wrong::new(format!("/{}", e.member), e.why)))?;
    let directory = keeper.directory();
    let parts = written.parts(&*directory);
    let explained = keeper.explain(&written.question(&parts, &*directory, call.now)).await;
    Reply::ok(explained.to_object())
}

async fn decisions(call: Call) -> Result<Reply, ApiFault> {
    let trace = TraceId::parse(call.param("trace")).map_err(|_| ApiFault::Missing("trace"))?;
    let filter = Filter { trace: Some(trace), limit: PAGE, ..Filter::default() };
    let entries = call.app.store.read::<_, StoreError>(move |tx| tx.entries(&filter)).await?;
    let decided = entries.iter().filter(|(_, e)| e.event.details.contains_key("policies"));
    Reply::ok(obj([("decisions", decided.map(|(number, e)| Value::Object(decision(*number, e))).collect())]))
}

fn decision(number: u64, entry: &Entry) -> Object {
    let event = &entry.event;
    let mut object = obj([
        ("entry", number.into()),
        ("at", event.at.seconds().into()),
        ("action", event.action.as_str().into()),
        ("outcome", event.outcome.as_str().into()),
        ("details", event.details.clone().into()),
    ]);
    if let Some(subject) = &event.subject {
        object.insert("subject", subject.as_str().into());
    }
    object
}

async fn list_entities(call: Call) -> Result<Reply, ApiFault> {
    let part = |name| call.query.value(name).unwrap_or_default().to_owned();
    let (kind, id) = (part("after_type"), part("after_id"));
    let read = call.app.store.read::<_, StoreError>(move |tx| tx.policy_entities((&kind, &id), PAGE));
    let told = |e: &StoredEntity| {
        obj([
            ("type", e.kind.as_str().into()),
            ("id", e.id.as_str().into()),
            ("at", e.at.seconds().into()),
            ("by", e.by.as_str().into()),
        ])
    };
    Reply::ok(obj([("entities", read.await?.iter().map(|e| Value::Object(told(e))).collect())]))
}

async fn put_entity(call: Call) -> Result<Reply, ApiFault> {
    let entity =
        entities::of_object(&call.body()).map_err(|e| ApiFault::from(Wrong::new("", e.to_string())))?;
    let stored = StoredEntity {
        kind: entity.id.kind().to_owned(),
        id: entity.id.id().to_owned(),
        entity: String::from_utf8_lossy(&entities::to_object(&entity).to_vec()).into_owned(),
        at: call.now,
        by: call.caller.client.to_string(),
    };
    let mut event = call.event("policy:entity");
    event.details.insert("entity", entity.id.to_string().into());
    let job = call.app.store.transact::<_, StoreError>(move |tx| {
        tx.put_policy_entity(&stored)?;
        tx.record(event.clone());
        Ok(())
    });
    job.await?;
    followed(&call).await;
    Ok(Reply::Done)
}

async fn delete_entity(call: Call) -> Result<Reply, ApiFault> {
    let (kind, id) = (call.param("type").to_owned(), call.param("id").to_owned());
    let mut event = call.event("policy:forget");
    event.details.insert("entity", format!("{kind}::{id:?}").into());
    let (by, now) = (call.caller.client.to_string(), call.now);
    let gone = call.app.store.transact::<_, StoreError>(move |tx| {
        let gone = tx.delete_policy_entity(&kind, &id, &by, now)?;
        if gone {
            tx.record(event.clone());
        }
        Ok(gone)
    });
    if !gone.await? {
        return Err(ApiFault::Missing("entity"));
    }
    followed(&call).await;
    Ok(Reply::Done)
}

/// Takes what was told in at once, in this process.
async fn followed(call: &Call) {
    let Some(keeper) = call.app.decider.keeper() else { return };
    if let Err(error) = keeper.follow().await {
        tracing::error!(%error, "an entity was told, and this process could not take it in yet");
    }
}
