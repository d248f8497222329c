//! `prokura relation`: who has which relation to what, on the database itself.

use super::{AdminArgs, OPERATOR, Opened};
use crate::failure::Failure;
use crate::serve::relations::{model_text, read_tuples};
use crate::show::{Table, exact, json, plain, print};
use clap::{Args, Subcommand};
use prokura_decider::relations::{
    Change, InTx, MODEL, Relations, RelationsFault, Revision, Vouching, modules, read_model, tuple,
};
use prokura_oauth::json::{self as strict, Limits, Object, Value};
use prokura_relations::{Ask, AskError, Key, ModelError, ObjectName, Tuple, User, UserFilter};
use prokura_store::{OnConflict, StoreError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Who has which relation to what, by a model of OpenFGA's
#[derive(Debug, Args)]
pub(crate) struct RelationCommand {
    #[command(flatten)]
    args: AdminArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write a tuple: `prokura relation write user:anne viewer document:1`
    Write {
        #[command(flatten)]
        key: KeyArgs,
        /// On this condition only
        #[arg(long)]
        condition: Option<String>,
        /// What is known for the condition, as JSON
        #[arg(long, requires = "condition")]
        context: Option<String>,
    },
    /// Delete a tuple
    Delete {
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Write the tuples of a file: a JSON array, or a line `USER RELATION OBJECT` for each; those that are there stay
    Import {
        /// The file
        file: PathBuf,
    },
    /// List tuples
    Read {
        /// Only of this object
        #[arg(long)]
        object: Option<String>,
        /// Only of this relation
        #[arg(long)]
        relation: Option<String>,
        /// Only of this user
        #[arg(long)]
        user: Option<String>,
    },
    /// Say whether a user has a relation to an object
    Check {
        #[command(flatten)]
        key: KeyArgs,
        #[command(flatten)]
        more: More,
    },
    /// Say what gives a relation to an object
    Expand {
        /// Which
        relation: String,
        /// To what
        object: String,
    },
    /// List the objects of a type to which a user has a relation
    Objects {
        /// Who
        user: String,
        /// Which
        relation: String,
        /// Of which type
        kind: String,
        #[command(flatten)]
        more: More,
    },
    /// List the users that have a relation to an object
    Users {
        /// To what
        object: String,
        /// Which
        relation: String,
        /// Of which type, or `group#member` for usersets
        filter: String,
        #[command(flatten)]
        more: More,
    },
    /// The model
    #[command(subcommand)]
    Model(ModelCommand),
}

#[derive(Debug, Subcommand)]
enum ModelCommand {
    /// Print the model in force
    Show,
    /// Put the model of a file into force
    Put {
        /// The file: the modelling language, or JSON
        file: PathBuf,
    },
    /// Say what is wrong with the model of a file, without changing anything
    Check {
        /// The file
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
struct KeyArgs {
    /// Who: `user:anne`, `user:*` or `group:hr#member`
    user: String,
    /// Which relation
    relation: String,
    /// To what: `document:1`
    object: String,
}

#[derive(Debug, Args)]
struct More {
    /// Values for the parameters of conditions, as JSON
    #[arg(long)]
    context: Option<String>,
    /// Do not answer from before this revision: `rev.12`
    #[arg(long)]
    at_least: Option<String>,
}

impl KeyArgs {
    fn key(&self) -> Result<Key, Failure> {
        Key::parse(&self.user, &self.relation, &self.object).map_err(Failure::usage)
    }
}

impl More {
    fn context(&self) -> Result<Object, Failure> {
        self.context.as_deref().map_or_else(|| Ok(Object::new()), object)
    }

    fn at_least(&self) -> Result<Revision, Failure> {
        let read = |text: &String| {
            Revision::parse(text)
                .ok_or_else(|| Failure::usage(format!("`{}` is no revision: write `rev.12`", plain(text))))
        };
        self.at_least.as_ref().map_or(Ok(Revision(0)), read)
    }
}

fn object(text: &str) -> Result<Object, Failure> {
    let read = strict::parse(text.as_bytes(), &Limits::DOCUMENT)
        .map_err(|e| Failure::usage(format!("`--context`: {e}")))?;
    read.into_object().ok_or_else(|| Failure::usage("`--context`: it must be a JSON object"))
}

fn failed(fault: RelationsFault) -> Failure {
    match fault {
        RelationsFault::Store(error) => error.into(),
        refused @ (RelationsFault::Duplicate(_) | RelationsFault::Missing(_) | RelationsFault::Future(_)) => {
            Failure::refused(refused.to_string())
        }
        other => Failure::usage(other.to_string()),
    }
}

impl RelationCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        if let What::Model(ModelCommand::Check { file }) = &self.what {
            return check_model(file);
        }
        let opened = self.args.open().await?;
        let relations = Relations::new(opened.store.clone(), Arc::clone(&opened.clock))
            .with_vouching(Vouching::of(&opened.loaded.config));
        let here = Here { opened, relations };
        match self.what {
            What::Write { key, condition, context } => here.write(&key, condition, context).await,
            What::Delete { key } => here.delete(&key).await,
            What::Import { file } => here.import(&file).await,
            What::Read { object, relation, user } => here.read(object, relation, user).await,
            What::Check { key, more } => here.check(key.key()?, &more).await,
            What::Expand { relation, object } => here.expand(relation, &object).await,
            What::Objects { user, relation, kind, more } => here.objects(&user, relation, kind, &more).await,
            What::Users { object, relation, filter, more } => {
                here.users(&object, relation, &filter, &more).await
            }
            What::Model(ModelCommand::Put { file }) => here.put_model(&file).await,
            What::Model(_) => here.show_model().await,
        }
    }
}

fn file(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|e| Failure::usage(format!("`{}`: {e}", path.display())))
}

/// The text of a model in a file, or in those that it lists.
fn model_file(path: &Path) -> Result<String, Failure> {
    let found = model_text(path).map_err(|e| Failure::usage(format!("`{}`: {e}", path.display())))?;
    found.map_err(|errors| invalid(path, &errors))
}

/// Every error with its place; those of modules name their files, from the folder of `fga.mod`.
fn invalid(path: &Path, errors: &[ModelError]) -> Failure {
    let of_modules = path.extension().is_some_and(|e| e == "mod");
    let one = |e: &ModelError| if of_modules { e.to_string() } else { format!("{}:{e}", path.display()) };
    Failure::refused(errors.iter().map(one).collect::<Vec<_>>().join("\n"))
}

fn check_model(path: &Path) -> Result<(), Failure> {
    let model = read_model(&model_file(path)?).map_err(|errors| invalid(path, &errors))?;
    let relations: usize = model.kinds().map(|k| k.relations.len()).sum();
    let kinds = model.kinds().count();
    print(format!("{}: {kinds} types and {relations} relations; it is valid.", path.display()))
}

struct Here {
    opened: Opened,
    relations: Relations,
}

impl Here {
    async fn change(&self, change: Change) -> Result<Revision, Failure> {
        let event = self.opened.event("relation:write");
        Ok(self.relations.write(change, event).await.map_err(failed)?.revision)
    }

    async fn write(
        &self,
        key: &KeyArgs,
        condition: Option<String>,
        context: Option<String>,
    ) -> Result<(), Failure> {
        let mut tuple = Tuple { key: key.key()?, condition: None };
        if let Some(name) = condition {
            let context = context.as_deref().map_or_else(|| Ok(Object::new()), object)?;
            tuple.condition = Some(Arc::new(prokura_relations::Attached { name, context }));
        }
        let text = tuple.key.to_string();
        let revision = self.change(Change { writes: vec![tuple], ..Change::default() }).await?;
        self.opened.done("relation:write", &text, format!("{} holds from {revision} on.", plain(&text)))
    }

    async fn delete(&self, key: &KeyArgs) -> Result<(), Failure> {
        let key = key.key()?;
        let text = key.to_string();
        let revision = self.change(Change { deletes: vec![key], ..Change::default() }).await?;
        self.opened.done(
            "relation:delete",
            &text,
            format!("{} holds no more from {revision} on.", plain(&text)),
        )
    }

    async fn import(&self, path: &Path) -> Result<(), Failure> {
        let tuples = read_tuples(&path.display().to_string(), &file(path)?)?;
        let (count, mut revision) = (tuples.len(), Revision(0));
        for writes in tuples.chunks(1000) {
            let change =
                Change { writes: writes.to_vec(), on_duplicate: OnConflict::Ignore, ..Change::default() };
            revision = self.change(change).await?;
        }
        let said = format!("{count} tuples of {} hold from {revision} on.", path.display());
        self.opened.done("relation:import", &path.display().to_string(), said)
    }

    async fn read(
        &self,
        object: Option<String>,
        relation: Option<String>,
        user: Option<String>,
    ) -> Result<(), Failure> {
        /// So many at a time.
        const PAGE: u32 = 500;
        let user = user.map(|u| User::parse(&u)).transpose().map_err(Failure::usage)?;
        let subject = user.as_ref().map(|u| u.name().into_owned()).unwrap_or_default();
        let userset = user.as_ref().and_then(User::relation).unwrap_or_default().to_owned();
        let (object, relation) = (object.unwrap_or_default(), relation.unwrap_or_default());
        let mut table = Table::new(&["user", "relation", "object", "condition"]);
        let mut after = None;
        loop {
            let of = (object.clone(), relation.clone(), subject.clone(), userset.clone());
            let from = after.clone();
            let page = self.opened.store.read::<_, StoreError>(move |tx| {
                tx.relation_tuples((&of.0, &of.1, &of.2, &of.3), from.as_ref(), PAGE)
            });
            let page = page.await?;
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            for row in page.iter().filter(|row| self.relations.counts(row)) {
                let found = tuple(row).map_err(|e| failed(e.into()))?;
                if self.opened.json {
                    json(&shown(&Value::Object(found.to_json()))?)?;
                }
                let condition = if row.condition.is_empty() {
                    String::new()
                } else {
                    format!("{} {}", row.condition, row.context)
                };
                table.row([
                    plain(&found.key.user.to_string()),
                    plain(&found.key.relation),
                    plain(found.key.object.as_str()),
                    plain(&condition),
                ]);
            }
        }
        if self.opened.json { Ok(()) } else { print(table) }
    }

    async fn ask<T: Send + 'static>(
        &self,
        more: &More,
        question: impl Fn(Ask<'_, InTx<'_, '_>>) -> Result<T, AskError> + Send + Sync + 'static,
    ) -> Result<(T, Revision), Failure> {
        let context = more.context()?;
        let asked = self.relations.ask(more.at_least()?, move |ask| question(ask.context(&context)));
        asked.await.map_err(failed)
    }

    async fn check(&self, key: Key, more: &More) -> Result<(), Failure> {
        let text = key.to_string();
        let (allowed, revision) = self.ask(more, move |ask| ask.check(&key)).await?;
        if self.opened.json {
            return json(&serde_json::json!({ "allowed": allowed, "revision": revision.to_string() }));
        }
        print(format!("{}: {} at {revision}.", plain(&text), if allowed { "yes" } else { "no" }))
    }

    async fn expand(&self, relation: String, object: &str) -> Result<(), Failure> {
        let object = ObjectName::parse(object).map_err(Failure::usage)?;
        let none = More { context: None, at_least: None };
        let (tree, _) = self.ask(&none, move |ask| ask.expand(&object, &relation)).await?;
        json(&shown(&Value::Object(tree.to_json()))?)
    }

    async fn objects(&self, user: &str, relation: String, kind: String, more: &More) -> Result<(), Failure> {
        let user = User::parse(user).map_err(Failure::usage)?;
        let (found, revision) = self.ask(more, move |ask| ask.objects(&user, &relation, &kind)).await?;
        self.list("objects", &found, revision)
    }

    async fn users(&self, object: &str, relation: String, filter: &str, more: &More) -> Result<(), Failure> {
        let (object, filter) = (
            ObjectName::parse(object).map_err(Failure::usage)?,
            UserFilter::parse(filter).map_err(Failure::usage)?,
        );
        let (found, revision) = self.ask(more, move |ask| ask.users(&object, &relation, &filter)).await?;
        let names: Vec<_> = found.iter().map(ToString::to_string).collect();
        self.list("users", &names, revision)
    }

    fn list(&self, what: &str, names: &[String], revision: Revision) -> Result<(), Failure> {
        if self.opened.json {
            return json(&serde_json::json!({ what: names, "revision": revision.to_string() }));
        }
        let mut table = Table::new(&[what]);
        names.iter().for_each(|name| table.row([plain(name)]));
        print(table)
    }

    async fn put_model(&self, path: &Path) -> Result<(), Failure> {
        let event = self.opened.event("relation:model");
        let text = model_file(path)?;
        let put = self.relations.put_model(text, OPERATOR.to_owned(), event).await;
        let version = put.map_err(|fault| match fault {
            RelationsFault::Model(errors) => invalid(path, &errors),
            other => failed(other),
        })?;
        self.opened.done(
            "relation:model",
            &version.to_string(),
            format!("The model has version {version} and is in force."),
        )
    }

    async fn show_model(&self) -> Result<(), Failure> {
        let found = self
            .relations
            .models(None, 1)
            .await
            .map_err(failed)?
            .pop()
            .ok_or_else(|| failed(RelationsFault::NoModel))?;
        if self.opened.json {
            return json(&serde_json::json!({
                "version": found.version, "model": found.body, "written_by": found.written_by,
                "written_at": exact(found.written_at),
            }));
        }
        print(readable(&found.body))
    }
}

/// The text of a model; of modules one after the other, each after the name of its file.
fn readable(body: &str) -> String {
    let limits = Limits { max_bytes: MODEL, max_depth: 64 };
    let read = strict::parse(body.as_bytes(), &limits).ok().and_then(Value::into_object);
    let Some(files) = read.as_ref().and_then(modules) else { return body.to_owned() };
    let one = |(file, text): (&str, &str)| format!("# {file}\n{}\n", text.trim_end());
    files.into_iter().map(one).collect::<Vec<_>>().join("\n")
}

/// For those who print.
fn shown(value: &Value) -> Result<serde_json::Value, Failure> {
    serde_json::from_slice(&value.to_vec()).map_err(|e| Failure::usage(e.to_string()))
}
