//! Proofs of possession: RFC 9449 §4.3, check by check, and what §11 warns of.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test that cannot go on has failed")]

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prokura_core::Timestamp;
use prokura_oauth::confirmation::Thumbprint;
use prokura_oauth::dpop::{Presented, Proof, ProofError, Statement, Target, WINDOW, of_headers};
use prokura_oauth::jose::{Algorithm, JoseError, KeyError, SigningKey};
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const HERE: &str = "https://as.example/mcp/crm";
const TOKEN: &str = "a.b.c";

fn statement() -> Statement<'static> {
    Statement { method: "POST", uri: HERE, token: Some(TOKEN), nonce: Some("n"), id: "j1", now: NOW }
}

fn verify(proof: &str) -> Result<Proof, ProofError> {
    verify_at(proof, NOW)
}

fn verify_at(proof: &str, now: Timestamp) -> Result<Proof, ProofError> {
    let targets = [Target::parse(HERE).unwrap()];
    Proof::verify(proof, &Presented { method: "POST", targets: &targets, token: Some(TOKEN), now })
}

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

fn part(proof: &str, n: usize) -> Object {
    let bytes = URL_SAFE_NO_PAD.decode(proof.split('.').nth(n).unwrap()).unwrap();
    json::parse(&bytes, &Limits::TOKEN).unwrap().into_object().unwrap()
}

/// A proof with changed header or claims, signed rightly with an Ed25519 key that is made of nothing else.
fn forged(change: impl Fn(&mut Object, &mut Object)) -> String {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let proof = statement().sign(&key).unwrap();
    let (mut header, mut claims) = (part(&proof, 0), part(&proof, 1));
    change(&mut header, &mut claims);
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", encode(&header.to_vec()), encode(&claims.to_vec()));
    let signature = encode(pair.sign(signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

fn claim(name: &'static str, value: Option<Value>) -> Result<Proof, ProofError> {
    verify(&forged(|_, claims| {
        claims.remove(name);
        if let Some(value) = &value {
            claims.insert(name, value.clone());
        }
    }))
}

#[test]
fn a_right_proof_of_every_algorithm_names_its_key() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let key = SigningKey::generate(algorithm).unwrap();
        let proof = verify(&statement().sign(&key).unwrap()).unwrap();
        assert_eq!(Some(proof.key.to_string().as_str()), key.public().thumbprint());
        assert_eq!((proof.id.as_str(), proof.nonce.as_deref(), proof.issued_at), ("j1", Some("n"), NOW));
    }
}

#[test]
fn the_example_of_rfc_9449_verifies() {
    // The proof and token of §7.1; the thumbprint is that of the token in §6.1.
    let proof = concat!(
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0Rs",
        "cEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2",
        "In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90",
        "ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFF",
        "byJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA",
    );
    let targets = [Target::parse("https://resource.example.org/protectedresource").unwrap()];
    let now = Timestamp::from_seconds(1_562_262_618);
    let presented = Presented {
        method: "GET",
        targets: &targets,
        token: Some("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
        now,
    };
    let proof = Proof::verify(proof, &presented).unwrap();
    assert_eq!(proof.key, Thumbprint::parse("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I").unwrap());
}

#[test]
fn check_1_there_is_one_header_with_one_value() {
    assert_eq!(of_headers([]), Ok(None));
    assert_eq!(of_headers([&b" a.b.c "[..]]), Ok(Some("a.b.c")));
    for several in [vec![&b"a.b.c"[..], b"a.b.c"], vec![b"a.b.c, a.b.c"], vec![b"a.b.c,"]] {
        assert_eq!(of_headers(several), Err(ProofError::Several));
    }
    assert!(matches!(of_headers([&b"\xff"[..]]), Err(ProofError::Jose(_))));
}

#[test]
fn check_2_it_is_a_well_formed_token() {
    let right = statement().sign(&key()).unwrap();
    let (head, tail) = right.split_once('.').unwrap();
    for odd in [
        "",
        "a",
        "a.b",
        &right[..right.len() - 3],
        &format!("{right}.x"),
        &format!("{right}="),
        &format!("{head}=.{tail}"),
        &format!("{}.{tail}", URL_SAFE_NO_PAD.encode(b"[]")),
        &"a".repeat(9000),
    ] {
        assert!(verify(odd).is_err(), "{odd}");
    }
}

#[test]
fn check_3_every_claim_is_there_and_of_its_type() {
    for name in ["jti", "htm", "htu", "iat", "ath"] {
        assert_eq!(claim(name, None), Err(ProofError::Claim(name)), "{name}");
        assert_eq!(claim(name, Some(Value::Bool(true))), Err(ProofError::Claim(name)), "{name}");
        assert_eq!(claim(name, Some(Value::Array(vec![]))), Err(ProofError::Claim(name)), "{name}");
    }
    assert_eq!(claim("nonce", Some(7_i64.into())), Err(ProofError::Claim("nonce")));
    assert_eq!(claim("jti", Some("".into())), Err(ProofError::Claim("jti")));
    assert_eq!(claim("jti", Some("x".repeat(257).into())), Err(ProofError::Claim("jti")));
    assert!(claim("nonce", None).is_ok());
}

#[test]
fn check_4_another_type_of_token_is_no_proof() {
    let typed = |typ: Option<&'static str>| {
        verify(&forged(|header, _| {
            header.remove("typ");
            typ.into_iter().for_each(|t| header.insert("typ", t.into()));
        }))
    };
    assert!(typed(Some("DPoP+JWT")).is_ok());
    for other in [None, Some("JWT"), Some("at+jwt"), Some("application/dpop+jwt"), Some("dpop"), Some("")] {
        assert_eq!(typed(other), Err(ProofError::Jose(JoseError::Type)), "{other:?}");
    }
}

#[test]
fn check_5_only_public_key_algorithms() {
    for alg in ["none", "None", "HS256", "ES256K", "ES256", "RS256", ""] {
        assert!(verify(&forged(|header, _| header.insert("alg", alg.into()))).is_err(), "{alg}");
    }
    // The public key as a shared secret.
    let proof = statement().sign(&key()).unwrap();
    let mut header = part(&proof, 0);
    header.insert("alg", "HS256".into());
    let secret = header.get("jwk").unwrap().to_vec();
    let claims = proof.split('.').nth(1).unwrap();
    let signed = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header.to_vec()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
    let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
    assert_eq!(verify(&forged), Err(ProofError::Jose(JoseError::Algorithm)));
}

#[test]
fn check_6_the_signature_is_by_the_key_in_the_header() {
    let (mine, theirs) = (statement().sign(&key()).unwrap(), statement().sign(&key()).unwrap());
    let (head, _) = theirs.split_once('.').unwrap();
    let (_, tail) = mine.split_once('.').unwrap();
    assert_eq!(verify(&format!("{head}.{tail}")), Err(ProofError::Jose(JoseError::Signature)));
    assert_eq!(
        verify(&forged(|header, _| drop(header.remove("jwk")))),
        Err(ProofError::Key(KeyError::Member("jwk")))
    );
    for (name, value) in
        [("jku", "https://evil.example/jwks"), ("x5u", "https://evil.example/c"), ("b64", "")]
    {
        let refused = verify(&forged(|header, _| header.insert(name, value.into())));
        assert_eq!(refused, Err(ProofError::Jose(JoseError::Header(name))));
    }
    let critical = verify(&forged(|header, _| header.insert("crit", Value::Array(vec!["exp".into()]))));
    assert_eq!(critical, Err(ProofError::Jose(JoseError::Header("crit"))));
}

#[test]
fn check_7_no_private_or_secret_key() {
    let with = |name: &'static str| {
        verify(&forged(move |header, _| {
            let mut jwk = header.get("jwk").unwrap().as_object().unwrap().clone();
            jwk.insert(name, "AAAA".into());
            header.insert("jwk", Value::Object(jwk));
        }))
    };
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert_eq!(with(private), Err(ProofError::Key(KeyError::Private)), "{private}");
    }
    let secret = obj([("kty", "oct".into()), ("k", "AAAA".into())]);
    let refused = verify(&forged(|header, _| header.insert("jwk", Value::Object(secret.clone()))));
    assert_eq!(refused, Err(ProofError::Key(KeyError::Algorithm)));
}

#[test]
fn checks_8_and_9_it_is_for_this_method_and_address() {
    for method in ["GET", "post", "POST ", ""] {
        assert_eq!(claim("htm", Some(method.into())), Err(ProofError::Method), "{method}");
    }
    for same in ["https://as.example/mcp/crm?x=1#y", "HTTPS://AS.EXAMPLE:443/mcp/%63rm"] {
        assert!(claim("htu", Some(same.into())).is_ok(), "{same}");
    }
    for other in ["http://as.example/mcp/crm", "https://as.example/mcp/crm/", "https://evil.example/mcp/crm"]
    {
        assert_eq!(claim("htu", Some(other.into())), Err(ProofError::Target), "{other}");
    }
    for odd in ["", "/mcp/crm", "https://as.example@evil.example/mcp/crm"] {
        assert_eq!(claim("htu", Some(odd.into())), Err(ProofError::Claim("htu")), "{odd}");
    }
}

#[test]
fn check_11_it_was_made_just_now() {
    let proof = statement().sign(&key()).unwrap();
    let second = Duration::from_secs(1);
    assert!(verify_at(&proof, NOW.after(WINDOW)).is_ok());
    assert!(verify_at(&proof, NOW.before(WINDOW)).is_ok());
    assert_eq!(verify_at(&proof, NOW.after(WINDOW).after(second)), Err(ProofError::Time));
    assert_eq!(verify_at(&proof, NOW.before(WINDOW).before(second)), Err(ProofError::Time));
    assert_eq!(claim("exp", Some(NOW.seconds().into())), Err(ProofError::Time));
    assert!(claim("exp", Some((NOW.seconds() + 1).into())).is_ok());
    assert_eq!(claim("nbf", Some((NOW.seconds() + 301).into())), Err(ProofError::Time));
    for bad in [Value::from("1800000000"), Value::Null] {
        assert_eq!(claim("iat", Some(bad)), Err(ProofError::Claim("iat")));
    }
    // As long as it would be accepted, it is remembered.
    assert!(verify(&proof).unwrap().until() > NOW.after(WINDOW));
}

#[test]
fn check_12_it_is_of_the_token_it_came_with() {
    let other = Statement { token: Some("a.b.d"), ..statement() }.sign(&key()).unwrap();
    assert_eq!(verify(&other), Err(ProofError::Token));
    let none = Statement { token: None, ..statement() }.sign(&key()).unwrap();
    assert_eq!(verify(&none), Err(ProofError::Claim("ath")));
    let targets = [Target::parse(HERE).unwrap()];
    let at_server = Presented { method: "POST", targets: &targets, token: None, now: NOW };
    assert!(Proof::verify(&none, &at_server).is_ok());
}

#[test]
fn nobody_uses_up_the_ids_of_another_key() {
    let proof = |key: &SigningKey| verify(&statement().sign(key).unwrap()).unwrap();
    let (a, b) = (key(), key());
    assert_eq!(proof(&a).replay_key(), proof(&a).replay_key());
    assert_ne!(proof(&a).replay_key(), proof(&b).replay_key());
}
