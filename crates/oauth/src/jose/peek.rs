//! What a token says of itself, before anything is verified.

use super::encoding::decode;
use crate::json::{self, Limits, Object, Value};

/// What a token says of itself. It serves to find the keys that may verify it among those that are configured, and for
/// nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peek {
    /// The `typ` of its header.
    pub typ: Option<String>,
    /// The `kid` of its header.
    pub kid: Option<String>,
    /// `iss`.
    pub issuer: Option<String>,
    /// `sub`.
    pub subject: Option<String>,
    /// `aud`, as a list.
    pub audiences: Vec<String>,
}

/// Looks at a token that nothing is known of; `None` if it is no compact signed token.
pub fn peek(compact: &str) -> Option<Peek> {
    let mut parts = compact.split('.');
    let (header, claims) = (object(parts.next()?)?, object(parts.next()?)?);
    (parts.next().is_some() && parts.next().is_none()).then_some(())?;
    let text = |o: &Object, name: &str| o.str(name).map(str::to_owned);
    Some(Peek {
        typ: text(&header, "typ"),
        kid: text(&header, "kid"),
        issuer: text(&claims, "iss"),
        subject: text(&claims, "sub"),
        audiences: match claims.get("aud") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        },
    })
}

fn object(part: &str) -> Option<Object> {
    json::parse(&decode(part)?, &Limits::TOKEN).ok()?.into_object()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Algorithm, SigningKey};
    use crate::json::obj;

    #[test]
    fn a_token_says_whose_it_is_and_anything_else_says_nothing() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let jwt = key.sign("JWT", &obj([("iss", "https://a".into()), ("sub", "s".into())])).unwrap();
        let seen = peek(&jwt).unwrap();
        assert_eq!((seen.issuer.as_deref(), seen.subject.as_deref()), (Some("https://a"), Some("s")));
        assert_eq!((seen.kid.as_deref(), seen.typ.as_deref()), (Some(key.kid()), Some("JWT")));
        for bad in ["", "a.b.c", "opaque", &jwt[..jwt.rfind('.').unwrap()], &format!("{jwt}.x")] {
            assert_eq!(peek(bad), None, "{bad}");
        }
    }
}
