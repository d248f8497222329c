//! The way to metadata services. It is the only one in the product that leads to link-local addresses, and it is asked
//! nothing but what the environment of the process or a convention of its platform names: no server has a say in it.

use super::error::EvidenceError;
use crate::client::printable;
use crate::web::object;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use prokura_egress::{AllowList, Answer, Ask, Egress, EgressConfig, FetchUrl, Reading, Trust};
use prokura_oauth::json::Object;
use std::net::IpAddr;
use std::time::Duration;
use url::{Host, Url};

/// Where clouds serve credentials, beside any address that is named as itself.
const SERVED_FROM: [&str; 5] =
    ["169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", "fd00:ec2::254/128", "fd00:ec2::23/128"];
/// The one name that leads there by convention.
const NAMED: &str = "metadata.google.internal";
const READING: Reading =
    Reading { max_bytes: 64 << 10, deadline: Duration::from_secs(5), enough: |_, _| false };

/// Asks metadata services, and the services of a cloud.
#[derive(Debug, Clone)]
pub(super) struct Out {
    trust: Trust,
}

/// One question.
pub(super) struct Question<'a> {
    /// Who is asked, for people.
    pub(super) place: &'a str,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl<'a> Question<'a> {
    pub(super) fn get(place: &'a str, url: Url) -> Self {
        Self { place, method: Method::GET, url, headers: Vec::new(), body: String::new() }
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// As a form that is posted.
    #[must_use]
    pub(super) fn posting(mut self, body: String) -> Self {
        (self.method, self.body) = (Method::POST, body);
        self.with("content-type", "application/x-www-form-urlencoded")
    }
}

/// A good answer.
pub(super) struct Told {
    place: String,
    pub(super) answer: Answer,
}

impl Out {
    pub(super) fn new(trust: Trust) -> Self {
        Self { trust }
    }

    /// The answer, if it is a good one. `remedy` says what is usually wrong if it is not.
    pub(super) async fn ask(
        &self,
        question: Question<'_>,
        remedy: impl FnOnce(&str) -> String,
    ) -> Result<Told, EvidenceError> {
        let place = question.place.to_owned();
        let unreachable = |cause: String| EvidenceError::Unreachable { place: place.clone(), cause };
        let url = checked(question.url)?;
        let headers = headers(question.headers)
            .ok_or_else(|| unreachable("the request cannot be written".to_owned()))?;
        let ask = Ask { method: question.method, headers, body: Bytes::from(question.body) };
        let answer =
            self.egress(&url).ask(&url, ask, &READING).await.map_err(|e| unreachable(e.to_string()))?;
        if answer.status.is_success() && answer.whole {
            return Ok(Told { place, answer });
        }
        let said = said(&answer);
        let remedy = remedy(&said);
        Err(EvidenceError::Refused { place, status: answer.status.as_u16(), said, remedy })
    }

    fn egress(&self, url: &FetchUrl) -> Egress {
        let allow = match url.is_https() {
            true => AllowList::default(),
            false => AllowList::parse(&SERVED_FROM).unwrap_or_default(),
        };
        Egress::system(EgressConfig {
            allow: allow.and_named(url),
            trust: self.trust.clone(),
            ..EgressConfig::default()
        })
    }
}

/// An address to which credentials may be sent: over TLS, or without leaving this machine and its host.
fn checked(url: Url) -> Result<FetchUrl, EvidenceError> {
    let address = url.to_string();
    let refused = || EvidenceError::Address { address: address.clone() };
    let url = FetchUrl::try_from(url).map_err(|_| refused())?;
    let near = match url.as_url().host() {
        Some(Host::Domain(name)) => name == "localhost" || name == NAMED,
        Some(Host::Ipv4(a)) => a.is_loopback() || a.is_link_local(),
        Some(Host::Ipv6(a)) => a.is_loopback() || is_served_from(IpAddr::V6(a)),
        None => false,
    };
    if url.is_https() || near { Ok(url) } else { Err(refused()) }
}

fn is_served_from(address: IpAddr) -> bool {
    let text = address.to_string();
    SERVED_FROM.iter().any(|net| net.split('/').next() == Some(text.as_str()))
}

fn headers(all: Vec<(&'static str, String)>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in all {
        headers.insert(HeaderName::from_static(name), HeaderValue::try_from(value).ok()?);
    }
    Some(headers)
}

/// What a refusal says for itself: one of the members that platforms put it in, or the text.
fn said(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    if let Ok(object) = object(answer) {
        let word = ["error_description", "message", "Message", "error"].iter().find_map(|m| object.str(m));
        return printable(word.unwrap_or_default());
    }
    match (element(&text, "Code"), element(&text, "Message")) {
        (Some(code), Some(message)) => printable(&format!("{code}: {message}")),
        (Some(code), None) => printable(&code),
        _ if text.trim_start().starts_with('<') => String::new(),
        _ => printable(&text),
    }
}

impl Told {
    pub(super) fn text(&self, wanted: &'static str) -> Result<String, EvidenceError> {
        let text = std::str::from_utf8(&self.answer.body).map_err(|_| self.malformed(wanted))?;
        Ok(text.trim().to_owned())
    }

    /// The text of the one element of this name, without entities: tokens and keys have none.
    pub(super) fn element(&self, name: &str, wanted: &'static str) -> Result<String, EvidenceError> {
        let text = self.text(wanted)?;
        element(&text, name).filter(|t| !t.is_empty()).ok_or_else(|| self.malformed(wanted))
    }

    pub(super) fn object(&self, wanted: &'static str) -> Result<Object, EvidenceError> {
        object(&self.answer).map_err(|_| self.malformed(wanted))
    }

    /// A member of the object that was answered.
    pub(super) fn member(&self, name: &str, wanted: &'static str) -> Result<String, EvidenceError> {
        let object = self.object(wanted)?;
        object.str(name).filter(|t| !t.is_empty()).map(str::to_owned).ok_or_else(|| self.malformed(wanted))
    }

    pub(super) fn malformed(&self, wanted: &'static str) -> EvidenceError {
        EvidenceError::Malformed { place: self.place.clone(), wanted }
    }
}

fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, rest) = rest.split_once(&format!("</{name}>"))?;
    let once = !rest.contains(&format!("<{name}>"));
    (once && !inner.contains(['<', '&'])).then(|| inner.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_asked_over_tls_or_without_leaving_the_host() {
        let ask = |url: &str| checked(Url::parse(url).unwrap()).is_ok();
        for near in [
            "https://sts.eu-central-1.amazonaws.com/",
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2/v2/credentials/x",
            "http://[fd00:ec2::254]/latest/api/token",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://127.0.0.1:41741/msi/token",
            "http://localhost:42356/msi/token",
            "http://169.254.129.4:8081/msi/token",
            "http://metadata.google.internal/computeMetadata/v1/",
        ] {
            assert!(ask(near), "{near}");
        }
        for far in [
            "http://sts.amazonaws.com/",
            "http://10.0.0.7/",
            "http://metadata.google.internal.example/",
            "http://localhost.example/",
            "http://[fd00:ec2::1]/",
            "http://[fe80::1]/",
            "http://user@169.254.169.254/",
            "ftp://169.254.169.254/",
        ] {
            assert!(!ask(far), "{far}");
        }
    }

    #[test]
    fn an_element_is_read_once_and_plain() {
        assert_eq!(element("<a><T>x.y.z</T></a>", "T").as_deref(), Some("x.y.z"));
        for bad in ["<T>x</T><T>y</T>", "<T><b/>x</T>", "<T>x&amp;</T>", "<T>x", "x</T>", ""] {
            assert_eq!(element(bad, "T"), None, "{bad}");
        }
    }
}
