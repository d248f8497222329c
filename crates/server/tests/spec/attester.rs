//! Attestation-based client authentication (draft-ietf-oauth-attestation-based-client-auth-10), with our own attester in
//! front of it.

use crate::world::attest::{Caller, Clouds, EC2};
use crate::world::proof::Prover;
use crate::world::{ISSUER, SALES, World};
use prokura_core::Clock as _;
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_oauth::json::{Object, Value, obj};
use prokura_store::{ArtifactKind, StoreError, Tx};

const POP: &str = "OAuth-Client-Attestation-PoP";
const ATTESTATION: &str = "OAuth-Client-Attestation";
const CHALLENGE: &str = "oauth-client-attestation-challenge";

fn read(clouds: &Clouds, token: &str) -> AccessToken {
    clouds.world.verified(token)
}

#[tokio::test]
async fn each_cloud_leads_from_evidence_to_a_bound_token_that_says_which_workload_it_is_of() {
    let clouds = Clouds::new().await;
    let keys = [Prover::new(), Prover::new(), Prover::new()];
    let answers = [
        clouds.as_caller(&keys[0]).await,
        clouds.as_instance(&keys[1]).await,
        clouds.as_machine(&keys[2]).await,
    ];
    let expected = [
        ("agt_aws-agent", "account", "123456789012"),
        ("agt_fleet-agent", "instance_id", "i-078517ca8a70a1dde"),
        ("agt_vms-agent", "vm_id", "990878d4-068a-4ac4-9ee9-1231d2218ef2"),
    ];
    for ((answer, key), (client, claim, value)) in answers.iter().zip(&keys).zip(expected) {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.text("client_id"), client);
        assert_eq!(answer.json().get("expires_in").unwrap().as_i64(), Some(600));
        let answer = clouds.token(&answer.text("client_attestation"), key, &[("resource", SALES)]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.text("token_type"), "DPoP");
        assert!(!answer.header(CHALLENGE).is_empty(), "a challenge for the next request");
        let token = read(&clouds, &answer.text("access_token"));
        assert_eq!(token.client.as_str(), client);
        assert_eq!(token.cnf.key.unwrap().to_string(), key.thumbprint());
        let workload = token.workload.unwrap();
        assert_eq!(workload.claims[claim], value);
        assert!(token.expires_at.seconds() - clouds.now() <= 600);
    }
    assert_eq!(clouds.sts.calls(), 1);
}

#[tokio::test]
async fn both_are_on_record() {
    let clouds = Clouds::new().await;
    let key = Prover::new();
    let attestation = clouds.as_instance(&key).await.text("client_attestation");
    clouds.token(&attestation, &key, &[]).await;
    let events = clouds.world.record().await;
    let actions: Vec<_> = events.iter().map(|e| e.action.as_str()).collect();
    assert!(actions.contains(&"attestation") && actions.contains(&"token:client_credentials"), "{actions:?}");
    let attested = events.iter().find(|e| e.action == "attestation").unwrap();
    assert_eq!(attested.details.str("rule"), Some("of-fleet"));
    assert_eq!(attested.details.str("platform"), Some("ec2"));
}

#[tokio::test]
async fn metadata_say_so_only_where_it_is_so() {
    let clouds = Clouds::new().await;
    let with = clouds.world.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(with.str("challenge_endpoint"), Some(&*format!("{ISSUER}/challenge")));
    assert_eq!(with.str("attestation_endpoint"), Some(&*format!("{ISSUER}/attest")));
    let methods = with.get("token_endpoint_auth_methods_supported").unwrap().to_string();
    assert!(
        methods.contains("\"attest_jwt_client_auth\"") && methods.contains("\"attest_jwt_client_auth_dpop\"")
    );
    assert!(with.contains_key("client_attestation_signing_alg_values_supported"));
    assert!(with.contains_key("client_attestation_pop_signing_alg_values_supported"));
    let world = World::new().await;
    let without = world.get("/.well-known/oauth-authorization-server").await;
    assert!(!without.body.contains("attest"), "{}", without.body);
    assert_eq!(world.form("/challenge", None, &[]).await.status, 404);
    assert_eq!(world.form("/attest", None, &[]).await.status, 404);
}

#[tokio::test]
async fn a_challenge_is_asked_for_and_comes_with_the_refusal() {
    let clouds = Clouds::new().await;
    let key = Prover::new();
    let attestation = clouds.as_instance(&key).await.text("client_attestation");
    for nonce in [None, Some("AAAA"), Some("not ours")] {
        let proof = key.with_nonce(&clouds.world, "/token", nonce);
        let answer = clouds.token_with(&[(ATTESTATION, &attestation), ("DPoP", &proof)], &[]).await;
        assert_eq!(answer.error(), "400 use_attestation_challenge");
        let next = answer.header(CHALLENGE).to_owned();
        let proof = key.with_nonce(&clouds.world, "/token", Some(&next));
        let answer = clouds.token_with(&[(ATTESTATION, &attestation), ("DPoP", &proof)], &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let answer = clouds.attest("ec2", obj([("pkcs7", EC2.into())]), &key, "AAAA").await;
    assert_eq!(answer.error(), "400 use_attestation_challenge");
    assert!(!answer.header(CHALLENGE).is_empty());
}

#[tokio::test]
async fn an_attestation_that_is_over_wants_a_fresh_one() {
    let clouds = Clouds::new().await;
    let key = Prover::new();
    let attestation = clouds.as_instance(&key).await.text("client_attestation");
    clouds.world.wait(611);
    assert_eq!(clouds.token(&attestation, &key, &[]).await.error(), "400 use_fresh_attestation");
    let again = clouds.as_instance(&key).await;
    assert_eq!(again.status, 200, "the same key, as often as is liked: {}", again.body);
}

#[tokio::test]
async fn after_its_key_was_forgotten_an_instance_may_come_with_another_and_then_with_no_third() {
    let clouds = Clouds::new().await;
    let keys = [Prover::new(), Prover::new(), Prover::new()];
    assert_eq!(clouds.as_instance(&keys[0]).await.status, 200);
    assert_eq!(clouds.as_instance(&keys[1]).await.error(), "400 invalid_grant");
    let now = clouds.world.clock.now();
    let forget = |provider: &str| {
        let name = prokura_attest::instance_name(provider, "278576220453/us-west-2/i-078517ca8a70a1dde");
        let forget = move |tx: &mut Tx<'_>| tx.unbind_first(ArtifactKind::EvidenceKey, &name, now);
        clouds.world.store.transact::<_, StoreError>(forget)
    };
    assert!(!forget("vms").await.unwrap(), "of another provider there is none");
    assert!(forget("fleet").await.unwrap());
    assert_eq!(clouds.as_instance(&keys[1]).await.status, 200);
    for other in [&keys[0], &keys[2]] {
        assert_eq!(clouds.as_instance(other).await.error(), "400 invalid_grant");
    }
}

#[tokio::test]
async fn it_authenticates_whom_it_names_for_what_the_rule_gives_and_nothing_else() {
    let clouds = Clouds::new().await;
    let key = Prover::new();
    let attestation = clouds.as_instance(&key).await.text("client_attestation");
    let asked = |more: &'static [(&str, &str)]| clouds.token(&attestation, &key, more);
    assert_eq!(asked(&[("client_id", "agt_fleet-agent")]).await.status, 200);
    assert_eq!(asked(&[("client_id", "web")]).await.error(), "401 invalid_client");
    assert_eq!(asked(&[("scope", "write")]).await.error(), "400 invalid_scope");
    assert_eq!(asked(&[("client_secret", "x")]).await.error(), "400 invalid_request");
    let (challenge, _) = clouds.challenge().await;
    let proof = key.with_nonce(&clouds.world, "/token", Some(&challenge));
    let parameters = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    let request = axum::extract::Request::builder().method("POST").uri("/token");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let request = request.header(ATTESTATION, &attestation).header("DPoP", proof);
    let answer = clouds.world.send(request, crate::world::encode(&parameters)).await;
    assert_eq!(answer.error(), "400 unauthorized_client");
}

fn pop(key: &SigningKey, clouds: &Clouds, id: &str, challenge: &str, change: (&str, Value)) -> String {
    let mut claims: Object = obj([
        ("aud", ISSUER.into()),
        ("jti", id.into()),
        ("iat", clouds.now().into()),
        ("challenge", challenge.into()),
    ]);
    if !change.0.is_empty() {
        claims.insert(change.0, change.1);
    }
    key.sign("oauth-client-attestation-pop+jwt", &claims).unwrap()
}

#[tokio::test]
async fn a_proof_of_its_own_does_as_well_once_and_leaves_the_token_to_another_key_or_none() {
    let clouds = Clouds::new().await;
    let signing = SigningKey::generate(Algorithm::Es256).unwrap();
    let key = Prover::of(&signing);
    let attestation = clouds.as_instance(&key).await.text("client_attestation");
    let (challenge, _) = clouds.challenge().await;
    let good = pop(&signing, &clouds, "1", &challenge, ("", Value::Null));
    let shown = [(ATTESTATION, attestation.as_str()), (POP, good.as_str())];
    let answer = clouds.token_with(&shown, &[]).await;
    assert_eq!((answer.status.as_u16(), answer.text("token_type").as_str()), (200, "Bearer"));
    assert_eq!(clouds.token_with(&shown, &[]).await.error(), "401 invalid_client", "used before");
    let other = Prover::new();
    let proof = other.proof(&clouds.world, "/token");
    let second = pop(&signing, &clouds, "2", &challenge, ("", Value::Null));
    let answer =
        clouds.token_with(&[(ATTESTATION, &attestation), (POP, &second), ("DPoP", &proof)], &[]).await;
    let token = read(&clouds, &answer.text("access_token"));
    assert_eq!(token.cnf.key.unwrap().to_string(), other.thumbprint());
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    for (key, change, error) in [
        (&stranger, ("", Value::Null), "401 invalid_client"),
        (&signing, ("aud", "https://other.example".into()), "401 invalid_client"),
        (&signing, ("challenge", "AAAA".into()), "400 use_attestation_challenge"),
        (&signing, ("iat", (clouds.now() - 400).into()), "401 invalid_client"),
    ] {
        let odd = pop(key, &clouds, "3", &challenge, change.clone());
        let answer = clouds.token_with(&[(ATTESTATION, &attestation), (POP, &odd)], &[]).await;
        assert_eq!(answer.error(), error, "{change:?}");
    }
}

#[tokio::test]
async fn server_nonces_do_not_stand_in_the_way() {
    let clouds = Clouds::with("[dpop]\nserver_nonces = true").await;
    let key = Prover::new();
    let attestation = clouds.as_caller(&key).await.text("client_attestation");
    assert_eq!(clouds.token(&attestation, &key, &[]).await.status, 200);
}

#[tokio::test]
async fn what_is_not_understood_is_refused() {
    let clouds = Clouds::new().await;
    let key = Prover::new();
    let (challenge, _) = clouds.challenge().await;
    let proof = || key.with_nonce(&clouds.world, "/attest", Some(&challenge));
    for body in [
        "{}",
        r#"{"platform":"ec2"}"#,
        r#"{"platform":"ec2","evidence":"x"}"#,
        r#"{"platform":"vax","evidence":{}}"#,
        r#"{"platform":"ec2","evidence":{},"agent":"admin"}"#,
        r#"{"platform":"ec2","evidence":{},"provider":1}"#,
    ] {
        assert_eq!(clouds.post_attest(body, &[&proof()]).await.error(), "400 invalid_request", "{body}");
    }
    for body in [
        r#"{"platform":"ec2","evidence":{},"provider":"vms"}"#,
        r#"{"platform":"kubernetes","evidence":{}}"#,
        r#"{"platform":"ec2","evidence":{},"provider":"nobody"}"#,
    ] {
        assert_eq!(clouds.post_attest(body, &[&proof()]).await.error(), "400 invalid_grant", "{body}");
    }
    let body = r#"{"platform":"ec2","evidence":{}}"#;
    assert_eq!(clouds.post_attest(body, &[]).await.error(), "400 invalid_dpop_proof");
    assert_eq!(clouds.post_attest(body, &[&proof(), &proof()]).await.error(), "400 invalid_dpop_proof");
    let elsewhere = key.with_nonce(&clouds.world, "/token", Some(&challenge));
    assert_eq!(clouds.post_attest(body, &[&elsewhere]).await.error(), "400 invalid_dpop_proof");
    let shown = Caller::new(&challenge, &key).sign();
    let answer = clouds.attest("ec2", shown, &key, &challenge).await;
    assert_eq!(answer.error(), "400 invalid_grant", "evidence of another platform");
}
