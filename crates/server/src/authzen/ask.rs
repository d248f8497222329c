//! One request's questions, put to the policies that were in force when it came.

use super::AuthzenFault;
use super::caller::Caller;
use super::entities::Known;
use super::record::Judged;
use super::verdict::verdict;
use crate::server::AppState;
use prokura_core::{Timestamp, TraceId};
use prokura_decider::InForce;
use prokura_oauth::json::Object;
use prokura_policy::authzen::{Evaluation, Kinds, declared};
use prokura_policy::pdp::{Directory, NoEntities, Question, Ruling};
use std::sync::Arc;

/// What all questions of a request share.
pub(super) struct Ask<'a> {
    pub(super) app: &'a AppState,
    pub(super) caller: Caller<'a>,
    pub(super) in_force: Arc<InForce>,
    pub(super) trace: &'a TraceId,
    pub(super) request_id: Option<&'a str>,
    pub(super) now: Timestamp,
}

impl Ask<'_> {
    pub(super) fn kinds(&self) -> &Kinds {
        &self.app.authzen.kinds
    }

    pub(super) fn directory(&self) -> &dyn Directory {
        self.in_force.directory.as_deref().unwrap_or(&NoEntities)
    }

    /// Decides one question.
    pub(super) async fn judge(&self, e: &Evaluation) -> Result<Judged, AuthzenFault> {
        if !self.caller.may_ask(&e.subject.kind, &e.resource.kind) {
            return Ok(Judged::denied("not_for_this_caller"));
        }
        let Some(known) = self.known(e)? else { return Ok(Judged::denied("unknown_type")) };
        let ruling = self.rule(&known, &e.action.name, Some(&e.action.properties)).await;
        Ok(self.weigh(ruling, &e.context))
    }

    /// What the policies say. Where none counts nothing is permitted: nobody asks a decision point to hear that there is
    /// nothing to ask.
    pub(super) async fn rule(&self, known: &Known, action: &str, arguments: Option<&Object>) -> Ruling {
        if !self.in_force.counts() {
            return Ruling::of([]);
        }
        self.in_force.ruling(&self.question(known, action, arguments)).await
    }

    /// The question, in the words of policies.
    pub(super) fn question<'b>(
        &'b self,
        known: &'b Known,
        action: &'b str,
        arguments: Option<&'b Object>,
    ) -> Question<'b> {
        Question {
            subject: &known.subject,
            actor: known.actor.as_deref(),
            chain: &known.chain,
            grant: known.grant.as_deref(),
            action,
            arguments,
            resource: &known.resource,
            context: &known.context,
            directory: self.directory(),
            now: self.now,
        }
    }

    /// What is answered to somebody who asked in this context.
    pub(super) fn weigh(&self, ruling: Ruling, context: &Object) -> Judged {
        verdict(&self.app.config.authzen, self.trace, ruling, declared(context).as_deref())
    }
}
