//! C24: proofs of possession at the layer.

use crate::issuer::object;
use crate::world::World;
use http::Method;
use prokura_core::Clock;
use prokura_oauth::dpop::Statement;
use prokura_oauth::jose::{Algorithm, SigningKey};
use std::time::Duration;

struct Bound {
    world: World,
    key: SigningKey,
    token: String,
}

impl Bound {
    async fn new() -> Self {
        let world = World::new().await;
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let mut claims = world.claims("read");
        let public = key.public();
        let jkt = public.thumbprint().unwrap();
        claims.insert("cnf", object(&format!(r#"{{"jkt":"{jkt}"}}"#)).into());
        let token = world.issuer.sign("at+jwt", &claims);
        Self { world, key, token }
    }

    fn proof(&self, change: impl FnOnce(&mut Statement<'_>)) -> String {
        let mut statement = Statement {
            method: "GET",
            uri: "https://tools.example/mcp",
            token: Some(&self.token),
            nonce: None,
            id: "p1",
            now: self.world.clock.now(),
        };
        change(&mut statement);
        statement.sign(&self.key).unwrap()
    }

    async fn shows(&self, scheme: &str, proof: Option<&str>) -> u16 {
        let authorization = format!("{scheme} {}", self.token);
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(proof.map(|p| ("dpop", p)));
        self.world.request(Method::GET, "/mcp", &headers, "").await.status
    }
}

#[tokio::test]
async fn c24_a_bound_token_needs_a_fresh_proof_of_its_key_for_this_request() {
    let b = Bound::new().await;
    let good = b.proof(|_| ());
    assert_eq!(b.shows("DPoP", Some(&good)).await, 200);
    assert_eq!(b.shows("DPoP", Some(&good)).await, 401, "used before");
    assert_eq!(b.shows("DPoP", Some(&b.proof(|s| s.id = "p2"))).await, 200);
    assert_eq!(
        b.shows("Bearer", Some(&b.proof(|s| s.id = "p3"))).await,
        401,
        "a bound token is no bearer token"
    );
    assert_eq!(b.shows("DPoP", None).await, 401, "no proof");
    let early = b.world.clock.now().before(Duration::from_secs(600));
    for (what, proof) in [
        ("another method", b.proof(|s| (s.id, s.method) = ("p4", "POST"))),
        ("another address", b.proof(|s| (s.id, s.uri) = ("p5", "https://tools.example/other"))),
        ("another host", b.proof(|s| (s.id, s.uri) = ("p6", "https://evil.example/mcp"))),
        ("another token", b.proof(|s| (s.id, s.token) = ("p7", Some("x")))),
        ("no token", b.proof(|s| (s.id, s.token) = ("p8", None))),
        ("long ago", b.proof(|s| (s.id, s.now) = ("p9", early))),
    ] {
        assert_eq!(b.shows("DPoP", Some(&proof)).await, 401, "{what}");
    }
    let other = Bound { key: SigningKey::generate(Algorithm::Es256).unwrap(), ..b };
    assert_eq!(other.shows("DPoP", Some(&other.proof(|s| s.id = "p10"))).await, 401, "another key");
}

#[tokio::test]
async fn c24_a_token_that_is_not_bound_does_not_come_by_dpop_and_may_be_refused() {
    let b = Bound::new().await;
    let plain = Bound { token: b.world.token("read"), ..b };
    assert_eq!(plain.shows("Bearer", None).await, 200);
    assert_eq!(plain.shows("DPoP", Some(&plain.proof(|_| ()))).await, 401);
    let world = World::with(|r| r.require_dpop()).await;
    let authorization = format!("Bearer {}", world.token("read"));
    let answer = world.request(Method::GET, "/mcp", &[("authorization", &authorization)], "").await;
    assert_eq!(answer.status, 401);
    assert!(answer.challenges()[0].starts_with("DPoP "), "{:?}", answer.challenges());
    let document = world.get("/.well-known/oauth-protected-resource", &[]).await.body;
    assert!(document.contains(r#""dpop_bound_access_tokens_required":true"#));
}

#[tokio::test]
async fn c24_a_proof_is_remembered_as_long_as_it_would_be_taken() {
    let b = Bound::new().await;
    let proof = b.proof(|_| ());
    assert_eq!(b.shows("DPoP", Some(&proof)).await, 200);
    b.world.clock.advance(Duration::from_secs(299));
    assert_eq!(b.shows("DPoP", Some(&proof)).await, 401);
}

#[tokio::test]
async fn a_token_bound_to_a_certificate_is_no_bearer_token() {
    let b = Bound::new().await;
    let mut claims = b.world.claims("read");
    claims.insert("cnf", object(r#"{"x5t#S256":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#).into());
    let token = b.world.issuer.sign("at+jwt", &claims);
    let bound = Bound { token, ..b };
    assert_eq!(bound.shows("Bearer", None).await, 401);
}
