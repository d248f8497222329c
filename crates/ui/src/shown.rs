//! Text that others wrote, made fit to be shown.

use std::fmt;

/// A name or sentence that somebody outside wrote: without control, bidirectional, invisible and
/// line-breaking characters, with at most two combining marks in a row, and no longer than it may be.
/// Templates escape it like everything else and isolate it with `<bdi>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown(String);

impl Shown {
    const NAME: usize = 64;
    const SENTENCE: usize = 240;

    /// A name, cut after 64 characters.
    pub fn name(raw: &str) -> Self {
        Self(tidy(raw, Self::NAME))
    }

    /// A sentence, cut after 240 characters.
    pub fn sentence(raw: &str) -> Self {
        Self(tidy(raw, Self::SENTENCE))
    }

    /// A condition on what is allowed, however long: what is cut off could be what matters.
    pub fn whole(raw: &str) -> Self {
        Self(tidy(raw, usize::MAX))
    }

    /// A value exactly, however long: what of it would not show, or not as it is, is written as `\u{200b}`.
    pub fn exact(raw: &str) -> Self {
        let (mut out, mut marks) = (String::new(), 0);
        let mut rest = raw.chars().peekable();
        while let Some(c) = rest.next() {
            marks = if is_mark(c) { marks + 1 } else { 0 };
            let edge = out.is_empty() || out.ends_with(' ') || rest.peek().is_none();
            let plain = match c {
                ' ' => !edge,
                '\\' => rest.peek() != Some(&'u'),
                c => !c.is_whitespace() && !is_hidden(c) && marks <= 2,
            };
            if plain { out.push(c) } else { out.push_str(&format!("\\u{{{:x}}}", u32::from(c))) }
        }
        Self(out)
    }

    /// What is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left to be shown.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Shown {
    /// A name that is written right to left is isolated, so that it does not reorder the sentence around it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.chars().any(is_right_to_left) {
            write!(f, "\u{2068}{}\u{2069}", self.0)
        } else {
            f.write_str(&self.0)
        }
    }
}

fn tidy(raw: &str, most: usize) -> String {
    let mut out = String::new();
    let (mut count, mut marks) = (0, 0);
    for c in raw.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_hidden(*c)) {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if marks > 2 || (c == ' ' && (out.is_empty() || out.ends_with(' '))) {
            continue;
        }
        if count == most {
            out.truncate(out.trim_end().len());
            out.push('…');
            return out;
        }
        out.push(c);
        count += 1;
    }
    out.truncate(out.trim_end().len());
    out
}

/// Characters that show nothing themselves but change how others show, or hide text from the reader.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_seen_is_not_shown() {
        let name = Shown::name("\u{202e}edualC\u{200b}\u{2066} \r\n\u{0}\u{feff}x\u{e0041}");
        assert_eq!(name.as_str(), "edualC x");
        assert!(Shown::name("\u{200b}\u{3164} \u{2800}").is_empty());
    }

    #[test]
    fn what_would_not_show_of_a_value_is_written_out() {
        for (raw, shown) in [
            ("DE02 1203 0000", "DE02 1203 0000"),
            ("Jörg, 販売", "Jörg, 販売"),
            ("bob\u{200b}", "bob\\u{200b}"),
            ("a\u{202e}b\n", "a\\u{202e}b\\u{a}"),
            (" a  b ", "\\u{20}a \\u{20}b\\u{20}"),
            ("C:\\new\\users", "C:\\new\\u{5c}users"),
            ("\\u{200b}", "\\u{5c}u{200b}"),
            ("", ""),
        ] {
            assert_eq!(Shown::exact(raw).as_str(), shown);
        }
    }

    proptest! {
        /// No two values look the same.
        #[test]
        fn a_value_that_is_shown_exactly_can_be_told_from_every_other(a in any::<String>(), b in any::<String>()) {
            let (one, other) = (Shown::exact(&a), Shown::exact(&b));
            prop_assert_eq!(a == b, one == other);
            prop_assert!(!one.as_str().chars().any(|c| is_hidden(c) || (c.is_whitespace() && c != ' ')));
            prop_assert_eq!(Shown::whole(one.as_str()), one);
        }

        #[test]
        fn whatever_was_written_is_short_and_plain(raw in any::<String>()) {
            let shown = Shown::name(&raw);
            prop_assert!(shown.as_str().chars().count() <= Shown::NAME + 1);
            prop_assert!(!shown.as_str().chars().any(is_hidden));
            prop_assert_eq!(shown.as_str().trim(), shown.as_str());
            prop_assert_eq!(&Shown::name(shown.as_str()), &shown);
        }
    }

    #[test]
    fn other_scripts_stay_whole() {
        for name in ["مساعد المبيعات", "עוזר", "Ünïcödé", "販売", "विक्रय"]
        {
            assert_eq!(Shown::name(name).as_str(), name);
        }
    }

    #[test]
    fn what_is_written_right_to_left_stays_in_its_place() {
        assert_eq!(Shown::name("עוזר 1").to_string(), "\u{2068}עוזר 1\u{2069}");
        assert_eq!(Shown::name("Planner").to_string(), "Planner");
    }

    #[test]
    fn marks_do_not_pile_up_and_length_is_bounded() {
        let piled = format!("a{}", "\u{301}".repeat(50));
        assert_eq!(Shown::name(&piled).as_str().chars().count(), 3);
        let long = Shown::name(&"x".repeat(100_000));
        assert_eq!(long.as_str().chars().count(), 65);
        assert!(long.as_str().ends_with('…'));
    }
}
