//! What others ask the decision point (AuthZEN): one evaluation over HTTP, decided by policies in Cedar, with the record and
//! without; beside a document that is the same for everybody, which is what HTTP alone costs here.

use crate::Size;
use crate::load::{Connection, Post, Step, good, json};
use crate::process::{SECRET, prokura};
use crate::table::{Measured, show};
use anyhow::{Context, Result};
use bytes::Bytes;
use http::header;
use http_body_util::Full;

const POLICIES: &str = include_str!("../../interop/authzen/search.cedar");
const ENTITIES: &str = include_str!("../../interop/authzen/search.entities.json");

/// Tokens live long enough for all rounds.
fn config(record: &str) -> String {
    format!(
        r#"
[tokens]
access = "1h"
[[client]]
id = "pep"
secret = {{ env = "BATCH_SECRET" }}
auth = "client_secret_post"
grant_types = ["client_credentials"]
[[client.grant]]
resource = "authzen"
scopes = ["authzen:evaluate", "authzen:search"]
[authzen]
record = "{record}"
kinds = {{ record = "Record" }}
[[policy.set]]
name = "search"
language = "cedar"
files = ["search.cedar"]
[[policy.entities]]
files = ["search.entities.json"]
"#
    )
}

async fn token(port: u16) -> Result<String> {
    let form = format!(
        "grant_type=client_credentials&client_id=pep&client_secret={SECRET}\
         &resource=http%3A%2F%2Flocalhost%3A{port}%2Faccess%2Fv1"
    );
    let request = http::Request::post("/token")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(form)))?;
    let answer = Connection::open(port).await?.send(request).await?;
    json(&answer)?["access_token"].as_str().map(str::to_owned).with_context(|| format!("{:?}", answer.body))
}

fn post(path: &str, token: &str, body: &str, word: &'static str) -> Post {
    Post {
        path: path.to_owned(),
        headers: vec![("content-type", "application/json".to_owned()), ("authorization", format!("Bearer {token}"))],
        body: body.to_owned().into(),
        word,
    }
}

/// The metadata, again and again.
#[derive(Clone)]
struct Metadata;

impl Step for Metadata {
    async fn go(&self, connection: &mut Connection) -> Result<()> {
        let request = http::Request::get("/.well-known/authzen-configuration").body(Full::default())?;
        good(&connection.send(request).await?, "access_evaluation_endpoint")
    }
}

const ONE: &str =
    r#"{"subject":{"type":"user","id":"bob"},"action":{"name":"view"},"resource":{"type":"record","id":"103"}}"#;

/// A batch of 20, one for each record.
fn batch() -> String {
    let each = (101..=120).map(|id| format!(r#"{{"resource":{{"type":"record","id":"{id}"}}}}"#));
    let each = each.collect::<Vec<_>>().join(",");
    format!(r#"{{"subject":{{"type":"user","id":"bob"}},"action":{{"name":"view"}},"evaluations":[{each}]}}"#)
}

pub async fn measure(size: Size) -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("search.cedar"), POLICIES)?;
    std::fs::write(folder.path().join("search.entities.json"), ENTITIES)?;
    let recorded = prokura(folder.path(), "sqlite:authzen.db", &config("all"), false).await?;
    let silent = prokura(folder.path(), "sqlite:authzen-silent.db", &config("none"), false).await?;
    let tokens = (token(recorded.port).await?, token(silent.port).await?);
    let mut rows = vec![
        Measured::new("one evaluation, recorded and durable, 64 connections"),
        Measured::new("one evaluation, not recorded, 64 connections"),
        Measured::new("20 evaluations in a batch, recorded and durable, 64 connections"),
        Measured::new("a search for resources among 20, recorded and durable, 64 connections"),
        Measured::new("HTTP alone: metadata of the decision point, 64 connections"),
    ];
    let search = r#"{"subject":{"type":"user","id":"bob"},"action":{"name":"view"},"resource":{"type":"record"}}"#;
    for round in 0..=size.rounds {
        // The first round only warms up.
        let mut spare = std::array::from_fn::<_, 5, _>(|_| Measured::default());
        let [one, unrecorded, many, found, bare] =
            if round == 0 { &mut spare } else { rows.first_chunk_mut().context("rows")? };
        let ask = |path: &str, body: &str, word| post(path, &tokens.0, body, word);
        let at = |path: &str| format!("/access/v1/{path}");
        let decided = "\"decision\":true";
        one.round(Some(&recorded), recorded.port, 64, size.many, ask(&at("evaluation"), ONE, decided)).await?;
        let quiet = post(&at("evaluation"), &tokens.1, ONE, decided);
        unrecorded.round(Some(&silent), silent.port, 64, size.many, quiet).await?;
        many.round(Some(&recorded), recorded.port, 64, size.few, ask(&at("evaluations"), &batch(), decided)).await?;
        found.round(Some(&recorded), recorded.port, 64, size.few, ask(&at("search/resource"), search, "\"103\"")).await?;
        bare.round(Some(&silent), silent.port, 64, size.many, Metadata).await?;
    }
    show("What others ask the decision point (budget: 60 µs an evaluation)", "authzen", &rows, &[])
}
