//! An API behind an MCP server: it takes the token of a user and the token of the agent that acts for them, and knows
//! both.
//!
//! ```sh
//! ORDERS_API_SECRET=… cargo run -p prokura-sdk --example api_behind_mcp -- https://as.example https://as.example/mcp/orders
//! ```
//! The first argument is the issuer, the second the resource that the agent's token is for; it asks the issuer as the client
//! `orders-api`. Listens on port 9600; without arguments it only shows that it builds. The MCP server before it sends
//! the agent's token as `Authorization: Bearer`, and the user's in the header `User-Token`.
#![allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};
use prokura_sdk::delegated::{Presented, Refused, Verifier};
use std::error::Error;

/// The orders of whoever asks, for whoever they act for.
async fn orders(
    State(verifier): State<Verifier>,
    headers: HeaderMap,
) -> Result<String, (StatusCode, String)> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let agent = text(header::AUTHORIZATION.as_str()).and_then(|v| v.strip_prefix("Bearer "));
    let (Some(user), Some(agent)) = (text("user-token"), agent) else {
        return Err((StatusCode::UNAUTHORIZED, "two tokens are needed\n".to_owned()));
    };
    // One call: both are valid, of one flow, and everything behind them stands now.
    let who = verifier.introspected(user, Presented::Bearer(agent)).await.map_err(refused)?;
    if !who.has_scope("orders:read") {
        return Err((StatusCode::FORBIDDEN, "the scope orders:read is missing\n".to_owned()));
    }
    // The user says whose orders, the agent who reads them; the rest of the chain is for the log.
    println!("{} reads orders, under {}", who.path(), who.grant);
    Ok(format!("the orders of {}, for {}\n", who.user, who.agent))
}

fn refused(why: Refused) -> (StatusCode, String) {
    match why {
        Refused::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "try again soon\n".to_owned()),
        other => {
            println!("refused: {other}");
            (StatusCode::UNAUTHORIZED, "the tokens are not valid here\n".to_owned())
        }
    }
}

/// The API, before any verifier.
pub(crate) fn app(verifier: Verifier) -> Router {
    Router::new().route("/orders", get(orders)).with_state(verifier)
}

#[allow(dead_code, reason = "the test of this example has a main of its own")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(issuer), Some(resource)) = (arguments.next(), arguments.next()) else {
        println!("usage: api_behind_mcp ISSUER RESOURCE");
        return Ok(());
    };
    let secret = std::env::var("ORDERS_API_SECRET")?;
    let verifier = Verifier::of(issuer).resource(resource).introspect("orders-api", secret).build()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 9600)).await?;
    axum::serve(listener, app(verifier)).await?;
    Ok(())
}
