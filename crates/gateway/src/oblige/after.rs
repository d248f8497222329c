//! Obligations on results, met before anything is released.

use super::document::Means;
use super::due::{Done, Due, WITHHELD_LARGE, Withheld};
use super::release::{Shape, hush, instead, release, task};
use super::target::said;
use crate::envelope::Call;
use crate::exchange::Exchange;
use crate::fault::Fault;
use crate::question::{Asked, Asking};
use prokura_core::{ActionKind, Obligation, Rewrite, Rows};
use prokura_oauth::json::{Object, Value};
use prokura_policy::pdp::{Directory, Entity, EntityId, Filter, HashKey, NoEntities, Ruling};
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// So many rows of one result are asked about at most: whoever has more needs a policy that a filter can be made of.
const MOST_ROWS: usize = 10_000;
/// After so many, others have their turn.
const AT_ONCE: usize = 64;

/// What was decided on rows that a filter leaves open, by action and row: what must be rewritten in it, or that it is not
/// released. Two rows of one name in two lists are two rows: what was decided on one says nothing of the other, unless both
/// are the same in everything that was decided on. What is above a row is the directory's word, and the same for one name.
#[derive(Default)]
struct Answers(HashMap<Row, Option<Vec<Rewrite>>>);

/// An action, a row, and all that it says, digit by digit.
type Row = (String, EntityId, Vec<u8>);

fn key(action: &str, row: &Entity) -> Row {
    (action.to_owned(), row.id.clone(), Value::Object(row.attributes.clone()).to_vec())
}

impl Answers {
    /// What must be rewritten in a row, if it is released.
    fn released(&self, rows: &Rows, row: &Entity) -> Option<Vec<Rewrite>> {
        self.0.get(&key(&rows.action, row)).cloned().flatten()
    }
}

/// Does to a result what must be done before it is released.
///
/// # Errors
/// [`Fault::Withheld`] if it cannot be released; of a tool, its result says so instead.
pub(crate) async fn after(exchange: &Exchange, result: &mut Object) -> Result<(), Fault> {
    settle(exchange, result).await?;
    let tool = exchange.origin.action().filter(|action| action.kind == ActionKind::Tool);
    if tool.is_some_and(|tool| exchange.route.trusted.contains(&tool.name)) {
        said(exchange, result);
    }
    Ok(())
}

async fn settle(exchange: &Exchange, result: &mut Object) -> Result<(), Fault> {
    let due = Due::of(&exchange.owed.obligations);
    if due.is_nothing() {
        return Ok(());
    }
    let shape = Shape::of_method(exchange.origin.method());
    let mut done = Done::default();
    if let Err(why) = meet(exchange, &due, shape, result, &mut done).await {
        done = Done { withheld: Some(why.word()), ..Done::default() };
        if shape != Shape::Tool || exchange.origin.method() != "tools/call" && result.contains_key("taskId") {
            exchange.owed.tally.add(done);
            return Err(Fault::Withheld(why));
        }
        instead(result, &why, &mut done);
    }
    exchange.owed.tally.add(done);
    Ok(())
}

async fn meet(
    exchange: &Exchange,
    due: &Due,
    shape: Shape,
    result: &mut Object,
    done: &mut Done,
) -> Result<(), Withheld> {
    if due.changes() {
        let filters = filters(exchange.owed.asked.as_ref(), due);
        let answers = answers(exchange, due, &filters, shape, result).await?;
        let ask = |rows: &Rows, row: &Entity| answers.released(rows, row);
        with_means(exchange, due, &filters, &ask, |means| release(shape, result, means, done))?;
    }
    match due.most.filter(|_| due.is_over(result)) {
        Some(most) => Err(Withheld::Large(most)),
        None => Ok(()),
    }
}

/// Of each list that is sifted, which rows may be released. Where nobody is asked any more, none.
fn filters(asked: Option<&Asked>, due: &Due) -> Vec<Filter> {
    let filter = |rows: &Rows| asked.map_or(Filter::Nothing, |asked| filter(asked, rows));
    due.rows.iter().map(filter).collect()
}

fn filter(asked: &Asked, rows: &Rows) -> Filter {
    let Ok(none) = EntityId::new(&rows.kind, "?") else { return Filter::Nothing };
    let none = Entity::bare(none);
    asked.by.in_force().filter(&asked.of_row(&rows.action, &none), &rows.kind)
}

fn with_means<T>(
    exchange: &Exchange,
    due: &Due,
    filters: &[Filter],
    ask: &dyn Fn(&Rows, &Entity) -> Option<Vec<Rewrite>>,
    act: impl FnOnce(&Means<'_>) -> T,
) -> T {
    let subject = exchange.caller.token().map_or("", |t| t.subject.as_str());
    let key = HashKey::new(exchange.inner.result_secret.as_slice(), &[&exchange.route.name, subject]);
    let known = exchange.asking.as_deref().and_then(|a| a.in_force().directory.clone());
    let directory: &dyn Directory = known.as_deref().unwrap_or(&NoEntities);
    act(&Means { due, filters, directory, key: &key, ask })
}

/// Asks about the rows that the filters leave open: which they are, a first pass over a copy finds out.
///
/// # Errors
/// [`Withheld::Rows`], [`Withheld::Late`].
async fn answers(
    exchange: &Exchange,
    due: &Due,
    filters: &[Filter],
    shape: Shape,
    result: &Object,
) -> Result<Answers, Withheld> {
    let Some(asked) = exchange.owed.asked.as_ref().filter(|_| filters.iter().any(may_ask)) else {
        return Ok(Answers::default());
    };
    let rows = open_rows(exchange, due, filters, shape, result);
    if rows.len() > MOST_ROWS {
        return Err(Withheld::Rows(MOST_ROWS));
    }
    // Who is elsewhere is asked about one after another, each in its own time.
    let time = exchange.inner.bounds.upstream_timeout;
    let (answers, problems) =
        tokio::time::timeout(time, ask_of(asked, rows)).await.map_err(|_| Withheld::Late)?;
    if let Some(problem) = problems.first() {
        let (rows, trace) = (problems.len(), &exchange.trace);
        tracing::warn!(%problem, rows, %trace, "a policy could not answer about rows of a result");
    }
    Ok(answers)
}

/// The answers, and what went wrong.
async fn ask_of(asked: &Asked, rows: Vec<(String, Entity)>) -> (Answers, Vec<String>) {
    let (mut answers, mut problems) = (Answers::default(), Vec::new());
    for (at, (action, row)) in rows.into_iter().enumerate() {
        if at % AT_ONCE == AT_ONCE - 1 {
            tokio::task::yield_now().await;
        }
        if let Entry::Vacant(open) = answers.0.entry(key(&action, &row)) {
            let mut ruling = asked.by.in_force().ruling(&asked.of_row(&action, &row)).await;
            problems.append(&mut ruling.problems);
            open.insert(released(ruling));
        }
    }
    (answers, problems)
}

/// Whether a filter may leave a row open; any but the plainest may, by what another entity knows.
fn may_ask(filter: &Filter) -> bool {
    !matches!(filter, Filter::All | Filter::Nothing)
}

fn open_rows(
    exchange: &Exchange,
    due: &Due,
    filters: &[Filter],
    shape: Shape,
    result: &Object,
) -> Vec<(String, Entity)> {
    let open = RefCell::new(Vec::new());
    let note = |rows: &Rows, row: &Entity| {
        open.borrow_mut().push((rows.action.clone(), row.clone()));
        None
    };
    let mut copy = result.clone();
    // What it comes to is found out again with the answers.
    let _first = with_means(exchange, due, filters, &note, |means| {
        release(shape, &mut copy, means, &mut Done::default())
    });
    open.into_inner()
}

/// What must be rewritten in a row, if it is released: not under an obligation that cannot be met for a row by itself.
fn released(ruling: Ruling) -> Option<Vec<Rewrite>> {
    let mut rewrites = Vec::new();
    for obligation in ruling.obligations {
        match obligation {
            Obligation::Rewrite(rewrite) => rewrites.push(rewrite),
            Obligation::MarkPrivate | Obligation::Review(_) => {}
            Obligation::Rows(_)
            | Obligation::SizeAtMost(_)
            | Obligation::Rate(_)
            | Obligation::Approval(_)
            | Obligation::Target(_)
            | Obligation::SignIn(_) => return None,
        }
    }
    ruling.permitted.then_some(rewrites)
}

/// What of an error may be told: where results are changed, only which sort it is; as much as a result may be.
pub(crate) fn error(exchange: &Exchange, mut error: Object) -> Object {
    let due = Due::of(&exchange.owed.obligations);
    if due.changes() || due.is_over(&error) {
        hush(&mut error);
    }
    error
}

/// Whether words may be of a call whose results are changed, on a stream that belongs to none: nobody can tell whose call
/// they speak of, so it is enough that some policy here may change some result.
fn may_be_of_any(exchange: &Exchange) -> bool {
    let changes = |asking: &Asking| {
        asking.in_force().counts() && (asking.in_force().may_change_results() || exchange.route.sifts())
    };
    exchange.origin.action().is_none() && exchange.asking.as_deref().is_some_and(changes)
}

/// Whether a message that comes before the answer is relayed, and what is left of it: where results are changed, how far it
/// is, and no words; never more than a result may be.
pub(crate) async fn meanwhile(exchange: &Exchange, call: &mut Call) -> bool {
    let due = Due::of(&exchange.owed.obligations);
    let relayed = told(exchange, &due, call).await;
    let over = call.params.as_ref().is_some_and(|params| due.is_over(params));
    if over && relayed {
        exchange.owed.tally.add(Done { withheld: Some(WITHHELD_LARGE), ..Done::default() });
    }
    if !relayed || over {
        let (method, resource, trace) = (&call.method, &exchange.route.name, &exchange.trace);
        tracing::info!(%method, %resource, %trace, "a server's message is not relayed: policies bound or change results");
    }
    relayed && !over
}

async fn told(exchange: &Exchange, due: &Due, call: &mut Call) -> bool {
    if !due.changes() && !may_be_of_any(exchange) {
        return true;
    }
    let speaks = matches!(
        call.method.as_str(),
        "notifications/message" | "sampling/createMessage" | "elicitation/create"
    );
    let Some(params) = call.params.as_mut().filter(|_| !speaks) else { return !speaks };
    match call.method.as_str() {
        "notifications/progress" => {
            let numbers = |name: &str, value: &Value| match name {
                "progress" | "total" => value.as_number().is_some(),
                "progressToken" => true,
                _ => false,
            };
            params.retain(numbers);
            true
        }
        "notifications/cancelled" => {
            params.retain(|name, _| name == "requestId");
            true
        }
        "notifications/tasks" | "notifications/tasks/status" if due.changes() => {
            let filters = filters(exchange.owed.asked.as_ref(), due);
            let Ok(answers) = answers(exchange, due, &filters, Shape::Tool, params).await else {
                return false;
            };
            let ask = |rows: &Rows, row: &Entity| answers.released(rows, row);
            let mut done = Done::default();
            let met = with_means(exchange, due, &filters, &ask, |means| task(params, means, &mut done));
            exchange.owed.tally.add(done);
            met.is_ok()
        }
        _ => true,
    }
}
