//! Who is asked, in which order, and what comes of it.

use crate::InForce;
use crate::remote::Remote;
use prokura_policy::pdp::{Effect, Engine, Filter, Finding, Question, Ruling};
use std::fmt;
use std::sync::Arc;

/// Those who are asked.
#[derive(Clone, Default)]
pub struct Asked {
    /// Engines in this process.
    pub engines: Vec<Arc<dyn Engine>>,
    /// Decision points elsewhere.
    pub remotes: Vec<Arc<dyn Remote>>,
}

impl Asked {
    /// Nobody.
    pub fn is_empty(&self) -> bool {
        self.engines.is_empty() && self.remotes.is_empty()
    }
}

/// What they find. Who is elsewhere is not asked where somebody before denies.
async fn findings(
    engines: &[Arc<dyn Engine>],
    remotes: &[Arc<dyn Remote>],
    question: &Question<'_>,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = engines.iter().map(|e| e.decide(question)).collect();
    for remote in remotes {
        if findings.iter().any(|f| f.effect == Effect::Deny) {
            break;
        }
        findings.push(remote.ask(question).await);
    }
    findings
}

impl InForce {
    /// Whether some policy counts: then what none permits is denied.
    pub fn counts(&self) -> bool {
        !self.engines.is_empty() || !self.remotes.is_empty()
    }

    /// Whether somebody who counts may oblige to change results, whatever is asked: who is elsewhere always may.
    pub fn may_change_results(&self) -> bool {
        !self.remotes.is_empty() || self.engines.iter().any(|engine| engine.may_change_results())
    }

    /// What everybody who counts says together, and in [`Ruling::reported`] what it had been with those who only report,
    /// where that differs.
    pub async fn ruling(&self, question: &Question<'_>) -> Ruling {
        let Some(facts) = self.relations.as_ref().filter(|_| !self.is_empty()) else {
            return self.ruled(question).await;
        };
        match facts.of(question) {
            Ok((subject, resource)) => {
                self.ruled(&Question { subject: &subject, resource: &resource, ..*question }).await
            }
            // Who only reports denies nothing, also where nothing is known.
            Err(_) if !self.counts() => Ruling::unasked(),
            Err(error) => Ruling::of([Finding::failed(error.to_string())]),
        }
    }

    async fn ruled(&self, question: &Question<'_>) -> Ruling {
        let found = findings(&self.engines, &self.remotes, question).await;
        if self.reporting.is_empty() {
            return if self.counts() { Ruling::of(found) } else { Ruling::unasked() };
        }
        let mut ruling = if self.counts() { Ruling::of(found.clone()) } else { Ruling::unasked() };
        let besides = findings(&self.reporting.engines, &self.reporting.remotes, question).await;
        let with = Ruling::of(found.into_iter().chain(besides));
        let differs = with.permitted != ruling.permitted || with.obligations != ruling.obligations;
        ruling.reported = differs.then(|| Box::new(with));
        ruling
    }

    /// Which entities of `kind` the question's action may be done to, where one engine alone says it; otherwise everybody
    /// is asked about each.
    pub fn filter(&self, question: &Question<'_>, kind: &str) -> Filter {
        match (&*self.engines, &*self.remotes) {
            ([], []) => Filter::All,
            ([only], []) => match &self.relations {
                Some(facts) => facts.filter(&**only, question, kind),
                None => only.filter(question, kind),
            },
            _ => Filter::Ask,
        }
    }
}

impl fmt::Debug for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InForce { set, engines, remotes, reporting, directory, relations } = self;
        f.debug_struct("InForce")
            .field("set", set)
            .field("engines", engines)
            .field("remotes", remotes)
            .field("reporting", &(reporting.engines.len() + reporting.remotes.len()))
            .field("relations", relations)
            .field("directory", &directory.as_ref().map(|d| d.revision()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decider;
    use async_trait::async_trait;
    use prokura_core::{Obligation, Timestamp};
    use prokura_oauth::json::Object;
    use prokura_policy::pdp::{Entity, EntityId, NoEntities};
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug)]
    struct Says(Effect, &'static [u64]);

    impl Engine for Says {
        fn name(&self) -> &'static str {
            "says"
        }

        fn decide(&self, _: &Question<'_>) -> Finding {
            let obligations = self.1.iter().map(|n| Obligation::SizeAtMost(*n)).collect();
            Finding { effect: self.0, obligations, ..Finding::silent() }
        }
    }

    #[derive(Debug)]
    struct Elsewhere(Effect, AtomicUsize);

    #[async_trait]
    impl Remote for Elsewhere {
        fn name(&self) -> &'static str {
            "elsewhere"
        }

        async fn ask(&self, _: &Question<'_>) -> Finding {
            self.1.fetch_add(1, Ordering::Relaxed);
            Finding { effect: self.0, ..Finding::silent() }
        }
    }

    fn engines(said: &[(Effect, &'static [u64])]) -> Vec<Arc<dyn Engine>> {
        said.iter().map(|(e, o)| Arc::new(Says(*e, o)) as Arc<dyn Engine>).collect()
    }

    async fn ask(in_force: InForce) -> Ruling {
        let entity = |kind, id| Entity::bare(EntityId::new(kind, id).unwrap());
        let (subject, resource) = (entity("User", "alice"), entity("Tool", "crm/read"));
        let question = Question {
            subject: &subject,
            actor: None,
            chain: &[],
            grant: None,
            action: "read",
            arguments: None,
            resource: &resource,
            context: &Object::default(),
            directory: &NoEntities,
            now: Timestamp::from_seconds(1),
        };
        Decider::new(in_force).decide(&question).await
    }

    #[tokio::test]
    async fn without_a_policy_nothing_is_refused_and_with_one_silence_is() {
        assert!(ask(InForce::default()).await.permitted);
        let silent = InForce { engines: engines(&[(Effect::Silent, &[])]), ..InForce::default() };
        assert!(!ask(silent).await.permitted);
    }

    #[tokio::test]
    async fn f01_who_is_elsewhere_is_asked_unless_somebody_here_denies() {
        for (here, there, permitted, asked) in [
            (Effect::Permit, Effect::Silent, true, 1),
            (Effect::Permit, Effect::Deny, false, 1),
            (Effect::Silent, Effect::Permit, true, 1),
            (Effect::Deny, Effect::Permit, false, 0),
        ] {
            let remote = Arc::new(Elsewhere(there, AtomicUsize::new(0)));
            let in_force = InForce {
                engines: engines(&[(here, &[])]),
                remotes: vec![remote.clone()],
                ..InForce::default()
            };
            assert_eq!(ask(in_force).await.permitted, permitted, "{here:?} {there:?}");
            assert_eq!(remote.1.load(Ordering::Relaxed), asked, "{here:?} {there:?}");
        }
    }

    #[tokio::test]
    async fn who_only_reports_changes_nothing_and_what_it_would_have_changed_is_told() {
        let reports = |counting: &[_], reporting: &[_]| InForce {
            engines: engines(counting),
            reporting: Asked { engines: engines(reporting), remotes: Vec::new() },
            ..InForce::default()
        };
        let same = ask(reports(&[(Effect::Permit, &[])], &[(Effect::Permit, &[])])).await;
        assert!(same.permitted && same.reported.is_none());
        let stricter = ask(reports(&[(Effect::Permit, &[])], &[(Effect::Deny, &[])])).await;
        assert!(stricter.permitted && !stricter.reported.unwrap().permitted);
        let wider = ask(reports(&[(Effect::Silent, &[])], &[(Effect::Permit, &[])])).await;
        assert!(!wider.permitted && wider.reported.unwrap().permitted);
        let duty = ask(reports(&[(Effect::Permit, &[])], &[(Effect::Silent, &[7])])).await;
        assert!(duty.permitted && duty.obligations.is_empty());
        assert_eq!(duty.reported.unwrap().obligations, [Obligation::SizeAtMost(7)]);
        // A first set that only reports: nothing is refused, and silence is told.
        let first = ask(reports(&[], &[(Effect::Silent, &[])])).await;
        assert!(first.permitted && !first.reported.unwrap().permitted);
    }
}
