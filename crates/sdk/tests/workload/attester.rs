//! An authorization server that attests evidence which is no token, strict about challenges, proofs and keys.

use crate::doubles::{Double, workload};
use crate::tokens::call;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use prokura_core::{Clock, ManualClock, Platform, Timestamp};
use prokura_oauth::dpop::{Presented, Proof, Target};
use prokura_oauth::json::{Limits, Object, parse};
use prokura_sdk::client::{Builder, Client, ClientError, Dpop, FileStore};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

#[derive(Default)]
struct Facts {
    challenges: HashSet<String>,
    /// The key of each attestation.
    attested: HashMap<String, String>,
    evidence: Vec<Object>,
    serial: u64,
    /// How often a challenge is refused although it is right.
    moody: usize,
    /// Whether DPoP is served.
    dpop: bool,
}

struct Attester {
    origin: String,
    facts: Mutex<Facts>,
    clock: Arc<ManualClock>,
}

impl Attester {
    async fn start(dpop: bool) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let facts = Mutex::new(Facts { dpop, ..Facts::default() });
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)));
        let attester = Arc::new(Self { origin, facts, clock });
        let router = Router::new()
            .route("/mcp", post(mcp))
            .route("/.well-known/oauth-protected-resource/mcp", get(resource))
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/challenge", post(challenge))
            .route("/attest", post(attest))
            .route("/token", post(token))
            .with_state(attester.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        attester
    }

    fn client(&self) -> Builder {
        Client::to(&format!("{}/mcp", self.origin)).unwrap().clock(self.clock.clone())
    }

    /// The key of a proof for this address, whose nonce is a challenge that was not used yet.
    fn proved(&self, headers: &HeaderMap, path: &str) -> Result<String, &'static str> {
        let proof = headers.get("dpop").and_then(|v| v.to_str().ok()).ok_or("no proof")?;
        let targets = [Target::parse(&format!("{}{path}", self.origin)).unwrap()];
        let presented = Presented { method: "POST", targets: &targets, token: None, now: self.clock.now() };
        let proof = Proof::verify(proof, &presented).map_err(|_| "the proof does not verify")?;
        let nonce = proof.nonce.ok_or("no nonce")?;
        if !self.facts.lock().unwrap().challenges.remove(&nonce) {
            return Err("not a challenge of mine, or used");
        }
        Ok(proof.key.to_string())
    }

    fn issue(&self) -> String {
        let mut facts = self.facts.lock().unwrap();
        facts.serial += 1;
        let challenge = format!("challenge-{}", facts.serial);
        facts.challenges.insert(challenge.clone());
        challenge
    }
}

fn json(text: impl Into<String>) -> Response {
    ([("content-type", "application/json")], text.into()).into_response()
}

fn refused(error: &str, why: &str) -> Response {
    let text = format!(r#"{{"error":"{error}","error_description":"{why}"}}"#);
    (StatusCode::BAD_REQUEST, [("content-type", "application/json")], text).into_response()
}

async fn mcp(State(at): State<Arc<Attester>>, headers: HeaderMap) -> Response {
    let dpop = at.facts.lock().unwrap().dpop;
    let scheme = if dpop { "DPoP at" } else { "Bearer at" };
    if headers.get("authorization").is_some_and(|a| a == scheme) {
        return json("{}");
    }
    (StatusCode::UNAUTHORIZED, [("www-authenticate", "Bearer")]).into_response()
}

async fn resource(State(at): State<Arc<Attester>>) -> Response {
    let o = &at.origin;
    json(format!(r#"{{"resource":"{o}/mcp","authorization_servers":["{o}"],"scopes_supported":["read"]}}"#))
}

async fn metadata(State(at): State<Arc<Attester>>) -> Response {
    let o = &at.origin;
    let dpop =
        if at.facts.lock().unwrap().dpop { r#","dpop_signing_alg_values_supported":["ES256"]"# } else { "" };
    json(format!(
        r#"{{"issuer":"{o}","token_endpoint":"{o}/token","challenge_endpoint":"{o}/challenge",
        "attestation_endpoint":"{o}/attest","grant_types_supported":["client_credentials"],
        "token_endpoint_auth_methods_supported":["attest_jwt_client_auth","attest_jwt_client_auth_dpop"]{dpop}}}"#
    ))
}

async fn challenge(State(at): State<Arc<Attester>>) -> Response {
    json(format!(r#"{{"attestation_challenge":"{}"}}"#, at.issue()))
}

async fn attest(State(at): State<Arc<Attester>>, headers: HeaderMap, body: String) -> Response {
    let key = match at.proved(&headers, "/attest") {
        Ok(key) => key,
        Err(why) => return refused("invalid_dpop_proof", why),
    };
    let asked = parse(body.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap();
    let mut facts = at.facts.lock().unwrap();
    facts.evidence.push(asked);
    let jwt = format!("attestation.{}.x", facts.evidence.len());
    facts.attested.insert(jwt.clone(), key);
    json(format!(r#"{{"client_attestation":"{jwt}","client_id":"agt_1","expires_in":300}}"#))
}

async fn token(
    State(at): State<Arc<Attester>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    let jwt = header("oauth-client-attestation").unwrap_or_default();
    let Some(key) = at.facts.lock().unwrap().attested.get(jwt).cloned() else {
        return refused("invalid_client", "no attestation");
    };
    if form["grant_type"] != "client_credentials" || form["client_id"] != "agt_1" || form["scope"] != "read" {
        return refused("invalid_request", "the form");
    }
    if std::mem::take(&mut at.facts.lock().unwrap().moody) > 0 {
        let fresh = at.issue();
        let mut response = refused("use_attestation_challenge", "this one");
        response
            .headers_mut()
            .insert("oauth-client-attestation-challenge", HeaderValue::try_from(fresh).unwrap());
        return response;
    }
    if let Some(pop) = header("oauth-client-attestation-pop") {
        return by_pop(&at, pop);
    }
    match at.proved(&headers, "/token") {
        Ok(shown) if shown == key => json(r#"{"access_token":"at","token_type":"DPoP","expires_in":300}"#),
        Ok(_) => refused("invalid_client", "another key"),
        Err(why) => refused("invalid_dpop_proof", why),
    }
}

fn by_pop(at: &Attester, pop: &str) -> Response {
    let claims = prokura_sdk::workload::claims(pop).unwrap();
    let challenge = claims.str("challenge").unwrap_or_default();
    let known = at.facts.lock().unwrap().challenges.remove(challenge);
    if claims.str("aud") == Some(&at.origin) && known && claims.str("jti").is_some() {
        return json(r#"{"access_token":"at","token_type":"Bearer","expires_in":300}"#);
    }
    refused("invalid_client", "the proof of possession")
}

const IMDS: (&str, &str) = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "{}");

#[tokio::test]
async fn a_signed_request_is_attested_and_the_token_is_bound_to_the_same_key() {
    let (attester, double) = (Attester::start(true).await, Double::start().await);
    let machine = workload(Platform::AwsCaller, &double, &[IMDS], &[]).clock(attester.clock.clone());
    let client = attester.client().way(machine.way()).build().unwrap();
    assert_eq!(call(&client).await.unwrap(), 200);
    let facts = attester.facts.lock().unwrap();
    let asked = &facts.evidence[0];
    assert_eq!(asked.str("platform"), Some("aws_caller"));
    let evidence = asked.get("evidence").and_then(|e| e.as_object()).unwrap();
    assert_eq!(evidence.str("url"), Some("https://sts.eu-central-1.amazonaws.com/"));
    assert_eq!(evidence.str("body"), Some("Action=GetCallerIdentity&Version=2011-06-15"));
    let headers = evidence.get("headers").and_then(|h| h.as_object()).unwrap();
    assert_eq!(headers.str("x-prokura-challenge"), Some("challenge-1"));
    assert_eq!(headers.str("x-prokura-key"), facts.attested.values().next().map(String::as_str));
    let signed = headers.str("authorization").unwrap();
    for name in ["x-prokura-challenge", "x-prokura-key", "x-amz-security-token", "host"] {
        assert!(signed.contains(name), "{name} in {signed}");
    }
}

#[tokio::test]
async fn a_new_challenge_is_taken_from_a_refusal() {
    let (attester, double) = (Attester::start(true).await, Double::start().await);
    attester.facts.lock().unwrap().moody = 1;
    let machine = workload(Platform::AwsCaller, &double, &[IMDS], &[]).clock(attester.clock.clone());
    let client = attester.client().way(machine.way()).build().unwrap();
    assert_eq!(call(&client).await.unwrap(), 200);
    assert_eq!(attester.facts.lock().unwrap().evidence.len(), 1, "evidence is not shown twice for it");
}

#[tokio::test]
async fn a_token_for_a_script_is_had_by_a_proof_of_its_own() {
    let (attester, double) = (Attester::start(false).await, Double::start().await);
    let machine = workload(Platform::AwsCaller, &double, &[IMDS], &[]).clock(attester.clock.clone());
    let client = attester.client().dpop(Dpop::Never).way(machine.way()).build().unwrap();
    assert!(!client.token().await.unwrap().bound);
}

#[tokio::test]
async fn a15_a_document_that_binds_nothing_is_shown_only_to_a_server_that_was_named() {
    let (attester, double) = (Attester::start(true).await, Double::start().await);
    let machine = |options: &[&str]| {
        let machine = workload(Platform::Ec2, &double, &[IMDS], options).clock(attester.clock.clone());
        attester.client().way(machine.way()).build().unwrap()
    };
    let refused = call(&machine(&[])).await.unwrap_err();
    assert!(matches!(refused, ClientError::Unbound { .. }), "{refused}");
    let refused = call(&machine(&["issuer=https://honest.example"])).await.unwrap_err();
    assert!(matches!(refused, ClientError::OtherIssuer { .. }), "{refused}");
    assert!(attester.facts.lock().unwrap().evidence.is_empty() && double.asked().is_empty());
    let issuer = format!("issuer={}", attester.origin);
    assert_eq!(call(&machine(&[&issuer])).await.unwrap(), 200);
    let facts = attester.facts.lock().unwrap();
    let evidence = facts.evidence[0].get("evidence").and_then(|e| e.as_object()).unwrap();
    assert_eq!(evidence.str("pkcs7"), Some("cGtjczc="));
}

#[tokio::test]
async fn an_azure_machine_has_the_challenge_signed_as_ten_digits() {
    let (attester, double) = (Attester::start(true).await, Double::start().await);
    let variables = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", "{}")];
    let machine = workload(Platform::AzureVm, &double, &variables, &[]).clock(attester.clock.clone());
    assert_eq!(call(&attester.client().way(machine.way()).build().unwrap()).await.unwrap(), 200);
    // printf %s challenge-1 | sha256sum, the first eight bytes modulo 10^10.
    assert_eq!(double.asked()[0].query["nonce"], "0018669114");
}

/// The keys that evidence came with when as many processes began one after the other.
async fn keys_of(platform: Platform, folder: &std::path::Path, ways: &[Dpop]) -> HashSet<String> {
    let (attester, double) = (Attester::start(true).await, Double::start().await);
    let variables = [IMDS, ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "{}")];
    let issuer = format!("issuer={}", attester.origin);
    for dpop in ways {
        let store = Arc::new(FileStore::at(folder).unwrap());
        let machine = workload(platform, &double, &variables, &[&issuer]).clock(attester.clock.clone());
        let client = attester.client().dpop(*dpop).way(machine.keys(store).way()).build().unwrap();
        client.token().await.unwrap();
    }
    let facts = attester.facts.lock().unwrap();
    assert_eq!(facts.evidence.len(), ways.len());
    facts.attested.values().cloned().collect()
}

#[tokio::test]
async fn the_key_of_an_instance_outlasts_the_process_and_no_other_does() {
    let ways = [Dpop::IfServed, Dpop::Always, Dpop::Never];
    let folder = tempfile::tempdir().unwrap();
    for platform in [Platform::Ec2, Platform::AzureVm] {
        assert_eq!(keys_of(platform, folder.path(), &ways).await.len(), 1, "{platform}");
    }
    let kept = || std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().path());
    let files: Vec<_> = kept().filter(|p| p.extension().is_some_and(|e| e == "json")).collect();
    assert_eq!(files.len(), 2, "one for each issuer");
    #[cfg(unix)]
    for file in files {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let other = tempfile::tempdir().unwrap();
    assert_eq!(keys_of(Platform::AwsCaller, other.path(), &ways[..2]).await.len(), 2);
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 0, "nothing is stored");
}
