//! The Rust SDK, as it comes from its registry, against a protected MCP server.
//!
//! Usage: `prokura-interop-rmcp URL STEPPED_URL (modern|legacy) (cimd|dcr)`

#![forbid(unsafe_code)]

mod person;

use anyhow::{Context, Result, bail, ensure};
use person::{CLIENT_METADATA_URL, Person, Session};
use rmcp::model::{
    CallToolRequestParams, CallToolResult, GetPromptRequestParams, ProtocolVersion, ReadResourceRequestParams,
};
use std::collections::HashMap;
use std::fmt::Display;
use std::process::ExitCode;

const BASIC_TOOL: &str = "test_simple_text";
const ADVANCED_TOOL: &str = "test_multiple_content_types";

/// Counts results and prints one line for each.
#[derive(Default)]
struct Report {
    passed: u32,
    failed: u32,
}

impl Report {
    fn record<T, E: Display>(&mut self, name: &str, outcome: Result<T, E>) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.passed += 1;
                println!("PASS {name}");
                Some(value)
            }
            Err(error) => {
                self.failed += 1;
                println!("FAIL {name}: {error:#}");
                None
            }
        }
    }
}

fn first_text(result: &CallToolResult) -> Result<&str> {
    let block = result.content.first().context("no content")?;
    Ok(&block.as_text().context("no text")?.text)
}

async fn call(session: &Session, name: &'static str) -> Result<CallToolResult> {
    Ok(session.client.call_tool(CallToolRequestParams::new(name)).await?)
}

async fn names(session: &Session) -> Result<Vec<String>> {
    Ok(session.client.list_all_tools().await?.into_iter().map(|tool| tool.name.to_string()).collect())
}

fn query(url: &str) -> Result<HashMap<String, String>> {
    Ok(url::Url::parse(url)?.query_pairs().into_owned().collect())
}

async fn calls_a_tool(session: &Session) -> Result<()> {
    ensure!(names(session).await?.iter().any(|name| name == BASIC_TOOL), "the tool is not listed");
    let answer = call(session, BASIC_TOOL).await?;
    ensure!(first_text(&answer)? == "This is a simple text response for testing.", "another answer");
    Ok(())
}

async fn reads_and_prompts(session: &Session) -> Result<()> {
    let resource = session.client.read_resource(ReadResourceRequestParams::new("test://static-text")).await?;
    ensure!(resource.contents.len() == 1, "another resource");
    let prompt = session.client.get_prompt(GetPromptRequestParams::new("test_simple_prompt")).await?;
    ensure!(prompt.messages.len() == 1, "another prompt");
    Ok(())
}

async fn refreshes(session: &Session) -> Result<()> {
    let before = session.token().await?;
    session.manager.lock().await.refresh_token().await?;
    ensure!(session.token().await? != before, "kept the old token");
    let answer = call(session, BASIC_TOOL).await?;
    ensure!(first_text(&answer)?.starts_with("This is"), "no answer");
    Ok(())
}

async fn walk(report: &mut Report, url: &str, person: &Person) -> Result<()> {
    let Some(session) =
        report.record("connects after discovery, registration, consent and PKCE", person.connect(url).await)
    else {
        return Ok(());
    };
    let version = session.client.peer_info().map(|info| info.protocol_version.clone());
    let modern = version.as_ref().is_some_and(|v| *v >= ProtocolVersion::V_2026_07_28);
    report.record(
        "speaks the revision it was asked to",
        if modern == person.modern { Ok(()) } else { Err(format!("negotiated {version:?}")) },
    );
    let (id, _) = session.manager.lock().await.get_credentials().await?;
    let known = (id == CLIENT_METADATA_URL) == person.by_document;
    report.record(&format!("is known by {}", person.registration()), if known { Ok(()) } else { Err(id) });
    let asked = query(&session.visited)?;
    let right = asked.get("resource").map(String::as_str) == Some(url);
    report.record(
        "asked once, for the resource it uses",
        if right { Ok(()) } else { Err(format!("{:?}", asked.get("resource"))) },
    );
    report.record("lists and calls a tool", calls_a_tool(&session).await);
    report.record("reads a resource and gets a prompt", reads_and_prompts(&session).await);
    report.record("refreshes its token", refreshes(&session).await);
    session.client.cancel().await?;
    Ok(())
}

async fn sees_only_its_own(session: &Session) -> Result<()> {
    let names = names(session).await?;
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    ensure!(has(BASIC_TOOL) && !has(ADVANCED_TOOL), "{names:?}");
    Ok(())
}

async fn steps_up(session: &Session, person: &Person) -> Result<()> {
    let Err(error) = call(session, ADVANCED_TOOL).await else {
        bail!("the call went through without a person");
    };
    let required = person::required_scope(&error).with_context(|| format!("no challenge in {error:#}"))?;
    let visited = person.step_up(session, &required).await?;
    let asked = query(&visited)?.remove("scope").unwrap_or_default();
    let asked: Vec<&str> = asked.split(' ').collect();
    ensure!(asked.contains(&"basic") && asked.contains(&"advanced"), "asked for {asked:?}");
    let answer = call(session, ADVANCED_TOOL).await?;
    ensure!(answer.content.len() == 3, "no answer after the step up");
    Ok(())
}

async fn step_up(report: &mut Report, url: &str, person: &Person) -> Result<()> {
    let Some(session) =
        report.record("connects with the scope of the challenge alone", person.connect(url).await)
    else {
        return Ok(());
    };
    let asked = query(&session.visited)?.remove("scope").unwrap_or_default();
    let first = asked.split(' ').any(|scope| scope == "basic") && !asked.contains("advanced");
    report
        .record("was given the first scope", if first { Ok(()) } else { Err(format!("asked for {asked}")) });
    report.record("sees only what it may use", sees_only_its_own(&session).await);
    report.record("is challenged, asks for the union, and calls again", steps_up(&session, person).await);
    let kept = call(&session, BASIC_TOOL).await.and_then(|answer| first_text(&answer).map(drop));
    report.record("keeps the first scope", kept);
    session.client.cancel().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, stepped, era, registration] = arguments.as_slice() else {
        bail!("usage: prokura-interop-rmcp URL STEPPED_URL (modern|legacy) (cimd|dcr)");
    };
    let person = Person {
        modern: era == "modern",
        by_document: registration == "cimd",
        port: 20_000 + (std::process::id() % 20_000) as u16,
    };
    let mut report = Report::default();
    for outcome in [walk(&mut report, url, &person).await, step_up(&mut report, stepped, &person).await] {
        if outcome.is_err() {
            report.record("ends in order", outcome);
        }
    }
    println!("{} passed, {} failed", report.passed, report.failed);
    Ok(if report.failed == 0 && report.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
