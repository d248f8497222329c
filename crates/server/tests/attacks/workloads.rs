//! Evidence of workloads, where it is shown: who is believed, once or with one key, for whom, and never for more.

use crate::world::proof::Prover;
use crate::world::workload::*;
use crate::world::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prokura_core::{AgentId, Clock as _, Evidence, Principal, WorkloadId};
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_oauth::json::{Value, obj};
use prokura_store::Foreigner;

const NOBODYS: &str = r#"
    [[client]]
    id = "mesh"
    auth = "workload"
    workload = { rule = "planner" }
    agent = "planner"
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "sales"
    scopes = ["write"]
"#;

fn client_credentials<'a>(jwt: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![
        ("grant_type", "client_credentials"),
        ("client_assertion_type", prokura_oauth::token_request::ASSERTION_TYPE),
        ("client_assertion", jwt),
    ];
    all.extend(more);
    all
}

#[tokio::test]
async fn c01_evidence_for_another_audience_or_for_several_is_refused_at_both_doors() {
    let platforms = Platforms::default();
    let world = platforms.world(NOBODYS).await;
    let list = |all: &[&str]| Value::Array(all.iter().map(|a| (*a).into()).collect());
    for aud in [
        Value::Null,
        "https://other.example".into(),
        "http://localhost:9400/".into(),
        "http://localhost:9400/token".into(),
        list(&[ISSUER, "https://other.example"]),
        list(&[]),
        "".into(),
        7_i64.into(),
    ] {
        let jwt = platforms.pod(&world, &[("aud", aud.clone())]);
        let answer = world.federate(&jwt, &[]).await;
        assert_eq!(answer.error(), "400 invalid_grant", "{aud}");
        assert!(!answer.body.contains("expected"), "a stranger learns nothing: {}", answer.body);
        let (reason, details) = world.refusal().await;
        assert_eq!(reason, "evidence_invalid");
        assert!(details.str("detail").unwrap().contains("`aud` is"), "{details:?}");
        let answer = world.form("/token", None, &client_credentials(&jwt, &[])).await;
        assert_eq!(answer.error(), "401 invalid_client", "{aud}");
    }
    assert_eq!(world.federate(&platforms.pod(&world, &[]), &[]).await.status, 200);
    let jwt = platforms.pod(&world, &[("aud", ISSUER.into())]);
    assert_eq!(world.form("/token", None, &client_credentials(&jwt, &[])).await.status, 200);
}

#[tokio::test]
async fn c01_the_token_endpoint_is_an_audience_by_option_and_only_of_the_grant() {
    let platforms = Platforms::default();
    let world =
        platforms.world(&format!("{NOBODYS}\n[workload]\naccept_token_endpoint_audience = true")).await;
    let jwt = platforms.pod(&world, &[("aud", format!("{ISSUER}/token").into())]);
    assert_eq!(world.federate(&jwt, &[]).await.status, 200);
    let answer = world.form("/token", None, &client_credentials(&jwt, &[])).await;
    assert_eq!(answer.error(), "401 invalid_client");
}

#[tokio::test]
async fn c02_evidence_that_is_shown_once_yields_once_on_any_process_and_after_a_restart() {
    let platforms = Platforms::default();
    let directory = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", directory.path().join("p.db").display());
    let config = platforms.config("");
    let one = World::on(&config, &database, "pep_1").await;
    let two = World::on(&config, &database, "pep_2").await;
    let jwt = platforms.job(&one, &[]);
    assert_eq!(one.federate(&jwt, &[]).await.status, 200);
    for world in [&one, &two] {
        assert_eq!(world.federate(&jwt, &[]).await.error(), "400 invalid_grant");
        assert_eq!(world.refusal().await.0, "evidence_replayed");
    }
    drop((one, two));
    let three = World::on(&config, &database, "pep_3").await;
    assert_eq!(three.federate(&jwt, &[]).await.error(), "400 invalid_grant");
    assert_eq!(three.federate(&platforms.job(&three, &[]), &[]).await.status, 200);
}

#[tokio::test]
async fn c02_what_is_refused_for_another_reason_does_not_burn_evidence() {
    let platforms = Platforms::default();
    let world = platforms.world("").await;
    let jwt = platforms.job(&world, &[]);
    assert_eq!(world.federate(&jwt, &[("scope", "rule")]).await.error(), "400 invalid_scope");
    assert_eq!(
        world.federate(&jwt, &[("resource", "http://localhost:9400/mcp/x")]).await.error(),
        "400 invalid_target"
    );
    assert_eq!(world.federate(&jwt, &[]).await.status, 200);
}

#[tokio::test]
async fn c02_one_of_many_simultaneous_uses_of_evidence_wins() {
    let platforms = Platforms::default();
    let world = platforms.world("").await;
    let jwt = platforms.job(&world, &[]);
    let all = futures_util::future::join_all((0..50).map(|_| world.federate(&jwt, &[]))).await;
    assert_eq!(all.iter().filter(|a| a.status == 200).count(), 1);
}

#[tokio::test]
async fn c02_a_second_signature_over_the_same_evidence_is_no_second_piece_of_it() {
    let platforms = Platforms::default();
    let world = platforms.world("").await;
    let claims = changed(platforms.job_claims(&world), &[("jti", Value::Null)]);
    let (first, second) =
        (platforms.ci.sign("JWT", &claims).unwrap(), platforms.ci.sign("JWT", &claims).unwrap());
    assert_ne!(first, second, "the algorithm is randomized");
    assert_eq!(world.federate(&first, &[]).await.status, 200);
    assert_eq!(world.federate(&second, &[]).await.error(), "400 invalid_grant");
}

#[tokio::test]
async fn c02_evidence_belongs_to_the_first_key_that_it_was_shown_with() {
    let platforms = Platforms::default();
    let config =
        platforms.config("").replace("name = \"prod\"\n", "name = \"prod\"\nreplay = \"first_key\"\n");
    let world = World::with(&config).await;
    let (mine, thiefs) = (Prover::new(), Prover::new());
    let jwt = platforms.pod(&world, &[]);
    assert_eq!(world.federate(&jwt, &[]).await.error(), "400 invalid_dpop_proof", "there is no key");
    for _ in 0..3 {
        let answer = world.federate_with(&jwt, &[], &[&mine.proof(&world, "/token")]).await;
        assert_eq!(answer.text("token_type"), "DPoP", "the same evidence again, with the same key");
    }
    let answer = world.federate_with(&jwt, &[], &[&thiefs.proof(&world, "/token")]).await;
    assert_eq!(answer.error(), "400 invalid_grant");
    let (reason, details) = world.refusal().await;
    assert_eq!(reason, "evidence_other_key");
    assert!(details.str("workload").unwrap().starts_with("wl_"), "{details:?}");
    assert_eq!(details.str("rule"), Some("planner"));
    let last = world.record().await.into_iter().find(|e| e.outcome.as_str() == "deny").unwrap();
    assert_eq!(last.subject, Some(Principal::Agent(AgentId::parse("agt_planner").unwrap())));
    assert_eq!(world.federate(&jwt, &[]).await.error(), "400 invalid_dpop_proof");
}

#[tokio::test]
async fn c03_evidence_that_lacks_something_is_old_or_lives_long_is_refused() {
    let platforms = Platforms::default();
    let world = platforms.world("").await;
    let now = world.clock.now().seconds();
    for (name, value) in [
        ("sub", Value::Null),
        ("sub", 7_i64.into()),
        ("exp", Value::Null),
        ("exp", (now - 60).into()),
        ("exp", (now + 31_536_000).into()),
        ("exp", "soon".into()),
        ("iat", Value::Null),
        ("iat", (now + 3600).into()),
        ("nbf", (now + 3600).into()),
        ("iss", "https://other.example".into()),
        ("iss", Value::Null),
        ("kubernetes.io", Value::Null),
    ] {
        let jwt = platforms.pod(&world, &[(name, value.clone())]);
        assert_eq!(world.federate(&jwt, &[]).await.error(), "400 invalid_grant", "{name} {value}");
    }
    for odd in ["", "x", "a.b.c", "a.b.c.d.e"] {
        assert!(
            ["400 invalid_grant", "400 invalid_request"]
                .contains(&world.federate(odd, &[]).await.error().as_str())
        );
    }
}

#[tokio::test]
async fn c03_a_token_never_outlives_its_evidence() {
    let platforms = Platforms::default();
    let world = platforms.world("").await;
    let exp = world.clock.now().seconds() + 90;
    let jwt = platforms.pod(&world, &[("exp", exp.into())]);
    world.wait(30);
    let answer = world.federate(&jwt, &[]).await;
    assert_eq!(answer.json().get("expires_in").unwrap().as_i64(), Some(60));
    assert!(!answer.json().contains_key("refresh_token"));
    world.wait(62);
    assert_eq!(world.federate(&jwt, &[]).await.error(), "400 invalid_grant", "it ended two seconds ago");
    assert_eq!(world.refusal().await.0, "evidence_expired");
}

#[tokio::test]
async fn c10_whoever_is_disabled_gets_nothing_by_evidence() {
    let platforms = Platforms::default();
    let world = platforms.world(NOBODYS).await;
    let got = world.federate(&platforms.pod(&world, &[]), &[]).await;
    let workload = world.verified(&got.text("access_token")).workload.unwrap().workload;
    let stop = |who: Foreigner, disabled: bool| {
        let now = world.clock.now();
        world.write(move |tx| tx.disable_foreigner(&who, disabled, "operator", "test", now))
    };
    let both = || async {
        let jwt = platforms.pod(&world, &[]);
        let grant = world.federate(&jwt, &[]).await.error();
        (grant, world.form("/token", None, &client_credentials(&jwt, &[("client_id", "mesh")])).await.error())
    };
    let refused = ("400 invalid_grant".to_owned(), "400 invalid_grant".to_owned());
    for who in
        [Foreigner::Workload(workload), Foreigner::provider("prod"), Foreigner::Issuer(CLUSTER.to_owned())]
    {
        stop(who.clone(), true).await;
        assert_eq!(both().await, refused, "{who:?}");
        stop(who, false).await;
    }
    let other = Foreigner::Workload(WorkloadId::parse("wl_other").unwrap());
    stop(other, true).await;
    assert_eq!(both().await, ("200 ".to_owned(), "200 ".to_owned()));
    let agent = AgentId::parse("agt_planner").unwrap();
    world
        .write(move |tx| {
            tx.disable_agent(&agent, true, "operator", "test", prokura_core::Timestamp::from_seconds(1))
        })
        .await;
    assert_eq!(both().await, refused);
}

#[tokio::test]
async fn c10_what_was_issued_ends_with_its_workload_and_with_its_grant() {
    let platforms = Platforms::default();
    let world = platforms.world("").await;
    let got = world.federate(&platforms.pod(&world, &[]), &[]).await.text("access_token");
    assert!(world.is_active(&got).await);
    let workload = world.verified(&got).workload.unwrap().workload;
    let now = world.clock.now();
    let who = Foreigner::Workload(workload);
    world.write(move |tx| tx.disable_foreigner(&who, true, "operator", "test", now)).await;
    assert!(!world.is_active(&got).await);
    let other = changed(pod_claims(&world, "planner", "pod-2"), &[]);
    let other = platforms.cluster.sign("JWT", &other).unwrap();
    let live = world.federate(&other, &[]).await.text("access_token");
    let grant = world.verified(&live).grant.id;
    world.write(move |tx| tx.revoke_tree(&grant, "operator", "test", now)).await;
    assert!(!world.is_active(&live).await);
    assert_eq!(world.federate(&other, &[]).await.error(), "400 invalid_grant", "what was revoked stays so");
}

/// Keycloak CVE-2026-11800: an algorithm of the attacker's choice made forged users out of jwt-bearer assertions.
#[tokio::test]
async fn cve_2026_11800_the_algorithm_of_evidence_is_not_the_callers_choice() {
    let platforms = Platforms::default();
    let world = platforms.world("").await;
    let good = platforms.pod(&world, &[]);
    let claims = good.split('.').nth(1).unwrap();
    let public = platforms.cluster.public();
    let jwk = prokura_oauth::jose::KeySet::of(vec![public]).unwrap().to_jwks().to_vec();
    for header in [
        r#"{"alg":"none","typ":"JWT"}"#.to_owned(),
        r#"{"alg":"None","typ":"JWT"}"#.to_owned(),
        r#"{"alg":"HS256","typ":"JWT"}"#.to_owned(),
        r#"{"alg":"RS256","typ":"JWT"}"#.to_owned(),
        format!(r#"{{"alg":"ES256","typ":"JWT","jwk":{}}}"#, String::from_utf8_lossy(&jwk)),
    ] {
        let header = URL_SAFE_NO_PAD.encode(header.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(&jwk);
        for forged in [format!("{header}.{claims}."), format!("{header}.{claims}.{signature}")] {
            assert_eq!(world.federate(&forged, &[]).await.error(), "400 invalid_grant", "{forged}");
        }
    }
    let other = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let forged = other.sign("JWT", &pod_claims(&world, "planner", "pod-1")).unwrap();
    assert_eq!(world.federate(&forged, &[]).await.error(), "400 invalid_grant");
    assert_eq!(world.federate(&good, &[]).await.status, 200);
}

/// Keycloak CVE-2026-1486: a disabled identity provider still vouched.
#[tokio::test]
async fn cve_2026_1486_a_disabled_provider_vouches_for_nobody() {
    let platforms = Platforms::default();
    let world = platforms.world("").await;
    let jwt = platforms.pod(&world, &[]);
    let now = world.clock.now();
    let who = Foreigner::provider("prod");
    world.write(move |tx| tx.disable_foreigner(&who, true, "operator", "test", now)).await;
    assert_eq!(world.federate(&jwt, &[]).await.error(), "400 invalid_grant");
    assert_eq!(world.refusal().await.0, "disabled");
    assert_eq!(world.federate(&platforms.job(&world, &[]), &[]).await.status, 200, "the others go on");
}

/// Keycloak CVE-2026-1609: a disabled user still got tokens by an assertion.
#[tokio::test]
async fn cve_2026_1609_a_disabled_agent_gets_no_token_by_evidence() {
    let platforms = Platforms::default();
    let world = platforms.world("").await;
    assert_eq!(world.federate(&platforms.pod(&world, &[]), &[]).await.status, 200);
    let (agent, now) = (AgentId::parse("agt_planner").unwrap(), world.clock.now());
    world.write(move |tx| tx.disable_agent(&agent, true, "operator", "test", now)).await;
    assert_eq!(world.federate(&platforms.pod(&world, &[]), &[]).await.error(), "400 invalid_grant");
}

/// Keycloak CVE-2026-16093: a policy looked at an assertion that nobody had verified.
#[tokio::test]
async fn cve_2026_16093_no_rule_sees_evidence_before_it_is_verified() {
    let platforms = Platforms::default();
    let world = platforms.world("").await;
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    for claims in [pod_claims(&world, "planner", "pod-1"), pod_claims(&world, "nobody", "pod-1")] {
        let forged = stranger.sign("JWT", &claims).unwrap();
        assert_eq!(world.federate(&forged, &[]).await.error(), "400 invalid_grant");
        let (reason, details) = world.refusal().await;
        assert_eq!(reason, "evidence_invalid", "whether a rule would match is not even asked");
        assert!(!details.contains_key("workload") && !details.contains_key("rule"), "{details:?}");
    }
    let now = world.clock.now();
    let seen = world.store.read::<_, prokura_store::StoreError>(|tx| tx.workloads(None, 10)).await.unwrap();
    assert!(seen.is_empty(), "{now:?}");
}

/// Keycloak CVE-2026-79652: an assertion yielded a user's authority without consent.
#[tokio::test]
async fn cve_2026_79652_evidence_yields_no_authority_but_the_agents_own() {
    let platforms = Platforms::default();
    let world = platforms.world("").await;
    let asked = [("requested_subject", "alice"), ("username", "alice"), ("scope", "read")];
    let jwt = platforms.pod(
        &world,
        &[("preferred_username", "alice".into()), ("act", obj([("sub", "alice".into())]).into())],
    );
    let got = world.federate(&jwt, &asked).await;
    let token = world.verified(&got.text("access_token"));
    assert_eq!(token.subject, Principal::Agent(AgentId::parse("agt_planner").unwrap()));
    assert!(token.actors.is_empty());
    let grant = token.grant.id.clone();
    let grant =
        world.store.read::<_, prokura_store::StoreError>(move |tx| tx.grant(&grant)).await.unwrap().unwrap();
    assert_eq!((grant.evidence, grant.parents.len()), (Evidence::Policy, 0));
    assert_eq!(world.federate(&jwt, &[("scope", "read write")]).await.error(), "400 invalid_scope");
}

#[tokio::test]
async fn d10_a_thousand_first_tokens_at_once_make_one_agent_one_grant_and_one_row_each() {
    let platforms = Platforms::default();
    let world = platforms.world("").await;
    let pods: Vec<_> = (0..100)
        .map(|n| {
            platforms.cluster.sign("JWT", &pod_claims(&world, "planner", &format!("pod-{}", n % 20))).unwrap()
        })
        .collect();
    let all = futures_util::future::join_all(pods.iter().map(|jwt| world.federate(jwt, &[]))).await;
    assert!(all.iter().all(|a| a.status == 200));
    let grants: std::collections::BTreeSet<_> =
        all.iter().map(|a| world.verified(&a.text("access_token")).grant.id.to_string()).collect();
    assert_eq!(grants.len(), 1, "one grant");
    let seen = world.store.read::<_, prokura_store::StoreError>(|tx| tx.workloads(None, 100)).await.unwrap();
    assert_eq!(seen.len(), 20, "one row for each instance");
}

#[tokio::test]
async fn d07_a_rule_gives_no_more_because_another_of_its_agent_gives_more() {
    let more = r#"
        [[workload.rule]]
        name = "chief"
        provider = "prod"
        agent = "planner"
        when = { namespace = "agents", service_account = "chief" }
        [[workload.rule.grant]]
        resource = "sales"
        scopes = ["read", "write"]
    "#;
    let platforms = Platforms::default();
    let world = platforms.world(more).await;
    let chief = platforms.cluster.sign("JWT", &pod_claims(&world, "chief", "pod-1")).unwrap();
    assert_eq!(world.federate(&chief, &[]).await.text("scope"), "read write");
    let jwt = platforms.pod(&world, &[]);
    assert_eq!(world.federate(&jwt, &[("scope", "read write")]).await.error(), "400 invalid_scope");
    assert_eq!(world.federate(&jwt, &[]).await.text("scope"), "read");
}
