//! The story, act by act. Every refusal in it must happen: the story ends where one does not.

use crate::agent::{Agent, Called, Software};
use crate::browser::{Browser, Page};
use crate::cluster::Cluster;
use crate::http::{Broken, Http};
use crate::manager;
use crate::narrator::Narrator;
use crate::passing::{Passing, REPORTER};
use crate::pods::Pods;
use crate::watch::{Credentials, Watch};
use http::StatusCode;
use prokura_core::{Clock, Rng};
use prokura_oauth::json::{Object, Value, obj};
use url::Url;

/// Where the story plays, and who plays in it.
#[derive(Debug)]
pub struct Stage {
    /// The authorization server.
    pub issuer: String,
    /// The protected MCP server, the one address that the agent knows.
    pub resource: String,
    /// The agent's software.
    pub software: Software,
    /// The user's name.
    pub login: String,
    /// The user's password.
    pub password: String,
    /// The name and the password of somebody of human resources.
    pub approver: (String, String),
    /// The cluster whose pods come, and whose word counts.
    pub cluster: Cluster,
    /// Who watches over the machines.
    pub watch: Credentials,
}

pub(crate) const SUMMARY: &str = "tools:generate_summary";

/// Plays the whole story.
///
/// # Errors
/// [`Broken`] says at which step it did not go as it must.
pub async fn play(
    stage: &Stage,
    rng: &dyn Rng,
    clock: &dyn Clock,
    tell: &mut Narrator<'_>,
) -> Result<(), Broken> {
    let http = Http::new();
    let mut agent = Agent::new(http.clone(), stage.software.clone(), &stage.resource, rng, clock);
    let mut alice = Browser::new(http.clone(), &origin(&stage.issuer)?, "Alice");
    let mut nora = Browser::new(http.clone(), &origin(&stage.issuer)?, "Nora");

    tell.act("An agent that knows one address and nothing of Prokura is refused, and learns whom to ask")?;
    let refused =
        agent.call(tell, "tools/call", summary(), StatusCode::UNAUTHORIZED, Called::refusal).await?;
    agent.discover(tell, &refused).await?;

    tell.act("Alice signs in, reads what is asked, and agrees")?;
    let attempt = agent.attempt(SUMMARY, None)?;
    let asked = alice.ask(tell, &attempt.url, "who is there?").await?;
    let page = sign_in(tell, &mut alice, &asked, (&stage.login, &stage.password), &stage.issuer).await?;
    let back = agree(tell, &mut alice, &page, &stage.issuer).await?;
    agent.redeem(tell, attempt, back.leads_to()).await?;

    tell.act("The agent calls again; it sees and may use what Alice allowed, and no more")?;
    agent.call(tell, "tools/call", summary(), StatusCode::OK, quoted).await?;
    agent.call(tell, "tools/list", Object::default(), StatusCode::OK, shown).await?;
    let limited = agent.call(tell, "tools/call", report(), StatusCode::FORBIDDEN, Called::refusal).await?;

    tell.act("It asks for one permission more, and to pass a part on to Reporter, another agent; Alice agrees to that too")?;
    let attempt = agent.attempt(&with(&agent.tokens.scope, &limited.challenge("scope")?), Some(REPORTER))?;
    let asked = alice.ask(tell, &attempt.url, "Alice is known").await?;
    let page = alice.read(tell, asked.leads_to()).await?;
    let back = agree(tell, &mut alice, &page, &stage.issuer).await?;
    agent.redeem(tell, attempt, back.leads_to()).await?;
    agent.call(tell, "tools/call", report(), StatusCode::OK, quoted).await?;

    tell.act("What nobody allowed is refused, whoever asks")?;
    agent.call(tell, "tools/call", delete(), StatusCode::FORBIDDEN, Called::refusal).await?;
    let forged = forged(&agent.tokens.access);
    let must = StatusCode::UNAUTHORIZED;
    agent.call_with(tell, "thief", &forged, "tools/call", report(), must, Called::refusal).await?;

    tell.act("Alice leads three people: the agent may work on these, and on them not do all that she may")?;
    let attempt = agent.attempt(&with(&agent.tokens.scope, manager::SCOPES), Some(REPORTER))?;
    let asked = alice.ask(tell, &attempt.url, "Alice is known").await?;
    let page = alice.read(tell, asked.leads_to()).await?;
    let back = agree(tell, &mut alice, &page, &stage.issuer).await?;
    agent.redeem(tell, attempt, back.leads_to()).await?;
    let (login, password) = &stage.approver;
    manager::play(tell, &agent, &stage.issuer, &mut nora, (login, password)).await?;

    tell.act("The token is renewed")?;
    agent.refresh(tell).await?;
    agent.call(tell, "tools/call", summary(), StatusCode::OK, quoted).await?;

    let pods = Pods { cluster: &stage.cluster, agent: &agent, clock, rng };
    let passing = Passing { agent: &agent, pods: &pods };
    tell.act(
        "Planner passes a part on to Reporter, which runs in a pod: it calls for Alice, through Planner",
    )?;
    let part = passing.part(tell).await?;
    let passed = passing.take(tell, &part, SUMMARY, StatusCode::OK).await?;
    passing.sum_up(tell, &passed, StatusCode::OK).await?;
    tell.picture().await?;

    tell.act("What Planner may and did not pass on is refused, and nobody gets rid of who acts")?;
    passing.read(tell, &passed).await?;
    passing.take(tell, &part, "read:report", StatusCode::BAD_REQUEST).await?;
    passing.attacks(tell, &part).await?;

    tell.act("Alice ends what she allowed Planner: the very next call of both is refused")?;
    revoke(tell, &mut alice, &stage.issuer).await?;
    passing.sum_up(tell, &passed, StatusCode::UNAUTHORIZED).await?;
    agent.call(tell, "tools/call", summary(), StatusCode::UNAUTHORIZED, Called::refusal).await?;
    passing.take(tell, &part, SUMMARY, StatusCode::BAD_REQUEST).await?;
    agent.renewal(tell, StatusCode::BAD_REQUEST).await?;

    tell.act("A pod has no secret: what its cluster says of it is enough, for what a rule gives such pods")?;
    let token = pods.come(tell).await?;

    tell.act("The machine below the pod is reported to be out of order: at its next call the same token is worth nothing")?;
    let watch = Watch::begin(tell, http, &agent, &stage.watch).await?;
    watch.report(tell, Pods::NODE, false).await?;
    pods.call(tell, &token, StatusCode::FORBIDDEN, Called::refusal).await?;
    pods.ask_again(tell, StatusCode::BAD_REQUEST).await?;
    watch.report(tell, Pods::NODE, true).await?;
    pods.call(tell, &token, StatusCode::OK, quoted).await
}

pub(crate) async fn sign_in(
    tell: &mut Narrator<'_>,
    person: &mut Browser,
    asked: &Page,
    (login, password): (&str, &str),
    issuer: &str,
) -> Result<Page, Broken> {
    let page = person.read(tell, asked.leads_to()).await?;
    let form = page.form(&format!("{}/signin/password", path(issuer)?))?;
    let form = form.with("login", login).with("password", password);
    let done = person.submit(tell, form, |_| "signed in".into()).await?;
    person.read(tell, done.leads_to()).await
}

async fn agree(
    tell: &mut Narrator<'_>,
    alice: &mut Browser,
    page: &Page,
    issuer: &str,
) -> Result<Page, Broken> {
    let form = page.form(&format!("{}/interaction/", path(issuer)?))?.with("answer", "allow");
    alice.submit(tell, form, |_| "allowed; back to the agent with a code".into()).await
}

async fn revoke(tell: &mut Narrator<'_>, alice: &mut Browser, issuer: &str) -> Result<(), Broken> {
    let base = path(issuer)?;
    let page = alice.read(tell, &format!("{base}/account")).await?;
    let form = page.form(&format!("{base}/account/revoke-all"))?;
    alice.submit(tell, form, |_| "revoked".into()).await.map(drop)
}

pub(crate) fn tool(name: &str, arguments: Object) -> Object {
    obj([("name", name.into()), ("arguments", Value::Object(arguments))])
}

pub(crate) fn summary() -> Object {
    tool("generate_summary", obj([("quarter", "2026-Q3".into())]))
}

pub(crate) fn report() -> Object {
    tool("read_report", obj([("quarter", "2026-Q3".into())]))
}

fn delete() -> Object {
    tool("delete_employee", obj([("id", 2_i64.into())]))
}

pub(crate) fn quoted(called: &Called) -> String {
    format!("\"{}\"", called.text())
}

fn shown(called: &Called) -> String {
    format!("sees only {}", called.tools().join(", "))
}

/// The union of two scope lists: what is held and what is asked for (MCP authorization, step-up).
fn with(held: &str, asked: &str) -> String {
    let mut all: Vec<_> = held.split(' ').chain(asked.split(' ')).filter(|s| !s.is_empty()).collect();
    all.sort_unstable();
    all.dedup();
    all.join(" ")
}

/// A token with one sign of its signature changed.
fn forged(token: &str) -> String {
    let Some((rest, signature)) = token.rsplit_once('.') else { return token.to_owned() };
    let other = if signature.starts_with('A') { "B" } else { "A" };
    format!("{rest}.{other}{}", signature.get(1..).unwrap_or_default())
}

fn origin(issuer: &str) -> Result<String, Broken> {
    let url = Url::parse(issuer).map_err(|e| Broken::because(e.to_string()))?;
    Ok(url.origin().ascii_serialization())
}

fn path(issuer: &str) -> Result<String, Broken> {
    let url = Url::parse(issuer).map_err(|e| Broken::because(e.to_string()))?;
    Ok(url.path().trim_end_matches('/').to_owned())
}
