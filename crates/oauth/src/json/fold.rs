//! Names that some parser would take for another.

use super::Object;
use unicode_normalization::UnicodeNormalization as _;

/// A member of `o` that is none of `members` but would be taken for one by a parser that ignores case (as
/// Go's `encoding/json` does), the form of a character (as Swift's strings do), width, or characters that are not seen:
/// `Name`, `paramſ`, `ｉｄ`, `na\u{200b}me`.
pub fn case_variant<'a>(o: &'a Object, members: &[&str]) -> Option<&'a str> {
    o.keys().find(|key| members.iter().any(|member| alike(key, member)) && !members.contains(key))
}

/// Whether two members of `o` have names of which such a parser would take one for the other.
pub fn has_twins(o: &Object) -> bool {
    let fold = |name: &str| match name.is_ascii() {
        true => name.to_ascii_lowercase(),
        false => folded(name).collect(),
    };
    let mut names: Vec<String> = o.keys().map(fold).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

/// Whether such a parser would take one of the names for the other.
pub fn alike(key: &str, member: &str) -> bool {
    if key.eq_ignore_ascii_case(member) {
        return true;
    }
    // Of what is ASCII nothing folds but its case. Lengths differ mostly, and are looked at first.
    if key.is_ascii() && member.is_ascii() {
        return false;
    }
    folded(key).eq(folded(member))
}

fn folded(s: &str) -> impl Iterator<Item = char> {
    // One form for what can be written in several (NFKC, UAX 15), which also makes full width narrow. Then up, and down:
    // upper-casing maps long s and dotless i to ASCII, lower-casing the Kelvin sign.
    s.chars()
        .filter(|c| !is_unseen(*c))
        .nfkc()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .filter(|c| *c != COMBINING_DOT)
}

/// What lower-casing makes of İ besides `i`.
const COMBINING_DOT: char = '\u{307}';

/// Default-ignorable characters (Unicode, DerivedCoreProperties).
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Value, obj};

    #[test]
    fn a_variant_is_found_and_the_member_itself_is_not() {
        let members = ["name", "params", "id", "task"];
        for odd in ["Name", "NAME", "paramſ", "tasK", "İd", "ıd", "ｉｄ", "na\u{200b}me", "\u{feff}id", "ſ"]
        {
            let o = obj([("name", Value::Null), (odd, Value::Null)]);
            let found = case_variant(&o, &members);
            assert_eq!(found, (odd != "ſ").then_some(odd), "{odd}");
        }
        let accented = ["caf\u{e9}", "\u{212b}ngstrom", "\u{ac00}"];
        for odd in ["cafe\u{301}", "CAFE\u{301}", "\u{c5}ngstrom", "a\u{30a}ngstrom", "\u{1100}\u{1161}"] {
            assert_eq!(case_variant(&obj([(odd, Value::Null)]), &accented), Some(odd), "{odd}");
        }
        for fine in ["nam", "names", "n ame", "identity", "名前", "params\u{e9}"] {
            assert_eq!(case_variant(&obj([(fine, Value::Null)]), &members), None, "{fine}");
        }
    }

    #[test]
    fn e03_two_names_of_which_somebody_would_take_one_for_the_other_are_twins() {
        let twins =
            |a: &str, b: &str| has_twins(&obj([(a, Value::Null), ("other", Value::Null), (b, Value::Null)]));
        for (a, b) in [
            ("to", "To"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("caf\u{e9}", "CAFE\u{301}"),
            ("\u{3a9}", "\u{2126}"),
            ("\u{fb01}le", "file"),
            ("\u{1e9b}\u{323}", "\u{1e69}"),
            ("\u{d4db}", "\u{1111}\u{1171}\u{11b6}"),
            ("a\u{200d}b", "ab"),
            ("\u{ff41}", "a"),
            ("\u{212a}ey", "key"),
        ] {
            assert!(twins(a, b) && twins(b, a), "{a} {b}");
        }
        // What only looks alike is another name to every reader, and an unnamed one to a strict binding.
        for (a, b) in
            [("to", "t\u{43e}"), ("a", "\u{251}"), ("e", "e\u{301}"), ("1", "l"), ("__proto__", "proto")]
        {
            assert!(!twins(a, b), "{a} {b}");
        }
    }
}
