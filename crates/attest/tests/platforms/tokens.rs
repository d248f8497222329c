//! What every path has to pass.

use crate::issuer::FakeIssuer;
use crate::world::{NOW, SERVER, World, but, provider, registered};
use prokura_attest::{AttestError, Door, Refused};
use prokura_oauth::jose::{Algorithm, JoseError, KeySet, SigningKey};
use prokura_oauth::json::{Object, Value, obj};

async fn world() -> (FakeIssuer, World) {
    let issuer = FakeIssuer::start("/ci").await;
    let world = World::of("oidc", &issuer, "claims.team = { required = true, told = true }");
    (issuer, world)
}

fn claims(issuer: &FakeIssuer) -> Object {
    but(&registered(&issuer.issuer, "job:1"), "team", "agents")
}

#[tokio::test]
async fn a_right_token_says_what_the_configuration_names() {
    let (issuer, world) = world().await;
    let evidence = world.verify(&issuer.sign("JWT", &claims(&issuer))).await.unwrap();
    assert_eq!((&*evidence.provider, evidence.subject.as_str()), ("prod", "job:1"));
    assert_eq!(evidence.attested().unwrap().claims["team"], "agents");
    assert_eq!((evidence.id.as_deref(), evidence.expires_at.seconds()), (Some("j1"), NOW + 300));
}

#[tokio::test]
async fn cve_2026_11800_the_algorithm_is_the_issuers_and_the_keys_never_the_tokens() {
    let (issuer, world) = world().await;
    // The public key as the secret of an HMAC; and a key that is pinned to another algorithm.
    let header = |alg: &str, kid: &str| format!(r#"{{"alg":"{alg}","typ":"JWT","kid":"{kid}"}}"#);
    let kid = issuer.with(|s| s.keys[0].kid().to_owned());
    let right = issuer.sign("JWT", &claims(&issuer));
    let parts: Vec<_> = right.split('.').collect();
    for alg in ["HS256", "none", "RS256", "ES384"] {
        use base64::Engine;
        let head = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header(alg, &kid));
        let forged = format!("{head}.{}.{}", parts[1], parts[2]);
        assert!(matches!(world.refusal(&forged).await, Refused::Jose(_)), "{alg}");
    }
    // An algorithm that the issuer's keys could verify, and that is not on its list.
    let rsa = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let jwt = rsa.sign("JWT", &claims(&issuer)).unwrap();
    issuer.with(|s| s.keys.push(rsa));
    world.later(61);
    assert_eq!(world.refusal(&jwt).await, Refused::Jose(JoseError::Algorithm));
}

#[tokio::test]
async fn cve_2026_16093_nothing_is_read_of_a_token_that_was_not_verified() {
    let (issuer, world) = world().await;
    // Everything else is wrong too: what is said is that it is not signed.
    let wrong = but(&but(&claims(&issuer), "team", Value::Null), "exp", 1_i64);
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let unknown = stranger.sign("JWT", &wrong).unwrap();
    assert_eq!(world.refusal(&unknown).await, Refused::Jose(JoseError::UnknownKey));
    let right = issuer.sign("JWT", &wrong);
    let unsigned = format!("{}.", right.rsplit_once('.').unwrap().0);
    assert!(matches!(world.refusal(&unsigned).await, Refused::Jose(JoseError::Signature)));
}

#[tokio::test]
async fn d06_one_changed_byte_and_the_token_says_nothing() {
    let (issuer, world) = world().await;
    let right = issuer.sign("JWT", &claims(&issuer));
    assert!(world.verify(&right).await.is_ok());
    let other = issuer.sign("JWT", &but(&claims(&issuer), "team", "admins"));
    let (mine, theirs): (Vec<_>, Vec<_>) = (right.split('.').collect(), other.split('.').collect());
    let spliced = format!("{}.{}.{}", mine[0], theirs[1], mine[2]);
    assert_eq!(world.refusal(&spliced).await, Refused::Jose(JoseError::Signature));
}

#[tokio::test]
async fn c01_a_token_for_others_too_is_refused_with_expected_against_received() {
    let (issuer, world) = world().await;
    let with = |aud: Value| issuer.sign("JWT", &but(&claims(&issuer), "aud", aud));
    let alone = with(Value::Array(vec![SERVER.into()]));
    for door in [Door::Grant, Door::ClientAuthentication] {
        assert!(world.providers.verify_jwt(&alone, door).await.is_ok(), "a list of one is one");
    }
    for aud in [
        Value::from("https://other.example"),
        Value::from(format!("{SERVER}/")),
        Value::from(format!("{SERVER}/token")),
        Value::Array(vec![SERVER.into(), "https://other.example".into()]),
        Value::Array(vec![SERVER.into(), SERVER.into()]),
        Value::Array(Vec::new()),
        Value::Null,
    ] {
        let jwt = with(aud.clone());
        for door in [Door::Grant, Door::ClientAuthentication] {
            let refused = world.providers.verify_jwt(&jwt, door).await.unwrap_err();
            assert!(refused.to_string().contains(SERVER), "{aud}: {refused}");
        }
    }
    let refused = world.refusal(&with("https://other.example".into())).await;
    assert_eq!(refused.to_string(), "`aud` is `https://other.example`, expected `https://as.example` alone");
}

#[tokio::test]
async fn c01_options_widen_grants_and_never_client_authentication() {
    let issuer = FakeIssuer::start("").await;
    let text = provider("prod", "oidc", &issuer, "several_audiences = true");
    let world = World::with(&format!("[workload]\naccept_token_endpoint_audience = true\n{text}"));
    let several = Value::Array(vec![SERVER.into(), "https://other.example".into()]);
    for aud in [several, Value::from(format!("{SERVER}/token"))] {
        let jwt = issuer.sign("JWT", &but(&registered(&issuer.issuer, "s"), "aud", aud));
        assert!(world.providers.verify_jwt(&jwt, Door::Grant).await.is_ok());
        assert!(world.providers.verify_jwt(&jwt, Door::ClientAuthentication).await.is_err());
    }
}

#[tokio::test]
async fn c03_what_lacks_a_time_is_old_or_lives_long_is_refused() {
    let (issuer, world) = world().await;
    let sign = |name: &str, value: Value| issuer.sign("JWT", &but(&claims(&issuer), name, value));
    for (name, value) in [
        ("exp", Value::Null),
        ("exp", (NOW - 60).into()),
        ("exp", "never".into()),
        ("iat", Value::Null),
        ("iat", (NOW + 60).into()),
        ("nbf", (NOW + 60).into()),
        ("sub", Value::Null),
        ("sub", "".into()),
        ("sub", 7_i64.into()),
    ] {
        let refused = world.verify(&sign(name, value.clone())).await;
        assert!(refused.is_err(), "{name} {value}");
    }
    let long = issuer.sign("JWT", &but(&claims(&issuer), "exp", NOW + 3601));
    let refused = world.refusal(&long).await.to_string();
    assert!(refused.contains("3601 s") && refused.contains("at most 3600 s"), "{refused}");
    // It would be over in a minute, and was good for an hour and a half.
    let old = but(&but(&claims(&issuer), "iat", NOW - 5340), "exp", NOW + 60);
    assert!(matches!(world.refusal(&issuer.sign("JWT", &old)).await, Refused::TooLong { .. }));
    assert!(world.verify(&sign("exp", (NOW + 3600).into())).await.is_ok());
}

#[tokio::test]
async fn c21_the_keys_of_two_providers_never_meet() {
    let (a, b) = (FakeIssuer::start("/a").await, FakeIssuer::start("/b").await);
    let world = World::with(&format!("{}{}", provider("a", "oidc", &a, ""), provider("b", "oidc", &b, "")));
    for issuer in [&a, &b] {
        assert!(world.verify(&issuer.sign("JWT", &registered(&issuer.issuer, "s"))).await.is_ok());
    }
    let in_the_name_of_a = b.sign("JWT", &registered(&a.issuer, "s"));
    assert!(world.verify(&in_the_name_of_a).await.is_err());
    let stranger = FakeIssuer::start("/c").await;
    let refused = world.verify(&stranger.sign("JWT", &registered(&stranger.issuer, "s"))).await.unwrap_err();
    assert!(matches!(refused, AttestError::UnknownIssuer { .. }));
    assert!(refused.to_string().contains(&stranger.issuer), "the administrator sees which");
    assert_eq!(stranger.with(|s| s.keys_asked + s.metadata_asked), 0, "nobody asks who is not believed");
}

#[tokio::test]
async fn d07_numbers_are_numbers_and_large_ones_are_none() {
    let issuer = FakeIssuer::start("").await;
    let world = World::of("oidc", &issuer, "claims.run = { type = \"number\", path = [\"job\", \"run\"] }");
    let with =
        |run: Value| issuer.sign("JWT", &but(&registered(&issuer.issuer, "s"), "job", obj([("run", run)])));
    assert!(world.verify(&with(7_i64.into())).await.is_ok());
    let large = prokura_oauth::json::Number::parse("9007199254740993").unwrap();
    let exponent = prokura_oauth::json::Number::parse("1e2").unwrap();
    for run in [Value::from("7"), Value::Bool(true), large.into(), exponent.into()] {
        let refused = world.refusal(&with(run.clone())).await;
        assert!(matches!(&refused, Refused::Claim { claim, .. } if claim == "job.run"), "{run}: {refused}");
    }
}

#[tokio::test]
async fn c02_a_second_signature_over_the_same_words_is_the_same_token() {
    let (issuer, world) = world().await;
    // ECDSA takes another signature each time, and anybody can turn one into another that verifies too.
    let (first, second) = (issuer.sign("JWT", &claims(&issuer)), issuer.sign("JWT", &claims(&issuer)));
    assert_ne!(first, second);
    let (first, second) = (world.verify(&first).await.unwrap(), world.verify(&second).await.unwrap());
    assert_eq!(first.digest, second.digest);
}

#[tokio::test]
async fn c08_a_token_that_is_bound_to_a_key_says_so_and_other_bindings_are_refused() {
    let (issuer, world) = world().await;
    let jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let with = |cnf: Object| issuer.sign("JWT", &but(&claims(&issuer), "cnf", Value::Object(cnf)));
    let bound = world.verify(&with(obj([("jkt", jkt.into())]))).await.unwrap();
    assert_eq!(bound.key.unwrap().to_string(), jkt);
    for cnf in [obj([("x5t#S256", jkt.into())]), obj([("kid", "k".into())]), obj([])] {
        assert_eq!(world.refusal(&with(cnf)).await, Refused::Confirmation);
    }
}

#[tokio::test]
async fn access_tokens_and_identity_assertions_are_no_evidence() {
    let (issuer, world) = world().await;
    for typ in ["at+jwt", "oauth-id-jag+jwt", "dpop+jwt", "logout+jwt"] {
        let jwt = issuer.sign(typ, &claims(&issuer));
        assert_eq!(world.refusal(&jwt).await, Refused::Jose(JoseError::Type), "{typ}");
    }
    let jwt = issuer.sign("client-authentication+jwt", &claims(&issuer));
    assert!(world.verify(&jwt).await.is_err());
    assert!(world.providers.verify_jwt(&jwt, Door::ClientAuthentication).await.is_ok());
    for text in ["", "a.b", "a.b.c", "opaque"] {
        assert!(matches!(world.verify(text).await, Err(AttestError::NoToken)), "{text}");
    }
}

#[tokio::test]
async fn keys_given_in_the_configuration_are_used_and_nobody_is_asked() {
    let issuer = FakeIssuer::start("").await;
    let keys = issuer.with(|s| KeySet::of(vec![s.keys[0].public()]).unwrap().to_jwks().to_vec());
    let world = World::of("oidc", &issuer, &format!("jwks = '{}'", String::from_utf8(keys).unwrap()));
    assert!(world.verify(&issuer.sign("JWT", &registered(&issuer.issuer, "s"))).await.is_ok());
    assert_eq!(issuer.with(|s| s.keys_asked + s.metadata_asked), 0);
}
