//! How and when the person behind a token proved who they are: the claims `auth_time`, `acr` and `amr`, which stand in
//! access tokens (RFC 9068 §2.2.1) and in ID tokens (OpenID Connect Core §2) alike.

use crate::json::{Object, Value};
use prokura_core::{Acr, SignIn, Timestamp};

/// How and when a person proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// When, in whole seconds (`auth_time`).
    pub at: Timestamp,
    /// How surely (`acr`).
    pub acr: Acr,
    /// By which methods (`amr`, RFC 8176 §2).
    pub amr: Vec<String>,
}

impl Authentication {
    /// One that happened at `at`, of which whole seconds count. `amr` are words with spaces between.
    pub fn new(at: Timestamp, acr: Acr, amr: &str) -> Self {
        let amr = amr.split_ascii_whitespace().map(str::to_owned).collect();
        Self { at: Timestamp::from_seconds(at.seconds()), acr, amr }
    }

    /// What a decision looks at.
    pub fn sign_in(&self) -> SignIn {
        SignIn { at: self.at, acr: self.acr }
    }

    /// Puts the three claims into `claims`.
    pub fn insert_into(&self, claims: &mut Object) {
        claims.insert("auth_time", self.at.seconds().into());
        claims.insert("acr", self.acr.as_str().into());
        if !self.amr.is_empty() {
            claims.insert("amr", self.amr.iter().map(|m| Value::from(m.as_str())).collect());
        }
    }

    /// Reads the claims of a token that was made here; `None` if nobody signed in for it.
    ///
    /// # Errors
    /// The name of the claim that cannot be read.
    pub fn read(claims: &Object) -> Result<Option<Self>, &'static str> {
        if !claims.contains_key("auth_time") {
            return Ok(None);
        }
        let at = claims.get("auth_time").and_then(Value::as_i64).ok_or("auth_time")?;
        let acr = claims.str("acr").and_then(Acr::parse).ok_or("acr")?;
        let amr = match claims.get("amr") {
            None => Vec::new(),
            Some(Value::Array(words)) => {
                words.iter().map(|w| w.as_str().map(str::to_owned).ok_or("amr")).collect::<Result<_, _>>()?
            }
            Some(_) => return Err("amr"),
        };
        Ok(Some(Self { at: Timestamp::from_seconds(at), acr, amr }))
    }
}

/// The class that `acr_values` asks for (OpenID Connect Core §3.1.2.1, RFC 9470 §4): of the values that are known
/// the weakest, because any of them will do.
///
/// # Errors
/// [`UnknownAcr`] if values are named and none is known: nothing that could be done here would meet them.
pub fn requested_acr(values: &str) -> Result<Option<Acr>, UnknownAcr> {
    let mut named = values.split_ascii_whitespace().peekable();
    if named.peek().is_none() {
        return Ok(None);
    }
    named.filter_map(Acr::parse).min().map(Some).ok_or(UnknownAcr)
}

/// None of the classes that `acr_values` names is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("none of `acr_values` is known here: use `phr`, `mfa` or `single`")]
pub struct UnknownAcr;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_claims_come_back() {
        let said = Authentication::new(Timestamp::from_micros(7_900_000), Acr::Mfa, "pwd otp");
        let mut claims = Object::default();
        said.insert_into(&mut claims);
        assert_eq!(claims.to_vec(), br#"{"auth_time":7,"acr":"mfa","amr":["pwd","otp"]}"#);
        assert_eq!(Authentication::read(&claims), Ok(Some(said)));
        assert_eq!(Authentication::read(&Object::default()), Ok(None));
        claims.insert("acr", "best".into());
        assert_eq!(Authentication::read(&claims), Err("acr"));
    }

    #[test]
    fn of_several_classes_any_will_do_and_of_unknown_ones_none() {
        assert_eq!(requested_acr(" "), Ok(None));
        assert_eq!(requested_acr("urn:x phr mfa"), Ok(Some(Acr::Mfa)));
        assert_eq!(requested_acr("urn:x PHR"), Err(UnknownAcr));
    }
}
