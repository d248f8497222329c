//! Signing requests to AWS (Signature Version 4, by header). Only what the token service is asked needs it: `POST /`
//! without a query. Why it is written here: `docs/decisions/0012-the-agents-own-platform.md`.

use crate::client::Secret;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, Tag, sign};
use prokura_core::Timestamp;
use std::fmt::Write;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What signs.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    pub(super) access_key_id: String,
    pub(super) secret: Secret,
    /// Of temporary credentials.
    pub(super) session: Option<Secret>,
}

/// Where a signature counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

/// A request to the root of a host, all of whose headers are signed.
#[derive(Debug, Clone)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    /// Names in lower case.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: &'a str,
}

impl Credentials {
    /// The headers of `request` with those that sign it; `host` is not among them.
    pub(super) fn sign(
        &self,
        request: &Request<'_>,
        scope: Scope<'_>,
        now: Timestamp,
    ) -> Vec<(&'static str, String)> {
        let stamp = stamp(now);
        let mut headers = request.headers.clone();
        headers.push(("x-amz-date", stamp.clone()));
        if let Some(session) = &self.session {
            headers.push(("x-amz-security-token", session.reveal().to_owned()));
        }
        headers.sort_unstable();
        let (canonical, signed) = canonical(request, &headers);
        let day = stamp.get(..8).unwrap_or_default();
        let within = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
        let text = format!("{ALGORITHM}\n{stamp}\n{within}\n{}", hash(canonical.as_bytes()));
        let signature = hex(self.key(day, scope).as_ref(), &text);
        let id = &self.access_key_id;
        headers.push((
            "authorization",
            format!("{ALGORITHM} Credential={id}/{within}, SignedHeaders={signed}, Signature={signature}"),
        ));
        headers
    }

    /// The key of one day, region and service.
    fn key(&self, day: &str, scope: Scope<'_>) -> Tag {
        let secret = format!("AWS4{}", self.secret.reveal());
        let steps = [scope.region, scope.service, "aws4_request"];
        let first = mac(secret.as_bytes(), day);
        steps.iter().fold(first, |key, step| mac(key.as_ref(), step))
    }
}

/// The request as both sides write it before they hash it, and the names of what is signed.
fn canonical(request: &Request<'_>, headers: &[(&'static str, String)]) -> (String, String) {
    let mut lines: Vec<(&str, String)> =
        headers.iter().map(|(name, value)| (*name, spaced_once(value))).collect();
    lines.push(("host", request.host.to_owned()));
    lines.sort_unstable();
    let names: Vec<&str> = lines.iter().map(|(name, _)| *name).collect();
    let signed = names.join(";");
    let mut text = format!("{}\n/\n\n", request.method);
    for (name, value) in &lines {
        let _ = writeln!(text, "{name}:{value}");
    }
    let _ = write!(text, "\n{signed}\n{}", hash(request.body.as_bytes()));
    (text, signed)
}

/// Without spaces at the ends, and with one where there were several.
fn spaced_once(value: &str) -> String {
    value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn mac(key: &[u8], text: &str) -> Tag {
    sign(&Key::new(HMAC_SHA256, key), text.as_bytes())
}

fn hex(key: &[u8], text: &str) -> String {
    digits(mac(key, text).as_ref())
}

fn hash(bytes: &[u8]) -> String {
    digits(digest(&SHA256, bytes).as_ref())
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `20150830T123600Z`. The day is counted in years that begin in March, so that the leap day is the last.
fn stamp(now: Timestamp) -> String {
    let seconds = now.seconds();
    let (days, rest) = (seconds.div_euclid(86_400) + 719_468, seconds.rem_euclid(86_400));
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: Scope<'_> = Scope { region: "us-east-1", service: "service" };
    const AT: i64 = 1_440_938_160;

    fn signature(
        method: &str,
        session: Option<&str>,
        headers: Vec<(&'static str, String)>,
        body: &str,
    ) -> String {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session: session.map(Secret::new),
        };
        let request = Request { method, host: "example.amazonaws.com", headers, body };
        let signed = credentials.sign(&request, SCOPE, Timestamp::from_seconds(AT));
        signed.last().unwrap().1.clone()
    }

    /// Vectors of the test suite that AWS publishes with its own signer (aws-c-auth, `aws-signing-test-suite/v4`).
    #[test]
    fn what_is_signed_is_signed_as_the_published_vectors_say() {
        let of = |names: &str, signature: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={names}, \
                 Signature={signature}"
            )
        };
        let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        assert_eq!(signature("GET", None, vec![], ""), of("host;x-amz-date", vanilla));
        let token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
        let with_token = "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8";
        assert_eq!(
            signature("GET", Some(token), vec![], ""),
            of("host;x-amz-date;x-amz-security-token", with_token)
        );
        let trimmed = vec![("my-header1", "value1".to_owned()), ("my-header2", " \"a   b   c\" ".to_owned())];
        let by_trimmed = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736";
        assert_eq!(
            signature("GET", None, trimmed, ""),
            of("host;my-header1;my-header2;x-amz-date", by_trimmed)
        );
        let form = "Param1=value1";
        let posted = vec![
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("content-length", "13".to_owned()),
            ("x-amz-content-sha256", hash(form.as_bytes())),
        ];
        let by_posted = "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b";
        assert_eq!(
            signature("POST", None, posted, form),
            of("content-length;content-type;host;x-amz-content-sha256;x-amz-date", by_posted)
        );
    }

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        let at = |seconds| stamp(Timestamp::from_seconds(seconds));
        assert_eq!(at(0), "19700101T000000Z");
        assert_eq!(at(AT), "20150830T123600Z");
        assert_eq!(at(951_782_399), "20000228T235959Z");
        assert_eq!(at(951_782_400), "20000229T000000Z");
        assert_eq!(at(4_107_542_399), "21000228T235959Z");
        assert_eq!(at(4_107_542_400), "21000301T000000Z");
    }
}
