//! A cluster: what its kubelet mounts into a pod, a token that says who the pod is and nothing that it could do.

use crate::http::Broken;
use prokura_core::{Clock, Rng, random_id};
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
use prokura_oauth::json::{Object, Value, obj};

/// A cluster with a key of its own, of this run.
pub struct Cluster(SigningKey);

/// A running pod.
pub(crate) struct Pod {
    pub(crate) namespace: &'static str,
    pub(crate) service_account: &'static str,
    pub(crate) node: &'static str,
    name: String,
}

impl Pod {
    pub(crate) fn new(
        namespace: &'static str,
        service_account: &'static str,
        node: &'static str,
        rng: &dyn Rng,
    ) -> Self {
        let name = format!("{service_account}-{}", random_id("", rng)).to_lowercase();
        Self { namespace, service_account, node, name }
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cluster(…)")
    }
}

impl Cluster {
    /// What the cluster calls itself (`--service-account-issuer`).
    pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
    /// How long a mounted token lives, in seconds; the kubelet renews it.
    const LIFE: i64 = 600;

    /// A cluster.
    ///
    /// # Errors
    /// [`Broken`] if no key can be made.
    pub fn new() -> Result<Self, Broken> {
        SigningKey::generate(Algorithm::Es256).map(Self).map_err(|e| Broken::because(e.to_string()))
    }

    /// Its public keys, as an operator copies them from `kubectl get --raw /openid/v1/jwks`.
    ///
    /// # Errors
    /// [`Broken`] if they cannot be written.
    pub fn jwks(&self) -> Result<Vec<u8>, Broken> {
        let keys = KeySet::of(vec![self.0.public()]).map_err(|e| Broken::because(e.to_string()))?;
        Ok(keys.to_jwks().to_vec())
    }

    /// The token that is mounted into `pod`, for `audience` alone.
    pub(crate) fn mounted(&self, pod: &Pod, audience: &str, clock: &dyn Clock) -> Result<String, Broken> {
        let now = clock.now().seconds();
        let claims = obj([
            ("iss", Self::ISSUER.into()),
            ("aud", Value::Array(vec![audience.into()])),
            ("sub", format!("system:serviceaccount:{}:{}", pod.namespace, pod.service_account).into()),
            ("iat", now.into()),
            ("nbf", now.into()),
            ("exp", (now + Self::LIFE).into()),
            ("kubernetes.io", Value::Object(pod.to_object())),
        ]);
        self.0.sign("JWT", &claims).map_err(|e| Broken::because(e.to_string()))
    }
}

impl Pod {
    fn to_object(&self) -> Object {
        let named = |name: &str| {
            Value::Object(obj([("name", name.into()), ("uid", format!("uid-of-{name}").into())]))
        };
        obj([
            ("namespace", self.namespace.into()),
            ("node", named(self.node)),
            ("pod", named(&self.name)),
            ("serviceaccount", named(self.service_account)),
        ])
    }
}
