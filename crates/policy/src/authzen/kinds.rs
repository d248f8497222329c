//! What types of AuthZEN are called in policies.

/// Pairs of names: the `type` on the wire, and the kind that policies know. A name without a pair is the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds(Vec<(String, String)>);

impl Default for Kinds {
    /// `user` and `agent` are `User` and `Agent`, as everywhere here.
    fn default() -> Self {
        Self::new([("user", "User"), ("agent", "Agent")])
    }
}

impl Kinds {
    /// These pairs: theirs, then ours.
    pub fn new<S: Into<String>>(pairs: impl IntoIterator<Item = (S, S)>) -> Self {
        Self(pairs.into_iter().map(|(theirs, ours)| (theirs.into(), ours.into())).collect())
    }

    /// What policies call it.
    pub fn ours<'a>(&'a self, theirs: &'a str) -> &'a str {
        self.0.iter().find(|(t, _)| t == theirs).map_or(theirs, |(_, ours)| ours)
    }

    /// What it is called on the wire.
    pub fn theirs<'a>(&'a self, ours: &'a str) -> &'a str {
        self.0.iter().find(|(_, o)| o == ours).map_or(ours, |(theirs, _)| theirs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        let kinds = Kinds::default();
        assert_eq!((kinds.ours("user"), kinds.theirs("User")), ("User", "user"));
        assert_eq!((kinds.ours("record"), kinds.theirs("Record")), ("record", "Record"));
    }
}
