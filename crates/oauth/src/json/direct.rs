//! Canonical objects written member by member.

use super::Object;
use super::canonical::name_order;
use super::write::{canonical_object, count, integer, string};
use std::cmp::Ordering;

/// Writes a canonical object (RFC 8785) without putting an [`Object`] together: for those who write many of one
/// shape. The names must come in the canonical order, each once.
#[derive(Debug)]
pub struct Canonical {
    out: Vec<u8>,
    last: Option<&'static str>,
}

impl Default for Canonical {
    fn default() -> Self {
        let mut out = Vec::with_capacity(512);
        out.push(b'{');
        Self { out, last: None }
    }
}

impl Canonical {
    /// A string.
    pub fn text(&mut self, name: &'static str, text: &str) {
        string(text, self.member(name));
    }

    /// Strings.
    pub fn texts<'a>(&mut self, name: &'static str, texts: impl IntoIterator<Item = &'a str>) {
        let out = self.member(name);
        let mut between = b'[';
        for text in texts {
            out.push(between);
            string(text, out);
            between = b',';
        }
        if between == b'[' {
            out.push(b'[');
        }
        out.push(b']');
    }

    /// An integer.
    pub fn integer(&mut self, name: &'static str, i: i64) {
        integer(i, self.member(name));
    }

    /// An integer of 0 or more.
    pub fn count(&mut self, name: &'static str, n: u64) {
        count(n, self.member(name));
    }

    /// An object, whatever the order of its members.
    pub fn object(&mut self, name: &'static str, object: &Object) {
        canonical_object(object, self.member(name));
    }

    /// The bytes.
    pub fn finish(mut self) -> Vec<u8> {
        self.out.push(b'}');
        self.out
    }

    fn member(&mut self, name: &'static str) -> &mut Vec<u8> {
        if let Some(last) = self.last.replace(name) {
            debug_assert_eq!(name_order(last, name), Ordering::Less, "`{last}` stands before `{name}`");
            self.out.push(b',');
        }
        string(name, &mut self.out);
        self.out.push(b':');
        &mut self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Value, obj};

    #[test]
    fn it_writes_what_an_object_would() {
        let inner = obj([("b", true.into()), ("a", "\u{1}\"€".into())]);
        let mut direct = Canonical::default();
        direct.texts("empty", []);
        direct.integer("i", -5);
        direct.count("n", u64::MAX);
        direct.object("o", &inner);
        direct.text("t", "\\\n");
        direct.texts("ts", ["x", "y\""]);
        let whole = obj([
            ("ts", ["x", "y\""].into_iter().collect::<Value>()),
            ("t", "\\\n".into()),
            ("o", inner.into()),
            ("n", u64::MAX.into()),
            ("i", (-5_i64).into()),
            ("empty", Value::Array(Vec::new())),
        ]);
        assert_eq!(direct.finish(), whole.to_jcs());
        assert_eq!(Canonical::default().finish(), b"{}");
    }
}
