//! Who has which relation to what: tuples are written, read and asked, and the model is changed.

use super::{ApiFault, Call, Fields, Reply, Route, Takes, Wrong};
use http::Method;
use prokura_decider::relations::{Change, MODEL, RelationsFault, Revision, tuple};
use prokura_oauth::json::{Object, Value, obj};
use prokura_relations::{AskError, Key, ObjectName, Tuple, User, UserFilter, check_relation};
use prokura_store::{OnConflict, RelationChange, RelationTuple, StoreError};

/// So many tuples may be changed at once, and sent with a question.
const AT_ONCE: usize = 1000;
/// The largest change, in bytes.
const MAX: usize = 1 << 20;
/// So many tuples on a page.
const PAGE: u32 = 200;

/// The tables need constants.
macro_rules! tuple_schema {
    () => {
        r#"{"type":"object","required":["user","relation","object"],"additionalProperties":false,"properties":{"user":{"type":"string","description":"user:anne, user:* or group:hr#member"},"relation":{"type":"string"},"object":{"type":"string","description":"document:1"},"condition":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"context":{"type":"object"}}}}}"#
    };
}

macro_rules! question {
    ($required:literal, $members:literal) => {
        concat!(
            r#"{"type":"object","required":["#,
            $required,
            r#"],"additionalProperties":false,"properties":{"#,
            $members,
            r#","context":{"type":"object","description":"Values for the parameters of conditions"},"contextual_tuples":{"type":"array","maxItems":100,"description":"Tuples that hold for this question only","items":"#,
            tuple_schema!(),
            r#"},"at_least":{"type":"string","description":"Not answered from before this revision, such as rev.12"}}}"#
        )
    };
}

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::POST,
        path: "/relations/write",
        scope: "relations:write",
        summary: "Writes and deletes tuples, all or none",
        query: &[],
        takes: Takes::Json(
            concat!(
                r#"{"type":"object","additionalProperties":false,"properties":{"writes":{"type":"array","minItems":1,"maxItems":1000,"items":"#,
                tuple_schema!(),
                r#"},"deletes":{"type":"array","minItems":1,"maxItems":1000,"items":"#,
                tuple_schema!(),
                r#"},"on_duplicate":{"enum":["error","ignore"]},"on_missing":{"enum":["error","ignore"]}}}"#
            ),
            MAX,
        ),
        gives: r#"{"type":"object","required":["revision"],"properties":{"revision":{"type":"string","description":"It holds from this revision on: rev.12"}}}"#,
        handler: |call| Box::pin(write(call)),
    },
    Route {
        method: Method::GET,
        path: "/relations/tuples",
        scope: "relations:read",
        summary: "The tuples, or those of an object or a user, 200 at a time",
        query: &[
            ("object", "Only of this object"),
            ("relation", "Only of this relation"),
            ("user", "Only of this user"),
            ("after", "`next` of the page before"),
        ],
        takes: Takes::Nothing,
        gives: concat!(
            r#"{"type":"object","required":["tuples"],"properties":{"next":{"type":"string","description":"Ask with it as `after` for more"},"tuples":{"type":"array","items":"#,
            tuple_schema!(),
            "}}}"
        ),
        handler: |call| Box::pin(read(call)),
    },
    Route {
        method: Method::GET,
        path: "/relations/changes",
        scope: "relations:read",
        summary: "What was written and deleted, in its order, 200 at a time",
        query: &[("after", "A revision: only what came after it, or `next` of the page before")],
        takes: Takes::Nothing,
        gives: r#"{"type":"object","required":["changes"],"properties":{"next":{"type":"string"},"changes":{"type":"array","items":{"type":"object","required":["revision","operation","tuple","at"],"properties":{"revision":{"type":"string"},"operation":{"enum":["write","delete"]},"tuple":{"type":"object"},"at":{"type":"integer","description":"Seconds since 1970"}}}}}}"#,
        handler: |call| Box::pin(changes(call)),
    },
    Route {
        method: Method::POST,
        path: "/relations/check",
        scope: "relations:read",
        summary: "Whether a user has a relation to an object",
        query: &[],
        takes: Takes::Json(
            question!(
                r#""user","relation","object""#,
                r#""user":{"type":"string"},"relation":{"type":"string"},"object":{"type":"string"}"#
            ),
            MAX,
        ),
        gives: r#"{"type":"object","required":["allowed","revision"],"properties":{"allowed":{"type":"boolean"},"revision":{"type":"string"}}}"#,
        handler: |call| Box::pin(check(call)),
    },
    Route {
        method: Method::POST,
        path: "/relations/expand",
        scope: "relations:read",
        summary: "What gives a relation to an object: one step of it",
        query: &[],
        takes: Takes::Json(
            question!(r#""relation","object""#, r#""relation":{"type":"string"},"object":{"type":"string"}"#),
            MAX,
        ),
        gives: r#"{"type":"object","required":["tree","revision"],"properties":{"tree":{"type":"object","description":"As UsersetTree.Node of OpenFGA"},"revision":{"type":"string"}}}"#,
        handler: |call| Box::pin(expand(call)),
    },
    Route {
        method: Method::POST,
        path: "/relations/list-objects",
        scope: "relations:read",
        summary: "The objects of a type to which a user has a relation",
        query: &[],
        takes: Takes::Json(
            question!(
                r#""user","relation","type""#,
                r#""user":{"type":"string"},"relation":{"type":"string"},"type":{"type":"string"}"#
            ),
            MAX,
        ),
        gives: r#"{"type":"object","required":["objects","revision"],"properties":{"objects":{"type":"array","items":{"type":"string"}},"revision":{"type":"string"}}}"#,
        handler: |call| Box::pin(list_objects(call)),
    },
    Route {
        method: Method::POST,
        path: "/relations/list-users",
        scope: "relations:read",
        summary: "The users that have a relation to an object",
        query: &[],
        takes: Takes::Json(
            question!(
                r#""object","relation","user_filter""#,
                r#""object":{"type":"string"},"relation":{"type":"string"},"user_filter":{"type":"string","description":"A type, or usersets: group#member"}"#
            ),
            MAX,
        ),
        gives: r#"{"type":"object","required":["users","revision"],"properties":{"users":{"type":"array","items":{"type":"string"}},"revision":{"type":"string"}}}"#,
        handler: |call| Box::pin(list_users(call)),
    },
    Route {
        method: Method::GET,
        path: "/relations/models",
        scope: "relations:read",
        summary: "The versions of the model, the newest first, 20 at a time; the newest is in force",
        query: &[("before", "Only versions before this one")],
        takes: Takes::Nothing,
        gives: r#"{"type":"object","required":["models"],"properties":{"models":{"type":"array","items":{"type":"object","required":["version","model","written_by","written_at"],"properties":{"version":{"type":"integer"},"model":{"type":"string"},"written_by":{"type":"string"},"written_at":{"type":"integer"}}}}}}"#,
        handler: |call| Box::pin(models(call)),
    },
    Route {
        method: Method::PUT,
        path: "/relations/model",
        scope: "relations:write",
        summary: "Puts a model into force; one that is not valid changes nothing",
        query: &[],
        takes: Takes::Json(
            r#"{"type":"object","required":["model"],"additionalProperties":false,"properties":{"model":{"description":"The modelling language as a text, or the JSON of OpenFGA","type":["string","object"]}}}"#,
            MAX,
        ),
        gives: r#"{"type":"object","required":["version"],"properties":{"version":{"type":"integer"}}}"#,
        handler: |call| Box::pin(put_model(call)),
    },
];

impl From<RelationsFault> for ApiFault {
    fn from(fault: RelationsFault) -> Self {
        use RelationsFault as F;
        match fault {
            F::Store(error) => error.into(),
            F::Ask(AskError::Unreadable(error)) => StoreError::Database(error.to_string()).into(),
            F::Stale => Self::Other(crate::fault::Fault::Stale),
            conflict @ (F::NoModel | F::Duplicate(_) | F::Missing(_) | F::Future(_)) => {
                Self::Conflict(conflict.to_string())
            }
            F::Model(errors) => {
                Self::Wrong(errors.iter().map(|e| Wrong::new("/model", e.to_string())).collect())
            }
            wrong @ (F::Ask(_) | F::Tuple(_) | F::Twice(_) | F::Size(_)) => {
                Wrong::new("", wrong.to_string()).into()
            }
        }
    }
}

fn tuples(all: Option<Vec<Value>>, at: &str) -> Result<Vec<Tuple>, ApiFault> {
    let read = |(n, value): (usize, Value)| {
        Tuple::from_json(&value).map_err(|e| Wrong::new(format!("/{at}/{n}"), e.to_string()))
    };
    Ok(all.unwrap_or_default().into_iter().enumerate().map(read).collect::<Result<_, _>>()?)
}

fn on_conflict(body: &mut Fields, name: &str) -> Result<OnConflict, Wrong> {
    match body.text_if(name, 16)?.as_deref() {
        None | Some("error") => Ok(OnConflict::Refuse),
        Some("ignore") => Ok(OnConflict::Ignore),
        Some(_) => Err(body.wrong(name, "it must be `error` or `ignore`")),
    }
}

async fn write(call: Call) -> Result<Reply, ApiFault> {
    let mut body = Fields::of(call.body(), "");
    let (writes, deletes) = (body.array_if("writes", AT_ONCE)?, body.array_if("deletes", AT_ONCE)?);
    let (on_duplicate, on_missing) =
        (on_conflict(&mut body, "on_duplicate")?, on_conflict(&mut body, "on_missing")?);
    body.done()?;
    let writes = tuples(writes, "writes")?;
    let deletes = tuples(deletes, "deletes")?.into_iter().map(|t| t.key).collect();
    let change = Change { writes, deletes, on_duplicate, on_missing };
    let written = call.app.relations.write(change, call.event("relation:write")).await?;
    Reply::ok(obj([("revision", written.revision.to_string().into())]))
}

/// A name of the query, or nothing.
fn asked<'a>(call: &'a Call, name: &str) -> &'a str {
    call.query.value(name).unwrap_or_default()
}

fn named<T>(name: &str, found: Result<T, impl std::fmt::Display>) -> Result<T, Wrong> {
    found.map_err(|e| Wrong::new(name, e.to_string()))
}

async fn read(call: Call) -> Result<Reply, ApiFault> {
    let (object, relation, user) = (asked(&call, "object"), asked(&call, "relation"), asked(&call, "user"));
    if !object.is_empty() {
        named("object", ObjectName::parse(object))?;
    }
    if !relation.is_empty() {
        named("relation", check_relation(relation))?;
    }
    let (object, relation) = (object.to_owned(), relation.to_owned());
    let (subject, userset) = match user {
        "" => (String::new(), String::new()),
        user => {
            let user = named("user", User::parse(user))?;
            (user.name().into_owned(), user.relation().unwrap_or_default().to_owned())
        }
    };
    let after = match asked(&call, "after") {
        "" => None,
        text => Some(after(text).ok_or_else(|| Wrong::new("after", "it must be `next` of the page before"))?),
    };
    let rows = call.app.store.read::<_, StoreError>(move |tx| {
        tx.relation_tuples((&object, &relation, &subject, &userset), after.as_ref(), PAGE)
    });
    let rows = rows.await?;
    let counting = rows.iter().filter(|row| call.app.relations.counts(row));
    let mut body = obj([("tuples", Value::Array(counting.map(shown).collect::<Result<_, _>>()?))]);
    if let Some(last) = rows.last().filter(|_| rows.len() == PAGE as usize) {
        body.insert("next", next(last).into());
    }
    Reply::ok(body)
}

/// Names have no spaces in them.
fn next(row: &RelationTuple) -> String {
    format!("{} {} {} {}", row.object, row.relation, row.subject, row.userset)
}

fn after(text: &str) -> Option<RelationTuple> {
    let mut parts = text.split(' ').map(str::to_owned);
    let (object, relation, subject, userset) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let none = String::new;
    parts.next().is_none().then(|| RelationTuple {
        object,
        relation,
        subject,
        userset,
        condition: none(),
        context: none(),
        said: None,
    })
}

fn shown(row: &RelationTuple) -> Result<Value, ApiFault> {
    Ok(Value::Object(tuple(row).map_err(RelationsFault::from)?.to_json()))
}

async fn changes(call: Call) -> Result<Reply, ApiFault> {
    let text = asked(&call, "after");
    let (revision, n) = text.split_once('/').unwrap_or((text, ""));
    let wrong =
        || Wrong::new("after", "it must be a revision such as `rev.12`, or `next` of the page before");
    let revision = if text.is_empty() { Revision(0) } else { Revision::parse(revision).ok_or_else(wrong)? };
    // All of the revision itself has been seen.
    let n = if n.is_empty() { RelationChange::after(0).1 } else { n.parse().map_err(|_| wrong())? };
    let found = call.app.store.read::<_, StoreError>(move |tx| {
        let found = tx.relation_changes((revision.0, n), PAGE)?;
        found.map_or_else(
            || Ok(Err((tx.relations_forgotten()?, tx.relation_revision()?))),
            |found| Ok(Ok(found)),
        )
    });
    let found = found.await?.map_err(|(forgotten, newest)| forgot(Revision(forgotten), Revision(newest)))?;
    let one = |c: &RelationChange| {
        Ok(Value::Object(obj([
            ("revision", Revision(c.revision).to_string().into()),
            ("operation", if c.gone { "delete" } else { "write" }.into()),
            ("tuple", shown(&c.tuple)?),
            ("at", c.at.seconds().into()),
        ])))
    };
    let mut body = obj([("changes", Value::Array(found.iter().map(one).collect::<Result<_, ApiFault>>()?))]);
    if let Some(last) = found.last() {
        body.insert("next", format!("{}/{}", Revision(last.revision), last.n).into());
    }
    Reply::ok(body)
}

/// Whoever follows changes from so long ago has to begin anew.
fn forgot(forgotten: Revision, newest: Revision) -> ApiFault {
    ApiFault::Conflict(format!(
        "changes are kept for a time (`[relations] changes_last`), and those up to {forgotten} are forgotten: read all tuples, \
         and follow the changes after {newest}"
    ))
}

/// What every question brings besides.
struct More {
    context: Object,
    tuples: Vec<Tuple>,
    at_least: Revision,
}

impl More {
    fn take(mut body: Fields) -> Result<Self, ApiFault> {
        let context = match body.any_if("context") {
            None => Object::new(),
            Some(Value::Object(context)) => context,
            Some(_) => return Err(body.wrong("context", "it must be an object").into()),
        };
        let tuples = tuples(body.array_if("contextual_tuples", 100)?, "contextual_tuples")?;
        let at_least = match body.text_if("at_least", 32)? {
            None => Revision(0),
            Some(text) => Revision::parse(&text)
                .ok_or_else(|| body.wrong("at_least", "it must be a revision, such as `rev.12`"))?,
        };
        body.done()?;
        Ok(Self { context, tuples, at_least })
    }

    async fn ask<T: Send + 'static>(
        self,
        call: &Call,
        question: impl Fn(
            prokura_relations::Ask<'_, prokura_decider::relations::InTx<'_, '_>>,
        ) -> Result<T, AskError>
        + Send
        + Sync
        + 'static,
    ) -> Result<(T, Revision), ApiFault> {
        let Self { context, tuples, at_least } = self;
        let asked =
            call.app.relations.ask(at_least, move |ask| question(ask.context(&context).contextual(&tuples)));
        Ok(asked.await?)
    }
}

fn answer(name: &str, value: Value, revision: Revision) -> Result<Reply, ApiFault> {
    Reply::ok(obj([(name, value), ("revision", revision.to_string().into())]))
}

fn texts(all: impl IntoIterator<Item = String>) -> Value {
    Value::Array(all.into_iter().map(Value::from).collect())
}

async fn check(call: Call) -> Result<Reply, ApiFault> {
    let mut body = Fields::of(call.body(), "");
    let (user, relation, object) =
        (body.text("user", 512)?, body.text("relation", 64)?, body.text("object", 512)?);
    let more = More::take(body)?;
    let key = named("", Key::parse(&user, &relation, &object))?;
    let (allowed, revision) = more.ask(&call, move |ask| ask.check(&key)).await?;
    answer("allowed", allowed.into(), revision)
}

async fn expand(call: Call) -> Result<Reply, ApiFault> {
    let mut body = Fields::of(call.body(), "");
    let (relation, object) = (body.text("relation", 64)?, body.text("object", 512)?);
    let more = More::take(body)?;
    let object = named("/object", ObjectName::parse(&object))?;
    let (tree, revision) = more.ask(&call, move |ask| ask.expand(&object, &relation)).await?;
    answer("tree", tree.to_json().into(), revision)
}

async fn list_objects(call: Call) -> Result<Reply, ApiFault> {
    let mut body = Fields::of(call.body(), "");
    let (user, relation, kind) =
        (body.text("user", 512)?, body.text("relation", 64)?, body.text("type", 254)?);
    let more = More::take(body)?;
    let user = named("/user", User::parse(&user))?;
    let (found, revision) = more.ask(&call, move |ask| ask.objects(&user, &relation, &kind)).await?;
    answer("objects", texts(found), revision)
}

async fn list_users(call: Call) -> Result<Reply, ApiFault> {
    let mut body = Fields::of(call.body(), "");
    let (object, relation) = (body.text("object", 512)?, body.text("relation", 64)?);
    let filter = body.text("user_filter", 512)?;
    let more = More::take(body)?;
    let (object, filter) =
        (named("/object", ObjectName::parse(&object))?, named("/user_filter", UserFilter::parse(&filter))?);
    let (found, revision) = more.ask(&call, move |ask| ask.users(&object, &relation, &filter)).await?;
    answer("users", texts(found.iter().map(ToString::to_string)), revision)
}

async fn models(call: Call) -> Result<Reply, ApiFault> {
    let before = match asked(&call, "before") {
        "" => None,
        text => Some(named("before", text.parse::<u64>())?),
    };
    let found = call.app.relations.models(before, 20).await?;
    let one = |m: &prokura_store::RelationModel| {
        Value::Object(obj([
            ("version", m.version.into()),
            ("model", m.body.as_str().into()),
            ("written_by", m.written_by.as_str().into()),
            ("written_at", m.written_at.seconds().into()),
        ]))
    };
    Reply::ok(obj([("models", Value::Array(found.iter().map(one).collect()))]))
}

async fn put_model(call: Call) -> Result<Reply, ApiFault> {
    let mut body = Fields::of(call.body(), "");
    let text = match body.any("model")? {
        Value::String(text) => text,
        Value::Object(model) => String::from_utf8(model.to_vec()).map_err(|_| ApiFault::NotText)?,
        _ => return Err(body.wrong("model", "it must be a text or an object").into()),
    };
    body.done()?;
    if text.len() > MODEL {
        return Err(Wrong::new("/model", "it may have 256 KiB").into());
    }
    let by = format!("client {}", call.caller.client);
    let version = call.app.relations.put_model(text, by, call.event("relation:model")).await?;
    Reply::ok(obj([("version", version.into())]))
}
