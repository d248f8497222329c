//! How long after a grant ended its tokens are still good for anything: 10,000 live tokens below one root, 200 connections to
//! a gateway that call without a pause of their own, and another process that ends the root. And how long a gateway goes on
//! that hears nothing more.

use crate::load::{Connection, Post, json};
use crate::process::{Program, SECRET, gateway, prokura};
use crate::table::keep;
use crate::{Size, upstream};
use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::Full;
use prokura_core::{Clock as _, PointId, SystemClock, SystemRng};
use prokura_store::{DatabaseUrl, Store, StoreError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const TOKENS: usize = 10_000;
const CONNECTIONS: usize = 200;
/// Calls a second, over all connections.
const RATE: u32 = 1000;
/// What is promised: nothing is accepted that was sent later after the end than this.
const BOUND: Duration = Duration::from_millis(250);
/// How long is called before the end, and after it.
const BEFORE: Duration = Duration::from_millis(1500);
const AFTER: Duration = Duration::from_millis(1500);

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

/// One agent a round, each with a root of its own; the tokens are those of the server of `bench`, which exchanges theirs.
fn config(rounds: usize, upstream: u16) -> String {
    let client = |id: &str, resource: &str, scope: &str, more: &str| {
        format!(
            "[[client]]\nid = \"{id}\"\nsecret = {{ env = \"BATCH_SECRET\" }}\nauth = \"client_secret_post\"\n\
             grant_types = [\"client_credentials\"{more}\n[[client.grant]]\nresource = \"{resource}\"\n\
             scopes = [\"{scope}\"]\n"
        )
    };
    let planners = (0..rounds).map(|n| client(&format!("planner{n}"), "bench", "use", "]")).collect::<String>();
    let server = client("server", "store", "read", ", \"token_exchange\"]\nintrospects = [\"bench\"]");
    let feed = client("gw", "feed", "feed", "]").replace("client_secret_post", "client_secret_basic");
    let resource = |name: &str, scope: &str| {
        format!(
            "[[resource]]\nname = \"{name}\"\nupstream = \"http://127.0.0.1:{upstream}/mcp\"\n\
             rate = {{ calls = 4000000000, per = \"1m\" }}\n[resource.scopes]\n\
             \"{scope}\" = {{ title = \"Use it\", actions = [\"tool:*\"] }}\n"
        )
    };
    format!(
        "[tokens]\naccess = \"1h\"\n{planners}{server}{feed}{}{}[[delegation]]\nname = \"downstream\"\nat = \"bench\"\n\
         to = [\"server\"]\nresource = \"store\"\ngive = {{ use = [\"read\"] }}\n",
        resource("bench", "use"),
        resource("store", "read")
    )
}

/// Asks for a token.
async fn ask(connection: &mut Connection, form: String) -> Result<String> {
    let request = http::Request::post("/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(form)))?;
    let answer = json(&connection.send(request).await?)?;
    answer["access_token"].as_str().map(str::to_owned).with_context(|| answer.to_string())
}

async fn own(port: u16, client: &str, place: &str) -> Result<String> {
    let place = format!("http%3A%2F%2Flocalhost%3A{port}%2Fmcp%2F{place}");
    let form =
        format!("grant_type=client_credentials&client_id={client}&client_secret={SECRET}&resource={place}");
    ask(&mut Connection::open(port).await?, form).await
}

/// So many tokens by exchange of one.
async fn exchanged(port: u16, planner: &str) -> Result<Vec<String>> {
    let (subject, actor) = (own(port, planner, "bench").await?, own(port, "server", "store").await?);
    let form = format!(
        "grant_type={EXCHANGE}&client_id=server&client_secret={SECRET}&audience=store\
         &subject_token={subject}&subject_token_type={ACCESS}&actor_token={actor}&actor_token_type={ACCESS}"
    );
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let form = form.clone();
            tokio::spawn(async move {
                let mut connection = Connection::open(port).await?;
                let mut tokens = Vec::new();
                for _ in 0..TOKENS / 50 {
                    tokens.push(ask(&mut connection, form.clone()).await?);
                }
                anyhow::Ok(tokens)
            })
        })
        .collect();
    let mut tokens = Vec::with_capacity(TOKENS);
    for task in tasks {
        tokens.extend(task.await??);
    }
    Ok(tokens)
}

/// A call, as a client of the older era sends it.
fn call(token: &str) -> Post {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"}}}"#;
    let headers = [
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2025-06-18"),
    ];
    let mut headers: Vec<_> = headers.into_iter().map(|(n, v)| (n, v.to_owned())).collect();
    headers.push(("authorization", format!("Bearer {token}")));
    Post { path: "/mcp/store".into(), headers, body: Bytes::from_static(body.as_bytes()), word: "echoed" }
}

/// A call that was accepted.
struct Accepted {
    connection: usize,
    sent: Instant,
    answered: Instant,
}

/// Calls over all connections until `stop`; everything that was accepted, and how many were not.
async fn calls(port: u16, host: u16, tokens: Vec<String>, stop: Arc<AtomicBool>) -> Result<(Vec<Accepted>, usize)> {
    let period = Duration::from_secs_f64(CONNECTIONS as f64 / f64::from(RATE));
    let begun = tokio::time::Instant::now();
    let shares: Vec<Vec<String>> = tokens.chunks(TOKENS / CONNECTIONS).map(<[String]>::to_vec).collect();
    let tasks: Vec<_> = shares
        .into_iter()
        .enumerate()
        .map(|(n, share)| {
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                let mut connection = Connection::open_as(port, host).await?;
                let (mut accepted, mut refused) = (Vec::new(), 0);
                let mut ticks = tokio::time::interval_at(begun + period.mul_f64(n as f64 / CONNECTIONS as f64), period);
                ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
                for token in share.iter().cycle() {
                    ticks.tick().await;
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let sent = Instant::now();
                    let answer = call(token).send(&mut connection).await?;
                    if answer.status == 200 {
                        accepted.push(Accepted { connection: n, sent, answered: Instant::now() });
                    } else {
                        refused += 1;
                    }
                }
                anyhow::Ok((accepted, refused))
            })
        })
        .collect();
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for task in tasks {
        let (some, none) = task.await??;
        accepted.extend(some);
        refused += none;
    }
    Ok((accepted, refused))
}

/// What came of all rounds against one gateway.
#[derive(Default)]
struct Late {
    /// For each connection of each round: from the end of the grant to the answer of the last accepted call, in ms.
    last: Vec<f64>,
    sent_after: usize,
    over_bound: usize,
    calls: usize,
    refused: usize,
}

impl Late {
    fn take(&mut self, accepted: &[Accepted], refused: usize, end: Instant) {
        let mut last = vec![0.0_f64; CONNECTIONS];
        for call in accepted {
            let after = call.answered.saturating_duration_since(end).as_secs_f64() * 1e3;
            last[call.connection] = last[call.connection].max(after);
            self.sent_after += usize::from(call.sent > end);
            self.over_bound += usize::from(call.sent > end + BOUND);
        }
        self.last.extend(last);
        self.calls += accepted.len() + refused;
        self.refused += refused;
    }

    fn row(&mut self, name: &str) -> serde_json::Value {
        self.last.sort_by(f64::total_cmp);
        let at = |share: f64| self.last.get(((self.last.len() as f64 - 1.0) * share) as usize).copied().unwrap_or(f64::NAN);
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} | {} | {} | {} |",
            at(0.5), at(0.99), at(1.0), self.sent_after, self.over_bound, self.calls
        );
        serde_json::json!({
            "name": name, "last_accepted_ms": { "p50": at(0.5), "p99": at(0.99), "max": at(1.0) },
            "sent_after": self.sent_after, "over_bound": self.over_bound, "calls": self.calls, "refused": self.refused,
        })
    }
}

/// Another process on the same database: what an operator's command is.
async fn other(folder: &Path) -> Result<Store> {
    let url = DatabaseUrl::parse(&format!("sqlite:{}", folder.join("revoke.db").display()))?;
    let point = PointId::random(&SystemRng);
    Ok(Store::open(&url, point, Arc::new(SystemClock)).await?)
}

/// Ends the root of one planner; the instant just before the transaction began.
async fn end(store: &Store, planner: &str) -> Result<Instant> {
    let agent = prokura_core::AgentId::parse(format!("agt_{planner}"))?;
    let begun = Instant::now();
    let ended = store
        .transact::<_, StoreError>(move |tx| {
            let grants = tx.grants_to(&agent)?;
            let root = grants.into_iter().find(|g| g.parents.is_empty() && g.resource.as_str().ends_with("/bench"));
            let Some(root) = root else { return Ok(false) };
            tx.revoke_grant(&root.id, "operator", "the measurement", SystemClock.now())
        })
        .await?;
    anyhow::ensure!(ended, "there was nothing to end");
    Ok(begun)
}

async fn round(store: &Store, issuer: u16, port: u16, planner: &str, late: &mut Late) -> Result<()> {
    let tokens = exchanged(issuer, planner).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let running = tokio::spawn(calls(port, issuer, tokens, Arc::clone(&stop)));
    tokio::time::sleep(BEFORE).await;
    let ended = end(store, planner).await?;
    tokio::time::sleep(AFTER).await;
    stop.store(true, Ordering::Relaxed);
    let (accepted, refused) = running.await??;
    late.take(&accepted, refused, ended);
    Ok(())
}

/// How long a gateway goes on whose issuer is gone.
async fn cut(issuer: Program, port: u16, tokens: Vec<String>) -> Result<Late> {
    let (host, stop) = (issuer.port, Arc::new(AtomicBool::new(false)));
    let running = tokio::spawn(calls(port, host, tokens, Arc::clone(&stop)));
    tokio::time::sleep(BEFORE).await;
    let gone = Instant::now();
    drop(issuer);
    tokio::time::sleep(Duration::from_secs(5)).await;
    stop.store(true, Ordering::Relaxed);
    let (accepted, refused) = running.await??;
    let mut late = Late::default();
    late.take(&accepted, refused, gone);
    Ok(late)
}

pub async fn measure(size: Size) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let behind = upstream::start("{}".to_owned())?;
    let all = config(size.rounds * 2 + 1, behind);
    let issuer = prokura(folder.path(), "sqlite:revoke.db", &all, false).await?;
    let elsewhere = tempfile::tempdir()?;
    let resources = all.split("[[resource]]").skip(1).map(|r| format!("[[resource]]{r}")).collect::<String>();
    let resources = resources.split("[[delegation]]").next().unwrap_or_default().to_owned();
    let beside = gateway(elsewhere.path(), issuer.port, &resources).await?;
    let store = other(folder.path()).await?;
    println!("\n### A root that {TOKENS} living tokens stand below ends; {CONNECTIONS} connections, {RATE} calls a second\n");
    println!("| | last accepted, p50 ms | p99 ms | max ms | accepted though sent after it | sent more than 250 ms after it | calls |\n|-|-|-|-|-|-|-|");
    let (mut shared, mut followed) = (Late::default(), Late::default());
    for n in 0..size.rounds {
        round(&store, issuer.port, issuer.port, &format!("planner{}", 2 * n), &mut shared).await?;
        round(&store, issuer.port, beside.port, &format!("planner{}", 2 * n + 1), &mut followed).await?;
    }
    let mut rows = vec![
        shared.row("ended by another process, gateway on the same database"),
        followed.row("ended by another process, gateway elsewhere, by the feed"),
    ];
    let tokens = exchanged(issuer.port, &format!("planner{}", size.rounds * 2)).await?;
    rows.push(cut(issuer, beside.port, tokens).await?.row("the issuer is killed, gateway elsewhere (stale after 2 s)"));
    keep("revoke", &serde_json::json!({ "rows": rows }))
}
