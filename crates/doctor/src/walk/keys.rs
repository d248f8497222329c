//! The key set of the authorization server (RFC 7517).

use super::server::Server;
use crate::exam::Exam;
use crate::seen::{Json, json};
use crate::table::Check;
use crate::words::quoted;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prokura_oauth::json::{Object, Value};
use std::collections::HashSet;

/// What only a private or shared key has (RFC 7518 §6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Judges the keys; answers with them.
pub(crate) async fn look(exam: &mut Exam<'_>, server: &Server) -> Vec<Object> {
    let Some(at) = server.endpoint("jwks_uri").map(str::to_owned) else {
        exam.unseen(
            &[Check::KeysFound, Check::KeysPrivate, Check::KeysDistinct, Check::KeysShape, Check::KeysWeak],
            "the server names no `jwks_uri`",
        );
        return Vec::new();
    };
    exam.watch("the keys of the authorization server");
    let answer = match exam.net.get(&at).await {
        Ok(answer) => answer,
        Err(why) => {
            exam.unseen(&[Check::KeysFound], why);
            return Vec::new();
        }
    };
    let found = match (answer.status.as_u16(), json(&answer.body)) {
        (200, Json::Object(set)) => set.get("keys").and_then(Value::as_array).map(objects),
        _ => None,
    };
    let got = format!("{} and no key set", answer.status.as_u16());
    exam.judge(Check::KeysFound, &at, found.is_some(), "200 with `keys`", got);
    let keys = found.unwrap_or_default();
    for key in &keys {
        judge(exam, &at, key);
    }
    if !keys.is_empty() && keys.iter().all(|k| k.str("kty") != Some("RSA")) {
        exam.judge(Check::KeysWeak, &at, true, "", "");
    }
    let mut kids = HashSet::new();
    let named = |k: &&Object| k.str("kid").is_some_and(|kid| kids.insert(kid.to_owned()));
    let distinct = keys.len() < 2 || keys.iter().filter(named).count() == keys.len();
    exam.judge(Check::KeysDistinct, &at, distinct, "a `kid` for each", "some without, or twice the same");
    keys
}

fn objects(keys: &[Value]) -> Vec<Object> {
    keys.iter().filter_map(|k| k.as_object().cloned()).collect()
}

fn judge(exam: &mut Exam<'_>, at: &str, key: &Object) {
    let kid = quoted(key.str("kid").unwrap_or("no kid"));
    let private = key.str("kty") == Some("oct") || PRIVATE.iter().any(|m| key.contains_key(m));
    exam.judge(Check::KeysPrivate, at, !private, "public keys", format!("{kid} is private or shared"));
    let kty = key.str("kty").unwrap_or_default();
    let members: &[&str] = match kty {
        "RSA" => &["n", "e"],
        "EC" => &["crv", "x", "y"],
        _ => &["kty"],
    };
    let whole = members.iter().all(|m| key.str(m).is_some());
    let fits = key.str("alg").is_none_or(|alg| fits(alg, kty));
    let got = format!("{kid}: kty {}, alg {}", quoted(kty), quoted(key.str("alg").unwrap_or_default()));
    exam.judge(
        Check::KeysShape,
        at,
        private || (whole && fits),
        "a type, its members, an algorithm that fits",
        got,
    );
    if kty == "RSA" {
        let bits = key.str("n").map_or(0, bits);
        exam.judge(Check::KeysWeak, at, bits >= 2048, "2048 bits or more", format!("{kid} has {bits}"));
    }
}

/// Whether keys of this type sign or encrypt so. Of algorithms that nobody knew when this was written, nothing is said.
fn fits(alg: &str, kty: &str) -> bool {
    match alg.get(..2).unwrap_or_default() {
        "RS" | "PS" => kty == "RSA",
        "ES" => kty == "EC",
        "Ed" => kty == "OKP",
        "HS" | "no" => false,
        _ => true,
    }
}

fn bits(modulus: &str) -> usize {
    let bytes = URL_SAFE_NO_PAD.decode(modulus).unwrap_or_default();
    let significant = bytes.iter().position(|b| *b != 0).map(|at| &bytes[at..]).unwrap_or_default();
    significant.len() * 8 - significant.first().map_or(0, |b| b.leading_zeros() as usize)
}
