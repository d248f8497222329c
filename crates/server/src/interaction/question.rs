//! The consent page's question: what is shown, and what of the answer counts.

use super::Asked;
use super::prospect::{FurtherAgent, Pick, Prospect, Unfit};
use super::values::{self, DETAIL, Values};
use crate::account::permissions;
use crate::device::DeviceAsk;
use crate::people::{Fields, People, SignedIn, Visit};
use prokura_core::{AgentId, Detail, Details, InteractionId, Scope, ScopeSet};
use prokura_oauth::client_metadata::{Aspect, Difference};
use prokura_oauth::redirect::shown_host;
use prokura_ui::{
    Calling, Change, Changed, Consent, Device, Duration, ENGLISH, Further, Hop, Ident, Meaning, Notice,
    Organisation, Permission, Shown, Software, When, Withheld, budget_sentences, detail_sentence, lasting,
};

/// The field with an agent that may get a part.
const THROUGH: &str = "through";
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

    /// What was posted.
    pub(super) fn pick(&self, fields: &Fields, asked: &Asked) -> Pick {
        Pick {
            scopes: fields.many("scope").filter_map(|s| Scope::parse(s).ok()).collect(),
            details: fields.many(DETAIL).filter_map(|p| p.parse().ok()).collect(),
            through: fields.many(THROUGH).filter_map(|a| AgentId::parse(a).ok()).collect(),
            everyone: false,
            values: Values::posted(fields, &asked.details),
            lasts: std::time::Duration::from_secs(self.seconds(fields)),
        }
    }

    /// For how many seconds a posted answer allows: a duration that was offered, else the shortest.
    fn seconds(&self, fields: &Fields) -> u64 {
        let longest = self.longest();
        let posted = fields.one("seconds").parse().ok();
        posted.filter(|s| durations(longest).contains(s)).unwrap_or(HOUR.min(longest))
    }

    /// Everything that was asked for, for the longest: what development mode agrees to.
    pub(super) fn everything(&self, asked: &Asked) -> Pick {
        Pick {
            scopes: asked.scope.clone(),
            details: (0..asked.details.iter().len()).collect(),
            through: asked.through.iter().cloned().collect(),
            everyone: true,
            values: Values::All,
            lasts: std::time::Duration::from_secs(self.longest()),
        }
    }

    /// The page that asks. `again` is an answer that cannot be: what was taken away stays so, because who sees it ticked once
    /// more may allow it unseen.
    pub(super) fn question(
        &self,
        visit: &Visit,
        (id, asked): (&InteractionId, &Asked),
        who: &SignedIn,
        prospect: &Prospect,
        again: Option<(&Pick, Unfit)>,
    ) -> Consent {
        let (title, organisation) = (self.title(&asked.resource), prospect.given.is_some());
        let before = again.map(|(pick, _)| pick);
        Consent {
            frame: self.frame(visit),
            form: self.form(visit, &format!("/interaction/{id}")),
            switch: self.form(visit, &format!("/interaction/{id}/switch")),
            notice: again.map(|(_, unfit)| no_answer(unfit)),
            software: software(asked),
            device: asked.device.as_ref().map(|d| self.device(visit, d)),
            called: asked.called.as_ref().map(|c| Calling {
                asked: When::at(c.at.seconds(), self.now().seconds(), &ENGLISH),
                from: c.from.clone(),
                message: c.message.as_deref().map(Shown::sentence),
            }),
            changed: prospect.changed.iter().map(changed).collect(),
            organisation,
            withheld: (!organisation && prospect.withholds()).then(|| self.withheld(asked, prospect)),
            change: if organisation { None } else { self.change(asked, prospect) },
            chain: self.chain(asked, who, prospect),
            resource: Shown::name(title),
            resource_uri: asked.resource.to_string(),
            permissions: self.permissions(asked, prospect, before),
            budgets: asked.budget.as_ref().map_or_else(Vec::new, |b| budget_sentences(b, &ENGLISH)),
            further: if organisation { vec![] } else { self.further(prospect, before) },
            durations: if organisation { vec![] } else { self.durations(before) },
        }
    }

    /// The page that says that the organisation decides.
    pub(super) fn organisation(
        &self,
        visit: &Visit,
        (id, asked): (&InteractionId, &Asked),
        prospect: &Prospect,
    ) -> Organisation {
        Organisation {
            frame: self.frame(visit),
            form: self.form(visit, &format!("/interaction/{id}")),
            switch: self.form(visit, &format!("/interaction/{id}/switch")),
            client: Shown::name(&asked.name),
            resource: Shown::name(self.title(&asked.resource)),
            withheld: self.withheld(asked, prospect),
        }
    }

    fn withheld(&self, asked: &Asked, prospect: &Prospect) -> Withheld {
        let left = &prospect.withheld;
        let scopes =
            permissions(self.place(&asked.resource), &left.actions).into_iter().map(|(_, said)| said);
        let details = left.details.iter().map(|d| detail_sentence(d, &ENGLISH));
        let agents = prospect.withheld_agents.iter().map(|f| Shown::name(&f.name));
        Withheld {
            said: scopes.chain(details).chain(agents).collect(),
            contact: self.config.consent.contact.as_deref().map(Shown::sentence),
        }
    }

    /// What becomes of what was allowed before: of the grant that the client named, or the one that this adds to.
    fn change(&self, asked: &Asked, prospect: &Prospect) -> Option<Change> {
        let place = self.place(&asked.resource);
        let said = |scopes: &ScopeSet| permissions(place, scopes).into_iter().map(|(_, said)| said).collect();
        let detailed =
            |details: &Details| details.iter().map(|d| detail_sentence(d, &ENGLISH)).collect::<Vec<_>>();
        if let Some(named) = asked.management.as_ref().and_then(|m| m.named.as_ref()) {
            return Some(Change {
                title: ENGLISH.change_title,
                lead: ENGLISH.change_lead,
                already: said(&asked.scope.intersection(&named.held)),
                new: said(&asked.scope.difference(&named.held)),
                ends: said(&named.held.difference(&asked.scope)),
            });
        }
        let held = prospect.held.as_ref()?;
        let already: Vec<Shown> = said(&held.actions);
        let sure = !prospect.settled.is_empty();
        let new = if sure { vec![] } else { said(&prospect.offered.actions.difference(&held.actions)) };
        Some(Change {
            title: ENGLISH.more_title,
            lead: if sure { ENGLISH.more_lead } else { ENGLISH.more_lead_again },
            already: already.into_iter().chain(detailed(&held.details)).collect(),
            new,
            ends: vec![],
        })
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

    fn further(&self, prospect: &Prospect, before: Option<&Pick>) -> Vec<Further> {
        let most = |f: &FurtherAgent| match &f.by_rule {
            None => at_most(prospect),
            Some((at, 1)) => {
                ENGLISH.further_rule_one.with("resource", Shown::name(self.title(at))).to_string()
            }
            Some((at, n)) => {
                ENGLISH.further_rule.with("resource", Shown::name(self.title(at))).with("n", n).to_string()
            }
        };
        let row = |f: &FurtherAgent| Further {
            value: f.agent.to_string(),
            name: Shown::name(&f.name),
            id: Ident::new(f.agent.as_str()),
            most: most(f),
            kept: before.is_none_or(|pick| pick.through.contains(&f.agent)),
        };
        prospect.further.iter().map(row).collect()
    }

    fn chain(&self, asked: &Asked, who: &SignedIn, prospect: &Prospect) -> Vec<Hop> {
        let place = self.place(&asked.resource).map_or(asked.resource.as_str(), |p| p.name.as_str());
        let limit = match count(prospect) {
            1 => ENGLISH.chain_limit_one.to_string(),
            n => ENGLISH.chain_limit.with("n", n).to_string(),
        };
        let mut hops = vec![
            Hop::actor(&who.user.display_name, ENGLISH.chain_you.to_string()),
            Hop::actor(&asked.name, ENGLISH.chain_agent.to_string()),
        ];
        hops.extend(prospect.further.iter().map(|f| Hop::actor(&f.name, ENGLISH.chain_part.to_string())));
        hops.push(Hop::place(place, limit));
        hops
    }

    fn permissions(&self, asked: &Asked, prospect: &Prospect, before: Option<&Pick>) -> Vec<Permission> {
        let place = self.place(&asked.resource);
        let actions = |scope: &str| match place.and_then(|p| p.scopes.get(scope)) {
            Some(known) => known.actions.iter().map(ToString::to_string).collect(),
            None => vec![],
        };
        let open = |d: &Detail| prospect.offered.details.iter().any(|o| o == d);
        let details = asked.details.iter().enumerate().filter(|(_, d)| open(d));
        permissions(place, &prospect.offered.actions.difference(&prospect.settled))
            .into_iter()
            .map(|(scope, sentence)| Permission {
                name: "scope",
                actions: actions(&scope),
                kept: before.is_none_or(|pick| pick.scopes.iter().any(|s| s.as_str() == scope)),
                value: scope,
                sentence,
                arguments: Vec::new(),
            })
            .chain(details.map(|(place, detail)| single(&asked.details, (place, detail), before)))
            .collect()
    }

    fn durations(&self, before: Option<&Pick>) -> Vec<Duration> {
        let now = self.now().seconds();
        let all = durations(self.longest());
        // A month, unless the operator allows less: long enough not to nag, short enough not to be forgotten.
        let usual = all.iter().copied().find(|s| *s >= 30 * DAY).unwrap_or(self.longest());
        let chosen = before.map_or(usual, |pick| pick.lasts.as_secs());
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

/// One detail, with what can be changed of it below.
fn single(all: &Details, (place, detail): (usize, &Detail), before: Option<&Pick>) -> Permission {
    let values = before.map_or(&Values::All, |pick| &pick.values);
    let kept = before.is_none_or(|pick| pick.details.contains(&place));
    values::permission(all, (place, detail), (kept, values))
}

fn no_answer(unfit: Unfit) -> Notice {
    let sentence = match unfit {
        Unfit::Nothing => ENGLISH.permissions_none.to_string(),
        Unfit::Values => ENGLISH.permissions_wrong.to_string(),
    };
    Notice { meaning: Meaning::Attention, sentence }
}

fn count(prospect: &Prospect) -> usize {
    prospect.offered.actions.len() + prospect.offered.details.iter().len()
}

fn at_most(prospect: &Prospect) -> String {
    match count(prospect) {
        1 => ENGLISH.further_most_one.to_string(),
        n => ENGLISH.further_most.with("n", n).to_string(),
    }
}

fn changed(difference: &Difference) -> Changed {
    let what = match difference.aspect {
        Aspect::Name => ENGLISH.changed_name,
        Aspect::Answers => ENGLISH.changed_answers,
        Aspect::Method => ENGLISH.changed_method,
        Aspect::Keys => ENGLISH.changed_keys,
        Aspect::Home => ENGLISH.changed_home,
        Aspect::Logo => ENGLISH.changed_logo,
    };
    Changed { what, before: Shown::sentence(&difference.before), after: Shown::sentence(&difference.after) }
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
