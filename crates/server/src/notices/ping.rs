//! The ping of a client whose user has answered (OpenID Connect CIBA Core §10.2): it says which request it was, and nothing
//! of the answer.

use super::Notices;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};
use prokura_egress::{Ask, FetchUrl};
use prokura_oauth::json::{Limits, obj, parse};
use prokura_store::Notice;

/// What is needed to ping.
pub(super) struct Ping {
    pub(super) to: String,
    pub(super) token: String,
    pub(super) request: String,
}

impl Ping {
    pub(super) fn to_vec(&self) -> Vec<u8> {
        let texts = [("to", &self.to), ("token", &self.token), ("request", &self.request)];
        obj(texts.map(|(name, text)| (name, text.as_str().into()))).to_vec()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let o = parse(bytes, &Limits::DOCUMENT).ok()?.into_object()?;
        let text = |name| o.str(name).map(str::to_owned);
        Some(Self { to: text("to")?, token: text("token")?, request: text("request")? })
    }
}

/// The request that tells it, and where it goes.
pub(super) fn request(notices: &Notices, notice: &Notice) -> Result<(FetchUrl, Ask), String> {
    let opened = notices.seal.open(&notice.sealed, notice.about.as_bytes());
    let ping = opened.and_then(|bytes| Ping::read(&bytes)).ok_or("it was sealed with another master key")?;
    let url = FetchUrl::parse(&ping.to).map_err(|e| e.to_string())?;
    let bearer = HeaderValue::try_from(format!("Bearer {}", ping.token));
    let mut bearer = bearer.map_err(|e| e.to_string())?;
    bearer.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, bearer);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let body = Bytes::from(obj([("auth_req_id", ping.request.as_str().into())]).to_vec());
    Ok((url, Ask { method: Method::POST, headers, body }))
}
