//! The Workload API (the SPIFFE Workload API and Workload Endpoint standards): an agent on the same machine gives a
//! workload its SVIDs and bundles, over a Unix socket, without asking it for any secret.
//!
//! Of gRPC only what these four calls need is spoken: HTTP/2 on the socket, one message there, the first message back.

mod address;
mod error;
mod grpc;
mod wire;

pub use address::{ENDPOINT_VARIABLE, Endpoint};
pub use error::WorkloadApiError;

use crate::{SpiffeId, TrustDomain};
use std::collections::BTreeMap;
use wire::Fields;

/// A JWT-SVID for one audience.
#[derive(Clone, PartialEq, Eq)]
pub struct FetchedJwt {
    /// Whose it is.
    pub id: SpiffeId,
    /// The token.
    pub token: String,
    /// What the operator says that it is for, if there are several (`hint`).
    pub hint: Option<String>,
}

/// An X.509-SVID with its key.
#[derive(Clone, PartialEq, Eq)]
pub struct FetchedX509 {
    /// Whose it is.
    pub id: SpiffeId,
    /// The certificate and those above it, each in DER, one after the other.
    pub certificates: Vec<u8>,
    /// The private key, PKCS#8 in DER.
    pub key: Vec<u8>,
    /// The authorities of its own trust domain, each in DER, one after the other.
    pub bundle: Vec<u8>,
    /// What the operator says that it is for, if there are several (`hint`).
    pub hint: Option<String>,
}

/// What verifies the SVIDs of each trust domain: for X.509-SVIDs authorities in DER, one after the other; for JWT-SVIDs
/// JWK sets.
pub type Bundles = BTreeMap<TrustDomain, Vec<u8>>;

impl Endpoint {
    /// JWT-SVIDs of this workload for `audience`: all of them, or that of `id`.
    ///
    /// # Errors
    /// [`WorkloadApiError`].
    pub async fn jwt_svids(
        &self,
        audience: &str,
        id: Option<&SpiffeId>,
    ) -> Result<Vec<FetchedJwt>, WorkloadApiError> {
        let mut request = wire::text(1, audience);
        request.extend(id.map(|id| wire::text(2, id.as_str())).unwrap_or_default());
        let answer = grpc::call(self, "FetchJWTSVID", request).await?;
        let fields = Fields::of(&answer)?;
        let svids = fields.bytes(1).map(|svid| {
            let svid = Fields::of(svid)?;
            Ok(FetchedJwt { id: svid.id()?, token: svid.text(2)?.to_owned(), hint: svid.hint(3)? })
        });
        some(svids.collect::<Result<_, WorkloadApiError>>()?)
    }

    /// The X.509-SVIDs of this workload.
    ///
    /// # Errors
    /// [`WorkloadApiError`].
    pub async fn x509_svids(&self) -> Result<Vec<FetchedX509>, WorkloadApiError> {
        let answer = grpc::call(self, "FetchX509SVID", Vec::new()).await?;
        let fields = Fields::of(&answer)?;
        let svids = fields.bytes(1).map(|svid| {
            let svid = Fields::of(svid)?;
            let bytes = |field| svid.bytes(field).last().unwrap_or_default().to_vec();
            let (certificates, key, bundle) = (bytes(2), bytes(3), bytes(4));
            Ok(FetchedX509 { id: svid.id()?, certificates, key, bundle, hint: svid.hint(5)? })
        });
        some(svids.collect::<Result<_, WorkloadApiError>>()?)
    }

    /// The authorities for X.509-SVIDs, by trust domain.
    ///
    /// # Errors
    /// [`WorkloadApiError`].
    pub async fn x509_bundles(&self) -> Result<Bundles, WorkloadApiError> {
        bundles(&grpc::call(self, "FetchX509Bundles", Vec::new()).await?, 2)
    }

    /// The keys for JWT-SVIDs, by trust domain.
    ///
    /// # Errors
    /// [`WorkloadApiError`].
    pub async fn jwt_bundles(&self) -> Result<Bundles, WorkloadApiError> {
        bundles(&grpc::call(self, "FetchJWTBundles", Vec::new()).await?, 1)
    }
}

impl std::fmt::Debug for FetchedJwt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FetchedJwt").field("id", &self.id).field("hint", &self.hint).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for FetchedX509 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FetchedX509").field("id", &self.id).field("hint", &self.hint).finish_non_exhaustive()
    }
}

fn some<T>(svids: Vec<T>) -> Result<Vec<T>, WorkloadApiError> {
    if svids.is_empty() { Err(WorkloadApiError::NoIdentity) } else { Ok(svids) }
}

/// A `map<string, bytes>`: entries with a key and a value.
fn bundles(answer: &[u8], field: u32) -> Result<Bundles, WorkloadApiError> {
    let mut all = Bundles::new();
    for entry in Fields::of(answer)?.bytes(field) {
        let entry = Fields::of(entry)?;
        let domain = TrustDomain::parse(entry.text(1)?).map_err(|_| WorkloadApiError::Malformed)?;
        let bundle = entry.bytes(2).last().unwrap_or_default().to_vec();
        if all.insert(domain, bundle).is_some() {
            return Err(WorkloadApiError::Malformed);
        }
    }
    Ok(all)
}
