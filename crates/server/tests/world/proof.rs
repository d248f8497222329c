//! Proofs of possession, made by a key of a test.

use super::{Answer, ISSUER, World, encode};
use axum::extract::Request;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use prokura_core::Clock as _;
use prokura_oauth::certificate::Certificate;
use prokura_oauth::dpop::Statement;
use prokura_oauth::jose::{Algorithm, SigningKey};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A client's key.
pub struct Prover {
    key: SigningKey,
    made: AtomicU64,
}

impl Prover {
    pub fn new() -> Self {
        Self { key: SigningKey::generate(Algorithm::Es256).unwrap(), made: AtomicU64::new(0) }
    }

    /// The one with this key.
    pub fn of(key: &SigningKey) -> Self {
        let key = SigningKey::from_pkcs8(Algorithm::Es256, key.kid(), &key.to_pkcs8().unwrap()).unwrap();
        Self { key, made: AtomicU64::new(1000) }
    }

    pub fn thumbprint(&self) -> String {
        self.key.public().thumbprint().unwrap().to_owned()
    }

    /// A fresh proof of a POST to `path`.
    pub fn proof(&self, world: &World, path: &str) -> String {
        self.with_nonce(world, path, None)
    }

    pub fn sign(&self, statement: &Statement<'_>) -> String {
        statement.sign(&self.key).unwrap()
    }

    pub fn with_nonce(&self, world: &World, path: &str, nonce: Option<&str>) -> String {
        let (id, uri) = (self.made.fetch_add(1, Ordering::SeqCst), format!("{ISSUER}{path}"));
        let (id, now) = (format!("p{id}"), world.clock.now());
        Statement { method: "POST", uri: &uri, token: None, nonce, id: &id, now }.sign(&self.key).unwrap()
    }
}

impl World {
    /// Posts a form with these proofs, one header each.
    pub async fn proven(
        &self,
        path: &str,
        basic: Option<&str>,
        parameters: &[(&str, &str)],
        proofs: &[&str],
    ) -> Answer {
        use base64::Engine as _;
        let mut request = Request::builder().method(Method::POST).uri(path);
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(basic) = basic {
            let basic = base64::engine::general_purpose::STANDARD.encode(basic);
            request = request.header(AUTHORIZATION, format!("Basic {basic}"));
        }
        for proof in proofs {
            request = request.header("dpop", *proof);
        }
        self.send(request, encode(parameters)).await
    }

    /// Posts a form on a connection with this certificate.
    pub async fn certified(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        certificate: Option<&Arc<Certificate>>,
    ) -> Answer {
        let mut request = Request::builder().method(Method::POST).uri(path);
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(certificate) = certificate {
            request = request.extension(Arc::clone(certificate));
        }
        self.send(request, encode(parameters)).await
    }
}
