//! Names that software gives itself.

/// `name` as it may be shown: without control, format and bidirectional characters, spaces folded, at most 64
/// characters.
pub fn shown_name(name: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{200b}'..='\u{200f}')
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
            || matches!(c, '\u{e0000}'..='\u{e007f}' | '\u{fe00}'..='\u{fe0f}')
    };
    let clean: String = name.chars().filter(|c| !hidden(*c)).collect();
    let folded = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    // A cut between two words leaves no space behind, so that a stored name reads back as it is.
    folded.chars().take(64).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_could_deceive() {
        assert_eq!(shown_name("Cl\u{202e}au\u{200b}de\n  Desktop\u{7}"), "Claude Desktop");
        assert_eq!(shown_name(&"x".repeat(100)).len(), 64);
        assert_eq!(shown_name(&format!("{} y", "x".repeat(63))), "x".repeat(63));
    }
}
