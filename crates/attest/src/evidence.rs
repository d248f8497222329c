//! What a platform said of a workload, verified.

use aws_lc_rs::digest::{SHA256, digest};
use prokura_core::{Attested, Platform, Timestamp, WorkloadId};
use prokura_oauth::confirmation::Thumbprint;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The value of a verified claim. Comparison is typed: the number 1 is not the text `1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimValue {
    /// A text.
    Text(String),
    /// A whole number that every reader reads alike.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// Several texts.
    List(Vec<String>),
}

impl fmt::Display for ClaimValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "`{text}`"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::List(items) => write!(f, "[{}]", items.join(", ")),
        }
    }
}

/// Verified claims by the names that this product gives them (`namespace`, `service_account`, `repository_id`).
pub type Claims = BTreeMap<String, ClaimValue>;

/// What a platform said of a workload. Only a verifier makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The name of the configured provider whose evidence it is.
    pub provider: Arc<str>,
    /// What kind of infrastructure that is.
    pub platform: Platform,
    /// The subject in the platform's own words (`sub`, a role's ARN, a SPIFFE ID).
    pub subject: String,
    /// What tells this running instance from others with the same subject: the pod's `uid`, the instance's id, the run's;
    /// the subject where the platform says nothing of instances.
    pub instance: String,
    /// Everything that rules may look at.
    pub claims: Claims,
    /// Those of `claims`, by name, that decisions may look at later and that go into tokens.
    pub told: Vec<String>,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it ends; no token outlives it.
    pub expires_at: Timestamp,
    /// What the platform calls this piece of evidence (`jti`), if it names it.
    pub id: Option<String>,
    /// The SHA-256 of the evidence as it came, by which a repetition is known.
    pub digest: [u8; 32],
    /// The key that the evidence itself is bound to, if it is: whoever shows it must have that key.
    pub key: Option<Thumbprint>,
}

impl Evidence {
    /// The id of the workload: the same whenever the same provider speaks of the same instance.
    pub fn workload(&self) -> Option<WorkloadId> {
        let named =
            [self.provider.as_bytes(), b"\n", self.subject.as_bytes(), b"\n", self.instance.as_bytes()];
        let hash = digest(&SHA256, &named.concat());
        let hex: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        WorkloadId::parse(format!("{}{hex}", WorkloadId::PREFIX)).ok()
    }

    /// What a token says of the workload.
    pub fn attested(&self) -> Option<Attested> {
        let told = self.told.iter().filter_map(|name| Some((name.clone(), plain(self.claims.get(name)?))));
        Some(Attested {
            workload: self.workload()?,
            provider: Arc::clone(&self.provider),
            platform: self.platform,
            claims: told.collect(),
            at: self.issued_at,
        })
    }
}

fn plain(value: &ClaimValue) -> String {
    match value {
        ClaimValue::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_has_one_id_and_another_has_another() {
        let evidence = |provider: &str, instance: &str| Evidence {
            provider: provider.into(),
            platform: Platform::Kubernetes,
            subject: "system:serviceaccount:agents:planner".to_owned(),
            instance: instance.to_owned(),
            claims: Claims::from([
                ("namespace".to_owned(), ClaimValue::Text("agents".to_owned())),
                ("secret".to_owned(), ClaimValue::Text("x".to_owned())),
            ]),
            told: ["namespace", "node"].map(str::to_owned).to_vec(),
            issued_at: Timestamp::from_seconds(1),
            expires_at: Timestamp::from_seconds(2),
            id: None,
            digest: [0; 32],
            key: None,
        };
        let id = |provider, instance| evidence(provider, instance).workload().unwrap();
        assert_eq!(id("prod", "pod-1"), id("prod", "pod-1"));
        assert_ne!(id("prod", "pod-1"), id("prod", "pod-2"));
        assert_ne!(id("prod", "pod-1"), id("stage", "pod-1"));
        assert_eq!(id("prod", "pod-1").as_str().len(), 35);
        let told = evidence("prod", "pod-1").attested().unwrap().claims;
        assert_eq!(told, BTreeMap::from([("namespace".to_owned(), "agents".to_owned())]));
    }
}
