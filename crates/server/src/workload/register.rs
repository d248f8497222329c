//! The register of workloads, in memory: what was written of each, so that a token costs no write where nothing changed.

use super::presented::Presented;
use prokura_core::{AgentId, Timestamp, WorkloadId};
use prokura_oauth::json::{Object, Value};
use prokura_store::Workload;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// When a workload was last seen is written so often.
const EVERY: Duration = Duration::from_secs(60);
/// So many workloads are remembered; beyond that, those of the last minute only.
const MOST: usize = 100_000;

/// What was written last.
struct Written {
    at: Timestamp,
    agent: AgentId,
    rule: String,
    claims: String,
}

/// What was written of each workload.
#[derive(Default)]
pub(super) struct Register(Mutex<HashMap<WorkloadId, Written>>);

impl Register {
    /// The row that is to be written now; `None` if nothing changed within the last minute.
    pub(super) fn due(&self, shown: &Presented, agent: &AgentId, now: Timestamp) -> Option<Workload> {
        let rule = shown.rule.as_ref().map(|r| r.rule.name.clone()).unwrap_or_default();
        let claims = claims(shown);
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = known.get(&shown.attested.workload).is_some_and(|w| {
            now.since(w.at) < EVERY && w.agent == *agent && w.rule == rule && w.claims == claims
        });
        if fresh {
            return None;
        }
        Some(Workload {
            id: shown.attested.workload.clone(),
            provider: shown.attested.provider.to_string(),
            platform: shown.attested.platform,
            subject: shown.evidence.subject.clone(),
            instance: shown.evidence.instance.clone(),
            agent: agent.clone(),
            rule,
            claims,
            first_seen: now,
            last_seen: now,
        })
    }

    /// Notes that `row` was written.
    pub(super) fn written(&self, row: &Workload) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, w| row.last_seen.since(w.at) < EVERY);
        }
        let (at, agent) = (row.last_seen, row.agent.clone());
        let written = Written { at, agent, rule: row.rule.clone(), claims: row.claims.clone() };
        known.insert(row.id.clone(), written);
    }
}

/// The claims that its tokens carry, as JSON text.
fn claims(shown: &Presented) -> String {
    let all = shown.attested.claims.iter().fold(Object::default(), |mut all, (name, value)| {
        all.insert(name.as_str(), value.as_str().into());
        all
    });
    Value::Object(all).to_string()
}
