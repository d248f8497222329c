//! Recursive descent over bytes that are UTF-8 as a whole, with the depth counted.

use super::number::scan;
use super::{Number, Object, Value};

/// What is read at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The size of the text in bytes.
    pub max_bytes: usize,
    /// How deep arrays and objects may nest: `[]` is one deep. More than 256 is taken as 256, so that no
    /// choice of limits can overflow the stack.
    pub max_depth: usize,
}

impl Limits {
    /// A message of a protocol: 4 MiB, 64 deep.
    pub const MESSAGE: Self = Self { max_bytes: 4 << 20, max_depth: 64 };
    /// A metadata document: 64 KiB, 16 deep.
    pub const DOCUMENT: Self = Self { max_bytes: 64 << 10, max_depth: 16 };
    /// A token's header or claims: 16 KiB, 8 deep.
    pub const TOKEN: Self = Self { max_bytes: 16 << 10, max_depth: 8 };
    const DEEPEST: usize = 256;
}

/// Text that is not read: why, and where. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (at byte {at})")]
pub struct JsonError {
    problem: Problem,
    at: usize,
}

impl JsonError {
    /// Why.
    pub fn problem(&self) -> Problem {
        self.problem
    }

    /// How many bytes were read before.
    pub fn at(&self) -> usize {
        self.at
    }
}

/// Why text is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Larger than the limit.
    #[error("larger than is read")]
    TooLarge,
    /// Nested deeper than the limit.
    #[error("nested deeper than is read")]
    TooDeep,
    /// It starts with a byte order mark (RFC 8259 §8.1).
    #[error("it starts with a byte order mark")]
    ByteOrderMark,
    /// Not UTF-8 (RFC 8259 §8.1).
    #[error("not UTF-8")]
    Utf8,
    /// A member stands twice in one object (RFC 7493 §2.3).
    #[error("a member stands twice in one object")]
    DuplicateMember,
    /// A member's name has a NUL in it.
    #[error("a member's name has a NUL character in it")]
    NulInName,
    /// An escaped surrogate without its partner (RFC 7493 §2.1).
    #[error("an escaped surrogate without its partner")]
    LoneSurrogate,
    /// Something follows the value.
    #[error("something follows the value")]
    Trailing,
    /// It breaks the grammar (RFC 8259).
    #[error("not JSON")]
    Syntax,
}

/// Reads one JSON text.
///
/// # Errors
/// [`JsonError`] if it breaks RFC 8259, one of the stricter rules of this module, or a limit.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    if bytes.len() > limits.max_bytes {
        return Err(JsonError { problem: Problem::TooLarge, at: 0 });
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(JsonError { problem: Problem::ByteOrderMark, at: 0 });
    }
    let text =
        std::str::from_utf8(bytes).map_err(|e| JsonError { problem: Problem::Utf8, at: e.valid_up_to() })?;
    let depth_left = limits.max_depth.min(Limits::DEEPEST);
    let mut reader = Reader { text, bytes, at: 0, depth_left, members: 0 };
    let mut value = Value::Null;
    reader.skip_space();
    reader.value(&mut value)?;
    reader.skip_space();
    if reader.at < bytes.len() { Err(reader.fault(Problem::Trailing)) } else { Ok(value) }
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth_left: usize,
    /// How many members the last object had, up to [`ALIKE`]: rows have as many as the one before.
    members: usize,
}

/// For at most so many members there is room before they are read.
const ALIKE: usize = 16;

impl<'a> Reader<'a> {
    fn fault(&self, problem: Problem) -> JsonError {
        JsonError { problem, at: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(self.fault(Problem::Syntax)) }
    }

    /// Reads a value to where it will stay: handed on as a result, each would be copied twice.
    fn value(&mut self, to: &mut Value) -> Result<(), JsonError> {
        *to = match self.peek() {
            Some(b'"') => Value::String(self.string()?),
            Some(b'{') => Value::Object(self.nested(Self::object)?),
            Some(b'[') => Value::Array(self.nested(Self::array)?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.fault(Problem::Syntax)),
        };
        Ok(())
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.fault(Problem::Syntax))
        }
    }

    fn number(&mut self) -> Result<Number, JsonError> {
        let length = scan(&self.bytes[self.at..]).ok_or_else(|| self.fault(Problem::Syntax))?;
        let number = Number::of_checked(&self.text[self.at..self.at + length]);
        self.at += length;
        Ok(number)
    }

    fn nested<T>(&mut self, read: fn(&mut Self) -> Result<T, JsonError>) -> Result<T, JsonError> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or_else(|| self.fault(Problem::TooDeep))?;
        self.at += 1;
        self.skip_space();
        let value = read(self)?;
        self.depth_left += 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Vec<Value>, JsonError> {
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(items);
        }
        loop {
            self.value(items.push_mut(Value::Null))?;
            if self.ends_with(b']')? {
                return Ok(items);
            }
        }
    }

    fn object(&mut self) -> Result<Object, JsonError> {
        let mut members = Vec::with_capacity(self.members);
        if self.take(b'}') {
            return Ok(Object::new());
        }
        loop {
            let name = self.name()?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            let (_, value) = members.push_mut((name, Value::Null));
            self.value(value)?;
            if self.ends_with(b'}')? {
                self.members = members.len().min(ALIKE);
                return Object::of_unique(members).ok_or_else(|| self.fault(Problem::DuplicateMember));
            }
        }
    }

    /// After an element: whether the list ends here; if not, the next element is at hand.
    fn ends_with(&mut self, close: u8) -> Result<bool, JsonError> {
        self.skip_space();
        if self.take(close) {
            return Ok(true);
        }
        self.expect(b',')?;
        self.skip_space();
        Ok(false)
    }

    fn name(&mut self) -> Result<String, JsonError> {
        let name = self.string()?;
        if name.as_bytes().contains(&0) { Err(self.fault(Problem::NulInName)) } else { Ok(name) }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.expect(b'"')?;
        let first = self.plain();
        if self.take(b'"') {
            return Ok(first.to_owned());
        }
        let mut out = String::with_capacity(first.len() + 16);
        out.push_str(first);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.fault(Problem::Syntax)),
            }
            out.push_str(self.plain());
        }
    }

    /// The text up to the next quote, backslash or control character. All of them are ASCII, so the cut is
    /// never within a character.
    fn plain(&mut self) -> &'a str {
        let start = self.at;
        let special = |b: &u8| *b == b'"' || *b == b'\\' || *b < 0x20;
        let length = self.bytes[start..].iter().position(special);
        self.at = length.map_or(self.bytes.len(), |n| start + n);
        &self.text[start..self.at]
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let plain = match self.bytes.get(self.at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.fault(Problem::Syntax)),
        };
        self.at += 2;
        Ok(plain)
    }

    fn unicode(&mut self) -> Result<char, JsonError> {
        let unit = self.unit()?;
        let code = match unit {
            0xD800..=0xDBFF => {
                if !self.bytes[self.at..].starts_with(b"\\u") {
                    return Err(self.fault(Problem::LoneSurrogate));
                }
                let low = self.unit()?;
                if !(0xDC00..=0xDFFF).contains(&low) {
                    return Err(self.fault(Problem::LoneSurrogate));
                }
                0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
            }
            _ => unit,
        };
        char::from_u32(code).ok_or_else(|| self.fault(Problem::LoneSurrogate))
    }

    /// The four hexadecimal digits after `\u`.
    fn unit(&mut self) -> Result<u32, JsonError> {
        let digits = self.bytes.get(self.at + 2..self.at + 6).ok_or_else(|| self.fault(Problem::Syntax))?;
        let mut unit = 0;
        for digit in digits {
            let value = char::from(*digit).to_digit(16).ok_or_else(|| self.fault(Problem::Syntax))?;
            unit = unit << 4 | value;
        }
        self.at += 6;
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: impl AsRef<[u8]>) -> Option<Problem> {
        parse(text.as_ref(), &Limits::MESSAGE).err().map(|e| e.problem())
    }

    #[test]
    fn each_refusal_says_why() {
        for (why, text) in [
            (Problem::ByteOrderMark, b"\xEF\xBB\xBF{}".as_slice()),
            (Problem::Utf8, b"\"\xC0\x80\""),
            (Problem::Utf8, b"\"\xED\xA0\x80\""),
            (Problem::DuplicateMember, br#"{"a":1,"a":1}"#),
            (Problem::DuplicateMember, br#"[{"x":{"a":1,"\u0061":2}}]"#),
            (Problem::NulInName, br#"{"a\u0000":1}"#),
            (Problem::Syntax, b"{\"a\0\":1}"),
            (Problem::LoneSurrogate, br#""\ud800""#),
            (Problem::LoneSurrogate, br#""\udc00\ud800""#),
            (Problem::LoneSurrogate, br#""\ud800\u0041""#),
            (Problem::LoneSurrogate, br#""\ud800\ud800""#),
            (Problem::Trailing, b"{} {}"),
            (Problem::Trailing, b"{}\0"),
            (Problem::Syntax, b"NaN"),
            (Problem::Syntax, b"-Infinity"),
            (Problem::Syntax, b"[1,]"),
            (Problem::Syntax, b"{'a':1}"),
            (Problem::Syntax, b""),
            (Problem::Syntax, b"01"),
        ] {
            let text_shown = String::from_utf8_lossy(text);

            assert_eq!(problem(text), Some(why), "{text_shown}");
        }
    }

    #[test]
    fn limits_are_exact() {
        let limits = Limits { max_bytes: 8, max_depth: 2 };
        assert!(parse(b"[[1, 2]]", &limits).is_ok());
        assert_eq!(parse(b"[[1, 2]] ", &limits).unwrap_err().problem(), Problem::TooLarge);
        assert_eq!(parse(b"[[[]]]", &limits).unwrap_err().problem(), Problem::TooDeep);
        assert!(parse(b"[[],[],{}]", &Limits { max_bytes: 99, max_depth: 2 }).is_ok());
    }

    #[test]
    fn no_limits_overflow_the_stack() {
        let limits = Limits { max_bytes: usize::MAX, max_depth: usize::MAX };
        let deep = "[".repeat(1_000_000);
        assert_eq!(parse(deep.as_bytes(), &limits).unwrap_err().problem(), Problem::TooDeep);
    }

    #[test]
    fn a_large_object_is_read_and_its_one_duplicate_found() {
        let members: Vec<String> = (0..200_000).map(|i| format!("\"{i}\":0")).collect();
        assert_eq!(problem(format!("{{{}}}", members.join(","))), None);
        let text = format!("{{{},\"\\u0031\":0}}", members.join(","));
        assert_eq!(problem(text), Some(Problem::DuplicateMember));
    }

    #[test]
    fn escapes_mean_what_they_say() {
        let text = br#""\"\\\/\b\f\n\r\t\u0000\u00e9\uD834\udd1E x""#;
        let value = parse(text, &Limits::TOKEN).unwrap();
        assert_eq!(value.as_str(), Some("\"\\/\u{8}\u{c}\n\r\t\0é\u{1D11E} x"));
    }

    #[test]
    fn an_error_never_repeats_the_text() {
        let shown = parse(br#"{"secret":hunter2}"#, &Limits::TOKEN).unwrap_err().to_string();
        assert_eq!(shown, "not JSON (at byte 10)");
    }
}
