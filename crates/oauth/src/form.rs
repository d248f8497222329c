//! Parameters in a query or a form body, read strictly: no parameter twice (RFC 6749 §3.1), bad encodings and
//! control characters refused, size bounded before anything is allocated. `resource` and `audience` may be repeated
//! (RFC 8707 §2, RFC 8693 §2.1) as long as they name the same: a token is for one.

use std::collections::BTreeMap;

/// What may be said more than once, if the same is said each time.
const REPEATABLE: [&str; 2] = ["resource", "audience"];
/// What may be said more than once, and is read as one list, separated by spaces.
const LIST: &str = "requested_actor";

/// The parameters of a request. One without a value counts as absent (RFC 6749 §3.1).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form(BTreeMap<String, String>);

/// A query or form body that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Over [`Form::MAX_BYTES`], or more than [`Form::MAX_PARAMETERS`] parameters.
    #[error("the parameters are too large")]
    TooLarge,
    /// A parameter stands there twice.
    #[error("the parameter `{0}` is given more than once")]
    Duplicate(String),
    /// A percent-encoding is broken, the text is not UTF-8, or it has control characters.
    #[error("a parameter is not properly encoded")]
    Encoding,
}

impl Form {
    /// The largest query or body, in bytes; a client assertion or a long list of scopes must fit.
    pub const MAX_BYTES: usize = 32 * 1024;
    /// The most parameters.
    pub const MAX_PARAMETERS: usize = 64;

    /// Reads `application/x-www-form-urlencoded` bytes.
    ///
    /// # Errors
    /// [`FormError`] says why they are refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(FormError::TooLarge);
        }
        let mut parameters: BTreeMap<String, String> = BTreeMap::new();
        for pair in bytes.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            if REPEATABLE.contains(&name.as_str()) && parameters.get(&name) == Some(&value) {
                continue;
            }
            if let Some(list) = parameters.get_mut(&name).filter(|_| name == LIST) {
                list.push(' ');
                list.push_str(&value);
                continue;
            }
            if parameters.contains_key(&name) {
                return Err(FormError::Duplicate(
                    name.chars().filter(char::is_ascii_graphic).take(64).collect(),
                ));
            }
            if parameters.len() == Self::MAX_PARAMETERS {
                return Err(FormError::TooLarge);
            }
            parameters.insert(name, value);
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter, unless it is absent or empty.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// Whether the parameter is there with a value.
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The parameters that have a value, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| (k.as_str(), v.as_str()))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Form {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

/// Values are secrets more often than not, so only names are printed.
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn decode(bytes: &[u8]) -> Result<String, FormError> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&b, tail)) = rest.split_first() {
        rest = tail;
        out.push(match b {
            b'+' => b' ',
            b'%' => {
                let (digits, tail) = tail.split_at_checked(2).ok_or(FormError::Encoding)?;
                rest = tail;
                (hex(digits[0])? << 4) | hex(digits[1])?
            }
            other => other,
        });
    }
    let text = String::from_utf8(out).map_err(|_| FormError::Encoding)?;
    if text.chars().any(char::is_control) { Err(FormError::Encoding) } else { Ok(text) }
}

fn hex(digit: u8) -> Result<u8, FormError> {
    let value = char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
    value.ok_or(FormError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pairs_and_counts_empty_as_absent() {
        let form = Form::parse(b"a=1&b=x+y%2Bz&c=&d").unwrap();
        assert_eq!(form.value("a"), Some("1"));
        assert_eq!(form.value("b"), Some("x y+z"));
        assert!(!form.has("c") && !form.has("d") && !form.has("e"));
    }

    #[test]
    fn no_parameter_twice_not_even_empty_or_encoded() {
        for bad in ["a=1&a=1", "a=&a=1", "%61=1&a=2"] {
            assert_eq!(Form::parse(bad.as_bytes()), Err(FormError::Duplicate("a".into())), "{bad}");
        }
    }

    #[test]
    fn several_targets_are_one_only_if_they_are_the_same() {
        let form = Form::parse(b"resource=a&resource=%61&audience=b&audience=b").unwrap();
        assert_eq!((form.value("resource"), form.value("audience")), (Some("a"), Some("b")));
        for (bad, name) in [("resource=a&resource=b", "resource"), ("audience=a&audience=", "audience")] {
            assert_eq!(Form::parse(bad.as_bytes()), Err(FormError::Duplicate(name.into())), "{bad}");
        }
    }

    #[test]
    fn a_list_may_be_several_parameters() {
        let form = Form::parse(b"requested_actor=agt_a&requested_actor=agt_b").unwrap();
        assert_eq!(form.value("requested_actor"), Some("agt_a agt_b"));
    }

    #[test]
    fn broken_encodings_and_sizes_are_refused() {
        for bad in ["a=%", "a=%2", "a=%zz", "a=%ff", "a=%00", "a=x%0d%0ay"] {
            assert_eq!(Form::parse(bad.as_bytes()), Err(FormError::Encoding), "{bad}");
        }
        assert_eq!(Form::parse(&vec![b'a'; Form::MAX_BYTES + 1]), Err(FormError::TooLarge));
        let many = (0..65).map(|i| format!("p{i}=1")).collect::<Vec<_>>().join("&");
        assert_eq!(Form::parse(many.as_bytes()), Err(FormError::TooLarge));
    }

    #[test]
    fn values_are_not_printed() {
        assert_eq!(format!("{:?}", Form::parse(b"client_secret=hunter2").unwrap()), r#"{"client_secret"}"#);
    }
}
