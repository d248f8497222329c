//! Reading a JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).

use super::encoding::{decode, encode};
use super::key::Material;
use super::{Algorithm, KeyError, VerifyingKey, roca};
use crate::confirmation::Thumbprint;
use crate::json::{Object, Value, obj};
use crate::secret::sha256_base64url;
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Members that only a private key has (RFC 7518 §6.2.2, §6.3.2; RFC 8037 §2).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// RSA moduli of 2,048 to 8,192 bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Larger exponents only make verification slow.
const MAX_EXPONENT_BYTES: usize = 4;

pub(super) fn read(jwk: &Object, allowed: &[Algorithm]) -> Result<VerifyingKey, KeyError> {
    let kty = jwk.str("kty").ok_or(KeyError::Member("kty"))?;
    check_usage(jwk)?;
    let kid = optional_text(jwk, "kid")?.map(str::to_owned);
    let algorithms = pinned(jwk, kty, allowed)?;
    if kty == "oct" {
        return secret(jwk, kid, &algorithms);
    }
    if PRIVATE.iter().any(|m| jwk.contains_key(m)) {
        return Err(KeyError::Private);
    }
    let members = public_members(jwk, kty)?;
    Ok(VerifyingKey { certificate: certificate(jwk)?, ..of_members(kid, members, &algorithms)? })
}

/// What the first certificate of `x5c` hashes to, which `x5t#S256` may repeat or stand for.
fn certificate(jwk: &Object) -> Result<Option<Thumbprint>, KeyError> {
    let named = optional_text(jwk, "x5t#S256")?;
    let named = named.map(|t| Thumbprint::parse(t).ok_or(KeyError::Member("x5t#S256"))).transpose()?;
    let Some(chain) = jwk.get("x5c") else { return Ok(named) };
    let first = chain.as_array().and_then(|c| c.first()).and_then(Value::as_str);
    let der = first.and_then(|text| STANDARD.decode(text).ok()).ok_or(KeyError::Member("x5c"))?;
    let certificate = Thumbprint::of(&der);
    if named.is_some_and(|n| n != certificate) {
        return Err(KeyError::Member("x5t#S256"));
    }
    Ok(Some(certificate))
}

/// A public key of its required members.
pub(super) fn of_members(
    kid: Option<String>,
    members: Object,
    algorithms: &[Algorithm],
) -> Result<VerifyingKey, KeyError> {
    let usable = algorithms.iter().map(|a| Ok((*a, public(&members, *a)?))).collect::<Result<_, _>>()?;
    let thumbprint = Some(sha256_base64url(&members.to_jcs()));
    Ok(VerifyingKey { kid, usable, members, thumbprint, certificate: None })
}

fn optional_text<'a>(jwk: &'a Object, name: &'static str) -> Result<Option<&'a str>, KeyError> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(s)) => Ok(Some(s)),
        Some(_) => Err(KeyError::Member(name)),
    }
}

fn check_usage(jwk: &Object) -> Result<(), KeyError> {
    if optional_text(jwk, "use")?.is_some_and(|usage| usage != "sig") {
        return Err(KeyError::Usage);
    }
    let Some(operations) = jwk.get("key_ops") else { return Ok(()) };
    let operations = operations.as_array().ok_or(KeyError::Member("key_ops"))?;
    if operations.iter().any(|o| o.as_str() == Some("verify")) { Ok(()) } else { Err(KeyError::Usage) }
}

/// The algorithms that the key is pinned to; never empty.
fn pinned(jwk: &Object, kty: &str, allowed: &[Algorithm]) -> Result<Vec<Algorithm>, KeyError> {
    let named = optional_text(jwk, "alg")?;
    let crv = optional_text(jwk, "crv")?;
    let fits = |a: &Algorithm| {
        a.key_type() == kty
            && a.curve().is_none_or(|(curve, _)| crv == Some(curve))
            && named.is_none_or(|name| Algorithm::parse(name) == Some(*a))
    };
    let algorithms: Vec<_> = allowed.iter().copied().filter(fits).collect();
    if algorithms.is_empty() { Err(KeyError::Algorithm) } else { Ok(algorithms) }
}

/// The members that make the key, and no others: also what is hashed for its thumbprint (RFC 7638 §3.2).
fn public_members(jwk: &Object, kty: &str) -> Result<Object, KeyError> {
    let names: &[&'static str] = match kty {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => &["e", "kty", "n"],
    };
    let member = |name: &&'static str| Ok((*name, jwk.str(name).ok_or(KeyError::Member(name))?.into()));
    names.iter().map(member).collect()
}

fn bytes(jwk: &Object, name: &'static str) -> Result<Vec<u8>, KeyError> {
    jwk.str(name).and_then(decode).ok_or(KeyError::Member(name))
}

/// A coordinate has the full length of its curve (RFC 7518 §6.2.1.2).
fn coordinate(jwk: &Object, name: &'static str, length: usize) -> Result<Vec<u8>, KeyError> {
    Some(bytes(jwk, name)?).filter(|b| b.len() == length).ok_or(KeyError::Member(name))
}

fn public(members: &Object, algorithm: Algorithm) -> Result<Material, KeyError> {
    let parsed = match (algorithm.curve(), algorithm.on_curve()) {
        (Some((_, length)), Some(curve)) => {
            let mut point = Vec::with_capacity(1 + 2 * length);
            if algorithm != Algorithm::EdDsa {
                point.push(4);
            }
            point.extend(coordinate(members, "x", length)?);
            if algorithm != Algorithm::EdDsa {
                point.extend(coordinate(members, "y", length)?);
            }
            ParsedPublicKey::new(curve, point).map_err(|_| KeyError::Weak)?
        }
        _ => rsa(members, algorithm)?,
    };
    Ok(Material::Public(parsed))
}

fn rsa(members: &Object, algorithm: Algorithm) -> Result<ParsedPublicKey, KeyError> {
    let parameters = algorithm.rsa().ok_or(KeyError::Algorithm)?;
    let (n, e) = (unsigned(members, "n")?, unsigned(members, "e")?);
    let exponent = e.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    if e.len() > MAX_EXPONENT_BYTES || exponent < 65_537 || exponent % 2 == 0 {
        return Err(KeyError::Weak);
    }
    let bits = n.len() * 8 - n.first().map_or(0, |b| b.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) || roca::is_weak(&n) {
        return Err(KeyError::Weak);
    }
    RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).map_err(|_| KeyError::Weak)
}

/// An unsigned integer in as few bytes as it needs (RFC 7518 §2, `Base64urlUInt`).
fn unsigned(members: &Object, name: &'static str) -> Result<Vec<u8>, KeyError> {
    Some(bytes(members, name)?)
        .filter(|b| b.first().is_some_and(|first| *first != 0))
        .ok_or(KeyError::Member(name))
}

fn secret(jwk: &Object, kid: Option<String>, algorithms: &[Algorithm]) -> Result<VerifyingKey, KeyError> {
    let secret = zeroize::Zeroizing::new(bytes(jwk, "k")?);
    of_secret(kid, &secret, algorithms)
}

/// A shared secret, pinned to those of `algorithms` that it is long enough for.
pub(super) fn of_secret(
    kid: Option<String>,
    secret: &[u8],
    algorithms: &[Algorithm],
) -> Result<VerifyingKey, KeyError> {
    let long_enough = |a: &Algorithm| {
        let (mac, least) = a.mac()?;
        (secret.len() >= least).then(|| (*a, Material::Secret(Box::new(hmac::Key::new(mac, secret)))))
    };
    let usable: std::sync::Arc<[_]> = algorithms.iter().filter_map(long_enough).collect();
    if usable.is_empty() {
        return Err(KeyError::Weak);
    }
    let members = obj([("kty", "oct".into())]);
    Ok(VerifyingKey { kid, usable, members, thumbprint: None, certificate: None })
}

/// The public members of a point on a curve, from its uncompressed form or its bare coordinate.
pub(super) fn curve_members(algorithm: Algorithm, point: &[u8]) -> Option<Object> {
    let (crv, length) = algorithm.curve()?;
    let mut jwk = obj([("crv", crv.into()), ("kty", algorithm.key_type().into())]);
    match point {
        [4, rest @ ..] if rest.len() == 2 * length => {
            jwk.insert("x", encode(&rest[..length]).into());
            jwk.insert("y", encode(&rest[length..]).into());
        }
        x if x.len() == length => jwk.insert("x", encode(x).into()),
        _ => return None,
    }
    Some(jwk)
}

/// The public members of an RSA key.
pub(super) fn rsa_members(n: &[u8], e: &[u8]) -> Object {
    obj([("e", encode(e).into()), ("kty", "RSA".into()), ("n", encode(n).into())])
}
