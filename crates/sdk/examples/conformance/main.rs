//! The client that the conformance suite of the Model Context Protocol judges: it is started with the address of a
//! server, and learns from the environment which scenario it is in.
//!
//! What the suite hands over (credentials of clients that are known, tokens of a platform) goes into the SDK as a user
//! of the SDK would put it there; everything else the SDK finds out.

mod browser;
mod messages;

use browser::Headless;
use prokura_oauth::json::{Limits, Object, parse};
use prokura_sdk::client::{
    Client, ClientAuth, ClientKey, Enterprise, KnownClient, Provider, Secret, Software, Way,
};
use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The suite knows clients with a metadata document by this address; nothing is there.
const DOCUMENT: &str = "https://conformance-test.local/client-metadata.json";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let address = env::args().nth(1).ok_or("the address of a server is missing")?;
    let scenario = env::var("MCP_CONFORMANCE_SCENARIO").unwrap_or_default();
    let version = env::var("MCP_CONFORMANCE_PROTOCOL_VERSION").unwrap_or_else(|_| "2026-07-28".to_owned());
    let context = context()?;
    let client =
        Client::to(&address)?.software(software(&context)?).way(way(&scenario, &context)?).build()?;
    messages::exercise(&client, &address, &version).await
}

fn context() -> Result<Object> {
    let text = env::var("MCP_CONFORMANCE_CONTEXT").unwrap_or_else(|_| "{}".to_owned());
    Ok(parse(text.as_bytes(), &Limits::DOCUMENT)?.into_object().unwrap_or_default())
}

fn software(context: &Object) -> Result<Software> {
    let software = Software::named("Conformance test client").document(DOCUMENT);
    let Some(id) = context.str("client_id").filter(|_| !context.contains_key("valid_jwt")) else {
        return Ok(software);
    };
    let auth = match (context.str("client_secret"), context.str("private_key_pem")) {
        (Some(secret), _) => ClientAuth::Secret(Secret::new(secret)),
        (None, Some(pem)) => ClientAuth::Key(ClientKey::from_pem(
            context.str("signing_algorithm").unwrap_or("ES256"),
            None,
            pem,
        )?),
        (None, None) => ClientAuth::None,
    };
    Ok(software.known_client(KnownClient { issuer: None, id: id.to_owned(), auth }))
}

fn way(scenario: &str, context: &Object) -> Result<Way> {
    let given = |member: &'static str| {
        let text =
            context.str(member).map(str::to_owned).ok_or_else(|| format!("the context lacks `{member}`"));
        text.map(|text| Arc::new(move |_: &str| Ok(text.clone())))
    };
    Ok(match scenario {
        "auth/client-credentials-jwt" | "auth/client-credentials-basic" => Way::Own,
        "auth/wif-jwt-bearer" => Way::Workload(given("valid_jwt")?),
        "auth/enterprise-managed-authorization" => Way::Enterprise(Enterprise {
            provider: Provider::TokenEndpoint(
                context.str("idp_token_endpoint").unwrap_or_default().to_owned(),
            ),
            client_id: context.str("idp_client_id").unwrap_or_default().to_owned(),
            auth: ClientAuth::None,
            subject: given("idp_id_token")?,
            subject_type: ID_TOKEN.to_owned(),
        }),
        _ => Way::Browser(Arc::new(Headless::default())),
    })
}
