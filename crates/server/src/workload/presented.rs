//! Evidence that was presented: verified, of somebody who may act, and matched by a rule. What is spent of it and what is
//! remembered is written in the transaction in which it yields something.

use super::WorkloadFault;
use super::rules::{InForce, RuleInForce};
use crate::fault::Fault;
use crate::server::AppState;
use prokura_attest::Evidence;
use prokura_config::Replay;
use prokura_core::{Attested, Timestamp};
use prokura_oauth::confirmation::Thumbprint;
use prokura_oauth::json::{Object, Value};
use prokura_store::{ArtifactKind, Tx, Workload};
use std::sync::Arc;
use std::time::Duration;

/// How far clocks may differ at most: for so long after its end evidence is still known when it comes again.
const LEEWAY: Duration = Duration::from_secs(121);

/// The longest life of a token that comes of evidence: whoever needs another shows evidence again.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// A workload that was attested with a request.
#[derive(Debug, Clone)]
pub(crate) struct Presented {
    pub(crate) evidence: Arc<Evidence>,
    pub(crate) attested: Attested,
    /// The rule that matched; none for a client that names its workload itself.
    pub(crate) rule: Option<Arc<RuleInForce>>,
    /// The certificate of the connection, where that is the evidence. Whoever shows it has its key.
    pub(crate) certificate: Option<Thumbprint>,
}

/// What of it is written down.
#[derive(Debug, Clone)]
pub(crate) struct Spending {
    replay: Replay,
    /// By what it is known when it comes again.
    name: String,
    until: Timestamp,
    key: Option<Thumbprint>,
    row: Option<Workload>,
}

impl Presented {
    /// Looks whether its provider and the workload itself may act, and which rule is for it.
    pub(crate) fn new(app: &AppState, evidence: Evidence, rules: Option<&InForce>) -> Result<Self, Fault> {
        let broken = || Fault::Broken("evidence makes no id of a workload".to_owned());
        let attested = evidence.attested().ok_or_else(broken)?;
        may_act(app, &evidence, &attested)?;
        let rule = match rules {
            Some(rules) => Some(rules.find(&evidence).map_err(WorkloadFault::NoRule)?),
            None => None,
        };
        Ok(Self { evidence: Arc::new(evidence), attested, rule, certificate: None })
    }

    /// Whoever shows evidence that is bound to a key has to show the key.
    pub(crate) fn check_key(&self, shown: Option<Thumbprint>) -> Result<(), Fault> {
        let needed = self.rule.as_ref().is_some_and(|r| r.rule.needs_key);
        match (self.evidence.key, shown) {
            (Some(_), None) => Err(Fault::ProofMissing),
            (Some(bound), Some(shown)) if bound != shown => Err(WorkloadFault::OtherKey.into()),
            (None, None) if needed => Err(Fault::ProofMissing),
            _ => Ok(()),
        }
    }

    /// How long tokens live that come of it: never longer than itself.
    pub(crate) fn life(&self, usual: Duration, now: Timestamp) -> Duration {
        let wanted = self.rule.as_ref().and_then(|r| r.rule.life).unwrap_or(usual);
        wanted.min(LONGEST).min(self.evidence.expires_at.since(now))
    }

    /// What is to be written when it yields something: that it was shown, and that the workload was seen.
    pub(crate) fn spending(
        &self,
        app: &AppState,
        key: Option<Thumbprint>,
        row: Option<Workload>,
    ) -> Result<Spending, Fault> {
        let evidence = &self.evidence;
        let provider = app.workloads.config().provider(&evidence.provider);
        // A certificate comes with each connection, and with the proof that whoever shows it has its key.
        let replay = match self.certificate {
            Some(_) => Replay::UntilExp,
            None => provider.map_or(Replay::Once, prokura_config::WorkloadProvider::replay),
        };
        if replay == Replay::FirstKey && key.is_none() {
            return Err(Fault::ProofMissing);
        }
        let digest = || evidence.digest.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let id = evidence.id.clone().map_or_else(digest, |id| format!("jti\n{id}"));
        let name = format!("workload\n{}\n{id}", evidence.provider);
        Ok(Spending { replay, name, until: evidence.expires_at.after(LEEWAY), key, row })
    }

    /// What the entry of an issuance says of it besides the workload.
    pub(crate) fn describe(&self, details: &mut Object) {
        if let Some(rule) = &self.rule {
            details.insert("rule", rule.rule.name.as_str().into());
        }
        details.insert("provider", Value::from(&*self.evidence.provider));
        if let Some(id) = &self.evidence.id {
            details.insert("evidence", id.as_str().into());
        }
    }
}

/// Whoever is disabled gets nothing (attack C10): the provider, the workload.
fn may_act(app: &AppState, evidence: &Evidence, attested: &Attested) -> Result<(), Fault> {
    let view = app.store.revoked();
    if !view.fresh() {
        return Err(Fault::Stale);
    }
    let provider = app.workloads.config().provider(&evidence.provider);
    let issuers = provider.map(prokura_config::WorkloadProvider::issuers).unwrap_or_default();
    let disabled = view.provider_disabled(&evidence.provider)
        || issuers.iter().any(|issuer| view.issuer_disabled(issuer))
        || view.workload_disabled(&attested.workload);
    if disabled { Err(Fault::Disabled) } else { Ok(()) }
}

impl Spending {
    /// Whether there is anything to write.
    pub(crate) fn is_due(&self) -> bool {
        self.replay != Replay::UntilExp || self.row.is_some()
    }

    /// Writes it down. Of any number of uses at once, on whichever process, one is the first (attack C2).
    pub(crate) fn settle(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<(), Fault> {
        match (self.replay, &self.key) {
            (Replay::Once, _) => {
                if !tx.claim(ArtifactKind::AssertionJti, &self.name, now, self.until)? {
                    return Err(WorkloadFault::Replayed.into());
                }
            }
            (Replay::FirstKey, Some(key)) => {
                let key = key.to_string();
                let kind = ArtifactKind::EvidenceKey;
                if tx.bind_first(kind, &self.name, key.as_bytes(), now, self.until)? != key.as_bytes() {
                    return Err(WorkloadFault::OtherKey.into());
                }
            }
            (Replay::FirstKey, None) => return Err(Fault::ProofMissing),
            (Replay::UntilExp, _) => {}
        }
        self.row.as_ref().map_or(Ok(()), |row| Ok(tx.see_workload(row)?))
    }

    /// The row that was written.
    pub(crate) fn row(&self) -> Option<&Workload> {
        self.row.as_ref()
    }
}
