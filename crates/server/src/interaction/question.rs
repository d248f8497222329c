//! The consent page's question: what is shown, and what of the answer counts.

use super::Asked;
use super::decide::Choice;
use crate::account::permissions;
use crate::device::DeviceAsk;
use crate::named::Named;
use crate::people::{Fields, People, SignedIn, Visit};
use prokura_core::{InteractionId, Scope, ScopeSet};
use prokura_oauth::redirect::shown_host;
use prokura_ui::{
    Change, Consent, Device, Duration, ENGLISH, Hop, Ident, Meaning, Notice, Permission, Shown, Software,
    When, detail_sentence, lasting,
};

/// The field with the place of a detail that is left.
const DETAIL: &str = "detail";
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// The durations to choose from: none is longer than the operator's, which is the last.
fn durations(longest: u64) -> Vec<u64> {
    let mut all: Vec<u64> = [HOUR, DAY, 30 * DAY].into_iter().filter(|s| *s < longest).collect();
    all.push(longest);
    all
}

impl People {
    fn longest(&self) -> u64 {
        self.config.tokens.grant.get().as_secs()
    }

    /// What of a posted answer counts: scopes and details that were asked for, a duration that was offered. `None` if
    /// of either nothing is left although some was asked for: without details the scopes would allow more than with
    /// them, and without scopes the details.
    pub(super) fn choice(&self, asked: &Asked, fields: &Fields) -> Option<Choice> {
        let kept: ScopeSet = fields.many("scope").filter_map(|s| Scope::parse(s).ok()).collect();
        let scope = asked.scope.intersection(&kept);
        let lasts = std::time::Duration::from_secs(self.seconds(fields));
        let details = asked.details.only(&fields.many(DETAIL).filter_map(|p| p.parse().ok()).collect());
        let nothing_left = scope.is_empty() != asked.scope.is_empty()
            || details.is_empty() != asked.details.is_empty()
            || (scope.is_empty() && details.is_empty());
        (!nothing_left).then_some(Choice { scope, details, lasts })
    }

    /// For how many seconds a posted answer allows: a duration that was offered, else the shortest.
    pub(super) fn seconds(&self, fields: &Fields) -> u64 {
        let longest = self.longest();
        let posted = fields.one("seconds").parse().ok();
        posted.filter(|s| durations(longest).contains(s)).unwrap_or(HOUR.min(longest))
    }

    /// Everything that was asked for, for the longest: what development mode agrees to.
    pub(super) fn everything(&self, asked: &Asked) -> Choice {
        Choice {
            scope: asked.scope.clone(),
            details: asked.details.clone(),
            lasts: std::time::Duration::from_secs(self.longest()),
        }
    }

    /// The page that asks. `again` is the duration in seconds of an answer that left no permission: what was taken
    /// away stays so, because who sees it ticked once more may allow it unseen.
    pub(super) fn question(
        &self,
        visit: &Visit,
        id: &InteractionId,
        asked: &Asked,
        who: &SignedIn,
        again: Option<u64>,
    ) -> Consent {
        let title = self.title(&asked.resource);
        Consent {
            frame: self.frame(visit),
            form: self.form(visit, &format!("/interaction/{id}")),
            switch: self.form(visit, &format!("/interaction/{id}/switch")),
            notice: again.map(|_| Notice {
                meaning: Meaning::Attention,
                sentence: ENGLISH.permissions_none.to_string(),
            }),
            software: software(asked),
            device: asked.device.as_ref().map(|d| self.device(visit, d)),
            change: asked.management.as_ref().and_then(|m| m.named.as_ref()).map(|n| self.change(asked, n)),
            chain: self.chain(asked, who),
            resource: Shown::name(title),
            resource_uri: asked.resource.to_string(),
            permissions: self.permissions(asked, again.is_none()),
            durations: self.durations(again),
        }
    }

    /// What becomes of the grant that the client named, if everything that is offered is left.
    fn change(&self, asked: &Asked, named: &Named) -> Change {
        let place = self.place(&asked.resource);
        let said = |scopes: &ScopeSet| permissions(place, scopes).into_iter().map(|(_, said)| said).collect();
        Change {
            already: said(&asked.scope.intersection(&named.held)),
            new: said(&asked.scope.difference(&named.held)),
            ends: said(&named.held.difference(&asked.scope)),
        }
    }

    /// What is known of the device that asks: its code, since when it waits, and how near it seems.
    fn device(&self, visit: &Visit, ask: &DeviceAsk) -> Device {
        Device {
            code: ask.code.to_string(),
            asked: When::at(ask.at.seconds(), self.now().seconds(), &ENGLISH),
            from: ask.from.clone(),
            near: ask.place == visit.address.place(),
        }
    }

    fn chain(&self, asked: &Asked, who: &SignedIn) -> Vec<Hop> {
        let place = self.place(&asked.resource).map_or(asked.resource.as_str(), |p| p.name.as_str());
        let limit = match asked.scope.len() + asked.details.iter().len() {
            1 => ENGLISH.chain_limit_one.to_string(),
            n => ENGLISH.chain_limit.with("n", n).to_string(),
        };
        vec![
            Hop::actor(&who.user.display_name, ENGLISH.chain_you.to_string()),
            Hop::actor(&asked.name, ENGLISH.chain_agent.to_string()),
            Hop::place(place, limit),
        ]
    }

    fn permissions(&self, asked: &Asked, kept: bool) -> Vec<Permission> {
        let place = self.place(&asked.resource);
        let actions = |scope: &str| match place.and_then(|p| p.scopes.get(scope)) {
            Some(known) => known.actions.iter().map(ToString::to_string).collect(),
            None => vec![],
        };
        permissions(place, &asked.scope)
            .into_iter()
            .map(|(scope, sentence)| Permission {
                name: "scope",
                actions: actions(&scope),
                value: scope,
                sentence,
                kept,
            })
            .chain(asked.details.iter().enumerate().map(|(place, detail)| Permission {
                name: DETAIL,
                value: place.to_string(),
                sentence: detail_sentence(detail, &ENGLISH),
                actions: Vec::new(),
                kept,
            }))
            .collect()
    }

    fn durations(&self, chosen: Option<u64>) -> Vec<Duration> {
        let now = self.now().seconds();
        let all = durations(self.longest());
        // A month, unless the operator allows less: long enough not to nag, short enough not to be forgotten.
        let usual = all.iter().copied().find(|s| *s >= 30 * DAY).unwrap_or(self.longest());
        let chosen = chosen.unwrap_or(usual);
        let row = |seconds: u64| {
            let seconds_i = i64::try_from(seconds).unwrap_or(i64::MAX / 2);
            Duration {
                seconds: seconds_i,
                label: lasting(seconds_i, &ENGLISH),
                until: When::at(now.saturating_add(seconds_i), now, &ENGLISH),
                chosen: seconds == chosen,
            }
        };
        all.into_iter().map(row).collect()
    }
}

fn software(asked: &Asked) -> Software {
    Software {
        name: Shown::name(&asked.name),
        id_host: asked.id_host(),
        id: Ident::new(asked.client.as_str()),
        standing: asked.standing,
        redirect_host: shown_host(&asked.redirect),
        loopback: asked.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_duration_is_longer_than_the_operators() {
        assert_eq!(durations(90 * DAY), [HOUR, DAY, 30 * DAY, 90 * DAY]);
        assert_eq!(durations(DAY), [HOUR, DAY]);
        assert_eq!(durations(600), [600]);
    }
}
