//! A cluster and a CI service, each with a key of its own, that vouch for workloads.

use super::{Answer, ISSUER, USUAL, World, encode};
use axum::extract::Request;
use http::Method;
use http::header::CONTENT_TYPE;
use prokura_core::Clock as _;
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
use prokura_oauth::json::{Object, Value, obj};
use std::sync::atomic::{AtomicU64, Ordering};

pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub const JWT_SPIFFE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";
pub const CLUSTER: &str = "https://kubernetes.default.svc.cluster.local";
pub const CI: &str = "https://ci.example";
pub const MESH: &str = "spiffe://prod.example/planner";

/// What their platforms say of workloads, and who is believed.
pub struct Platforms {
    pub cluster: SigningKey,
    pub ci: SigningKey,
    next: AtomicU64,
}

fn jwks(key: &SigningKey) -> String {
    String::from_utf8(KeySet::of(vec![key.public()]).unwrap().to_jwks().to_vec()).unwrap()
}

impl Default for Platforms {
    fn default() -> Self {
        let key = || SigningKey::generate(Algorithm::Es256).unwrap();
        Self { cluster: key(), ci: key(), next: AtomicU64::new(1) }
    }
}

impl Platforms {
    /// A cluster whose tokens are shown again and again, a CI service whose are shown once, and a rule for each.
    pub fn config(&self, more: &str) -> String {
        let (cluster, ci) = (jwks(&self.cluster), jwks(&self.ci));
        format!(
            r#"{USUAL}
            [[workload.provider]]
            name = "prod"
            platform = "kubernetes"
            issuer = "{CLUSTER}"
            jwks = '{cluster}'
            [[workload.provider]]
            name = "ci"
            platform = "oidc"
            issuer = "{CI}"
            jwks = '{ci}'
            claims.project = {{ type = "number", told = true }}
            [[workload.rule]]
            name = "planner"
            provider = "prod"
            agent = "planner"
            when = {{ namespace = "agents", service_account = "planner" }}
            [[workload.rule.grant]]
            resource = "sales"
            scopes = ["read"]
            [[workload.rule]]
            name = "builder"
            provider = "ci"
            agent = "builder"
            when = {{ project = 42 }}
            [[workload.rule.grant]]
            resource = "sales"
            scopes = ["read", "write"]
            {more}"#
        )
    }

    pub async fn world(&self, more: &str) -> World {
        World::with(&self.config(more)).await
    }

    /// What the cluster says of a pod, with some claims changed; `null` removes one.
    pub fn pod(&self, world: &World, changes: &[(&str, Value)]) -> String {
        self.cluster.sign("JWT", &changed(pod_claims(world, "planner", "pod-1"), changes)).unwrap()
    }

    /// What the CI service says of a job.
    pub fn job(&self, world: &World, changes: &[(&str, Value)]) -> String {
        self.ci.sign("JWT", &changed(self.job_claims(world), changes)).unwrap()
    }

    pub fn job_claims(&self, world: &World) -> Object {
        let now = world.clock.now().seconds();
        let id = self.next.fetch_add(1, Ordering::SeqCst);
        obj([
            ("iss", CI.into()),
            ("sub", "project:42:ref:main".into()),
            ("aud", ISSUER.into()),
            ("jti", format!("job-{id}").into()),
            ("iat", now.into()),
            ("exp", (now + 600).into()),
            ("project", 42_i64.into()),
        ])
    }
}

/// What a cluster says of a pod.
pub fn pod_claims(world: &World, account: &str, pod: &str) -> Object {
    let now = world.clock.now().seconds();
    let named =
        |name: &str| Value::Object(obj([("name", name.into()), ("uid", format!("{name}-uid").into())]));
    obj([
        ("iss", CLUSTER.into()),
        ("sub", format!("system:serviceaccount:agents:{account}").into()),
        ("aud", Value::Array(vec![ISSUER.into()])),
        ("iat", now.into()),
        ("nbf", now.into()),
        ("exp", (now + 3600).into()),
        (
            "kubernetes.io",
            Value::Object(obj([
                ("namespace", "agents".into()),
                ("pod", named(pod)),
                ("serviceaccount", named(account)),
                ("node", named("n1")),
            ])),
        ),
    ])
}

pub fn changed(mut claims: Object, changes: &[(&str, Value)]) -> Object {
    for (name, value) in changes {
        claims.remove(name);
        if !value.is_null() {
            claims.insert(*name, value.clone());
        }
    }
    claims
}

impl World {
    /// Shows evidence as a grant.
    pub async fn federate(&self, assertion: &str, more: &[(&str, &str)]) -> Answer {
        self.federate_with(assertion, more, &[]).await
    }

    /// The same with proofs of possession.
    pub async fn federate_with(&self, assertion: &str, more: &[(&str, &str)], proofs: &[&str]) -> Answer {
        let mut all = vec![("grant_type", JWT_BEARER), ("assertion", assertion)];
        all.extend(more);
        let mut request = Request::builder().method(Method::POST).uri("/token");
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        for proof in proofs {
            request = request.header("DPoP", *proof);
        }
        self.send(request, encode(&all)).await
    }

    /// The details of the newest refusal on record.
    pub async fn refusal(&self) -> (String, Object) {
        let last = self.record().await.into_iter().find(|e| e.outcome.as_str() == "deny").unwrap();
        (last.reasons.join(" "), last.details)
    }
}
