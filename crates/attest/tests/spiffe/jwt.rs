use crate::svid::{NOW, bundle_text, key};
use crate::world::{Endpoint, PLANNER, SERVER, World, claims, signed};
use prokura_attest::{AttestError, ClaimValue, Door, Refused};
use prokura_core::Platform;
use prokura_oauth::jose::{Algorithm, JoseError, SigningKey};
use prokura_oauth::json::{Object, Value};

fn with(name: &str, value: impl Into<Value>) -> Object {
    let mut claims = claims(NOW.seconds());
    claims.insert(name, value.into());
    claims
}

fn without(name: &str) -> Object {
    let mut claims = claims(NOW.seconds());
    claims.remove(name);
    claims
}

async fn world(keys: &[&SigningKey]) -> World {
    World::at(&*Endpoint::of(bundle_text(&[], keys)).await)
}

#[tokio::test]
async fn a_jwt_svid_is_evidence_of_its_workload() {
    let k = key("k1");
    let world = world(&[&key("k0"), &k]).await;
    let evidence = world.verify(&world.svid(&k)).await.unwrap();
    assert_eq!((evidence.platform, &*evidence.provider), (Platform::Spiffe, "mesh"));
    assert_eq!(evidence.subject, PLANNER);
    assert_eq!(evidence.claims["path"], ClaimValue::Text("/agents/planner".to_owned()));
    assert_eq!(evidence.attested().unwrap().claims["spiffe_id"], PLANNER);
    // What SPIRE and others add does not matter: an issuer (Keycloak #43394), a name of the token, another type.
    for claims in
        [with("iss", "https://oidc.example.org"), with("jti", "1"), with("aud", SERVER), without("iat")]
    {
        assert!(world.verify(&signed(&k, &claims)).await.is_ok(), "{claims:?}");
    }
    assert!(world.verify(&k.sign("JOSE", &claims(NOW.seconds())).unwrap()).await.is_ok());
}

#[tokio::test]
async fn d07_another_trust_domain_is_another_even_with_a_key_of_this_one_and_a_common_prefix() {
    let k = key("k1");
    let world = world(&[&k]).await;
    for sub in [
        "spiffe://example.org.evil.example/agents/planner",
        "spiffe://example.or/agents/planner",
        "spiffe://example.orgs/agents/planner",
        "spiffe://sub.example.org/agents/planner",
        "spiffe://EXAMPLE.org/x",
        "spiffe://example.org",
        "spiffe://example.org/a/../b",
        "planner",
    ] {
        let refused = world.verify(&signed(&k, &with("sub", sub))).await;
        assert!(matches!(refused, Err(AttestError::UnknownIssuer { .. })), "{sub}: {refused:?}");
    }
    let refused = world.verify(&signed(&k, &without("sub"))).await;
    assert!(matches!(refused, Err(AttestError::UnknownIssuer { .. })), "{refused:?}");
}

#[tokio::test]
async fn d07_two_trust_domains_never_share_a_key() {
    let (mine, other) = (key("k1"), key("k1"));
    let (a, b) =
        (Endpoint::of(bundle_text(&[], &[&mine])).await, Endpoint::of(bundle_text(&[], &[&other])).await);
    let of = |name: &str, domain: &str, at: &str| {
        format!(
            "[[workload.provider]]\nname = \"{name}\"\nplatform = \"spiffe\"\ntrust_domain = \"{domain}\"\nbundle = {{ endpoint = \"{at}\", profile = \"https_web\" }}\n"
        )
    };
    let both = of("mesh", "example.org", &a.address) + &of("stage", "example.org.stage", &b.address);
    let world = World::with(&both);
    let stage = with("sub", "spiffe://example.org.stage/agents/planner");
    assert_eq!(&*world.verify(&signed(&other, &stage)).await.unwrap().provider, "stage");
    for (key, claims) in [(&mine, &stage), (&other, &claims(NOW.seconds()))] {
        assert_eq!(world.refusal(&signed(key, claims)).await, Refused::Jose(JoseError::Signature));
    }
}

#[tokio::test]
async fn c03_it_is_for_this_server_alone_where_a_client_shows_who_it_is() {
    let k = key("k1");
    let world = world(&[&k]).await;
    let both = with("aud", Value::Array(vec![SERVER.into(), "https://other.example".into()]));
    for claims in
        [both, with("aud", "https://other.example"), without("aud"), with("aud", Value::Array(vec![]))]
    {
        let refused = world.refusal(&signed(&k, &claims)).await;
        assert!(matches!(refused, Refused::Audience { .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn c01_time_life_type_and_algorithm_hold() {
    let k = key("k1");
    let world = world(&[&k]).await;
    let now = NOW.seconds();
    for (claims, why) in [
        (without("exp"), JoseError::Claim("exp")),
        (with("exp", now - 10), JoseError::Expired),
        (with("nbf", now + 60), JoseError::NotYet),
    ] {
        assert_eq!(world.refusal(&signed(&k, &claims)).await, Refused::Jose(why));
    }
    let long = world.refusal(&signed(&k, &with("exp", now + 3601))).await;
    assert!(matches!(long, Refused::TooLong { .. }));
    let mut endless = without("iat");
    endless.insert("exp", (now + 3601).into());
    assert!(matches!(world.refusal(&signed(&k, &endless)).await, Refused::TooLong { .. }));
    let typed = k.sign("at+jwt", &claims(now)).unwrap();
    assert_eq!(world.refusal(&typed).await, Refused::Jose(JoseError::Type));
    let (head, rest) = world.svid(&k).split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let none = encode(br#"{"alg":"none","typ":"JWT"}"#);
    assert_eq!(world.refusal(&format!("{none}.{rest}")).await, Refused::Jose(JoseError::Algorithm), "{head}");
}

#[tokio::test]
async fn without_a_kid_any_key_of_the_bundle_may_have_signed() {
    let pkcs8 = key("k2").to_pkcs8().unwrap();
    let k = SigningKey::from_pkcs8(Algorithm::Es256, "k2", &pkcs8).unwrap();
    let token = nameless(&pkcs8, &claims(NOW.seconds()));
    let with_it = world(&[&key("k1"), &k, &key("k3")]).await;
    assert!(with_it.providers.verify_jwt(&token, Door::Grant).await.is_ok());
    let without_it = world(&[&key("k1"), &key("k3")]).await;
    assert_eq!(without_it.refusal(&token).await, Refused::Jose(JoseError::Signature));
}

/// Signed by hand: nothing of ours writes a header without `kid`.
fn nameless(pkcs8: &[u8], claims: &Object) -> String {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let message = format!("{}.{}", encode(br#"{"alg":"ES256","typ":"JWT"}"#), encode(&claims.to_vec()));
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).unwrap();
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    format!("{message}.{}", encode(signature.as_ref()))
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
