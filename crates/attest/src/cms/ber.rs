//! A bounded reader of BER (X.690 §8), as far as signed messages need it: AWS writes indefinite lengths and octet strings
//! in pieces, which readers of DER refuse.

use super::CmsError;

/// Deeper nesting is not looked at.
const MAX_DEPTH: u8 = 16;

/// One value with its tag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    /// The tag, of one byte.
    pub(super) tag: u8,
    /// All of it, with tag, length and end.
    pub(super) raw: &'a [u8],
    /// The content.
    pub(super) inside: &'a [u8],
    /// Whether the length stands in front, so that `raw` is what DER would write too.
    pub(super) definite: bool,
}

/// Reads values one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    depth: u8,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, depth: 0 }
    }

    /// A reader of what is inside of `element`.
    pub(super) fn within(&self, element: &Element<'a>) -> Self {
        Self { rest: element.inside, depth: self.depth + 1 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next value, whatever it is.
    pub(super) fn any(&mut self) -> Result<Element<'a>, CmsError> {
        let (element, rest) = element(self.rest, self.depth)?;
        self.rest = rest;
        Ok(element)
    }

    /// The next value, which must have this tag.
    pub(super) fn take(&mut self, tag: u8) -> Result<Element<'a>, CmsError> {
        let next = self.any()?;
        if next.tag == tag { Ok(next) } else { Err(CmsError::Malformed) }
    }

    /// The next value if it has this tag.
    pub(super) fn maybe(&mut self, tag: u8) -> Result<Option<Element<'a>>, CmsError> {
        match self.rest.first() {
            Some(first) if *first == tag => self.any().map(Some),
            _ => Ok(None),
        }
    }

    /// Refuses whatever is left.
    pub(super) fn end(self) -> Result<(), CmsError> {
        if self.rest.is_empty() { Ok(()) } else { Err(CmsError::Malformed) }
    }
}

fn element(bytes: &[u8], depth: u8) -> Result<(Element<'_>, &[u8]), CmsError> {
    let [tag, first, after @ ..] = bytes else { return Err(CmsError::Malformed) };
    // Tags of several bytes occur in no signed message; an end that nothing began is none of ours.
    if depth > MAX_DEPTH || tag & 0x1f == 0x1f || *tag == 0 {
        return Err(CmsError::Malformed);
    }
    if *first == 0x80 {
        return if tag & 0x20 == 0 { Err(CmsError::Malformed) } else { indefinite(bytes, *tag, depth) };
    }
    let (length, body) = length(*first, after)?;
    let (inside, rest) = body.split_at_checked(length).ok_or(CmsError::Malformed)?;
    let raw = &bytes[..bytes.len() - rest.len()];
    Ok((Element { tag: *tag, raw, inside, definite: true }, rest))
}

/// A length in one to three bytes, written as short as it can be.
fn length(first: u8, after: &[u8]) -> Result<(usize, &[u8]), CmsError> {
    match (first, after) {
        (0..=0x7f, body) => Ok((first.into(), body)),
        (0x81, [a, body @ ..]) if *a >= 0x80 => Ok(((*a).into(), body)),
        (0x82, [a, b, body @ ..]) if *a > 0 => Ok((usize::from(*a) << 8 | usize::from(*b), body)),
        _ => Err(CmsError::Malformed),
    }
}

/// Values until two zero bytes.
fn indefinite(bytes: &[u8], tag: u8, depth: u8) -> Result<(Element<'_>, &[u8]), CmsError> {
    let mut rest = &bytes[2..];
    loop {
        if let [0, 0, after @ ..] = rest {
            let raw = &bytes[..bytes.len() - after.len()];
            let inside = &raw[2..raw.len() - 2];
            return Ok((Element { tag, raw, inside, definite: false }, after));
        }
        rest = element(rest, depth + 1)?.1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Element<'_>, CmsError> {
        Reader::new(bytes).any()
    }

    #[test]
    fn lengths_are_as_short_as_they_can_be() {
        assert_eq!(read(&[4, 2, 7, 8, 9]).unwrap().raw, [4, 2, 7, 8]);
        let mut long = vec![4, 0x81, 0x80];
        long.extend([1; 0x80]);
        assert_eq!(read(&long).unwrap().inside.len(), 0x80);
        for odd in
            [&[4, 0x81, 2, 7, 8][..], &[4, 0x82, 0, 2, 7, 8], &[4, 0x84, 0, 0, 0, 2, 7, 8], &[4, 3, 7, 8]]
        {
            assert!(read(odd).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn an_indefinite_length_ends_where_its_own_end_stands() {
        let bytes = [0x30, 0x80, 0x30, 0x80, 4, 2, 0, 0, 0, 0, 2, 1, 5, 0, 0, 9];
        let outer = read(&bytes).unwrap();
        assert_eq!(outer.raw, &bytes[..15]);
        assert!(!outer.definite);
        let mut inside = Reader::new(&bytes).within(&outer);
        assert_eq!(inside.take(0x30).unwrap().inside, [4, 2, 0, 0]);
        assert_eq!(inside.take(2).unwrap().inside, [5]);
        inside.end().unwrap();
        for odd in [&bytes[..14], &[4, 0x80, 0, 0], &[0, 0], &[0x1f, 0x81, 1, 0], &[]] {
            assert!(read(odd).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn d08_depth_is_bounded() {
        let deep: Vec<u8> = [0x30, 0x80].repeat(10_000);
        assert!(read(&deep).is_err());
    }
}
