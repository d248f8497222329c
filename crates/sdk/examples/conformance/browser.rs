//! A browser without a person: it opens the address and takes what the server redirects to.

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http::header::LOCATION;
use http_body_util::Full;
use prokura_egress::{Upstream, UpstreamConfig};
use prokura_sdk::client::{UserAgent, Visit, VisitError};
use url::Url;

const REDIRECT: &str = "http://localhost:3000/callback";

pub(crate) struct Headless(Upstream);

impl Default for Headless {
    fn default() -> Self {
        Self(Upstream::new(UpstreamConfig::default()))
    }
}

struct Opened(Upstream);

#[async_trait]
impl UserAgent for Headless {
    async fn ready(&self, _before: Option<&str>) -> Result<Box<dyn Visit>, VisitError> {
        Ok(Box::new(Opened(self.0.clone())))
    }
}

#[async_trait]
impl Visit for Opened {
    fn redirect_uri(&self) -> &'static str {
        REDIRECT
    }

    async fn visit(self: Box<Self>, url: &Url, _state: &str) -> Result<String, VisitError> {
        let other = |e: String| VisitError::Other(e);
        let request =
            Request::get(url.as_str()).body(Full::new(Bytes::new())).map_err(|e| other(e.to_string()))?;
        let answer = self.0.send(request).await.map_err(|e| other(e.to_string()))?;
        let location = answer.headers().get(LOCATION).and_then(|l| l.to_str().ok());
        let location = location.ok_or_else(|| other(format!("no redirect but {}", answer.status())))?;
        let to = Url::parse(location).map_err(|e| other(e.to_string()))?;
        Ok(to.query().unwrap_or_default().to_owned())
    }
}
