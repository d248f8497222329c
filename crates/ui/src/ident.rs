//! Identifiers: shortened in the middle for the eye, whole for the clipboard.

/// An identifier in three parts. The middle is hidden by the style sheet, not cut: who copies it has it whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ident {
    /// What is seen first.
    pub head: String,
    /// What is hidden; empty if the identifier is short.
    pub middle: String,
    /// What is seen last.
    pub tail: String,
}

impl Ident {
    const HEAD: usize = 10;
    const TAIL: usize = 4;

    /// Any identifier.
    pub fn new(id: &str) -> Self {
        let count = id.chars().count();
        if count <= Self::HEAD + Self::TAIL + 4 {
            return Self { head: id.to_owned(), middle: String::new(), tail: String::new() };
        }
        let part = |from, n| id.chars().skip(from).take(n).collect();
        Self {
            head: part(0, Self::HEAD),
            middle: part(Self::HEAD, count - Self::HEAD - Self::TAIL),
            tail: part(count - Self::TAIL, Self::TAIL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost() {
        for id in ["", "g_1", "tr_0123456789abcdefghijkl", "https://aé.example/ééééééééééééééééé.json"]
        {
            let i = Ident::new(id);
            assert_eq!(format!("{}{}{}", i.head, i.middle, i.tail), id);
        }
        assert_eq!(Ident::new("tr_0123456789abcdefghijkl").tail, "ijkl");
    }
}
