//! Bodies, read strictly and within bounds.

use crate::fault::Fault;
use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http_body_util::{BodyExt as _, Limited};
use prokura_facts::Address;
use prokura_oauth::form::Form;
use prokura_oauth::json::{self, Limits, Object, Value};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// The parameters of a form body. The content type stands there once and is exactly a form's.
pub(crate) async fn form(parts: &Parts, body: Body) -> Result<Form, Fault> {
    content_type(parts, FORM)?;
    Ok(Form::parse(&read(body, Form::MAX_BYTES).await?)?)
}

/// The object of a JSON body.
pub(crate) async fn json_object(parts: &Parts, body: Body) -> Result<Object, Fault> {
    content_type(parts, JSON)?;
    let bytes = read(body, Limits::DOCUMENT.max_bytes).await?;
    match json::parse(&bytes, &Limits::DOCUMENT)? {
        Value::Object(o) => Ok(o),
        _ => Err(Fault::NotObject),
    }
}

/// The bearer token of a request: in the header, once. The scheme is read in any case (RFC 9110 §11.1).
pub(crate) fn bearer(parts: &Parts) -> Option<&str> {
    access_token(parts).filter(|(_, proven)| !proven).map(|(token, _)| token)
}

/// The access token of a request and whether it came with the scheme of proofs (RFC 9449 §7.1): in the header, once.
pub(crate) fn access_token(parts: &Parts) -> Option<(&str, bool)> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
    let (scheme, token) = value.split_once(' ')?;
    let proven = scheme.eq_ignore_ascii_case("dpop");
    (proven || scheme.eq_ignore_ascii_case("bearer")).then_some((token.trim(), proven))
}

/// The address of the caller, as the listener found it; that of the connection where no listener says. Unknown behind a
/// proxy that does not say.
pub(crate) fn address(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<Address>().map_or_else(|| connection(parts), |a| a.0)
}

/// Where a request came from, to be shown and counted by: the proxy where nobody knows better.
pub(crate) fn whereabouts(parts: &Parts) -> Option<IpAddr> {
    address(parts).or_else(|| connection(parts))
}

fn connection(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip().to_canonical())
}

/// [`whereabouts`]; one IPv6 network counts as one place.
pub(crate) fn peer(parts: &Parts) -> IpAddr {
    match whereabouts(parts) {
        Some(IpAddr::V6(ip)) => {
            let s = ip.segments();
            IpAddr::V6(Ipv6Addr::new(s[0], s[1], s[2], s[3], 0, 0, 0, 0))
        }
        Some(v4) => v4,
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// One header, one media type, no parameter but `charset=utf-8` (attack C19).
fn content_type(parts: &Parts, wanted: &'static str) -> Result<(), Fault> {
    let mut values = parts.headers.get_all(CONTENT_TYPE).iter();
    let fits = match (values.next().and_then(|v| v.to_str().ok()), values.next()) {
        (Some(value), None) => {
            let (media, parameter) =
                value.split_once(';').map_or((value, None), |(m, p)| (m, Some(p.trim())));
            media.trim().eq_ignore_ascii_case(wanted)
                && parameter.is_none_or(|p| p.eq_ignore_ascii_case("charset=utf-8"))
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(Fault::ContentType(wanted)) }
}

/// Whether the body is said to be of that media type, once.
pub(crate) fn said_to_be(parts: &Parts, wanted: &'static str) -> Result<(), Fault> {
    content_type(parts, wanted)
}

/// The bytes of a body of at most `most`.
pub(crate) async fn read_body(body: Body, most: usize) -> Option<Bytes> {
    read(body, most).await.ok()
}

async fn read(body: Body, most: usize) -> Result<Bytes, Fault> {
    Ok(Limited::new(body, most).collect().await.map_err(|_| Fault::TooLarge)?.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let request = headers.iter().fold(Request::builder(), |r, (n, v)| r.header(*n, *v));
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn c19_one_content_type_and_no_other() {
        let fits = |v: &[&str]| {
            let headers: Vec<_> = v.iter().map(|v| ("content-type", *v)).collect();
            content_type(&parts(&headers), FORM).is_ok()
        };
        assert!(fits(&[FORM]));
        assert!(fits(&["application/x-www-form-urlencoded; charset=UTF-8"]));
        for bad in [
            &["application/json, application/x-www-form-urlencoded"][..],
            &[FORM, JSON],
            &[FORM, FORM],
            &["application/x-www-form-urlencoded; boundary=x"],
            &["text/plain"],
            &[],
        ] {
            assert!(!fits(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_bearer_token_stands_in_one_header() {
        assert_eq!(bearer(&parts(&[("authorization", "bEaReR x")])), Some("x"));
        for bad in [
            &[("authorization", "Basic x")][..],
            &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
        ] {
            assert_eq!(bearer(&parts(bad)), None);
        }
    }
}
