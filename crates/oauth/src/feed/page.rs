//! A page: an answer that a follower can tell from every other, signed by the issuer. What is asked for by pages is larger
//! than words, and is told anew from where the follower says that it is.

use super::FeedError;
use crate::jose::{Algorithm, JoseError, KeySet, SigningKey, verify_jws_up_to};
use crate::json::{self, Limits, Object, Value, obj};
use prokura_core::Timestamp;

/// The `typ` of a page.
const TYP: &str = "feed-page+jwt";
/// The largest page, in bytes, as it is sent.
pub const LARGEST_PAGE: usize = 2 << 20;
/// What stands in it, as JSON.
const BODY: Limits = Limits { max_bytes: 1 << 20, max_depth: 32 };

/// One page.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedPage {
    /// `iss`.
    pub issuer: String,
    /// `iat`, whole seconds, for people who look at it.
    pub issued_at: Timestamp,
    /// `nonce`: what the follower sent, which nobody could know before.
    pub nonce: String,
    /// Which feed it is of.
    pub of: String,
    /// `page`: what is told.
    pub page: Object,
}

impl FeedPage {
    /// Signs it.
    ///
    /// # Errors
    /// [`JoseError`] if the key cannot sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, JoseError> {
        let claims = obj([
            ("iss", self.issuer.as_str().into()),
            ("iat", self.issued_at.seconds().into()),
            ("nonce", self.nonce.as_str().into()),
            ("of", self.of.as_str().into()),
            ("page", Value::Object(self.page.clone())),
        ]);
        key.sign(TYP, &claims)
    }

    /// Verifies the signature and the type of a page, and that it is the answer to who asked `issuer` with `nonce` for a page
    /// of the feed `of`.
    ///
    /// # Errors
    /// [`FeedError`].
    pub fn verify(
        compact: &str,
        keys: &KeySet,
        (issuer, nonce, of): (&str, &str, &str),
    ) -> Result<Self, FeedError> {
        let jws = verify_jws_up_to(LARGEST_PAGE, compact, keys, &Algorithm::PUBLIC)?;
        if !jws.header.str("typ").is_some_and(|t| t.eq_ignore_ascii_case(TYP)) {
            return Err(JoseError::Type.into());
        }
        let claims = json::parse(&jws.payload, &BODY).map_err(JoseError::Json)?;
        let mut claims = claims.into_object().ok_or(JoseError::Malformed)?;
        for (name, expected) in [("iss", issuer), ("nonce", nonce), ("of", of)] {
            if claims.str(name) != Some(expected) {
                return Err(FeedError::Claim(name));
            }
        }
        let issued_at = claims.get("iat").and_then(Value::as_i64).ok_or(FeedError::Claim("iat"))?;
        let page = claims.remove("page").and_then(Value::into_object).ok_or(FeedError::Claim("page"))?;
        Ok(Self {
            issuer: issuer.to_owned(),
            issued_at: Timestamp::from_seconds(issued_at),
            nonce: nonce.to_owned(),
            of: of.to_owned(),
            page,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_answer_to_one_question() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = KeySet::of(vec![key.public()]).unwrap();
        let page = FeedPage {
            issuer: "https://as.example".into(),
            issued_at: Timestamp::from_seconds(1_800_000_000),
            nonce: "n".repeat(22),
            of: "relations".into(),
            page: obj([("model", "m".repeat(300 << 10).into())]),
        };
        let compact = page.sign(&key).unwrap();
        let asked = ("https://as.example", &*page.nonce.clone(), "relations");
        assert_eq!(FeedPage::verify(&compact, &keys, asked).unwrap(), page);
        for (other, why) in [
            (("https://else.example", asked.1, asked.2), "iss"),
            ((asked.0, "m", asked.2), "nonce"),
            ((asked.0, asked.1, "revocations"), "of"),
        ] {
            assert_eq!(FeedPage::verify(&compact, &keys, other), Err(FeedError::Claim(why)));
        }
        let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
        let forged = page.sign(&stranger).unwrap();
        assert_eq!(FeedPage::verify(&forged, &keys, asked), Err(JoseError::UnknownKey.into()));
        let event = key.sign(super::super::TYP, &obj([("iss", "https://as.example".into())])).unwrap();
        assert_eq!(FeedPage::verify(&event, &keys, asked), Err(JoseError::Type.into()));
    }
}
