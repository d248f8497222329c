//! Tokens by what a platform says of a workload, ES256 evidence under a warm key: verified, matched, recorded and durable.

use crate::Size;
use crate::load::Post;
use crate::process::prokura;
use crate::table::{Measured, show};
use anyhow::{Context, Result};
use prokura_core::{Clock as _, SystemClock};
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
use prokura_oauth::json::{Object, Value, obj};

const CLUSTER: &str = "https://kubernetes.default.svc.cluster.local";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn config(jwks: &str) -> String {
    format!(
        r#"
[[resource]]
name = "bench"
upstream = "http://127.0.0.1:9/mcp"
[resource.scopes]
"use" = {{ title = "Use it", actions = ["tool:*"] }}
[[workload.provider]]
name = "cluster"
platform = "kubernetes"
issuer = "{CLUSTER}"
jwks = '{jwks}'
[[workload.rule]]
name = "agents"
provider = "cluster"
agent = "agents"
when = {{ namespace = "agents", service_account = "planner" }}
[[workload.rule.grant]]
resource = "bench"
scopes = ["use"]
"#
    )
}

/// What the cluster says of one pod, for an hour.
fn pod(issuer: &str, now: i64) -> Object {
    let named = |name: &str| Value::Object(obj([("name", name.into()), ("uid", format!("{name}-uid").into())]));
    let about = obj([
        ("namespace", "agents".into()),
        ("pod", named("planner-1")),
        ("serviceaccount", named("planner")),
        ("node", named("n1")),
    ]);
    obj([
        ("iss", CLUSTER.into()),
        ("sub", "system:serviceaccount:agents:planner".into()),
        ("aud", Value::Array(vec![issuer.into()])),
        ("iat", now.into()),
        ("exp", (now + 3600).into()),
        ("kubernetes.io", Value::Object(about)),
    ])
}

pub async fn measure(size: Size) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let key = SigningKey::generate(Algorithm::Es256).context("a key")?;
    let jwks = String::from_utf8(KeySet::of(vec![key.public()]).context("keys")?.to_jwks().to_vec())?;
    let ours = prokura(folder.path(), "sqlite:workload.db", &config(&jwks), false).await?;
    let said = pod(&format!("http://localhost:{}", ours.port), SystemClock.now().seconds());
    let evidence = key.sign("JWT", &said).context("evidence")?;
    let ask = || Post {
        path: "/token".into(),
        headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
        body: format!("grant_type={GRANT}&assertion={evidence}").into(),
        word: "access_token",
    };
    let mut rows = vec![
        Measured::new("Prokura, recorded and durable, 64 connections"),
        Measured::new("Prokura, recorded and durable, 1 connection"),
    ];
    for round in 0..=size.rounds {
        // The first round only warms up.
        let mut spare = [Measured::default(), Measured::default()];
        let [wide, narrow] = if round == 0 { &mut spare } else { rows.first_chunk_mut().context("rows")? };
        wide.round(Some(&ours), ours.port, 64, size.many, ask()).await?;
        narrow.round(Some(&ours), ours.port, 1, size.few, ask()).await?;
    }
    show("A token by evidence of a workload (budget: 200 µs at 64 connections)", "workload", &rows, &[])
}
