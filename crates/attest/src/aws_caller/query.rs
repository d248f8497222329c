//! The query of a presigned request: parameters that are known, each once, whatever their case (CVE-2022-2385: there, two
//! readers took different ones of two).

use super::error::CallerError;
use std::collections::BTreeMap;

/// Every parameter there is.
const KNOWN: [&str; 9] = [
    "Action",
    "Version",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// Reads the parameters by name.
pub(super) fn read(text: &str) -> Result<BTreeMap<&'static str, String>, CallerError> {
    let mut all = BTreeMap::new();
    for pair in text.split('&') {
        let (name, value) = pair.split_once('=').ok_or(CallerError::Query)?;
        let name = decoded(name).ok_or(CallerError::Query)?;
        let known = KNOWN.into_iter().find(|k| k.eq_ignore_ascii_case(&name));
        let known = known.ok_or_else(|| CallerError::Parameter(name.chars().take(80).collect()))?;
        let value = decoded(value).ok_or(CallerError::Query)?;
        if all.insert(known, value).is_some() {
            return Err(CallerError::Twice(known.to_owned()));
        }
        if known != name {
            return Err(CallerError::Parameter(name));
        }
    }
    if all.get("X-Amz-Security-Token").is_some_and(|token| !is_token(token)) {
        return Err(CallerError::Parameter("X-Amz-Security-Token".to_owned()));
    }
    Ok(all)
}

/// Whether it is written as session tokens are.
pub(super) fn is_token(text: &str) -> bool {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b);
    !text.is_empty() && text.len() <= 4096 && text.bytes().all(fine)
}

/// What percent-encoding stands for, if that is visible ASCII. A plus sign means two things to two readers, so it is
/// none.
fn decoded(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let plain = match byte {
            b'%' => {
                let hex = [bytes.next()?, bytes.next()?];
                let hex =
                    std::str::from_utf8(&hex).ok().filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()))?;
                u8::from_str_radix(hex, 16).ok()?
            }
            b'+' => return None,
            other => other,
        };
        out.push(char::from(plain).is_ascii_graphic().then_some(char::from(plain))?);
    }
    Some(out)
}

/// As SigV4 writes it: everything but unreserved characters is encoded.
pub(super) fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let each = text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cve_2022_2385_a_parameter_that_stands_there_twice_is_refused_in_any_case_and_encoding() {
        for odd in [
            "Action=GetCallerIdentity&Action=GetCallerIdentity",
            "Action=GetCallerIdentity&action=AssumeRole",
            "Action=GetCallerIdentity&%41ction=AssumeRole",
            "action=GetCallerIdentity",
        ] {
            assert!(read(odd).is_err(), "{odd}");
        }
        assert_eq!(read("Action=a&Action=b"), Err(CallerError::Twice("Action".to_owned())));
        assert_eq!(read("Action=a&ACTION=b"), Err(CallerError::Twice("Action".to_owned())));
    }

    #[test]
    fn what_is_not_known_or_reads_two_ways_is_refused() {
        for odd in [
            "RoleArn=x",
            "Action",
            "Action=a+b",
            "Action=%4",
            "Action=%zz",
            "Action=%0a",
            "Action=%E2%82%AC",
            "",
            "Action=a&&Version=b",
            "Action=%+1",
            "X-Amz-Security-Token=%22",
        ] {
            assert!(read(odd).is_err(), "{odd}");
        }
        let all = read("X-Amz-Credential=AKID%2F20260101%2Fus-east-1").unwrap();
        assert_eq!(all["X-Amz-Credential"], "AKID/20260101/us-east-1");
        assert_eq!(encoded("AKID/2;~"), "AKID%2F2%3B~");
    }
}
