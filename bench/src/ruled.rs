//! A `tools/call` and a `tools/list` of 500 tools under policies: without any, with seven, with 10,007, and with a result of
//! 20 rows that is filtered and rewritten.

use crate::Size;
use crate::gateway::{CONFIG, token};
use crate::load::Post;
use crate::process::{Program, prokura};
use crate::table::{Measured, show};
use crate::upstream::{self, TOOLS};
use anyhow::{Context, Result};
use std::path::Path;

const SET: &str = r#"
[[policy.set]]
name = "bench"
language = "cedar"
files = ["FILE"]
"#;

/// Seven policies that have something to do with it; `staff` is answered without what is not the caller's to see.
const RULES: &str = r#"
permit(principal, action == Action::"echo", resource in Server::"bench");
permit(principal, action in [Action::"staff", Action::"view"], resource);
permit(principal, action, resource is Tool) when { resource.name like "even_*" };
forbid(principal, action == Action::"echo", resource) when { context.arguments has secret };
forbid(principal, action, resource) when { !(context.scopes.contains("use")) };
@drop("$..ssn")
permit(principal, action == Action::"staff", resource);
@redact("$..salary")
permit(principal, action == Action::"staff", resource);
"#;

/// And so many that have not.
fn policies(besides: usize) -> String {
    let mut text = RULES.to_owned();
    for n in 0..besides {
        let (role, kind) = (n % 97, n % 13);
        text += &format!(
            "permit(principal in Role::\"role{role}\", action == Action::\"action{n}\", resource is Thing{kind})\n\
             when {{ resource.owner == principal && context.arguments has x{n} }};\n"
        );
    }
    text
}

/// What measures one server.
struct Contender {
    program: Program,
    token: String,
}

impl Contender {
    async fn start(folder: &Path, upstream: u16, name: &str, policies: Option<String>) -> Result<Self> {
        let mut config = CONFIG.replace("UPSTREAM", &upstream.to_string());
        if let Some(text) = policies {
            std::fs::write(folder.join(format!("{name}.cedar")), text)?;
            config += &SET.replace("FILE", &format!("{name}.cedar"));
        }
        let program = prokura(folder, &format!("sqlite:{name}.db"), &config, false).await?;
        let token = token(program.port).await?;
        Ok(Self { program, token })
    }

    async fn call(&self, row: &mut Measured, count: usize, tool: &'static str, word: &'static str) -> Result<()> {
        let params = format!(r#""name":"{tool}","arguments":{{"text":"hello"}},"#);
        let post = self.post("tools/call", Some(tool), &params, word);
        row.round(Some(&self.program), self.program.port, 64, count, post).await
    }

    async fn list(&self, row: &mut Measured, count: usize, word: &'static str) -> Result<()> {
        row.round(Some(&self.program), self.program.port, 16, count, self.post("tools/list", None, "", word)).await
    }

    fn post(&self, method: &str, name: Option<&str>, params: &str, word: &'static str) -> Post {
        let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#;
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}{meta}}}}}"#);
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json, text/event-stream".to_owned()),
            ("mcp-protocol-version", "2026-07-28".to_owned()),
            ("mcp-method", method.to_owned()),
            ("authorization", format!("Bearer {}", self.token)),
        ];
        headers.extend(name.map(|name| ("mcp-name", name.to_owned())));
        Post { path: "/mcp/bench".into(), headers, body: body.into(), word }
    }
}

pub async fn measure(size: Size) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let behind = upstream::start("{}".into())?;
    let start = |name, text| Contender::start(folder.path(), behind, name, text);
    let free = start("free", None).await?;
    let seven = start("seven", Some(policies(0))).await?;
    let many = start("many", Some(policies(10_000))).await?;
    let mut rows = vec![
        Measured::new("a call, no policies"),
        Measured::new("a call, 7 policies"),
        Measured::new("a call, 10,007 policies"),
        Measured::new("a call whose result has 20 rows, no policies"),
        Measured::new("the same, two fields of each row taken out or covered, 10,007 policies"),
        Measured::new(format!("a list of {TOOLS} tools, no policies, 16 connections")),
        Measured::new(format!("a list of {TOOLS} tools, half of them shown, 10,007 policies, 16 connections")),
    ];
    for round in 0..=size.rounds {
        // The first round only warms up.
        let mut spare = std::array::from_fn::<_, 7, _>(|_| Measured::default());
        let [echo, ruled, crowded, plain, rewritten, all, half] =
            if round == 0 { &mut spare } else { rows.first_chunk_mut().context("rows")? };
        free.call(echo, size.many, "echo", "echoed").await?;
        seven.call(ruled, size.many, "echo", "echoed").await?;
        many.call(crowded, size.many, "echo", "echoed").await?;
        free.call(plain, size.many, "staff", "123-45-").await?;
        many.call(rewritten, size.many, "staff", "redacted").await?;
        free.list(all, size.few, "odd_499").await?;
        many.list(half, size.few, "even_498").await?;
    }
    show("A call under policies, recorded and durable, 64 connections", "ruled", &rows, &[])
}
