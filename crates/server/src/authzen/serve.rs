//! The endpoints: one frame for all of them.

use super::AuthzenFault;
use super::ask::Ask;
use super::caller::{Right, caller};
use super::fault::respond;
use super::record::Judged;
use super::search::searched;
use crate::fault::Fault;
use crate::record::About;
use crate::server::AppState;
use crate::wire::{json, read_body, said_to_be};
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderName, StatusCode};
use prokura_core::TraceId;
use prokura_ledger::{Event, EventKind};
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use prokura_policy::authzen::{Decision, Evaluation, Evaluations, Malformed, Search, Semantic};
use std::sync::Arc;

/// By which whoever asks knows its request again (§10.1.3).
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Of a batch, so many are decided before others get a turn.
const AT_A_TIME: usize = 32;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Evaluation,
    Evaluations,
    Subjects,
    Resources,
    Actions,
}

impl Which {
    pub(super) const ALL: [Self; 5] =
        [Self::Evaluation, Self::Evaluations, Self::Subjects, Self::Resources, Self::Actions];

    /// Where it is asked, below the address of the decision point.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Evaluation => "evaluation",
            Self::Evaluations => "evaluations",
            Self::Subjects => "search/subject",
            Self::Resources => "search/resource",
            Self::Actions => "search/action",
        }
    }

    fn right(self) -> Right {
        match self {
            Self::Evaluation | Self::Evaluations => Right::Evaluate,
            Self::Subjects | Self::Resources | Self::Actions => Right::Search,
        }
    }

    fn limits(self) -> Limits {
        let max_bytes = if self == Self::Evaluations { 1 << 20 } else { 64 << 10 };
        Limits { max_bytes, max_depth: 32 }
    }
}

pub(super) async fn serve(app: Arc<AppState>, request: Request, which: Which) -> Response {
    let trace = app.trace();
    let id = request.headers().get(&REQUEST_ID).cloned();
    let mut about = About::new(EventKind::Decision, "authzen");
    let mut response = match answer(&app, request, which, &trace, &mut about).await {
        Ok(body) => json(StatusCode::OK, &body),
        Err(fault) => respond(&app, &fault, &about, &trace).await,
    };
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID.clone(), id);
    }
    response
}

async fn answer(
    app: &AppState,
    request: Request,
    which: Which,
    trace: &TraceId,
    about: &mut About,
) -> Result<Object, Fault> {
    let (parts, body) = request.into_parts();
    let caller = caller(app, &parts, which.right(), about).await?;
    let body = object(&parts, body, which.limits()).await?;
    let request_id = parts.headers.get(&REQUEST_ID).and_then(|id| id.to_str().ok());
    let (in_force, now) = (app.decider.in_force(), app.clock.now());
    let ask = Ask { app, caller, in_force, trace, request_id, now };
    let malformed = AuthzenFault::Malformed;
    match which {
        Which::Evaluation => one(&ask, Evaluation::read(body).map_err(malformed)?).await,
        Which::Evaluations => match Evaluations::read(body).map_err(malformed)? {
            Evaluations::One(evaluation) => one(&ask, evaluation).await,
            Evaluations::Many(semantic, items) => many(&ask, semantic, items).await,
        },
        Which::Subjects => searched(&ask, Search::subjects(body).map_err(malformed)?).await,
        Which::Resources => searched(&ask, Search::resources(body).map_err(malformed)?).await,
        Which::Actions => searched(&ask, Search::actions(body).map_err(malformed)?).await,
    }
}

async fn object(parts: &Parts, body: Body, limits: Limits) -> Result<Object, Fault> {
    said_to_be(parts, "application/json")?;
    let bytes = read_body(body, limits.max_bytes).await.ok_or(Fault::TooLarge)?;
    match json::parse(&bytes, &limits).map_err(AuthzenFault::Json)? {
        Value::Object(object) => Ok(object),
        _ => Err(AuthzenFault::NotObject.into()),
    }
}

async fn one(ask: &Ask<'_>, evaluation: Evaluation) -> Result<Object, Fault> {
    let judged = ask.judge(&evaluation).await?;
    ask.record(ask.entry(&evaluation, &judged).into_iter().collect()).await?;
    Ok(judged.decision.to_object())
}

/// Every question of a batch, in order, as far as the semantic goes (§7.1.2.1). What cannot be asked is a deny of its own.
async fn many(
    ask: &Ask<'_>,
    semantic: Semantic,
    items: Vec<Result<Evaluation, Malformed>>,
) -> Result<Object, Fault> {
    let (mut decisions, mut entries) = (Vec::with_capacity(items.len()), Vec::new());
    for (at, item) in items.into_iter().enumerate() {
        if at % AT_A_TIME == AT_A_TIME - 1 {
            tokio::task::yield_now().await;
        }
        let (decision, entry) = of_batch(ask, item).await;
        entries.extend(entry);
        let ends = semantic.ends_with(decision.permitted);
        decisions.push(decision.to_object());
        if ends {
            break;
        }
    }
    ask.record(entries).await?;
    Ok(obj([("evaluations", decisions.into_iter().collect::<Value>())]))
}

async fn of_batch(ask: &Ask<'_>, item: Result<Evaluation, Malformed>) -> (Decision, Option<Event>) {
    let refused = |fault: &AuthzenFault| Decision::error(fault.words().0.as_u16(), &fault.to_string());
    let evaluation = match item {
        Ok(evaluation) => evaluation,
        Err(why) => return (refused(&AuthzenFault::Malformed(why)), None),
    };
    match ask.judge(&evaluation).await {
        Ok(judged) => {
            let entry = ask.entry(&evaluation, &judged);
            (judged.decision, entry)
        }
        Err(fault) => {
            let judged = Judged::denied(fault.words().2);
            (refused(&fault), ask.entry(&evaluation, &judged))
        }
    }
}
