//! The fields of a posted form.

/// The fields of a posted form. Only a list of choices may have several of one name.
#[derive(Clone, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The largest form: a passkey's answer must fit.
    pub(crate) const MAX_BYTES: usize = 64 * 1024;
    const MAX_FIELDS: usize = 256;

    /// Reads `application/x-www-form-urlencoded` bytes; `None` if there are too many fields.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let fields: Vec<_> = url::form_urlencoded::parse(body)
            .take(Self::MAX_FIELDS + 1)
            .map(|(k, v)| (k.into(), v.into()))
            .collect();
        (fields.len() <= Self::MAX_FIELDS).then_some(Self(fields))
    }

    /// The value of a field, or nothing if it is absent or there twice.
    pub(crate) fn one(&self, name: &str) -> &str {
        let mut values = self.0.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str());
        match (values.next(), values.next()) {
            (Some(value), None) => value,
            _ => "",
        }
    }

    /// Every value of a list of choices.
    pub(crate) fn many<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_there_twice_has_no_value() {
        let fields = Fields::parse(b"a=1&b=2&b=3&c=%C3%A9+x").unwrap();
        assert_eq!((fields.one("a"), fields.one("b"), fields.one("c")), ("1", "", "é x"));
        assert_eq!(fields.many("b").collect::<Vec<_>>(), ["2", "3"]);
    }

    #[test]
    fn the_number_of_fields_is_bounded() {
        assert!(Fields::parse("a=1&".repeat(257).as_bytes()).is_none());
    }
}
