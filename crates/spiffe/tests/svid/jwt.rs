use crate::world::{NOW, bundle, domain, key};
use prokura_oauth::jose::{JoseError, SigningKey};
use prokura_oauth::json::{Object, Value, obj};
use prokura_spiffe::{Bundle, JwtSvid, JwtSvidError, Wanted, claimed};
use std::time::Duration;

const WANTED: Wanted<'static> = Wanted {
    audiences: &["https://as.example"],
    alone: true,
    now: NOW,
    leeway: Duration::ZERO,
    max_lifetime: Duration::from_secs(3600),
};

fn claims() -> Object {
    obj([
        ("sub", "spiffe://example.org/agents/planner".into()),
        ("aud", Value::Array(vec!["https://as.example".into()])),
        ("iat", NOW.seconds().into()),
        ("exp", (NOW.seconds() + 300).into()),
    ])
}

fn with(name: &str, value: Value) -> Object {
    let mut claims = claims();
    claims.insert(name, value);
    claims
}

fn verify(token: &str, bundle: &Bundle, wanted: &Wanted<'_>) -> Result<JwtSvid, JwtSvidError> {
    JwtSvid::verify(token, &domain("example.org"), bundle, wanted)
}

fn signed(key: &SigningKey, claims: &Object) -> String {
    key.sign("JWT", claims).unwrap()
}

#[test]
fn a_jwt_svid_says_whose_it_is() {
    let k = key("k1");
    let bundle = bundle(&[], &[&key("k0"), &k]);
    let svid = verify(&signed(&k, &claims()), &bundle, &WANTED).unwrap();
    assert_eq!(svid.id.as_str(), "spiffe://example.org/agents/planner");
    assert_eq!((svid.issued_at, svid.token_id), (Some(NOW), None));
    // What SPIRE and others add does not matter: an issuer (Keycloak #43394), a name of the token, another type.
    let mut more = with("iss", "https://oidc.example".into());
    more.insert("jti", "1".into());
    assert_eq!(verify(&signed(&k, &more), &bundle, &WANTED).unwrap().token_id.as_deref(), Some("1"));
    assert!(verify(&k.sign("JOSE", &claims()).unwrap(), &bundle, &WANTED).is_ok());
    let one = with("aud", "https://as.example".into());
    assert!(verify(&signed(&k, &one), &bundle, &WANTED).is_ok());
    let named = claimed(&signed(&k, &claims())).unwrap();
    assert_eq!(named, (domain("example.org"), Some("k1".to_owned())));
}

#[test]
fn d07_another_trust_domain_is_another_even_with_the_same_key_and_a_common_prefix() {
    let k = key("k1");
    let bundle = bundle(&[], &[&k]);
    for sub in [
        "spiffe://example.org.evil.example/agents/planner",
        "spiffe://example.or/agents/planner",
        "spiffe://example.orgs/agents/planner",
        "spiffe://sub.example.org/agents/planner",
    ] {
        let refused = verify(&signed(&k, &with("sub", sub.into())), &bundle, &WANTED);
        assert!(matches!(refused, Err(JwtSvidError::Domain { .. })), "{sub}: {refused:?}");
    }
    for sub in
        ["spiffe://example.org", "spiffe://EXAMPLE.org/x", "planner", "", "spiffe://example.org/a/../b"]
    {
        let refused = verify(&signed(&k, &with("sub", sub.into())), &bundle, &WANTED);
        assert!(matches!(refused, Err(JwtSvidError::Subject(_))), "{sub}: {refused:?}");
    }
    let mut nobody = claims();
    nobody.remove("sub");
    assert!(matches!(verify(&signed(&k, &nobody), &bundle, &WANTED), Err(JwtSvidError::Subject(_))));
}

#[test]
fn d07_a_key_of_another_bundle_signs_nothing_here() {
    let (mine, other) = (key("k1"), key("k1"));
    let refused = verify(&signed(&other, &claims()), &bundle(&[], &[&mine]), &WANTED);
    assert_eq!(refused, Err(JoseError::Signature.into()));
    let refused = verify(&signed(&mine, &claims()), &bundle(&[], &[]), &WANTED);
    assert_eq!(refused, Err(JoseError::UnknownKey.into()), "a trust domain that withdrew all its keys");
}

#[test]
fn c03_it_is_for_this_server_alone() {
    let k = key("k1");
    let bundle = bundle(&[], &[&k]);
    let both = with("aud", Value::Array(vec!["https://as.example".into(), "https://other.example".into()]));
    let other = with("aud", "https://other.example".into());
    let mut none = claims();
    none.remove("aud");
    for (aud, alone, fits) in
        [(&both, true, false), (&both, false, true), (&other, false, false), (&none, false, false)]
    {
        let wanted = Wanted { alone, ..WANTED };
        let read = verify(&signed(&k, aud), &bundle, &wanted);
        assert_eq!(read.is_ok(), fits, "{read:?}");
    }
    let said = verify(&signed(&k, &other), &bundle, &WANTED).unwrap_err().to_string();
    assert!(
        said.contains("expected `https://as.example` and no other, received [https://other.example]"),
        "{said}"
    );
}

#[test]
fn c01_its_time_its_life_and_its_type_hold() {
    let k = key("k1");
    let bundle = bundle(&[], &[&k]);
    let refused = |claims: &Object| verify(&signed(&k, claims), &bundle, &WANTED).unwrap_err();
    let mut no_end = claims();
    no_end.remove("exp");
    assert_eq!(refused(&no_end), JoseError::Claim("exp").into());
    assert_eq!(refused(&with("exp", NOW.seconds().into())), JoseError::Expired.into());
    assert_eq!(refused(&with("exp", (NOW.seconds() + 3601).into())), JoseError::TooLong.into());
    assert_eq!(refused(&with("nbf", (NOW.seconds() + 60).into())), JoseError::NotYet.into());
    let typed = k.sign("at+jwt", &claims()).unwrap();
    assert_eq!(verify(&typed, &bundle, &WANTED), Err(JoseError::Type.into()));
}

#[test]
fn without_a_kid_any_key_of_the_bundle_may_have_signed() {
    use base64::Engine as _;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    // Signed by hand: nothing of ours writes a header without `kid`.
    let pair = rcgen::KeyPair::generate().unwrap();
    let k =
        SigningKey::from_pkcs8(prokura_oauth::jose::Algorithm::Es256, "k2", &pair.serialize_der()).unwrap();
    let random = aws_lc_rs_signature(&pair.serialize_der());
    let head = encode(br#"{"alg":"ES256","typ":"JWT"}"#);
    let message = format!("{head}.{}", encode(&claims().to_vec()));
    let token = format!("{message}.{}", encode(&random(message.as_bytes())));
    assert!(verify(&token, &bundle(&[], &[&key("k1"), &k, &key("k3")]), &WANTED).is_ok());
    let refused = verify(&token, &bundle(&[], &[&key("k1"), &key("k3")]), &WANTED);
    assert_eq!(refused, Err(JoseError::Signature.into()));
}

fn aws_lc_rs_signature(pkcs8: &[u8]) -> impl Fn(&[u8]) -> Vec<u8> + use<> {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).unwrap();
    move |message| pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
}
