//! The words of the modelling language.

use super::raw::{ModelError, Place};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name, a keyword, or the number of a schema.
    Word(String),
    /// One of `[ ] ( ) { } : , # * < >`.
    Mark(char),
    Newline,
    End,
}

/// Reads a text from left to right; comments are left out.
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    column: u32,
    file: Option<Arc<str>>,
}

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.' | '-')
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str, file: Option<Arc<str>>) -> Self {
        Self { text, at: 0, line: 1, column: 1, file }
    }

    pub(crate) fn place(&self) -> Place {
        Place::Text(self.file.clone(), self.line, self.column)
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn step(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        if c == '\n' {
            (self.line, self.column) = (self.line + 1, 1);
        } else {
            self.column += 1;
        }
        Some(c)
    }

    /// The next token and where it begins.
    pub(crate) fn next(&mut self) -> Result<(Token, Place), ModelError> {
        self.skip_spaces();
        let place = self.place();
        let token = match self.peek() {
            None => Token::End,
            Some('\n' | '\r' | '\u{c}') => {
                self.step();
                Token::Newline
            }
            Some(c) if in_word(c) => Token::Word(self.word()),
            Some(c) if "[](){}:,#*<>".contains(c) => {
                self.step();
                Token::Mark(c)
            }
            Some(c) => {
                return Err(ModelError::at(&place, format!("`{}` has no meaning here", c.escape_default())));
            }
        };
        Ok((token, place))
    }

    /// Spaces, and a comment: `#` at the beginning of a line or after a space.
    fn skip_spaces(&mut self) {
        loop {
            let spaced = self.at == 0 || self.text[..self.at].ends_with([' ', '\t', '\n', '\r']);
            match self.peek() {
                Some(' ' | '\t') => drop(self.step()),
                Some('#') if spaced => {
                    while self.peek().is_some_and(|c| !matches!(c, '\n' | '\r')) {
                        self.step();
                    }
                }
                _ => return,
            }
        }
    }

    fn word(&mut self) -> String {
        let from = self.at;
        while self.peek().is_some_and(in_word) {
            self.step();
        }
        self.text[from..self.at].to_owned()
    }

    /// The text up to the `}` that closes what was opened; braces within texts do not count.
    pub(crate) fn body(&mut self) -> Result<(&'a str, Place), ModelError> {
        let (from, place) = (self.at, self.place());
        let (mut depth, mut quote) = (0_u32, None);
        loop {
            let before = self.at;
            match (self.step(), quote) {
                (None, _) => {
                    return Err(ModelError::at(&place, "the condition is not closed: `}` is missing"));
                }
                (Some('\\'), Some(_)) => drop(self.step()),
                (Some(c), Some(open)) if c == open || c == '\n' => quote = None,
                (Some(_), Some(_)) => {}
                (Some(c @ ('"' | '\'')), None) => quote = Some(c),
                (Some('{'), None) => depth += 1,
                (Some('}'), None) if depth == 0 => return Ok((&self.text[from..before], place)),
                (Some('}'), None) => depth -= 1,
                (Some(_), None) => {}
            }
        }
    }
}
