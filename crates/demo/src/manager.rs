//! An agent that acts for somebody who leads others: it sees whom she leads, changes one of them, removes nobody, takes no
//! personal data away, and asks before it touches anybody's pay.

use crate::agent::{Agent, Called};
use crate::browser::Browser;
use crate::http::Broken;
use crate::narrator::Narrator;
use crate::story::{quoted, sign_in, tool};
use http::StatusCode;
use prokura_oauth::json::{Object, Value, obj};

/// What the agent needs for it.
pub(crate) const SCOPES: &str = "read:staff write:staff";

/// Whom Alice leads, and whom she does not.
const HERS: i64 = 2;
const ANOTHERS: i64 = 4;

/// Plays it. `nora` is of human resources, with this name and password.
pub(crate) async fn play(
    tell: &mut Narrator<'_>,
    agent: &Agent<'_>,
    issuer: &str,
    nora: &mut Browser,
    (login, password): (&str, &str),
) -> Result<(), Broken> {
    let (ok, denied) = (StatusCode::OK, StatusCode::FORBIDDEN);
    agent.call(tell, "tools/call", tool("list_employees", Object::default()), ok, names).await?;
    agent.call(tell, "tools/call", role(HERS, "Key Account Manager"), ok, quoted).await?;
    agent.call(tell, "tools/call", role(ANOTHERS, "Clerk"), denied, Called::refusal).await?;
    agent.call(tell, "tools/call", remove(HERS), denied, Called::refusal).await?;
    let exported =
        agent.call(tell, "tools/call", tool("export_employees", Object::default()), ok, members).await?;
    let personal = ["salary", "email"].iter().any(|member| exported.text().contains(member));
    if personal || exported.text().contains("Dmitri") {
        return Err(Broken::because("personal data left, or somebody whom she does not lead"));
    }

    tell.act("A raise waits until Nora of human resources has agreed to exactly this one; it is made once")?;
    let waits = agent.call(tell, "tools/call", raise(66_000), ok, waiting).await?;
    approve(tell, nora, &waits, (login, password), issuer).await?;
    agent.call(tell, "tools/call", raise(99_000), ok, waiting).await?;
    let done = agent.call(tell, "tools/call", raise(66_000), ok, quoted).await?;
    if !done.text().contains("66000") {
        return Err(Broken::because("what was agreed to was not done"));
    }
    let again = agent.call(tell, "tools/call", raise(66_000), ok, waiting).await?;
    address(&again).map(drop)
}

async fn approve(
    tell: &mut Narrator<'_>,
    nora: &mut Browser,
    waits: &Called,
    (login, password): (&str, &str),
    issuer: &str,
) -> Result<(), Broken> {
    let url = address(waits)?;
    let asked = nora.ask(tell, &url, "who is there?").await?;
    let page = sign_in(tell, nora, &asked, (login, password), issuer).await?;
    let form = page.form(path_of(&url)?)?.with("answer", "once");
    nora.submit(tell, form, |_| "agreed, once".into()).await.map(drop)
}

/// Where somebody can agree, as the answer says it.
fn address(waits: &Called) -> Result<String, Broken> {
    let text = waits.text();
    let found = text.split_whitespace().find(|word| word.starts_with("http") && word.contains("/approve/"));
    let found = found.map(|word| word.trim_end_matches(['.', ',', ')', ';']).to_owned());
    found.ok_or_else(|| Broken::because(format!("the answer names no address to agree at: {text}")))
}

fn path_of(url: &str) -> Result<&str, Broken> {
    let rest = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    rest.ok_or_else(|| Broken::because("the address to agree at has no path"))
}

fn role(id: i64, role: &str) -> Object {
    tool("modify_employee", obj([("id", id.into()), ("role", role.into())]))
}

fn raise(salary: i64) -> Object {
    tool("modify_employee", obj([("id", HERS.into()), ("salary", salary.into())]))
}

fn remove(id: i64) -> Object {
    tool("delete_employee", obj([("id", id.into())]))
}

fn waiting(called: &Called) -> String {
    let text = called.text();
    text.split(['.', ';']).next().unwrap_or_default().to_owned()
}

/// Who is in a list.
fn names(called: &Called) -> String {
    let names: Vec<_> =
        called.rows("employees").iter().filter_map(|row| row.str("name").map(str::to_owned)).collect();
    format!("sees only {}", names.join(", "))
}

/// What is known of whoever is exported.
fn members(called: &Called) -> String {
    let rows = called.rows("exported");
    let known = rows.first().map(|row| row.keys().collect::<Vec<_>>().join(", ")).unwrap_or_default();
    format!("{} people, with {known} alone", rows.len())
}

impl Called {
    /// The rows of a list in what a tool answered.
    fn rows(&self, member: &str) -> Vec<Object> {
        let content =
            self.result().and_then(|r| r.get("structuredContent")?.as_object()?.get(member)?.as_array());
        content.unwrap_or_default().iter().filter_map(Value::as_object).cloned().collect()
    }
}
