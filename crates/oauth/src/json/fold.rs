//! Names that some parser would take for another.

use super::Object;

/// A member of `o` that is none of `members` but would be taken for one by a parser that ignores case (as
/// Go's `encoding/json` does), width, or characters that are not seen: `Name`, `paramſ`, `ｉｄ`, `na\u{200b}me`.
pub fn case_variant<'a>(o: &'a Object, members: &[&str]) -> Option<&'a str> {
    o.keys().find(|key| members.iter().any(|member| alike(key, member)) && !members.contains(key))
}

/// Whether two members of `o` have names of which such a parser would take one for the other.
pub fn has_twins(o: &Object) -> bool {
    let mut names: Vec<String> = o.keys().map(|name| folded(name).collect()).collect();
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
    // Up, then down: upper-casing maps long s and dotless i to ASCII, lower-casing the Kelvin sign.
    s.chars()
        .filter(|c| !is_unseen(*c))
        .map(narrow)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .filter(|c| *c != COMBINING_DOT)
}

/// What lower-casing makes of İ besides `i`.
const COMBINING_DOT: char = '\u{307}';

/// The ASCII character of a full-width one.
fn narrow(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

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
        for fine in ["nam", "names", "n ame", "identity", "名前", "params\u{e9}"] {
            assert_eq!(case_variant(&obj([(fine, Value::Null)]), &members), None, "{fine}");
        }
    }
}
