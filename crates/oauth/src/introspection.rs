//! Answers of token introspection (RFC 7662 §2.2).

use crate::access_token::AccessToken;
use crate::json::{Object, obj};

/// What every caller hears of a token that is not valid, or is none of its business.
pub fn inactive() -> Object {
    obj([("active", false.into())])
}

/// What a resource hears of a token for it: every claim, the chain of actors and the grant among them.
pub fn active(token: &AccessToken) -> Object {
    let mut o = obj([("active", true.into()), ("token_type", token.cnf.token_type().into())]);
    for (name, value) in &token.claims() {
        o.insert(name, value.clone());
    }
    o
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_of_what_is_not_active() {
        assert_eq!(inactive().to_vec(), br#"{"active":false}"#);
    }
}
