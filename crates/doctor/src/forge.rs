//! Tokens that must not be accepted, each for one reason.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_oauth::json::{Object, obj};

/// The type of access tokens (RFC 9068 §2.1).
const TYP: &str = "at+jwt";

/// A token of the algorithm `none` (RFC 7519 §6).
pub(crate) fn unsigned(claims: &Object) -> String {
    let header = obj([("typ", TYP.into()), ("alg", "none".into())]);
    format!("{}.{}.", encode(&header.to_vec()), encode(&claims.to_vec()))
}

/// A token that a stranger signed under this `kid`.
pub(crate) fn forged(kid: &str, claims: &Object) -> Option<String> {
    let made = SigningKey::generate(Algorithm::Es256).ok()?.to_pkcs8().ok()?;
    SigningKey::from_pkcs8(Algorithm::Es256, kid, &made).ok()?.sign(TYP, claims).ok()
}

/// A token that a stranger signed, with the key in its header.
pub(crate) fn with_own_key(claims: &Object) -> Option<String> {
    SigningKey::generate(Algorithm::Es256).ok()?.sign_with_jwk(TYP, claims).ok()
}

/// A token whose HMAC has the public key, as it stands in a PEM file, as its secret.
pub(crate) fn confused(key: &Object, claims: &Object) -> Option<String> {
    let secret = pem(&public_der(key)?);
    let mut header = obj([("typ", TYP.into()), ("alg", "HS256".into())]);
    if let Some(kid) = key.str("kid") {
        header.insert("kid", kid.into());
    }
    let signed = format!("{}.{}", encode(&header.to_vec()), encode(&claims.to_vec()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
    Some(format!("{signed}.{}", encode(tag.as_ref())))
}

/// The token with one letter of its end changed: of a signed one, of the signature.
pub(crate) fn tampered(token: &str) -> String {
    let at = token.len().saturating_sub(token.len().min(8));
    let changed = |(i, c): (usize, char)| match c {
        'A' if i == at => 'B',
        _ if i == at => 'A',
        c => c,
    };
    token.char_indices().map(changed).collect()
}

/// What a token says of itself, if it is a JWT. Nothing is believed for it.
pub(crate) fn claims(token: &str) -> Option<Object> {
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    crate::seen::object(&URL_SAFE_NO_PAD.decode(claims).ok()?)
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// `SubjectPublicKeyInfo` (RFC 5280 §4.1) of an RSA key or one on P-256.
fn public_der(key: &Object) -> Option<Vec<u8>> {
    const RSA: [u8; 15] = [0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
    const P256: [u8; 21] =
        [0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let number = |name| URL_SAFE_NO_PAD.decode(key.str(name)?).ok();
    let (algorithm, bits): (&[u8], Vec<u8>) = match (key.str("kty")?, key.str("crv")) {
        ("RSA", _) => (&RSA, der(0x30, &[integer(number("n")?), integer(number("e")?)].concat())),
        ("EC", Some("P-256")) => (&P256, [vec![4], number("x")?, number("y")?].concat()),
        _ => return None,
    };
    let bits = der(3, &[vec![0], bits].concat());
    Some(der(0x30, &[algorithm.to_vec(), bits].concat()))
}

/// An unsigned integer: a zero stands before what would be a sign.
fn integer(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.first().is_none_or(|b| b & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    der(2, &bytes)
}

/// One element of DER (X.690 §8.1).
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
            out.push(0x80 | u8::try_from(bytes.len()).unwrap_or_default());
            out.extend(bytes);
        }
    }
    out.extend(content);
    out
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|l| String::from_utf8_lossy(l).into_owned()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::ParsedPublicKey;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256};

    fn key(algorithm: Algorithm) -> Object {
        let set =
            prokura_oauth::jose::KeySet::of(vec![SigningKey::generate(algorithm).unwrap().public()]).unwrap();
        set.to_jwks().get("keys").unwrap().as_array().unwrap()[0].as_object().unwrap().clone()
    }

    #[test]
    fn the_public_key_is_written_as_the_world_writes_it() {
        let ec = public_der(&key(Algorithm::Es256)).unwrap();
        assert!(ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &ec).is_ok());
        let rsa = public_der(&key(Algorithm::Rs256)).unwrap();
        assert!(ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &rsa).is_ok());
        assert!(public_der(&key(Algorithm::EdDsa)).is_none());
    }

    #[test]
    fn each_token_has_one_fault() {
        let mine = obj([("sub", "doctor".into())]);
        let all = [
            unsigned(&mine),
            forged("k1", &mine).unwrap(),
            with_own_key(&mine).unwrap(),
            confused(&key(Algorithm::Es256), &mine).unwrap(),
        ];
        for token in &all {
            assert_eq!(claims(token).unwrap(), mine);
            assert_ne!(&tampered(token), token);
        }
        assert!(all[0].ends_with('.'));
        assert_eq!((claims("opaque"), tampered("opaque").len()), (None, 6));
    }
}
