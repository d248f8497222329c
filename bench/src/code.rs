//! The whole authorization code flow, as a browser and an agent make it.

use crate::Size;
use crate::issuance::peer;
use crate::load::{Answer, Connection, Step, json};
use crate::process::prokura;
use crate::table::{Measured, show};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::header;
use http_body_util::Full;
use prokura_core::{SystemRng, random_id};
use prokura_oauth::pkce::CodeVerifier;
use std::collections::BTreeMap;
use url::Url;
use url::form_urlencoded::Serializer;

const CONFIG: &str = r#"
[dev]
auto_approve_user = "alice"
[[client]]
id = "app"
redirect_uris = ["https://app.example/cb"]
[[resource]]
name = "bench"
upstream = "http://127.0.0.1:9/mcp"
[resource.scopes]
"use" = { title = "Use it", actions = ["tool:*"] }
"#;

#[derive(Clone)]
struct Flow {
    origin: String,
}

impl Step for Flow {
    async fn go(&self, connection: &mut Connection) -> Result<()> {
        let verifier = CodeVerifier::parse(random_id(&random_id("", &SystemRng), &SystemRng))?;
        let code = self.code(connection, &verifier).await?;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", "app"),
            ("redirect_uri", "https://app.example/cb"),
            ("resource", &format!("{}/mcp/bench", self.origin)),
            ("code", &code),
            ("code_verifier", verifier.reveal()),
        ];
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let request = http::Request::post("/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(body)))?;
        let answer = connection.send(request).await?;
        json(&answer)?["access_token"].as_str().map(drop).with_context(|| format!("{:?}", answer.body))
    }
}

impl Flow {
    /// Follows redirects with cookies until the client's address comes.
    async fn code(&self, connection: &mut Connection, verifier: &CodeVerifier) -> Result<String> {
        let query = Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", "app")
            .append_pair("redirect_uri", "https://app.example/cb")
            .append_pair("scope", "use")
            .append_pair("state", "s")
            .append_pair("resource", &format!("{}/mcp/bench", self.origin))
            .append_pair("code_challenge", verifier.challenge().as_str())
            .append_pair("code_challenge_method", "S256")
            .finish();
        let (mut at, mut cookies) = (format!("/authorize?{query}"), BTreeMap::new());
        for _ in 0..8 {
            let mut request = http::Request::get(&at);
            if !cookies.is_empty() {
                let pairs: Vec<_> = cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
                request = request.header(header::COOKIE, pairs.join("; "));
            }
            let answer = connection.send(request.body(Full::default())?).await?;
            keep(&mut cookies, &answer)?;
            let said = || format!("{at}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
            let location = answer.headers.get(header::LOCATION).with_context(said)?.to_str()?;
            if location.starts_with("https://app.example/cb") {
                let url = Url::parse(location)?;
                let code = url.query_pairs().find(|(n, _)| n == "code");
                return code.map(|(_, v)| v.into_owned()).with_context(|| location.to_owned());
            }
            at = location.strip_prefix(&self.origin).unwrap_or(location).to_owned();
        }
        bail!("redirects without end, last to {at}")
    }
}

fn keep(cookies: &mut BTreeMap<String, String>, answer: &Answer) -> Result<()> {
    for cookie in answer.headers.get_all(header::SET_COOKIE) {
        if let Some((name, rest)) = cookie.to_str()?.split_once('=') {
            match rest.split(';').next().unwrap_or_default() {
                "" => drop(cookies.remove(name)),
                value => drop(cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
    }
    Ok(())
}

pub async fn measure(size: Size) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ours = prokura(folder.path(), "sqlite:code.db", CONFIG, true).await?;
    let theirs = peer().await?;
    let mut rows = vec![
        Measured::new("Prokura, recorded and durable, 16 connections"),
        Measured::new("oidc-provider 9.13.3, in memory, 16 connections"),
    ];
    let flow = |port: u16| Flow { origin: format!("http://localhost:{port}") };
    for round in 0..=size.rounds {
        let mut spare = [Measured::default(), Measured::default()];
        let [mine, peer] = if round == 0 { &mut spare } else { rows.first_chunk_mut().context("rows")? };
        mine.round(Some(&ours), ours.port, 16, size.few, flow(ours.port)).await?;
        peer.round(Some(&theirs), theirs.port, 16, size.few / 4, flow(theirs.port)).await?;
    }
    show("A whole authorization code flow, without password (budget: 1,000 µs)", "code", &rows, &[])
}
