//! C24 at the gateway: a bound token needs a proof of its key with every request, and each proof counts once.

use crate::world::{Post, Reply, World, alice};
use http::Method;
use prokura_core::Clock as _;
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::confirmation::{Confirmation, Thumbprint};
use prokura_oauth::dpop::Statement;
use prokura_oauth::jose::{Algorithm, SigningKey};
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};

/// A client with a key, and a token that is bound to it.
struct Prover {
    key: SigningKey,
    made: AtomicU64,
}

impl Prover {
    fn new() -> Self {
        Self { key: SigningKey::generate(Algorithm::Es256).unwrap(), made: AtomicU64::new(0) }
    }

    fn token(&self, world: &World) -> String {
        let key = self.key.public().thumbprint().and_then(Thumbprint::parse);
        let cnf = Confirmation { key, certificate: None };
        AccessToken { cnf, ..world.claims(&alice()) }.sign(&world.key).unwrap()
    }

    fn proof(&self, world: &World, token: &str) -> String {
        self.about(world, token, |_| ())
    }

    fn about<'s>(&self, world: &World, token: &'s str, change: impl FnOnce(&mut Statement<'s>)) -> String {
        let leaked = |text: String| -> &'s str { Box::leak(text.into_boxed_str()) };
        let id = leaked(format!("p{}", self.made.fetch_add(1, Ordering::SeqCst)));
        let (uri, now) = (leaked(world.resource("crm")), world.clock.now());
        let mut statement = Statement { method: "POST", uri, token: Some(token), nonce: None, id, now };
        change(&mut statement);
        statement.sign(&self.key).unwrap()
    }
}

/// The usual call, with the token by the scheme DPoP and these proofs.
fn call<'a>(world: &'a World, token: &str, proofs: &[&str]) -> Post<'a> {
    let post = world.read_report("x").set("authorization", &format!("DPoP {token}"));
    proofs.iter().fold(post, |post, proof| post.header("dpop", proof))
}

async fn refused(world: &World, post: Post<'_>, error: &str, word: &str) {
    let answer = post.send().await;
    assert_eq!(answer.status, 401, "{word}: {}", answer.body);
    let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
    let said = format!("error=\"{error}\"");
    assert!(challenges.iter().any(|c| c.to_str().unwrap().contains(&said)), "{word}: {challenges:?}");
    assert!(challenges.iter().any(|c| c.to_str().unwrap().starts_with("DPoP ")), "{word}: {challenges:?}");
    let line = world.record_lines().await.pop().unwrap();
    assert!(line.ends_with(word), "{line}");
    assert!(world.upstream.seen().is_empty(), "{word}: the upstream was reached");
}

#[tokio::test]
async fn c24_a_bound_token_is_worth_nothing_without_a_proof() {
    let (world, prover) = (World::new().await, Prover::new());
    let token = prover.token(&world);
    refused(&world, world.read_report(&token), "invalid_token", "token_bound").await;
    let proof = prover.proof(&world, &token);
    let beside = world.read_report(&token).header("dpop", &proof);
    refused(&world, beside, "invalid_token", "token_bound").await;
    refused(&world, call(&world, &token, &[]), "invalid_dpop_proof", "proof_missing").await;
    let unbound = world.token(&alice());
    let announced = call(&world, &unbound, &[&prover.proof(&world, &unbound)]);
    refused(&world, announced, "invalid_token", "token_unbound").await;
    // The rest of it still counts: nothing of the above spent the proof.
    assert_eq!(call(&world, &token, &[&proof]).send().await.status, 200);
    assert_eq!(world.read_report(&unbound).send().await.status, 200);
}

#[tokio::test]
async fn c24_a_proof_of_another_request_key_token_or_time_is_refused() {
    let (world, prover) = (World::new().await, Prover::new());
    let token = prover.token(&world);
    let invalid = |proof: String| (proof, "invalid_dpop_proof", "proof_invalid");
    let other_token =
        AccessToken { id: prokura_core::TokenId::parse("t_2").unwrap(), ..world.claims(&alice()) };
    let other_token = other_token.sign(&world.key).unwrap();
    let (hr, later) = (world.resource("hr"), world.clock.now().after(std::time::Duration::from_secs(301)));
    let thief = Prover::new();
    for (proof, error, word) in [
        invalid(prover.about(&world, &token, |s| s.method = "GET")),
        invalid(prover.about(&world, &token, |s| s.uri = &hr)),
        invalid(prover.about(&world, &token, |s| s.uri = "http://evil.example/mcp/crm")),
        invalid(prover.about(&world, &token, |s| s.token = None)),
        invalid(prover.proof(&world, &other_token)),
        invalid(prover.about(&world, &token, |s| s.now = later)),
        invalid("a.b.c".into()),
        invalid(String::new()),
        (thief.proof(&world, &token), "invalid_token", "invalid_token"),
    ] {
        refused(&world, call(&world, &token, &[&proof]), error, word).await;
    }
    let (a, b) = (prover.proof(&world, &token), prover.proof(&world, &token));
    refused(&world, call(&world, &token, &[&a, &b]), "invalid_dpop_proof", "proof_invalid").await;
    let query = call(&world, &token, &[&a]).path("/mcp/crm?x=1");
    assert_eq!(query.send().await.status, 200, "query and fragment are no part of the address");
}

#[tokio::test]
async fn c24_a_proof_counts_once_on_whichever_replica() {
    let folder = tempfile::tempdir().unwrap();
    let (world, prover) = (World::in_file(&folder.path().join("a.db"), None).await, Prover::new());
    let token = prover.token(&world);
    let proof = prover.proof(&world, &token);
    assert_eq!(call(&world, &token, &[&proof]).send().await.status, 200);
    let before = world.upstream.seen().len();
    let again = call(&world, &token, &[&proof]).send().await;
    assert_eq!(again.status, 401);
    let challenge = again.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("DPoP error=\"invalid_dpop_proof\""), "{challenge}");
    let replica = world.replica().await;
    let request = call(&world, &token, &[&proof]).header("host", &world.address.to_string()).into_request();
    let request = request.map(axum::body::Body::new);
    let elsewhere = tower::ServiceExt::oneshot(replica.clone(), request).await.unwrap();
    assert_eq!(elsewhere.status(), 401);
    assert_eq!(world.upstream.seen().len(), before, "a replay reaches nobody");
    assert!(world.record_lines().await.iter().filter(|l| l.ends_with("proof_replayed")).count() == 2);
    let fresh = prover.proof(&world, &token);
    let request = call(&world, &token, &[&fresh]).header("host", &world.address.to_string()).into_request();
    let elsewhere = tower::ServiceExt::oneshot(replica, request.map(axum::body::Body::new)).await.unwrap();
    assert_eq!(elsewhere.status(), 200);
    assert_eq!(call(&world, &token, &[&fresh]).send().await.status, 401);
}

#[tokio::test]
async fn c24_every_message_spends_its_proof_not_only_calls() {
    let (world, prover) = (World::new().await, Prover::new());
    let token = prover.token(&world);
    for (method, params) in [
        (
            "initialize",
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}),
        ),
        ("ping", json!({})),
        ("tools/list", json!({})),
    ] {
        let proof = prover.proof(&world, &token);
        let send = || {
            let post = world.legacy("x", method, params.clone());
            post.set("authorization", &format!("DPoP {token}")).header("dpop", &proof).send()
        };
        assert_eq!(send().await.status, 200, "{method}");
        assert_eq!(send().await.status, 401, "{method}");
    }
}

#[tokio::test]
async fn c24_where_nonces_are_asked_for_no_proof_can_be_made_in_advance() {
    let config = r#"
issuer = "http://ADDRESS"
database = "sqlite::memory:"
[dpop]
gateway_nonces = true
nonce_life = "60s"
[[resource]]
name = "crm"
upstream = "http://UPSTREAM/mcp"
[resource.scopes]
read = { title = "Read", actions = ["tool:read_report"] }
"#;
    let (world, prover) = (World::with_config(Reply::echo, config).await, Prover::new());
    let token = prover.token(&world);
    let challenged = call(&world, &token, &[&prover.proof(&world, &token)]).send().await;
    let challenge = challenged.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("DPoP error=\"use_dpop_nonce\""), "{challenge}");
    let nonce = challenged.header("dpop-nonce").unwrap().to_owned();
    let answer =
        call(&world, &token, &[&prover.about(&world, &token, |s| s.nonce = Some(&nonce))]).send().await;
    assert_eq!((answer.status, answer.header("dpop-nonce")), (200, Some(nonce.as_str())));
    world.clock.advance(std::time::Duration::from_secs(61));
    let answer =
        call(&world, &token, &[&prover.about(&world, &token, |s| s.nonce = Some(&nonce))]).send().await;
    assert_eq!(answer.status, 401);
    assert_ne!(answer.header("dpop-nonce"), Some(nonce.as_str()));
    let bearer = world.read_report(&world.token(&alice())).send().await;
    assert_eq!(
        (bearer.status, bearer.header("dpop-nonce")),
        (200, None),
        "who shows no proof needs no nonce"
    );
}

#[tokio::test]
async fn c24_a_resource_may_take_only_bound_tokens() {
    let config = r#"
issuer = "http://ADDRESS"
database = "sqlite::memory:"
[[resource]]
name = "crm"
upstream = "http://UPSTREAM/mcp"
require_dpop = true
[resource.scopes]
read = { title = "Read", actions = ["tool:read_report"] }
"#;
    let (world, prover) = (World::with_config(Reply::echo, config).await, Prover::new());
    let unbound = world.token(&alice());
    refused(&world, world.read_report(&unbound), "invalid_token", "token_unbound").await;
    let nobody = world.read_report("x").without("authorization").send().await;
    let challenges: Vec<_> = nobody.headers.get_all("www-authenticate").iter().collect();
    let [only] = challenges.as_slice() else { panic!("{challenges:?}") };
    let only = only.to_str().unwrap();
    assert!(only.starts_with("DPoP scope=\"read\", resource_metadata="), "{only}");
    assert!(only.contains("algs=\"ES256 "), "{only}");
    let metadata = world.request(Method::GET, "crm").path("/.well-known/oauth-protected-resource/mcp/crm");
    assert_eq!(metadata.send().await.json()["dpop_bound_access_tokens_required"], true);
    let token = prover.token(&world);
    assert_eq!(call(&world, &token, &[&prover.proof(&world, &token)]).send().await.status, 200);
}

#[tokio::test]
async fn c24_a_token_that_is_bound_to_a_certificate_needs_its_connection() {
    use prokura_oauth::certificate::Certificate;
    use std::sync::Arc;
    let folder = tempfile::tempdir().unwrap();
    let world = World::in_file(&folder.path().join("a.db"), None).await;
    let shown = |der: &[u8]| Arc::new(Certificate::new(der.to_vec(), vec![]).unwrap());
    let cnf = Confirmation { key: None, certificate: Some(shown(b"mine").thumbprint()) };
    let token = AccessToken { cnf, ..world.claims(&alice()) }.sign(&world.key).unwrap();
    let router = world.replica().await;
    for (certificate, status) in [(None, 401), (Some(shown(b"theirs")), 401), (Some(shown(b"mine")), 200)] {
        let request = world.read_report(&token).header("host", &world.address.to_string()).into_request();
        let mut request = request.map(axum::body::Body::new);
        certificate.into_iter().for_each(|c| drop(request.extensions_mut().insert(c)));
        let answer = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
        assert_eq!(answer.status(), status);
    }
    // What a client says in a header counts for nothing here: only the listener puts certificates into requests.
    let header = world.read_report(&token).header("client-cert", ":bWluZQ==:").send().await;
    assert_eq!(header.status, 401);
}

#[tokio::test]
async fn a_refusal_speaks_the_scheme_that_was_used() {
    let (world, prover) = (World::new().await, Prover::new());
    let token = prover.token(&world);
    let proof = prover.proof(&world, &token);
    let body = json!({"name": "write_report", "arguments": {}});
    let post = world.legacy("x", "tools/call", body.clone());
    let denied = post.set("authorization", &format!("DPoP {token}")).header("dpop", &proof).send().await;
    assert_eq!(denied.status, 403);
    assert!(denied.header("www-authenticate").unwrap().starts_with("DPoP error=\"insufficient_scope\""));
    let denied = world.legacy(&world.token(&alice()), "tools/call", body).send().await;
    let challenges: Vec<_> = denied.headers.get_all("www-authenticate").iter().collect();
    let [only] = challenges.as_slice() else { panic!("{challenges:?}") };
    assert!(only.to_str().unwrap().starts_with("Bearer error=\"insufficient_scope\""));
}
