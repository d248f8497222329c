//! The rows of the attack matrix about tokens: C4 to C9 and C20 to C22.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prokura_core::Timestamp;
use prokura_oauth::jose::{
    Algorithm, Audience, Claims, Expected, JoseError, KeyError, KeySet, NO_TYP, SigningKey, VerifyingKey,
    verify, verify_jws,
};
use prokura_oauth::json::{Limits, Object, Value, obj, parse};
use std::sync::LazyLock;
use std::time::Duration;

const NOW: i64 = 1_700_000_000;
const ISSUER: &str = "https://as.example";
const RESOURCE: &str = "https://as.example/mcp/crm";
static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());
static KEYS: LazyLock<KeySet> = LazyLock::new(|| KeySet::of(vec![KEY.public()]).unwrap());

fn expected() -> Expected<'static> {
    Expected::new(&["at+jwt"], Timestamp::from_seconds(NOW))
        .issuer(ISSUER)
        .audience(Audience::Exactly(RESOURCE))
}

fn claims() -> Object {
    obj([
        ("iss", ISSUER.into()),
        ("aud", RESOURCE.into()),
        ("sub", "usr_alice".into()),
        ("iat", NOW.into()),
        ("exp", (NOW + 300).into()),
    ])
}

fn check(token: &str) -> Result<Claims, JoseError> {
    verify(token, &KEYS, &expected())
}

/// A token of the usual claims, with one replaced, or removed if it is `null`.
fn with_claim(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims.insert(name, value);
    if claims.get(name).is_some_and(Value::is_null) {
        claims.remove(name);
    }
    KEY.sign("at+jwt", &claims).unwrap()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Any header and payload, well signed by [`KEY`].
fn signed(header: &str, payload: &[u8]) -> String {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let der = KEY.to_pkcs8().unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).unwrap();
    let message = format!("{}.{}", encode(header), encode(payload));
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    format!("{message}.{}", encode(signature.as_ref()))
}

/// The usual claims under this header, well signed.
fn with_header(header: &str) -> String {
    signed(header, &claims().to_vec())
}

fn object(text: &str) -> Object {
    parse(text.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap()
}

#[test]
fn a_good_token_is_accepted_with_every_algorithm() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let made = SigningKey::generate(algorithm).unwrap();
        let key = SigningKey::from_pkcs8(algorithm, "k1", &made.to_pkcs8().unwrap()).unwrap();
        assert_eq!(key.public().thumbprint(), Some(made.kid()));
        let jwks = KeySet::of(vec![key.public()]).unwrap().to_jwks();
        let published = String::from_utf8(jwks.to_vec()).unwrap();
        assert!(!published.contains("\"d\"") && published.contains("\"kid\":\"k1\""), "{published}");
        let keys = KeySet::from_jwks(&jwks, &Algorithm::PUBLIC).unwrap();
        let token = key.sign("at+jwt", &claims()).unwrap();
        let verified = verify(&token, &keys, &expected()).unwrap();
        assert_eq!((verified.claims, verified.header.str("kid")), (claims(), Some("k1")));
        assert_eq!(verified.expires_at, Timestamp::from_seconds(NOW + 300));
        assert!(SigningKey::from_pkcs8(algorithm, "k1", b"no key").is_err());
        assert!(!format!("{key:?}").contains("pair"), "a key does not show itself");
    }
    assert_eq!(SigningKey::generate(Algorithm::Hs256).unwrap_err(), KeyError::Algorithm);
}

#[test]
fn c04_no_algorithm_but_the_key_s_own() {
    for alg in ["none", "NONE", "None", "", "es256", "ES384", "RS256", "HS256", "Ed25519"] {
        let header = format!(r#"{{"typ":"at+jwt","alg":"{alg}","kid":"{}"}}"#, KEY.kid());
        let refused = check(&with_header(&header)).unwrap_err();
        assert!(matches!(refused, JoseError::Algorithm | JoseError::UnknownKey), "{alg}: {refused}");
        let (unsigned, _) =
            with_header(&header).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.len())).unwrap();
        assert!(check(&format!("{unsigned}.")).is_err(), "{alg}");
    }
    for header in
        [r#"{"typ":"at+jwt"}"#, r#"{"typ":"at+jwt","alg":1}"#, r#"{"typ":"at+jwt","alg":["ES256"]}"#]
    {
        assert_eq!(check(&with_header(header)), Err(JoseError::Algorithm));
    }
    assert_eq!(
        verify(&with_claim("x", 1.into()), &KEYS, &expected().algorithms(&[Algorithm::EdDsa])),
        Err(JoseError::Algorithm)
    );
}

#[test]
fn c04_a_public_key_is_never_a_shared_secret() {
    use aws_lc_rs::hmac;
    let key = SigningKey::generate(Algorithm::Rs256).unwrap();
    let jwk = key.public().to_jwk();
    let keys = KeySet::of(vec![key.public()]).unwrap();
    let secrets = [jwk.to_vec(), URL_SAFE_NO_PAD.decode(jwk.str("n").unwrap()).unwrap()];
    for secret in secrets {
        let head = encode(format!(r#"{{"typ":"at+jwt","alg":"HS256","kid":"{}"}}"#, key.kid()));
        let signed = format!("{head}.{}", encode(claims().to_vec()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
        let token = format!("{signed}.{}", encode(tag.as_ref()));
        assert_eq!(verify(&token, &keys, &expected()), Err(JoseError::Algorithm));
        let all: Vec<_> = Algorithm::PUBLIC.into_iter().chain(Algorithm::SECRET).collect();
        assert_eq!(verify_jws(&token, &keys, &all), Err(JoseError::UnknownKey));
    }
    let oct =
        obj([("keys", vec![obj([("kty", "oct".into()), ("k", encode([1; 64]).into())]).into()].into())]);
    assert_eq!(KeySet::from_jwks(&oct, &Algorithm::PUBLIC).unwrap_err(), KeyError::Private);
}

#[test]
fn c04_a_shared_secret_verifies_only_where_it_is_asked_for() {
    use aws_lc_rs::hmac;
    let secret = [7; 32];
    let keys = KeySet::of_secret(&secret, &[Algorithm::Hs256]).unwrap();
    let signed = format!("{}.{}", encode(r#"{"alg":"HS256"}"#), encode(claims().to_vec()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
    let token = format!("{signed}.{}", encode(tag.as_ref()));
    let expected = Expected { types: &[NO_TYP], ..expected() };
    assert!(verify(&token, &keys, &expected.algorithms(&[Algorithm::Hs256])).is_ok());
    assert_eq!(verify(&token, &keys, &expected), Err(JoseError::Algorithm));
    assert_eq!(KeySet::of_secret(&[7; 31], &[Algorithm::Hs256]).unwrap_err(), KeyError::Weak);
    assert!(!String::from_utf8(keys.to_jwks().to_vec()).unwrap().contains("oct"));
}

#[test]
fn c05_a_kid_is_compared_and_nothing_else() {
    for kid in ["../../dev/null", "' OR 1=1 --", "", "/etc/passwd", "\u{0}", "K1"] {
        let header = obj([("typ", "at+jwt".into()), ("alg", "ES256".into()), ("kid", kid.into())]);
        let token = with_header(&String::from_utf8(header.to_vec()).unwrap());
        assert_eq!(check(&token), Err(JoseError::UnknownKey), "{kid:?}");
    }
    let header = r#"{"typ":"at+jwt","alg":"ES256","kid":7}"#;
    assert_eq!(check(&with_header(header)), Err(JoseError::Header("kid")));
}

#[test]
fn c05_a_duplicate_kid_is_refused_even_of_unusable_keys() {
    let jwk = KEY.public().to_jwk();
    let mut other = SigningKey::generate(Algorithm::Es256).unwrap().public().to_jwk();
    other.insert("kid", KEY.kid().into());
    other.insert("use", "enc".into());
    let jwks = obj([("keys", vec![jwk.into(), other.into()].into())]);
    assert_eq!(KeySet::from_jwks(&jwks, &Algorithm::PUBLIC).unwrap_err(), KeyError::DuplicateKid);
    assert_eq!(KeySet::of(vec![KEY.public(), KEY.public()]).unwrap_err(), KeyError::DuplicateKid);
}

#[test]
fn c05_without_a_kid_only_one_key_can_be_meant() {
    let header = r#"{"typ":"at+jwt","alg":"ES256"}"#;
    assert!(check(&with_header(header)).is_ok(), "the only key is meant");
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    let two = KeySet::of(vec![KEY.public(), other.public()]).unwrap();
    assert_eq!(verify(&with_header(header), &two, &expected()), Err(JoseError::UnknownKey));
}

#[test]
fn c06_a_key_that_comes_with_the_token_is_refused() {
    let thief = SigningKey::generate(Algorithm::Es256).unwrap();
    let jwk = Value::from(thief.public().to_jwk());
    let address = Value::from("https://evil.example/jwks");
    for (name, value) in [("jwk", &jwk), ("jku", &address), ("x5u", &address), ("x5c", &Value::Array(vec![]))]
    {
        let header = obj([
            ("typ", "at+jwt".into()),
            ("alg", "ES256".into()),
            ("kid", KEY.kid().into()),
            (name, value.clone()),
        ]);
        let token = with_header(&String::from_utf8(header.to_vec()).unwrap());
        assert_eq!(check(&token), Err(JoseError::Header(name)));
    }
}

#[test]
fn c07_nothing_critical_is_understood() {
    for (parameter, name) in [
        (r#""crit":["exp"]"#, "crit"),
        (r#""crit":[]"#, "crit"),
        (r#""crit":null"#, "crit"),
        (r#""b64":false"#, "b64"),
    ] {
        let header = format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{}",{parameter}}}"#, KEY.kid());
        assert_eq!(check(&with_header(&header)), Err(JoseError::Header(name)));
    }
}

#[test]
fn c08_claims_have_their_types() {
    for name in ["exp", "nbf", "iat"] {
        for value in
            ["\"never\"", "\"1700000300\"", "true", "[1700000300]", "{}", "-1", "1e300", "1e12", "\"\""]
        {
            let value = parse(value.as_bytes(), &Limits::TOKEN).unwrap();
            assert_eq!(
                check(&with_claim(name, value.clone())),
                Err(JoseError::Claim(name)),
                "{name}: {value}"
            );
        }
    }
    assert_eq!(check(&with_claim("exp", Value::Null)), Err(JoseError::Claim("exp")));
    for name in ["sub", "jti", "iss"] {
        assert_eq!(check(&with_claim(name, 7.into())), Err(JoseError::Claim(name)));
    }
    for aud in ["1", "true", "{}", "[1]", "[\"https://as.example/mcp/crm\",1]"] {
        let aud = parse(aud.as_bytes(), &Limits::TOKEN).unwrap();
        for audience in [Audience::Any, Audience::Contains(RESOURCE), Audience::Exactly(RESOURCE)] {
            let refused = verify(&with_claim("aud", aud.clone()), &KEYS, &expected().audience(audience));
            assert_eq!(refused, Err(JoseError::Claim("aud")), "{aud}");
        }
    }
    let fraction = parse(b"1700000299.5", &Limits::TOKEN).unwrap();
    let verified = check(&with_claim("exp", fraction)).unwrap();
    assert_eq!(verified.expires_at, Timestamp::from_micros(1_700_000_299_500_000));
}

#[test]
fn c08_time_is_kept_to_the_second() {
    let at = |name, seconds: i64| check(&with_claim(name, seconds.into())).err();
    assert_eq!(at("exp", NOW), Some(JoseError::Expired));
    assert_eq!(at("exp", NOW + 1), None);
    assert_eq!(at("nbf", NOW), None);
    assert_eq!(at("nbf", NOW + 1), Some(JoseError::NotYet));
    assert_eq!(at("iat", NOW + 1), Some(JoseError::NotYet));
    let lenient = Expected { leeway: Duration::from_secs(5), ..expected() };
    let lenient = |name, seconds: i64| verify(&with_claim(name, seconds.into()), &KEYS, &lenient).err();
    assert_eq!(lenient("exp", NOW - 5), Some(JoseError::Expired));
    assert_eq!(lenient("exp", NOW - 4), None);
    assert_eq!(lenient("nbf", NOW + 5), None);
    assert_eq!(lenient("nbf", NOW + 6), Some(JoseError::NotYet));
    let short = Expected { max_lifetime: Some(Duration::from_secs(300)), ..expected() };
    let short = |name, seconds: i64| verify(&with_claim(name, seconds.into()), &KEYS, &short).err();
    assert_eq!(short("exp", NOW + 300), None);
    assert_eq!(short("exp", NOW + 301), Some(JoseError::TooLong));
    assert_eq!(short("iat", NOW - 1), Some(JoseError::TooLong));
    assert_eq!(short("exp", 253_402_300_799), Some(JoseError::TooLong));
}

#[test]
fn c09_a_token_has_one_form() {
    let token = KEY.sign("at+jwt", &claims()).unwrap();
    assert!(check(&token).is_ok());
    let [header, payload, signature]: [&str; 3] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let flattened = format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#);
    let general = format!(
        r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
    );
    let odd = [
        flattened,
        general,
        format!("{token}="),
        format!("{token}=="),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}."),
        format!("{token}.x"),
        format!("{token}A"),
        format!(".{payload}.{signature}"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        format!("{header}=.{payload}.{signature}"),
        token.replace('.', ".."),
        String::new(),
        "..".into(),
        "a".repeat(1 << 20),
    ];
    for odd in odd {
        assert!(check(&odd).is_err(), "{odd}");
    }
    for i in 0..token.len() {
        let mut other = token.clone().into_bytes();
        other[i] = if other[i] == b'A' { b'B' } else { b'A' };
        assert!(check(std::str::from_utf8(&other).unwrap()).is_err(), "changed at {i}");
    }
}

#[test]
fn c09_header_and_claims_are_read_strictly() {
    let kid = KEY.kid();
    let header = format!(r#"{{"typ":"at+jwt","alg":"none","alg":"ES256","kid":"{kid}"}}"#);
    assert!(matches!(check(&with_header(&header)), Err(JoseError::Json(_))));
    assert_eq!(check(&with_header("[]")), Err(JoseError::Malformed));
    let header = format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}"}}"#);
    let good = String::from_utf8(claims().to_vec()).unwrap();
    assert!(check(&signed(&header, good.as_bytes())).is_ok());
    for odd in [
        good.replacen('{', r#"{"exp":1,"#, 1),
        good.replacen('{', r#"{"a\u0000":1,"#, 1),
        format!("\u{feff}{good}"),
        format!("{good} x"),
    ] {
        assert!(matches!(check(&signed(&header, odd.as_bytes())), Err(JoseError::Json(_))), "{odd}");
    }
    assert_eq!(check(&signed(&header, b"[]")), Err(JoseError::Malformed));
    let nested = |depth: usize| (0..depth).fold(Value::Null, |v, _| Value::Array(vec![v]));
    assert!(check(&with_claim("x", nested(7))).is_ok());
    assert!(matches!(check(&with_claim("x", nested(8))), Err(JoseError::Json(_))));
}

#[test]
fn c20_a_token_for_another_resource_is_refused() {
    assert_eq!(check(&with_claim("aud", Value::Null)), Err(JoseError::Audience));
    for aud in [
        "https://as.example/mcp/cr",
        "https://as.example/mcp/crm/",
        "https://as.example/mcp/crm2",
        "https://AS.example/mcp/crm",
        "http://as.example/mcp/crm",
        "https://as.example/mcp/crm?",
        " https://as.example/mcp/crm",
        "*",
        "",
    ] {
        assert_eq!(check(&with_claim("aud", aud.into())), Err(JoseError::Audience), "{aud}");
        let contains = expected().audience(Audience::Contains(RESOURCE));
        let list = Value::from(vec![aud.into(), "https://other.example".into()]);
        assert_eq!(verify(&with_claim("aud", list), &KEYS, &contains), Err(JoseError::Audience), "{aud}");
    }
    let list = Value::from(vec![RESOURCE.into()]);
    assert_eq!(
        check(&with_claim("aud", list.clone())),
        Err(JoseError::Audience),
        "an array of one is an array"
    );
    assert!(
        verify(&with_claim("aud", list), &KEYS, &expected().audience(Audience::Contains(RESOURCE))).is_ok()
    );
    let unsaid = Expected::new(&["at+jwt"], Timestamp::from_seconds(NOW));
    assert_eq!(
        verify(&with_claim("x", 1.into()), &KEYS, &unsaid),
        Err(JoseError::Audience),
        "no default fits"
    );
}

#[test]
fn c21_a_token_of_another_environment_is_refused() {
    for iss in ["https://staging.example", "https://as.example/", "https://AS.example", ""] {
        assert_eq!(check(&with_claim("iss", iss.into())), Err(JoseError::Issuer), "{iss}");
    }
    assert_eq!(check(&with_claim("iss", Value::Null)), Err(JoseError::Issuer));
    let staging = SigningKey::from_pkcs8(
        Algorithm::Es256,
        KEY.kid(),
        &SigningKey::generate(Algorithm::Es256).unwrap().to_pkcs8().unwrap(),
    );
    let token = staging.unwrap().sign("at+jwt", &claims()).unwrap();
    assert_eq!(check(&token), Err(JoseError::Signature));
}

#[test]
fn c22_a_token_of_another_class_is_refused() {
    for typ in
        ["JWT", "jwt", "id+jwt", "at+jwt ", "at", "application/at+jwt", "client-authentication+jwt", ""]
    {
        let token = KEY.sign(typ, &claims()).unwrap();
        assert_eq!(check(&token), Err(JoseError::Type), "{typ}");
    }
    assert!(check(&KEY.sign("AT+JWT", &claims()).unwrap()).is_ok(), "a media type has no case");
    let none = Expected { types: &[], ..expected() };
    assert_eq!(verify(&with_claim("x", 1.into()), &KEYS, &none), Err(JoseError::Type));
}

#[test]
fn keys_are_read_strictly() {
    let good = object(
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
    );
    let read = |jwk: &Object| VerifyingKey::from_jwk(jwk, &Algorithm::PUBLIC).map(|k| k.algorithms().count());
    assert_eq!(read(&good), Ok(1));
    let changed = |name: &str, value: &str| {
        let mut jwk = good.clone();
        jwk.insert(name, parse(value.as_bytes(), &Limits::TOKEN).unwrap());
        read(&jwk)
    };
    assert_eq!(changed("d", "\"AA\""), Err(KeyError::Private));
    assert_eq!(changed("use", "\"enc\""), Err(KeyError::Usage));
    assert_eq!(changed("use", "1"), Err(KeyError::Member("use")));
    assert_eq!(changed("key_ops", "[\"sign\"]"), Err(KeyError::Usage));
    assert_eq!(changed("key_ops", "\"verify\""), Err(KeyError::Member("key_ops")));
    assert_eq!(changed("key_ops", "[\"verify\"]"), Ok(1));
    assert_eq!(changed("kid", "1"), Err(KeyError::Member("kid")));
    assert_eq!(changed("crv", "\"P-384\""), Err(KeyError::Member("x")));
    assert_eq!(changed("alg", "\"ES384\""), Err(KeyError::Algorithm));
    assert_eq!(changed("alg", "\"RS256\""), Err(KeyError::Algorithm));
    assert_eq!(changed("alg", "\"none\""), Err(KeyError::Algorithm));
    assert_eq!(changed("kty", "\"RSA\""), Err(KeyError::Member("e")));
    assert_eq!(changed("y", "\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1\""), Err(KeyError::Member("y")));
    assert_eq!(changed("y", "\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a8\""), Err(KeyError::Weak));
    assert_eq!(changed("x", "\"AA\""), Err(KeyError::Member("x")));
}

#[test]
fn rsa_keys_are_strong() {
    let good = SigningKey::generate(Algorithm::Rs256).unwrap().public().to_jwk();
    let changed = |name: &str, value: &[u8]| {
        let mut jwk = good.clone();
        jwk.insert(name, encode(value).into());
        VerifyingKey::from_jwk(&jwk, &Algorithm::PUBLIC).map(drop)
    };
    assert_eq!(changed("e", &[1, 0, 1]), Ok(()));
    for weak in [&[1][..], &[3], &[1, 0, 0], &[1, 0, 2], &[1, 0, 0, 0, 1], &[255; 64]] {
        assert_eq!(changed("e", weak), Err(KeyError::Weak), "{weak:?}");
    }
    assert_eq!(changed("e", &[0, 1, 0, 1]), Err(KeyError::Member("e")));
    assert_eq!(changed("e", &[]), Err(KeyError::Member("e")));
    let odd = |length: usize| [&[0x7F][..], &vec![0xFF; length - 1]].concat();
    for length in [1, 128, 256, 1026] {
        assert_eq!(
            changed("n", &odd(length)),
            Err(KeyError::Weak),
            "2,047 bits and 8,207 are too few and too many"
        );
    }
    assert_eq!(changed("n", &[&[0][..], &[0xFF; 256]].concat()), Err(KeyError::Member("n")));
}

#[test]
fn a_set_with_a_private_key_is_refused() {
    let (good, mut leaked) =
        (KEY.public().to_jwk(), SigningKey::generate(Algorithm::Es256).unwrap().public().to_jwk());
    leaked.insert("d", encode([1; 32]).into());
    let jwks = obj([("keys", vec![good.into(), leaked.into()].into())]);
    assert_eq!(KeySet::from_jwks(&jwks, &Algorithm::PUBLIC).unwrap_err(), KeyError::Private);
}

#[test]
fn thumbprints_are_those_of_the_standards() {
    // RFC 7638 §3.1.
    let rsa = object(
        r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
    );
    let key = VerifyingKey::from_jwk(&rsa, &Algorithm::PUBLIC).unwrap();
    assert_eq!(key.thumbprint(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    assert_eq!(key.algorithms().collect::<Vec<_>>(), [Algorithm::Rs256]);
    // RFC 8037 appendix A.2 and A.3.
    let okp = object(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#);
    let key = VerifyingKey::from_jwk(&okp, &Algorithm::PUBLIC).unwrap();
    assert_eq!(key.thumbprint(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    // RFC 8037 appendix A.4.
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let jws = verify_jws(token, &KeySet::of(vec![key]).unwrap(), &[Algorithm::EdDsa]).unwrap();
    assert_eq!(jws.payload, b"Example of Ed25519 signing");
}
