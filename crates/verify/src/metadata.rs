//! The metadata of an issuer, looked for in the specified order and kept for an hour.

use crate::Unavailable;
use prokura_core::{Clock, Timestamp};
use prokura_egress::{Egress, FetchLimits, FetchUrl};
use prokura_oauth::discovery::{IssuerMetadata, addresses};
use prokura_oauth::json::{self, Limits, Object, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// They change seldom, and say nothing but addresses.
const KEEP: Duration = Duration::from_secs(3600);

/// The client by which an issuer is asked.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) issuer: String,
    pub(crate) egress: Egress,
    pub(crate) clock: Arc<dyn Clock>,
    /// A file with a token that is shown where the issuer is asked.
    pub(crate) token: Option<PathBuf>,
}

impl Line {
    /// Fetches a JSON object and says for how long it may be kept; with the token of this issuer if `show` says so.
    pub(crate) async fn get(
        &self,
        what: &'static str,
        url: &FetchUrl,
        show: bool,
    ) -> Result<(Object, Vec<u8>, prokura_egress::CacheControl), Unavailable> {
        let issuer = || self.issuer.clone();
        let failed = |error| Unavailable::Fetch { issuer: issuer(), what, error: Arc::new(error) };
        let bearer = match self.token.as_ref().filter(|_| show) {
            Some(path) => Some(self.bearer(path).await?),
            None => None,
        };
        let authorization = bearer.as_ref().map(|b| b.as_str());
        let fetched = self.egress.get_as(url, authorization, &FetchLimits::DOCUMENT).await.map_err(failed)?;
        let object = self.object(what, &fetched.body)?;
        Ok((object, fetched.body.to_vec(), fetched.cache))
    }

    /// The token as a header has it. It is read again each time, for such tokens are renewed in their file.
    async fn bearer(&self, path: &Path) -> Result<Zeroizing<String>, Unavailable> {
        let bytes = Zeroizing::new(self.read("the token for it", path).await?);
        let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
        Ok(Zeroizing::new(format!("Bearer {text}")))
    }

    /// Reads a file of the operator, up to the size of a document.
    pub(crate) async fn read(&self, what: &'static str, path: &Path) -> Result<Vec<u8>, Unavailable> {
        let failed = |cause: String| Unavailable::File {
            issuer: self.issuer.clone(),
            what,
            path: path.to_owned(),
            cause: cause.into(),
        };
        let bytes = tokio::fs::read(path).await.map_err(|e| failed(e.to_string()))?;
        if bytes.len() > FetchLimits::DOCUMENT.max_bytes {
            return Err(failed("it is too large".to_owned()));
        }
        Ok(bytes)
    }

    pub(crate) fn object(&self, what: &'static str, bytes: &[u8]) -> Result<Object, Unavailable> {
        let issuer = || self.issuer.clone();
        match json::parse(bytes, &Limits::DOCUMENT) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(Unavailable::NotObject { issuer: issuer(), what }),
            Err(error) => Err(Unavailable::Json { issuer: issuer(), what, error }),
        }
    }

    pub(crate) fn address(&self, what: &'static str, url: &str) -> Result<FetchUrl, Unavailable> {
        FetchUrl::parse(url).map_err(|error| Unavailable::Address {
            issuer: self.issuer.clone(),
            what,
            error,
        })
    }
}

/// The metadata of one issuer.
pub(crate) struct Metadata {
    line: Line,
    place: Option<FetchUrl>,
    held: Mutex<Option<(Arc<IssuerMetadata>, Timestamp)>>,
}

impl Metadata {
    /// Metadata that are looked for, or are at `place`.
    pub(crate) fn new(line: Line, place: Option<FetchUrl>) -> Self {
        Self { line, place, held: Mutex::new(None) }
    }

    /// The metadata; those of before if they cannot be fetched anew, since they only name addresses.
    pub(crate) async fn find(&self) -> Result<Arc<IssuerMetadata>, Unavailable> {
        let mut held = self.held.lock().await;
        let now = self.line.clock.now();
        if let Some((metadata, at)) = &*held
            && now.since(*at) < KEEP
        {
            return Ok(Arc::clone(metadata));
        }
        match (self.fetch().await, &*held) {
            (Ok(metadata), _) => {
                let metadata = Arc::new(metadata);
                *held = Some((Arc::clone(&metadata), now));
                Ok(metadata)
            }
            (Err(error @ Unavailable::Metadata { .. }), _) | (Err(error), None) => Err(error),
            (Err(_), Some((metadata, _))) => Ok(Arc::clone(metadata)),
        }
    }

    /// Whether they are at a place of the configuration that has the origin of `url`.
    pub(crate) fn is_at_origin_of(&self, url: &FetchUrl) -> bool {
        self.place.as_ref().is_some_and(|place| place.as_url().origin() == url.as_url().origin())
    }

    /// Forgets what is held: an address in it did not work.
    pub(crate) async fn forget(&self) {
        *self.held.lock().await = None;
    }

    /// The first document that is there. One of another issuer ends the search: whoever serves it may not be
    /// believed in anything.
    async fn fetch(&self) -> Result<IssuerMetadata, Unavailable> {
        let what = "the metadata";
        let places = match &self.place {
            Some(place) => vec![place.clone()],
            None => addresses(&self.line.issuer)
                .iter()
                .map(|a| self.line.address(what, a))
                .collect::<Result<_, _>>()?,
        };
        let mut last = Unavailable::Missing { issuer: self.line.issuer.clone(), member: "issuer" };
        for place in places {
            match self.line.get(what, &place, true).await {
                Ok((document, ..)) => {
                    return IssuerMetadata::read(&document, &self.line.issuer)
                        .map_err(|error| Unavailable::Metadata { issuer: self.line.issuer.clone(), error });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}
