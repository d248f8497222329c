//! Protocol buffers, as far as the Workload API needs them: texts, bytes, and messages within messages. Fields that are
//! not known are passed over, whatever their type; groups, which nobody writes any more, are refused.

use super::WorkloadApiError;
use crate::SpiffeId;

/// The fields of a message that have a length, in their order.
pub(super) struct Fields<'a>(Vec<(u32, &'a [u8])>);

/// A text as a field.
pub(super) fn text(field: u32, text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    write_number(u64::from(field) << 3 | 2, &mut out);
    write_number(text.len() as u64, &mut out);
    out.extend_from_slice(text.as_bytes());
    out
}

fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

impl<'a> Fields<'a> {
    pub(super) fn of(mut message: &'a [u8]) -> Result<Self, WorkloadApiError> {
        let mut fields = Vec::new();
        while !message.is_empty() {
            if let Some(field) = next(&mut message).ok_or(WorkloadApiError::Malformed)? {
                fields.push(field);
            }
        }
        Ok(Self(fields))
    }

    /// What stands in a field, as often as it does.
    pub(super) fn bytes(&self, field: u32) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(number, _)| *number == field).map(|(_, bytes)| *bytes)
    }

    /// A text that stands there once or several times, of which the last counts; empty if it does not.
    pub(super) fn text(&self, field: u32) -> Result<&'a str, WorkloadApiError> {
        std::str::from_utf8(self.bytes(field).last().unwrap_or_default())
            .map_err(|_| WorkloadApiError::Malformed)
    }

    /// The ID of an SVID, which is the first field of each.
    pub(super) fn id(&self) -> Result<SpiffeId, WorkloadApiError> {
        SpiffeId::parse(self.text(1)?).map_err(|_| WorkloadApiError::Malformed)
    }

    /// A hint, if it says anything.
    pub(super) fn hint(&self, field: u32) -> Result<Option<String>, WorkloadApiError> {
        Ok(Some(self.text(field)?).filter(|hint| !hint.is_empty()).map(str::to_owned))
    }
}

/// The next field, if it is one with a length; `None` outside if the message is cut short or odd.
fn next<'a>(message: &mut &'a [u8]) -> Option<Option<(u32, &'a [u8])>> {
    let tag = number(message)?;
    let field = u32::try_from(tag >> 3).ok().filter(|field| *field > 0)?;
    match tag & 7 {
        0 => number(message).map(|_| None),
        1 => take(message, 8).map(|_| None),
        2 => {
            let length = usize::try_from(number(message)?).ok()?;
            Some(Some((field, take(message, length)?)))
        }
        5 => take(message, 4).map(|_| None),
        _ => None,
    }
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

fn number(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *take(message, 1)?.first()?;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_come_back_and_other_fields_are_passed_over() {
        let mut message = text(1, "a");
        // A number, eight bytes and four bytes, of fields that nobody knows.
        message.extend([0x48, 0x96, 0x01, 0x51, 0, 0, 0, 0, 0, 0, 0, 0, 0x5d, 0, 0, 0, 0]);
        message.extend(text(1, &"b".repeat(300)));
        let fields = Fields::of(&message).unwrap();
        assert_eq!(fields.bytes(1).map(<[u8]>::len).collect::<Vec<_>>(), [1, 300]);
        assert_eq!(fields.text(1).unwrap().len(), 300);
        assert_eq!(fields.text(2).unwrap(), "");
    }

    #[test]
    fn what_is_cut_short_or_odd_is_refused() {
        for odd in [&[0x0a][..], &[0x0a, 5, 1], &[0x00], &[0x0b], &[0x0c], &[0xff; 11], &[0x08, 0xff]] {
            assert!(Fields::of(odd).is_err(), "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Fields::of(&bytes);
        }

        #[test]
        fn any_text_comes_back(field in 1_u32..1000, said in "\\PC{0,300}") {
            let message = text(field, &said);
            prop_assert_eq!(Fields::of(&message).unwrap().text(field).unwrap(), said);
        }
    }
}
