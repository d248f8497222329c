//! `prokura demo`: the whole story on one machine.

use crate::failure::Failure;
use crate::serve::listen::Listener;
use crate::serve::load::Loaded;
use crate::serve::service::Service;
use crate::serve::stop;
use crate::show::{Names, chain, outcome, print, short, until};
use clap::Args;
use prokura_config::{Config, Dev};
use prokura_core::{AgentId, ClientId, SystemClock, SystemRng, Timestamp, random_id};
use prokura_demo::{
    AgentKey, Boxed, Cluster, Credentials, Narrator, Record, Recorded, SalesData, Software, Stage, Telling,
    play,
};
use prokura_ledger::{Entry, EventKind, Filter, Outcome};
use prokura_server::signin::{NewUser, add};
use prokura_store::{Agent, StoreError};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// End when the story is told, instead of staying up
    #[arg(long)]
    once: bool,
    /// Print a JSON object a step
    #[arg(long)]
    json: bool,
}

/// The address that the README names; another if it is taken.
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9400);

/// Tells the story, and stays up for whoever wants to look around.
pub(crate) async fn demo(asked: DemoArgs) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(|e| Failure::refused(format!("no temporary folder: {e}")))?;
    let data = Arc::new(SalesData::in_memory().map_err(Failure::refused)?);
    let staff = data.employees().map_err(Failure::refused)?;
    std::fs::write(folder.path().join("staff.cedar"), prokura_demo::POLICIES).map_err(unwritten)?;
    std::fs::write(folder.path().join("staff.json"), prokura_demo::entities(&staff)).map_err(unwritten)?;
    let upstream = upstream(data).await?;
    let any = SocketAddr::new(USUAL.ip(), 0);
    let listener = match Listener::bind(USUAL).await {
        Ok(listener) => listener,
        Err(_) => Listener::bind(any).await?,
    };
    let address = listener.address().map_err(Failure::refused)?;
    let cluster = Cluster::new().map_err(Failure::refused)?;
    let watch =
        Credentials { id: "watch".to_owned(), secret: random_id(&random_id("", &SystemRng), &SystemRng) };
    let key = AgentKey::new().map_err(Failure::refused)?;
    let service = Service::start(loaded(folder.path(), address, upstream, &cluster, (&key, &watch))?).await?;
    let stage = stage(&service, cluster, key, watch).await?;
    let serving = tokio::spawn(listener.run(service.router(), stop::signal()));
    let maintenance = tokio::spawn(service.clone().maintain());
    tell(&asked, &stage, &service).await?;
    if !asked.once {
        if !asked.json {
            print(farewell(&stage))?;
        }
        serving.await.map_err(Failure::refused)?;
    }
    maintenance.abort();
    Ok(())
}

async fn tell(asked: &DemoArgs, stage: &Stage, service: &Service) -> Result<(), Failure> {
    let record = News { service: service.clone(), last: AtomicU64::new(0) };
    record.news().await.map_err(Failure::refused)?;
    let mut out = std::io::stdout();
    let colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let telling = if asked.json { Telling::Json } else { Telling::Lines { colour } };
    let mut narrator = Narrator::new(telling, &mut out, &record);
    play(stage, &SystemRng, &SystemClock, &mut narrator).await.map_err(Failure::refused)?;
    let steps = narrator.steps();
    let whole = whole(service).await?;
    if !asked.json {
        print(format!("\n{steps} steps, each as it must be. {whole}"))?;
    }
    Ok(())
}

#[allow(clippy::needless_pass_by_value, reason = "it stands where errors are mapped")]
fn unwritten(e: std::io::Error) -> Failure {
    Failure::refused(format!("a temporary file: {e}"))
}

/// The MCP server of the demo, on a free port.
async fn upstream(data: Arc<SalesData>) -> Result<SocketAddr, Failure> {
    let listener = Listener::bind(SocketAddr::new(USUAL.ip(), 0)).await?;
    let address = listener.address().map_err(Failure::refused)?;
    let router = axum::Router::new().nest_service("/mcp", prokura_demo::service(data));
    tokio::spawn(listener.run(router, std::future::pending()));
    Ok(address)
}

/// What a person would write for this, but for the pinned document.
const CONFIG: &str = r#"
[registration]
dynamic = "open"

[[resource]]
name = "sales"
title = "Sales"
upstream = "http://UPSTREAM/mcp"
default_scopes = ["tools:generate_summary"]
[resource.scopes]
"tools:generate_summary" = { title = "Generate sales summaries", actions = ["tool:generate_summary", "prompt:quarter_review"] }
"read:report" = { title = "Read sales reports", actions = ["tool:read_report", "resource:report/*"] }
"read:staff" = { title = "Read the list of the staff, and export it", actions = ["tool:list_employees", "tool:export_employees"] }
"write:staff" = { title = "Change and remove staff", actions = ["tool:modify_employee", "tool:delete_employee"] }
[resource.tools.list_employees]
rows = { at = "$.employees", kind = "Employee", id = "id", action = "view" }
[resource.tools.export_employees]
action = "export"
rows = { at = "$.exported", kind = "Employee", id = "id", action = "view" }
[resource.tools.modify_employee]
action = "modify"
target = { kind = "Employee", id = ".id" }
[resource.tools.delete_employee]
action = "delete"
target = { kind = "Employee", id = ".id" }

[[group]]
name = "hr"
members = ["nora"]

[[policy.set]]
name = "staff"
language = "cedar"
files = ["POLICIES"]
[[policy.entities]]
files = ["ENTITIES"]

[[workload.provider]]
name = "cluster"
platform = "kubernetes"
issuer = "CLUSTER"
jwks_file = "KEYS"

[[workload.rule]]
name = "reporter"
provider = "cluster"
agent = "reporter"
when = { namespace = "reports", service_account = "reporter" }

[[workload.rule]]
name = "night-reports"
provider = "cluster"
agent = "night-reporter"
when = { namespace = "reports", service_account = "night-reporter" }
[[workload.rule.grant]]
resource = "sales"
scopes = ["read:report"]

[[client]]
id = "reporter"
name = "Reporter"
auth = "workload"
workload = { rule = "reporter" }
grant_types = ["token_exchange"]

[[client]]
id = "watch"
auth = "client_secret_post"
secret = { file = "SECRET" }
grant_types = ["client_credentials"]
[[client.grant]]
resource = "admin"
scopes = ["facts:write"]

[[access_policy]]
name = "machines_in_order"
title = "Pods on machines that are reported to be out of order get nothing"
applies = { providers = ["cluster"] }
requires = { fact = "posture.compliant", is = true, unknown = "pass" }
"#;

/// Who signs in.
const LOGIN: &str = "alice";
/// Who is asked about raises.
const APPROVER: &str = "nora";
const CLIENT: &str = "https://planner.example/client.json";
const CALLBACK: &str = "https://planner.example/callback";

fn loaded(
    folder: &std::path::Path,
    address: SocketAddr,
    upstream: SocketAddr,
    cluster: &Cluster,
    (key, watch): (&AgentKey, &Credentials),
) -> Result<Loaded, Failure> {
    let (document, keys) = (folder.join("client.json"), folder.join("cluster.jwks"));
    let secret = folder.join("watch.secret");
    let client = serde_json::json!({
        "client_id": CLIENT, "client_name": "Planner", "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256",
        "jwks": { "keys": [serde_json::from_slice::<serde_json::Value>(&key.to_jwk()).unwrap_or_default()] },
    });
    std::fs::write(&document, client.to_string()).map_err(unwritten)?;
    std::fs::write(&keys, cluster.jwks().map_err(Failure::refused)?).map_err(unwritten)?;
    std::fs::write(&secret, &watch.secret).map_err(unwritten)?;
    let head = format!(
        "issuer = \"http://localhost:{}\"\nlisten = \"{address}\"\ndatabase = \"sqlite:{}\"\n",
        address.port(),
        folder.join("demo.db").display()
    );
    let said = CONFIG.replace("UPSTREAM", &upstream.to_string()).replace("CLUSTER", Cluster::ISSUER);
    let said = said.replace("SECRET", &secret.display().to_string());
    let said = said.replace("POLICIES", &folder.join("staff.cedar").display().to_string());
    let said = said.replace("ENTITIES", &folder.join("staff.json").display().to_string());
    let text = head + &said.replace("KEYS", &keys.display().to_string());
    let mut config = Config::parse(&text).map_err(Failure::refused)?;
    let mut dev = Dev::default();
    dev.client_metadata.insert(CLIENT.to_owned(), document.display().to_string());
    config.dev = Some(dev);
    Loaded::of(config)
}

/// Alice, with a password that only this run knows.
async fn stage(
    service: &Service,
    cluster: Cluster,
    key: AgentKey,
    watch: Credentials,
) -> Result<Stage, Failure> {
    let password = random_id("", &*service.rng);
    let alice = NewUser { login: LOGIN.into(), name: "Alice".into(), password: Some(password.clone()) };
    let nora =
        NewUser { login: APPROVER.into(), name: "Nora".into(), password: Some(random_id("", &*service.rng)) };
    for person in [&alice, &nora] {
        add(&service.store, &*service.clock, &*service.rng, person).await.map_err(Failure::refused)?;
    }
    reporter(service).await?;
    let config = &service.config;
    let resource = config.resources.first().map(|r| config.resource_uri(r).to_string()).unwrap_or_default();
    Ok(Stage {
        issuer: config.issuer.to_string(),
        resource,
        software: Software { client_id: CLIENT.into(), redirect_uri: CALLBACK.into(), key },
        login: alice.login,
        password,
        approver: (nora.login, nora.password.unwrap_or_default()),
        cluster,
        watch,
    })
}

/// An agent becomes known when it comes for the first time. This one is asked about before it does.
async fn reporter(service: &Service) -> Result<(), Failure> {
    let client = ClientId::parse("reporter").map_err(Failure::refused)?;
    let id = AgentId::parse("agt_reporter").map_err(Failure::refused)?;
    let agent = Agent { id, name: "Reporter".into(), disabled: false, created_at: service.clock.now() };
    let kept = service.store.transact::<_, StoreError>(move |tx| tx.agent_for_client(&client, &agent));
    kept.await.map(drop).map_err(Failure::refused)
}

/// The record as the narrator reads it.
struct News {
    service: Service,
    last: AtomicU64,
}

impl Record for News {
    fn news(&self) -> Boxed<'_, Result<Vec<Recorded>, String>> {
        Box::pin(async {
            let filter = Filter { limit: 100, ..Filter::default() };
            let store = &self.service.store;
            let entries = store.read::<_, StoreError>(move |tx| tx.entries(&filter)).await;
            let mut entries = entries.map_err(|e| e.to_string())?;
            let last = self.last.swap(entries.first().map_or(0, |(seq, _)| *seq), Ordering::Relaxed);
            entries.retain(|(seq, entry)| *seq > last && is_told(entry));
            entries.reverse();
            let names = Names::read(store, &self.service.config, entries.iter().map(|(_, e)| e)).await;
            let names = names.map_err(|e| e.to_string())?;
            let now = self.service.clock.now();
            Ok(entries.iter().map(|(seq, entry)| recorded(*seq, entry, &names, now)).collect())
        })
    }

    fn picture(&self) -> Boxed<'_, Result<String, String>> {
        let Service { store, config, clock, .. } = &self.service;
        let drawn = crate::admin::picture(store, config, LOGIN, clock.now());
        Box::pin(async { drawn.await.map_err(|e| e.to_string()) })
    }
}

/// What became of a call is recorded too, but told by the line above it.
fn is_told(entry: &Entry) -> bool {
    entry.event.kind != EventKind::Outcome
}

fn recorded(number: u64, entry: &Entry, names: &Names, now: Timestamp) -> Recorded {
    let event = &entry.event;
    let grant = event.grant.as_ref().map(|id| match names.expiry(id) {
        Some(at) => format!("grant {} until {}", short(id.as_str()), until(at, now)),
        None => format!("grant {}", short(id.as_str())),
    });
    let refused = event.outcome != Outcome::Permit;
    Recorded {
        number,
        outcome: outcome(event.outcome).to_owned(),
        chain: chain(event, names),
        grant: grant.unwrap_or_default(),
        reason: if refused { event.reasons.join(", ") } else { String::new() },
    }
}

/// Every number of every enforcement point is there.
async fn whole(service: &Service) -> Result<String, Failure> {
    let gaps = crate::admin::gaps(&service.store).await?;
    match gaps.missing.first() {
        None => Ok(format!("The record has {} entries, and no number is missing.", gaps.entries)),
        Some(missing) => Err(Failure::refused(format!("the record is not whole: {missing}"))),
    }
}

fn farewell(stage: &Stage) -> String {
    let Stage { issuer, resource, login, password, .. } = stage;
    format!(
        "
It stays up until Ctrl-C; what it keeps is forgotten then.

  See what was allowed   {issuer}/account
                         user {login}, password {password}
  Add it to an agent     {resource}
      Claude Code        claude mcp add --transport http sales {resource}
      VS Code            code --add-mcp '{{\"name\":\"sales\",\"type\":\"http\",\"url\":\"{resource}\"}}'
      MCP Inspector      npx @modelcontextprotocol/inspector, Streamable HTTP, {resource}

  Next: docs/how-to/protect-an-mcp-server.md puts it before a server of yours."
    )
}
