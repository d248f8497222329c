//! Who visits, and what was posted.

use super::{Cookie, Fields, PageFault, People};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, Limited};
use prokura_core::{Timestamp, TraceId, random_id};
use prokura_store::{Session, StoreError, Tx, User};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A visit: one request of one browser.
pub(crate) struct Visit {
    /// Leads from what the reader sees to the record.
    pub(crate) trace: TraceId,
    /// The browser's own secret.
    pub(crate) browser: String,
    /// Whether the browser came without one.
    pub(crate) is_new: bool,
    /// Who is signed in.
    pub(crate) signed_in: Option<SignedIn>,
    /// The nonce of the page that answers.
    pub(crate) nonce: String,
    /// Where the browser is.
    pub(crate) address: Address,
    /// What the browser calls itself.
    pub(crate) agent: String,
}

/// Where a browser is, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address(Option<IpAddr>);

/// How seldom it is written down that a session is used.
const TOUCH: Duration = Duration::from_secs(5 * 60);

/// A user who is signed in.
#[derive(Clone)]
pub(crate) struct SignedIn {
    /// The cookie's secret.
    pub(crate) secret: String,
    /// The session.
    pub(crate) session: Session,
    /// Who.
    pub(crate) user: User,
}

impl SignedIn {
    /// Whether it is still so, as a transaction sees it: the session may have ended, or its user been disabled, after the
    /// page was asked for. Whatever gives something to somebody asks this in the transaction that gives it.
    pub(crate) fn stands(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, StoreError> {
        Ok(tx.session(&self.secret, now)?.is_some_and(|session| session.user == self.user.id))
    }
}

impl Address {
    /// Where a request came from.
    pub(crate) fn of(parts: &Parts) -> Self {
        Self(crate::wire::whereabouts(parts))
    }

    /// To be shown.
    pub(crate) fn shown(self) -> String {
        self.0.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string())
    }

    /// To be counted by: a household's IPv6 network is one place.
    pub(crate) fn place(self) -> String {
        match self.0 {
            Some(IpAddr::V6(ip)) => match ip.to_ipv4_mapped() {
                Some(v4) => v4.to_string(),
                None => ip.segments()[..4].iter().map(|s| format!("{s:x}")).collect::<Vec<_>>().join(":"),
            },
            _ => self.shown(),
        }
    }
}

impl People {
    /// The visit that a request is.
    pub(crate) async fn visit(&self, parts: &Parts) -> Result<Visit, PageFault> {
        let headers = &parts.headers;
        let browser = Cookie::Browser.read(headers, self.issuer());
        Ok(Visit {
            trace: TraceId::random(&*self.rng),
            is_new: browser.is_none(),
            browser: browser.unwrap_or_else(|| random_id("b_", &*self.rng)),
            signed_in: self.who(headers).await?,
            nonce: self.nonce(),
            address: Address::of(parts),
            agent: text(headers, header::USER_AGENT),
        })
    }

    async fn who(&self, headers: &HeaderMap) -> Result<Option<SignedIn>, StoreError> {
        let Some(secret) = Cookie::Session.read(headers, self.issuer()) else { return Ok(None) };
        let now = self.now();
        let found = self
            .store
            .read(move |tx| {
                let Some(session) = tx.session(&secret, now)? else { return Ok(None) };
                let user = tx.user(&session.user)?.filter(|u| !u.disabled);
                Ok(user.map(|user| SignedIn { secret: secret.clone(), session, user }))
            })
            .await?;
        if let Some(signed_in) = &found
            && signed_in.session.last_used_at.after(TOUCH) <= now
        {
            let hash = signed_in.session.hash;
            self.store.transact(move |tx| tx.touch_session(&hash, now)).await?;
        }
        Ok(found)
    }

    /// The mark of the form that is posted to `path`. Forms of the account and of interactions belong to a
    /// session; those that come before it (sign-in, set-up, a device's code) to the browser alone, so that two of them may be
    /// open at once.
    pub(crate) fn form(&self, visit: &Visit, path: &str) -> prokura_ui::Form {
        let action = self.path(path);
        let token = self.seal.mark(&["form", &visit.browser, visit.binding(&action, self), &action]);
        prokura_ui::Form { action, token }
    }

    fn is_marked(&self, visit: &Visit, action: &str, token: &str) -> bool {
        let parts = ["form", &visit.browser, visit.binding(action, self), action];
        !visit.is_new && self.seal.is_marked(&parts, token)
    }
}

impl Visit {
    fn binding<'a>(&'a self, action: &str, people: &People) -> &'a str {
        let below = action.strip_prefix(people.issuer().path()).unwrap_or(action);
        let before_sign_in =
            below.starts_with("/signin") || below.starts_with("/setup") || below == "/device";
        match &self.signed_in {
            Some(signed_in) if !before_sign_in => &signed_in.secret,
            _ => "",
        }
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> String {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().chars().take(256).collect()
}

/// What was posted, by whom. It exists only if the form carried its mark and came from this site.
pub(crate) struct Posted {
    /// By whom.
    pub(crate) visit: Visit,
    /// What.
    pub(crate) fields: Fields,
}

impl FromRequestParts<Arc<People>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, people: &Arc<People>) -> Result<Self, Response> {
        people.visit(parts).await.map_err(|f| people.fault(&f, &TraceId::random(&*people.rng)))
    }
}

impl FromRequest<Arc<People>> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, people: &Arc<People>) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let visit =
            people.visit(&parts).await.map_err(|f| people.fault(&f, &TraceId::random(&*people.rng)))?;
        match fields(people, &visit, &parts, body).await {
            Ok(fields) => Ok(Self { visit, fields }),
            Err(fault) => Err(people.fault(&fault, &visit.trace)),
        }
    }
}

async fn fields(
    people: &People,
    visit: &Visit,
    parts: &Parts,
    body: axum::body::Body,
) -> Result<Fields, PageFault> {
    if !is_from_here(&parts.headers, people) {
        return Err(PageFault::Crossed);
    }
    let bytes = Limited::new(body, Fields::MAX_BYTES).collect().await.map_err(|_| PageFault::TooLarge)?;
    let fields = Fields::parse(&bytes.to_bytes()).ok_or(PageFault::TooLarge)?;
    let uri = parts.extensions.get::<axum::extract::OriginalUri>().map_or(&parts.uri, |u| &u.0);
    let action = uri.path_and_query().map_or("/", |p| p.as_str());
    if people.is_marked(visit, action, fields.one("form_token")) {
        Ok(fields)
    } else {
        Err(PageFault::Crossed)
    }
}

/// Whether a form was posted by a page of ours, as far as the browser says. `Origin: null` says nothing: our
/// pages send no referrer, and then browsers hide the origin too. The mark is checked in any case.
fn is_from_here(headers: &HeaderMap, people: &People) -> bool {
    let is_form = text(headers, header::CONTENT_TYPE).starts_with("application/x-www-form-urlencoded");
    let site = text(headers, header::HeaderName::from_static("sec-fetch-site"));
    let origin = text(headers, header::ORIGIN);
    let same_site = matches!(site.as_str(), "" | "same-origin");
    let same_origin = matches!(origin.as_str(), "" | "null") || origin == people.issuer().origin();
    is_form && same_site && same_origin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_counted_by_network() {
        let place = |s: &str| Address(Some(s.parse().unwrap())).place();
        assert_eq!(place("192.0.2.7"), "192.0.2.7");
        assert_eq!(place("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(place("2001:db8:1:2:3::4"), place("2001:db8:1:2::9"));
        assert_ne!(place("2001:db8:1:2::9"), place("2001:db8:1:3::9"));
        assert_eq!(Address(None).place(), "unknown");
    }
}
