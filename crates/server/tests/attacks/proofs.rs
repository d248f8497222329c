//! Proofs of possession at the server: row C24, and what RFC 9449 §11 warns of.

use crate::world::proof::Prover;
use crate::world::*;
use prokura_oauth::confirmation::Thumbprint;
use prokura_oauth::json::Value;

const OWN: [(&str, &str); 1] = [("grant_type", "client_credentials")];

async fn own(world: &World, proofs: &[&str]) -> Answer {
    world.proven("/token", Some(&format!("batch:{SECRET}")), &OWN, proofs).await
}

async fn redeem(world: &World, code: &str, proofs: &[&str]) -> Answer {
    world.proven("/token", None, &redemption(code, &[]), proofs).await
}

async fn refresh(world: &World, token: &str, proofs: &[&str]) -> Answer {
    let parameters = [("grant_type", "refresh_token"), ("client_id", "web"), ("refresh_token", token)];
    world.proven("/token", None, &parameters, proofs).await
}

/// A code whose request named a key.
async fn bound_code(world: &World, key: &str) -> String {
    let mut answer = world.authorize(&[("dpop_jkt", key)]).await.redirect();
    answer.1.remove("code").unwrap_or_else(|| panic!("{answer:?}"))
}

fn key_of(world: &World, answer: &Answer) -> Option<String> {
    world.verified(&answer.text("access_token")).cnf.key.map(|k| k.to_string())
}

#[tokio::test]
async fn every_grant_binds_what_it_issues_to_the_key_of_the_proof() {
    let (world, prover) = (World::new().await, Prover::new());
    let own = own(&world, &[&prover.proof(&world, "/token")]).await;
    let redeemed = redeem(&world, &world.code("web").await, &[&prover.proof(&world, "/token")]).await;
    let token = redeemed.text("refresh_token");
    let renewed = refresh(&world, &token, &[&prover.proof(&world, "/token")]).await;
    for answer in [&own, &redeemed, &renewed] {
        assert_eq!(answer.text("token_type"), "DPoP");
        assert_eq!(key_of(&world, answer), Some(prover.thumbprint()));
        let heard = world.introspect("rs", &answer.text("access_token")).await;
        assert_eq!(heard.str("token_type"), Some("DPoP"));
        let cnf = heard.get("cnf").and_then(Value::as_object).unwrap();
        assert_eq!(cnf.str("jkt"), Some(prover.thumbprint().as_str()));
    }
    let event = world.record().await.into_iter().find(|e| e.action == "token:refresh_token").unwrap();
    assert!(event.details.to_vec().windows(3).any(|w| w == b"jkt"), "the record says to whom it is bound");
    let unbound = world.batch().await;
    assert_eq!((unbound.text("token_type").as_str(), key_of(&world, &unbound)), ("Bearer", None));
}

#[tokio::test]
async fn c24_a_proof_is_good_once_on_whichever_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.path().join("a.db").display());
    let (one, two) = (World::on(USUAL, &file, "pep_1").await, World::on(USUAL, &file, "pep_2").await);
    let prover = Prover::new();
    let proof = prover.proof(&one, "/token");
    assert_eq!(own(&one, &[&proof]).await.status, 200);
    for world in [&one, &two] {
        let again = own(world, &[&proof]).await;
        assert_eq!(again.error(), "400 invalid_dpop_proof");
        world.refused_for("proof_replayed").await;
    }
    let code = one.code("web").await;
    assert_eq!(redeem(&two, &code, &[&proof]).await.error(), "400 invalid_dpop_proof");
    // The code was not spent by that, and the proof of another key may have the same id.
    assert_eq!(redeem(&one, &code, &[&Prover::new().proof(&one, "/token")]).await.status, 200);
}

#[tokio::test]
async fn c24_a_proof_for_elsewhere_or_another_time_is_refused() {
    let (world, prover) = (World::new().await, Prover::new());
    for path in ["/par", "/token/", "/mcp/sales", "/introspect"] {
        assert_eq!(own(&world, &[&prover.proof(&world, path)]).await.error(), "400 invalid_dpop_proof");
        world.refused_for("proof_invalid").await;
    }
    let old = prover.proof(&world, "/token");
    world.wait(301);
    assert_eq!(own(&world, &[&old]).await.error(), "400 invalid_dpop_proof");
    let (a, b) = (prover.proof(&world, "/token"), prover.proof(&world, "/token"));
    for proofs in [&[a.as_str(), &b][..], &[""], &["x"], &["a.b.c"]] {
        assert_eq!(own(&world, proofs).await.error(), "400 invalid_dpop_proof", "{proofs:?}");
    }
    assert_eq!(own(&world, &[&a]).await.status, 200, "what was refused was not spent");
}

#[tokio::test]
async fn c24_a_code_is_worth_nothing_without_the_key_it_is_bound_to() {
    let (world, prover) = (World::new().await, Prover::new());
    let code = bound_code(&world, &prover.thumbprint()).await;
    let thief = Prover::new().proof(&world, "/token");
    for proofs in [&[][..], &[thief.as_str()]] {
        assert_eq!(redeem(&world, &code, proofs).await.error(), "400 invalid_grant");
        world.refused_for("code_key").await;
    }
    assert_eq!(redeem(&world, &code, &[&prover.proof(&world, "/token")]).await.status, 200);
    let malformed = world.authorize(&[("dpop_jkt", "short")]).await;
    assert_eq!(malformed.redirect().1["error"], "invalid_request");
}

#[tokio::test]
async fn c24_a_pushed_proof_binds_the_code_too() {
    let (world, prover) = (World::new().await, Prover::new());
    let push =
        async |proof: &str, more: &[(&str, &str)]| world.proven("/par", None, &request(more), &[proof]).await;
    let proof = prover.proof(&world, "/par");
    let pushed = push(&proof, &[]).await;
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    assert_eq!(push(&proof, &[]).await.error(), "400 invalid_dpop_proof", "once");
    let uri = pushed.text("request_uri");
    let query = encode(&[("client_id", "web"), ("request_uri", &uri)]);
    let code = world.get(&format!("/authorize?{query}")).await.redirect().1["code"].clone();
    assert_eq!(redeem(&world, &code, &[]).await.error(), "400 invalid_grant");
    assert_eq!(redeem(&world, &code, &[&prover.proof(&world, "/token")]).await.status, 200);
    // Both may be said if they agree.
    let other = Thumbprint::of(b"other").to_string();
    let two = push(&prover.proof(&world, "/par"), &[("dpop_jkt", &other)]).await;
    assert_eq!(two.error(), "400 invalid_dpop_proof");
    let same = push(&prover.proof(&world, "/par"), &[("dpop_jkt", &prover.thumbprint())]).await;
    assert_eq!(same.status, 201);
    assert_eq!(push(&prover.proof(&world, "/token"), &[]).await.error(), "400 invalid_dpop_proof");
}

#[tokio::test]
async fn c24_a_stolen_refresh_token_of_a_public_client_is_worth_nothing() {
    let (world, prover) = (World::new().await, Prover::new());
    let first = redeem(&world, &world.code("web").await, &[&prover.proof(&world, "/token")]).await;
    let token = first.text("refresh_token");
    let thief = Prover::new();
    for proofs in [vec![], vec![thief.proof(&world, "/token")]] {
        let proofs: Vec<_> = proofs.iter().map(String::as_str).collect();
        assert_eq!(refresh(&world, &token, &proofs).await.error(), "400 invalid_grant");
        world.refused_for("refresh_key").await;
    }
    let second = refresh(&world, &token, &[&prover.proof(&world, "/token")]).await;
    assert_eq!(second.status, 200, "what was refused was not spent: {}", second.body);
    // The successor is bound as its predecessor was; the answer can be had again, but not by the thief.
    let stolen = refresh(&world, &token, &[&thief.proof(&world, "/token")]).await;
    assert_eq!(stolen.error(), "400 invalid_grant");
    let again = refresh(&world, &token, &[&prover.proof(&world, "/token")]).await;
    assert_eq!(again.text("refresh_token"), second.text("refresh_token"));
    let successor = second.text("refresh_token");
    assert_eq!(refresh(&world, &successor, &[]).await.error(), "400 invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_that_was_bound_to_nothing_is_bound_by_the_first_proof() {
    let (world, prover) = (World::new().await, Prover::new());
    let (_, token) = world.tokens().await;
    let bound = refresh(&world, &token, &[&prover.proof(&world, "/token")]).await;
    assert_eq!(bound.text("token_type"), "DPoP");
    // A repeat of the answer needs the key that its successor is bound to by now.
    assert_eq!(refresh(&world, &token, &[]).await.error(), "400 invalid_grant");
    assert_eq!(refresh(&world, &bound.text("refresh_token"), &[]).await.error(), "400 invalid_grant");
}

#[tokio::test]
async fn a_confidential_clients_refresh_token_is_bound_by_its_authentication() {
    let (world, prover) = (World::new().await, Prover::new());
    let basic = format!("basic:{SECRET}");
    let code = world.code("basic").await;
    let parameters = redemption(&code, &[("client_id", "")]);
    let first = world.proven("/token", Some(&basic), &parameters, &[&prover.proof(&world, "/token")]).await;
    let token = first.text("refresh_token");
    let parameters = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    let other = Prover::new();
    let second = world.proven("/token", Some(&basic), &parameters, &[&other.proof(&world, "/token")]).await;
    assert_eq!(key_of(&world, &second), Some(other.thumbprint()), "a client may change its key");
}

#[tokio::test]
async fn who_always_shows_a_proof_gets_nothing_without() {
    let always = USUAL.replace("id = \"batch\"", "id = \"batch\"\ndpop_bound_access_tokens = true");
    let (world, prover) = (World::with(&always).await, Prover::new());
    assert_eq!(own(&world, &[]).await.error(), "400 invalid_dpop_proof");
    world.refused_for("proof_missing").await;
    assert_eq!(own(&world, &[&prover.proof(&world, "/token")]).await.status, 200);
    let world = World::and(OPEN_REGISTRATION).await;
    let asked = r#"{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"none","dpop_bound_access_tokens":true}"#;
    let answer = world.json(http::Method::POST, "/register", None, asked).await;
    assert_eq!(answer.json().get("dpop_bound_access_tokens").and_then(Value::as_bool), Some(true));
    let id = answer.text("client_id");
    let code = world.authorize(&[("client_id", &id)]).await.redirect().1["code"].clone();
    let redeem = world.redeem(&code, &[("client_id", &id)]).await;
    assert_eq!(redeem.error(), "400 invalid_dpop_proof");
    let bad = asked.replace("true", "\"yes\"");
    let answer = world.json(http::Method::POST, "/register", None, &bad).await;
    assert_eq!(answer.error(), "400 invalid_client_metadata");
}

#[tokio::test]
async fn a_resource_may_take_only_bound_tokens() {
    let only = USUAL.replace("name = \"sales\"", "name = \"sales\"\nrequire_dpop = true");
    let (world, prover) = (World::with(&only).await, Prover::new());
    assert_eq!(own(&world, &[]).await.error(), "400 invalid_dpop_proof");
    let code = world.code("web").await;
    assert_eq!(redeem(&world, &code, &[]).await.error(), "400 invalid_dpop_proof");
    let mended = redeem(&world, &code, &[&prover.proof(&world, "/token")]).await;
    assert_eq!(mended.status, 200, "the code was not spent: {}", mended.body);
}

#[tokio::test]
async fn c24_where_nonces_are_asked_for_no_proof_can_be_made_in_advance() {
    let world = World::and("\n[dpop]\nserver_nonces = true\nnonce_life = \"60s\"\n").await;
    let prover = Prover::new();
    let challenged = own(&world, &[&prover.proof(&world, "/token")]).await;
    assert_eq!(challenged.error(), "400 use_dpop_nonce");
    world.refused_for("proof_nonce").await;
    let nonce = challenged.header("dpop-nonce").to_owned();
    assert_eq!(challenged.header("cache-control"), "no-store");
    let used = prover.with_nonce(&world, "/token", Some(&nonce));
    let issued = own(&world, &[&used]).await;
    assert_eq!(issued.status, 200, "{}", issued.body);
    assert!(!issued.header("dpop-nonce").is_empty(), "the next nonce comes along (§8.2)");
    assert_eq!(own(&world, &[&used]).await.error(), "400 invalid_dpop_proof");
    let pushed = world.proven("/par", None, &request(&[]), &[&prover.proof(&world, "/par")]).await;
    assert_eq!(
        (pushed.error().as_str(), pushed.header("dpop-nonce")),
        ("400 use_dpop_nonce", nonce.as_str())
    );
    world.wait(61);
    for odd in [Some(nonce.as_str()), Some("x"), Some(""), None] {
        let refused = own(&world, &[&prover.with_nonce(&world, "/token", odd)]).await;
        assert_eq!(refused.error(), "400 use_dpop_nonce", "{odd:?}");
    }
    // No nonce, no proof: what needs none goes as before.
    assert_eq!(own(&world, &[]).await.status, 200);
}

#[tokio::test]
async fn a_proof_that_yields_nothing_takes_no_room() {
    let (world, prover) = (World::new().await, Prover::new());
    for _ in 0..5 {
        let proof = prover.proof(&world, "/token");
        let parameters = redemption("code_none", &[]);
        assert_eq!(world.proven("/token", None, &parameters, &[&proof]).await.error(), "400 invalid_grant");
    }
    let proof = prover.proof(&world, "/token");
    assert_eq!(own(&world, &[&proof]).await.status, 200);
    world.wait(302);
    let now = prokura_core::Clock::now(&*world.clock);
    let pruned = world.write(move |tx| tx.prune(now, 100)).await;
    assert_eq!(
        pruned.rows, 1,
        "one proof was remembered, and is forgotten when nobody would take it any more"
    );
}
