//! Names of certificates: the subject as RFC 4514 writes it, and alternative names, compared exactly.

use prokura_oauth::client_metadata::CertificateName;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

/// The short names of RFC 4514 §3 and their object identifiers.
const SHORT: [(&str, &str); 9] = [
    ("CN", "2.5.4.3"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("C", "2.5.4.6"),
    ("STREET", "2.5.4.9"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
];

/// An attribute: the object identifier of its type, and its text.
type Attribute = (String, String);
/// A name: its parts, the most specific first, each a set.
type Name = Vec<Vec<Attribute>>;

/// Whether the certificate has this name.
pub(super) fn is_of(name: &CertificateName, der: &[u8]) -> bool {
    let Ok((rest, certificate)) = X509Certificate::from_der(der) else { return false };
    if !rest.is_empty() {
        return false;
    }
    match name {
        CertificateName::Subject(wanted) => {
            let wanted = parse(wanted);
            wanted.is_some() && wanted == read(certificate.subject())
        }
        CertificateName::Dns(wanted) => alternative(&certificate, |n| match n {
            GeneralName::DNSName(host) => host.eq_ignore_ascii_case(wanted),
            _ => false,
        }),
        CertificateName::Uri(wanted) => alternative(&certificate, |n| match n {
            GeneralName::URI(uri) => uri == wanted,
            _ => false,
        }),
    }
}

fn alternative(certificate: &X509Certificate<'_>, fits: impl Fn(&GeneralName<'_>) -> bool) -> bool {
    // An extension that stands there twice is an error, and no name.
    let names = certificate.subject_alternative_name().ok().flatten();
    names.is_some_and(|names| names.value.general_names.iter().any(fits))
}

/// The name in a certificate; `None` if a value is no text, or the name is empty.
fn read(name: &X509Name<'_>) -> Option<Name> {
    let attribute = |a: &x509_parser::x509::AttributeTypeAndValue<'_>| {
        Some((a.attr_type().to_id_string(), a.as_str().ok()?.to_owned()))
    };
    let mut parts: Name = name
        .iter_rdn()
        .map(|part| {
            let mut part = part.iter().map(attribute).collect::<Option<Vec<_>>>()?;
            part.sort();
            Some(part)
        })
        .collect::<Option<_>>()?;
    parts.reverse();
    (!parts.is_empty()).then_some(parts)
}

/// Reads a name as RFC 4514 §3 writes it; `None` of what it does not allow.
fn parse(text: &str) -> Option<Name> {
    let mut parts = vec![Vec::new()];
    let mut rest = text;
    loop {
        let (kind, after) = rest.split_once('=')?;
        let (value, after) = value(after.trim_start_matches(' '))?;
        parts.last_mut()?.push((identifier(kind.trim_matches(' '))?, value));
        match after.chars().next() {
            None => break,
            Some(',') => parts.push(Vec::new()),
            Some('+') => {}
            Some(_) => return None,
        }
        rest = &after[1..];
    }
    parts.iter_mut().for_each(|p| p.sort());
    Some(parts)
}

fn identifier(kind: &str) -> Option<String> {
    let short = SHORT.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind)).map(|(_, id)| *id);
    let numeric =
        || (kind.contains('.') && kind.bytes().all(|b| b.is_ascii_digit() || b == b'.')).then_some(kind);
    short.or_else(numeric).map(str::to_owned)
}

/// One value with its escapes undone, and what comes after it.
fn value(text: &str) -> Option<(String, &str)> {
    let mut bytes = Vec::new();
    // Spaces at the end belong to the value only if they are escaped.
    let mut kept = 0;
    let mut at = 0;
    let raw = text.as_bytes();
    while let Some(&b) = raw.get(at) {
        match b {
            b',' | b'+' => break,
            b'"' | b';' | b'<' | b'>' | 0 => return None,
            b'\\' => {
                let hex = text.get(at + 1..at + 3).and_then(|h| u8::from_str_radix(h, 16).ok());
                match (hex, raw.get(at + 1)) {
                    (Some(byte), _) => {
                        bytes.push(byte);
                        at += 3;
                    }
                    (None, Some(c)) if b" \"#+,;<=>\\".contains(c) => {
                        bytes.push(*c);
                        at += 2;
                    }
                    _ => return None,
                }
                kept = bytes.len();
                continue;
            }
            other => bytes.push(other),
        }
        if b != b' ' {
            kept = bytes.len();
        }
        at += 1;
    }
    bytes.truncate(kept);
    let value = String::from_utf8(bytes).ok().filter(|v| !v.is_empty())?;
    Some((value, text.get(at..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Option<String> {
        let join =
            |part: Vec<Attribute>| part.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("+");
        parse(text).map(|name| name.into_iter().map(join).collect::<Vec<_>>().join(","))
    }

    #[test]
    fn names_are_read_as_rfc_4514_writes_them() {
        assert_eq!(ids("CN=batch, O=Example").unwrap(), "2.5.4.3=batch,2.5.4.10=Example");
        assert_eq!(ids("UID=a+CN=b").unwrap(), ids("cn=b+uid=a").unwrap());
        assert_eq!(ids(r"CN=Smith\, J\2e,O=\#1\ ").unwrap(), "2.5.4.3=Smith, J.,2.5.4.10=#1 ");
        assert_eq!(ids(r"CN=L\C3\BC").unwrap(), "2.5.4.3=Lü");
        assert_eq!(ids("1.2.3=x").unwrap(), "1.2.3=x");
        for odd in ["", "CN", "CN=", "=x", "CN=a,", "XX=a", "CN=a;O=b", "CN=\"a\"", r"CN=a\", r"CN=a\q"] {
            assert_eq!(ids(odd), None, "{odd}");
        }
    }
}
