//! The members of a body, taken one by one; what nobody took is refused.

use super::problem::Wrong;
use prokura_oauth::json::{Object, Value};

/// An object whose members are taken out, and where it stands in the body.
pub(super) struct Fields {
    left: Object,
    at: String,
}

impl Fields {
    /// The members of `object`, which stands at the JSON Pointer `at` (empty for the whole body).
    pub(super) fn of(object: Object, at: impl Into<String>) -> Self {
        Self { left: object, at: at.into() }
    }

    /// That a member cannot be used.
    pub(super) fn wrong(&self, name: &str, why: impl Into<String>) -> Wrong {
        Wrong::new(format!("{}/{name}", self.at), why)
    }

    /// A member of any sort.
    pub(super) fn any(&mut self, name: &str) -> Result<Value, Wrong> {
        self.left.remove(name).ok_or_else(|| self.wrong(name, "it is missing"))
    }

    /// A string of at most `max` bytes, not empty, without control characters.
    pub(super) fn text(&mut self, name: &str, max: usize) -> Result<String, Wrong> {
        match self.any(name)? {
            Value::String(s) if (1..=max).contains(&s.len()) && !s.chars().any(char::is_control) => Ok(s),
            _ => Err(self.wrong(name, format!("it must be a string of 1 to {max} bytes"))),
        }
    }

    /// As [`text`](Self::text), if it is there.
    pub(super) fn text_if(&mut self, name: &str, max: usize) -> Result<Option<String>, Wrong> {
        if self.left.contains_key(name) { self.text(name, max).map(Some) } else { Ok(None) }
    }

    /// A whole number from `least` to `most`.
    pub(super) fn number(&mut self, name: &str, least: i64, most: i64) -> Result<i64, Wrong> {
        let value = self.any(name)?.as_i64().filter(|n| (least..=most).contains(n));
        value.ok_or_else(|| self.wrong(name, format!("it must be a whole number from {least} to {most}")))
    }

    /// As [`number`](Self::number), if it is there.
    pub(super) fn number_if(&mut self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Wrong> {
        if self.left.contains_key(name) { self.number(name, least, most).map(Some) } else { Ok(None) }
    }

    /// An array of at most `max` elements, not empty.
    pub(super) fn array(&mut self, name: &str, max: usize) -> Result<Vec<Value>, Wrong> {
        match self.any(name)? {
            Value::Array(all) if (1..=max).contains(&all.len()) => Ok(all),
            _ => Err(self.wrong(name, format!("it must be an array of 1 to {max} elements"))),
        }
    }

    /// A member of any sort, if it is there.
    pub(super) fn any_if(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name)
    }

    /// As [`array`](Self::array), if it is there.
    pub(super) fn array_if(&mut self, name: &str, max: usize) -> Result<Option<Vec<Value>>, Wrong> {
        if self.left.contains_key(name) { self.array(name, max).map(Some) } else { Ok(None) }
    }

    /// Refuses whatever was not taken: a misspelt member must not be passed over.
    pub(super) fn done(self) -> Result<(), Wrong> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(name) => {
                let shown: String = name.chars().take(64).collect();
                Err(Wrong::new(format!("{}/{shown}", self.at), "it is not known here"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::obj;

    #[test]
    fn what_is_taken_fits_and_what_is_left_is_refused() {
        let mut f =
            Fields::of(obj([("a", "x".into()), ("n", 7_i64.into()), ("typo", true.into())]), "/facts/0");
        assert_eq!((f.text("a", 1), f.number("n", 0, 7)), (Ok("x".to_owned()), Ok(7)));
        assert_eq!(f.text_if("b", 1), Ok(None));
        assert_eq!(f.done(), Err(Wrong::new("/facts/0/typo", "it is not known here")));
        for bad in [Value::from(""), "xx".into(), "\n".into(), 1_i64.into()] {
            assert!(Fields::of(obj([("a", bad)]), "").text("a", 1).is_err());
        }
        assert!(Fields::of(obj([("n", 8_i64.into())]), "").number("n", 0, 7).is_err());
        assert!(Fields::of(obj([("l", Value::Array(vec![]))]), "").array("l", 3).is_err());
    }
}
