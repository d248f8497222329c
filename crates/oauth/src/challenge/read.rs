//! Reading `WWW-Authenticate` (RFC 9110 §11.2, §11.6.1): a list of challenges whose parameters are lists too, told apart
//! only by what follows a word.

/// The longest header that is read, in bytes, all of its fields together.
const MAX: usize = 16 * 1024;

/// A challenge that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    scheme: String,
    token68: Option<String>,
    parameters: Vec<(String, String)>,
}

/// A header that breaks RFC 9110. What a server meant by it is not guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// Over 16 KiB.
    #[error("`WWW-Authenticate` is larger than 16 KiB")]
    TooLarge,
    /// Neither a challenge nor a parameter stands there.
    #[error("`WWW-Authenticate` cannot be read at byte {0} (RFC 9110 section 11.6.1)")]
    Syntax(usize),
    /// A parameter stands twice in one challenge.
    #[error("`WWW-Authenticate` has a parameter twice in one challenge (RFC 9110 section 11.2)")]
    Duplicate,
}

impl Received {
    /// Reads the values of all `WWW-Authenticate` fields of an answer, in their order.
    ///
    /// # Errors
    /// [`ChallengeError`] if one of them breaks RFC 9110.
    pub fn read<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Self>, ChallengeError> {
        let mut all = Vec::new();
        let mut total = 0;
        for value in values {
            total += value.len();
            if total > MAX {
                return Err(ChallengeError::TooLarge);
            }
            Reader { bytes: value, at: 0 }.challenges(&mut all)?;
        }
        Ok(all)
    }

    /// Whether it is of this scheme, in any case.
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The scheme, as it was written.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// What stands in place of parameters, as in `Negotiate YII…`.
    pub fn token68(&self) -> Option<&str> {
        self.token68.as_deref()
    }

    /// A parameter, by its name in any case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// All parameters, in their order; names as they were written.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn challenges(&mut self, all: &mut Vec<Received>) -> Result<(), ChallengeError> {
        loop {
            self.skip(b" \t,");
            if self.peek().is_none() {
                return Ok(());
            }
            let word = self.token()?;
            if self.has_value_next() {
                // A parameter belongs to the challenge before it; without one it belongs to nothing.
                let last = all.last_mut().filter(|c| c.token68.is_none()).ok_or(self.syntax())?;
                self.parameter(word, last)?;
            } else {
                let challenge = self.challenge(word)?;
                all.push(challenge);
            }
            self.skip(b" \t");
            if !matches!(self.peek(), None | Some(b',')) {
                return Err(self.syntax());
            }
        }
    }

    /// What follows a scheme on the same side of a comma: nothing, a token68, or the first parameter.
    fn challenge(&mut self, scheme: String) -> Result<Received, ChallengeError> {
        let mut challenge = Received { scheme, token68: None, parameters: Vec::new() };
        let spaces = self.skip(b" ");
        if spaces == 0 || matches!(self.peek(), None | Some(b',')) {
            return Ok(challenge);
        }
        let start = self.at;
        if let Some(token) = self.token68() {
            challenge.token68 = Some(token);
            return Ok(challenge);
        }
        self.at = start;
        let name = self.token()?;
        if !self.has_value_next() {
            return Err(self.syntax());
        }
        self.parameter(name, &mut challenge)?;
        Ok(challenge)
    }

    fn parameter(&mut self, name: String, to: &mut Received) -> Result<(), ChallengeError> {
        self.skip(b" \t");
        self.at += 1;
        self.skip(b" \t");
        let value = if self.peek() == Some(b'"') { self.quoted()? } else { self.token()? };
        if to.parameter(&name).is_some() {
            return Err(ChallengeError::Duplicate);
        }
        to.parameters.push((name, value));
        Ok(())
    }

    /// A token68 that nothing but the end or a comma follows.
    fn token68(&mut self) -> Option<String> {
        let start = self.at;
        self.take(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b));
        if self.at == start {
            return None;
        }
        self.take(|b| b == b'=');
        let end = self.at;
        self.skip(b" \t");
        let ends = matches!(self.peek(), None | Some(b','));
        ends.then(|| String::from_utf8_lossy(&self.bytes[start..end]).into_owned())
    }

    fn has_value_next(&self) -> bool {
        self.bytes[self.at..].iter().find(|b| !b" \t".contains(b)) == Some(&b'=')
    }

    fn token(&mut self) -> Result<String, ChallengeError> {
        let start = self.at;
        self.take(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
        if self.at == start {
            return Err(self.syntax());
        }
        Ok(String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned())
    }

    fn quoted(&mut self) -> Result<String, ChallengeError> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            match self.next().ok_or(self.syntax())? {
                b'"' => break,
                b'\\' => out.push(self.next().filter(|b| is_text(*b)).ok_or(self.syntax())?),
                b if is_text(b) => out.push(b),
                _ => return Err(self.syntax()),
            }
        }
        String::from_utf8(out).map_err(|_| self.syntax())
    }

    fn take(&mut self, of: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&of) {
            self.at += 1;
        }
    }

    fn skip(&mut self, these: &[u8]) -> usize {
        let start = self.at;
        self.take(|b| these.contains(&b));
        self.at - start
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let b = self.peek()?;
        self.at += 1;
        Some(b)
    }

    fn syntax(&self) -> ChallengeError {
        ChallengeError::Syntax(self.at)
    }
}

fn is_text(b: u8) -> bool {
    b == b'\t' || (b >= b' ' && b != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::super::Challenge;
    use super::*;
    use proptest::prelude::*;

    fn read(value: &str) -> Result<Vec<Received>, ChallengeError> {
        Received::read([value.as_bytes()])
    }

    #[test]
    fn challenges_and_parameters_are_told_apart() {
        let all = read(
            r#"Basic realm="a, b=c", Bearer , dpop algs="ES256", error = use_dpop_nonce,,Negotiate YII=="#,
        );
        let all = all.unwrap();
        let schemes: Vec<_> = all.iter().map(Received::scheme).collect();
        assert_eq!(schemes, ["Basic", "Bearer", "dpop", "Negotiate"]);
        assert_eq!(all[0].parameter("realm"), Some("a, b=c"));
        assert_eq!(all[1].parameters().count(), 0);
        assert!(all[2].is("DPoP"));
        assert_eq!(all[2].parameter("ERROR"), Some("use_dpop_nonce"));
        assert_eq!(all[3].token68(), Some("YII=="));
    }

    #[test]
    fn quoting_hides_nothing() {
        let all = read(
            r#"Bearer error_description="say \"scope=\\x\", resource_metadata=http://evil", scope="a b""#,
        );
        let all = all.unwrap();
        assert_eq!(all[0].parameter("scope"), Some("a b"));
        assert_eq!(all[0].parameter("resource_metadata"), None);
        assert_eq!(
            all[0].parameter("error_description"),
            Some(r#"say "scope=\x", resource_metadata=http://evil"#)
        );
    }

    #[test]
    fn a_token68_and_a_parameter_are_not_confused() {
        assert_eq!(read("Bearer abc=").unwrap()[0].token68(), Some("abc="));
        assert_eq!(read("Bearer abc=d").unwrap()[0].parameter("abc"), Some("d"));
        assert_eq!(read("Bearer abc").unwrap()[0].token68(), Some("abc"));
    }

    #[test]
    fn what_breaks_the_grammar_is_not_guessed() {
        for broken in [
            "Bearer scope=\"a",
            "Bearer scope=\"a\" error=\"b\"",
            "Bearer scope=\"a\\",
            "scope=\"a\"",
            "Bearer =x",
            "Bearer scope=a b",
            "Negotiate YII==, x=1",
            "Bearer scope=\"a\u{7f}\"",
            "@",
        ] {
            assert!(matches!(read(broken), Err(ChallengeError::Syntax(_))), "{broken}");
        }
        assert_eq!(read("Bearer scope=a, SCOPE=b"), Err(ChallengeError::Duplicate));
        assert_eq!(read(&format!("Bearer x={}", "a".repeat(MAX))), Err(ChallengeError::TooLarge));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Received::read([&bytes[..]]);
        }

        #[test]
        fn what_is_written_is_read(parameters in proptest::collection::btree_map("[a-z]{1,8}", "[ -~]{0,20}", 0..6)) {
            let written = parameters.iter().fold(Challenge::bearer(), |c, (n, v)| c.with(n, v)).into_value();
            let read = read(&written).unwrap();
            prop_assert_eq!(read.len(), 1);
            for (name, value) in &parameters {
                let kept: String = value.chars().filter(|c| !"\"\\".contains(*c)).collect();
                prop_assert_eq!(read[0].parameter(name), Some(kept.as_str()));
            }
        }
    }
}
