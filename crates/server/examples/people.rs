//! The pages for people on their own, for the checks in a browser: `cargo run -p prokura-server --example people`.
//!
//! It prints one line with its address and the first user's link. `/authorize` asks for what its query says
//! (`client`, `name`, `redirect`, `unknown`), so that every kind of client can be met; codes lead nowhere.

use axum::extract::{Query, Request, State};
use axum::response::Response;
use prokura_config::Config;
use prokura_core::{ClientId, PointId, ResourceUri, ScopeSet, SystemClock, SystemRng, TraceId, random_id};
use prokura_oauth::json::Object;
use prokura_oauth::seal::MasterKey;
use prokura_server::interaction::{Asked, Codes, Granted, Prompt};
use prokura_server::signin::first_user_link;
use prokura_server::{People, people_router};
use prokura_store::{DatabaseUrl, Store, StoreError, Tx};
use prokura_ui::Standing;
use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

struct Nowhere;

impl Codes for Nowhere {
    fn issue(&self, _: &mut Tx<'_>, _: &Asked, _: &Granted) -> Result<String, StoreError> {
        Ok(random_id("c_", &SystemRng))
    }
}

fn config(port: u16) -> Result<Config, Box<dyn Error>> {
    Ok(Config::parse(&format!(
        r#"
        issuer = "http://localhost:{port}"
        database = "sqlite::memory:"
        [[resource]]
        name = "sales"
        title = "Sales"
        upstream = "http://127.0.0.1:9500/mcp"
        [resource.scopes]
        "read:report" = {{ title = "Read sales reports", actions = ["resource:report/*", "tool:read_report"] }}
        "tools:generate_summary" = {{ title = "Generate sales summaries", actions = ["tool:generate_summary"] }}
        "#
    ))?)
}

fn asked(query: &HashMap<String, String>, port: u16) -> Result<Asked, Box<dyn Error>> {
    let value = |name: &str, default: &str| query.get(name).map_or(default, String::as_str).to_owned();
    Ok(Asked {
        trace: TraceId::random(&SystemRng),
        client: ClientId::parse(value("client", "https://planner.example/client.json"))?,
        name: value("name", "Planner"),
        standing: if query.contains_key("unknown") { Standing::Unverified } else { Standing::Published },
        redirect: value("redirect", "https://planner.example/cb"),
        state: None,
        resource: ResourceUri::parse(&format!("http://localhost:{port}/mcp/sales"))?,
        scope: ScopeSet::parse("read:report tools:generate_summary")?,
        prompt: Prompt::Needed,
        max_age: None,
        request: Object::default(),
    })
}

async fn authorize(
    State((people, port)): State<(Arc<People>, u16)>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
) -> Response {
    let asked = asked(&query, port).map_err(|error| error.to_string());
    match asked {
        Ok(asked) => people.begin(&request.into_parts().0, asked).await,
        Err(error) => people.refuse_locally(&TraceId::random(&SystemRng), "invalid_request", error),
    }
}

#[tokio::main]
#[allow(clippy::print_stdout, reason = "its one line of output is what it is for")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
    let store = Store::open(&DatabaseUrl::memory(), PointId::parse("pep_people")?, clock.clone()).await?;
    let config = Arc::new(config(port)?);
    let master = MasterKey::generate(&SystemRng);
    let people = People::new(config, store.clone(), clock, rng, &master, Arc::new(Nowhere))?;
    let people = Arc::new(people);
    let link = first_user_link(&store, &SystemClock, &SystemRng).await?.unwrap_or_default();
    let ask = axum::Router::new()
        .route("/authorize", axum::routing::get(authorize))
        .with_state((people.clone(), port));
    println!("http://localhost:{port} {link}");
    let router = people_router(people).merge(ask);
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
