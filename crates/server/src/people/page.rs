//! How a page leaves: never without its headers.

use super::{Cookie, PageFault, People, Visit, set_cookie};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{self, HeaderName};
use http::{HeaderValue, StatusCode};
use prokura_ui::{Frame, Template};
use std::sync::Arc;

impl People {
    pub(crate) fn nonce(&self) -> String {
        let mut bytes = [0; 16];
        self.rng.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What stands around a page for this visitor.
    pub(crate) fn frame(&self, visit: &Visit) -> Frame {
        let frame = Frame::new(self.issuer().path(), self.issuer().authority(), &visit.nonce, self.is_dev());
        match &visit.signed_in {
            Some(signed_in) => frame.signed_in(&signed_in.user.display_name),
            None => frame,
        }
    }

    /// A page for this visitor.
    pub(crate) fn show(
        &self,
        visit: &Visit,
        status: StatusCode,
        view: &impl Template,
    ) -> Result<Response, PageFault> {
        self.show_leading(visit, status, view, None)
    }

    /// As [`show`](Self::show), for a page whose script asks this server whether the page is still as it was.
    pub(crate) fn show_live(
        &self,
        visit: &Visit,
        status: StatusCode,
        view: &impl Template,
    ) -> Result<Response, PageFault> {
        let mut response = self.show(visit, status, view)?;
        let live = format!("{}; connect-src 'self'", policy(&visit.nonce, None));
        if let Ok(live) = HeaderValue::from_str(&live) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, live);
        }
        Ok(response)
    }

    /// As [`show`](Self::show), for a page whose form is answered with a redirect to `leads_to`: browsers hold
    /// redirects of forms to the policy too.
    pub(crate) fn show_leading(
        &self,
        visit: &Visit,
        status: StatusCode,
        view: &impl Template,
        leads_to: Option<&str>,
    ) -> Result<Response, PageFault> {
        let mut response = self.leave(status, view.render()?, &visit.nonce, leads_to);
        self.keep_browser(visit, &mut response);
        Ok(response)
    }

    /// Gives a browser that came without one its cookie.
    pub(crate) fn keep_browser(&self, visit: &Visit, response: &mut Response) {
        if visit.is_new {
            add_cookie(response, &set_cookie(Cookie::Browser, self.issuer(), &visit.browser, None));
        }
    }

    pub(crate) fn leave(
        &self,
        status: StatusCode,
        html: String,
        nonce: &str,
        leads_to: Option<&str>,
    ) -> Response {
        let mut response = (status, html).into_response();
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(policy) = HeaderValue::from_str(&policy(nonce, leads_to)) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

fn policy(nonce: &str, leads_to: Option<&str>) -> String {
    let leads_to = leads_to.and_then(source).map_or(String::new(), |s| format!(" {s}"));
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self'; \
         form-action 'self'{leads_to}; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// A validated redirect address as a source of the policy: its origin, or its scheme where it has none.
fn source(address: &str) -> Option<String> {
    let url = url::Url::parse(address).ok()?;
    let origin = url.origin();
    Some(if origin.is_tuple() { origin.ascii_serialization() } else { format!("{}:", url.scheme()) })
}

pub(crate) fn add_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// 303: whatever was posted is not posted again to where this leads (RFC 9700 §4.12).
pub(crate) fn see_other(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    for (name, value) in &HEADERS[1..3] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    match HeaderValue::from_str(to) {
        Ok(to) => drop(headers.insert(header::LOCATION, to)),
        Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    response
}

/// Style sheet, script and seal. Their names change with their content, so they are kept for ever.
pub(crate) async fn asset(State(_): State<Arc<People>>, Path(file): Path<String>) -> Response {
    match prokura_ui::asset(&format!("/assets/{file}")) {
        Some(asset) => (
            [
                (header::CONTENT_TYPE, asset.media_type),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ],
            asset.body,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_may_lead_to_its_own_redirect_address_and_nowhere_else() {
        assert!(policy("n", None).contains("form-action 'self';"));
        assert!(
            policy("n", Some("https://a.example/cb?x")).contains("form-action 'self' https://a.example;")
        );
        assert!(policy("n", Some("http://127.0.0.1:81/cb")).contains("'self' http://127.0.0.1:81;"));
        assert!(policy("n", Some("com.example.app:/cb")).contains("'self' com.example.app:;"));
    }

    #[test]
    fn what_would_break_a_header_does_not_lead_anywhere() {
        assert_eq!(see_other("/a\r\nb").status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(see_other("/a").status(), StatusCode::SEE_OTHER);
    }
}
