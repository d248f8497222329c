//! What happened to a grant, as the record tells it, in the owner's words.

use super::allowed::permissions;
use super::drawn::Drawer;
use crate::people::{People, SignedIn};
use prokura_core::{AgentId, ScopeSet, Timestamp};
use prokura_ledger::{Entry, Event, EventKind, Outcome};
use prokura_oauth::json::{Object, Value};
use prokura_oauth::rich;
use prokura_oauth::token_request::DETAILS;
use prokura_store::TreeNode;
use prokura_ui::{ENGLISH, Happened, Shown, detail_sentence};

/// A part of the record, the newest first.
pub(super) struct Story {
    entries: Vec<(u64, Entry)>,
}

impl Story {
    pub(super) fn of(entries: Vec<(u64, Entry)>) -> Self {
        Self { entries }
    }

    /// Where the part before this one ends; nothing if this may be all.
    pub(super) fn next(&self) -> Option<u64> {
        let full = self.entries.len() >= super::one::ENTRIES as usize;
        self.entries.last().filter(|_| full).map(|(seq, _)| *seq)
    }

    /// Whom it names.
    pub(super) fn agents(&self) -> Vec<AgentId> {
        self.entries.iter().filter_map(|(_, entry)| entry.event.actors.first().cloned()).collect()
    }

    /// It as the owner reads it, with what was passed on meanwhile.
    pub(super) fn told(
        &self,
        people: &People,
        drawer: &Drawer,
        owner: &SignedIn,
        tree: Option<&Vec<TreeNode>>,
    ) -> Vec<Happened> {
        let told = self.entries.iter().filter_map(|(_, entry)| {
            let what = match entry.event.action.as_str() {
                "consent:allow" => allowed(people, &entry.event),
                _ => what(&entry.event)?,
            };
            Some((entry.event.at, what, who(&entry.event, drawer, owner)))
        });
        let passed = tree.into_iter().flatten().filter(|node| node.depth == 1).map(|node| {
            let grant = &node.grant;
            let to = Shown::name(drawer.name(&grant.grantee));
            let by =
                drawer.name(tree.and_then(|t| t.first()).map_or(&grant.grantee, |top| &top.grant.grantee));
            (grant.not_before, ENGLISH.happened_passed.with("agent", to).to_string(), by.to_owned())
        });
        let mut all: Vec<(Timestamp, String, String)> = told.chain(passed).collect();
        all.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
        all.into_iter()
            .map(|(at, what, who)| Happened {
                when: people.when(at),
                what: Shown::whole(&what),
                who: Shown::name(&who),
            })
            .collect()
    }
}

/// What happened; nothing of what says no more than another entry does.
pub(super) fn what(event: &Event) -> Option<String> {
    let t = &ENGLISH;
    let refused = event.outcome != Outcome::Permit;
    Some(match (event.kind, event.action.as_str()) {
        (EventKind::Outcome | EventKind::SignIn | EventKind::System, _) | (_, "code:issue") => return None,
        (_, "grant:narrow") if refused => t.happened_refused.to_string(),
        (_, "grant:narrow") => t.happened_narrowed.with("what", taken(&event.details)).to_string(),
        (_, "grant:make") => t.happened_made.to_string(),
        (_, "grant:change" | "grant:merge" | "grant:replace" | "grant:update") => {
            t.happened_changed.to_string()
        }
        (_, "grant:suspend") => t.happened_suspended.to_string(),
        (_, "grant:resume") => t.happened_resumed.to_string(),
        (_, "grant:revoke") => {
            t.happened_ended.with("why", why(event.reasons.first().map_or("", String::as_str))).to_string()
        }
        (EventKind::Issuance, _) if !refused => t.happened_token.to_string(),
        (_, action) if refused => t.happened_denied.with("what", Shown::name(action)).to_string(),
        (EventKind::Decision, action) => t.happened_used.with("what", Shown::name(action)).to_string(),
        (_, action) => Shown::name(action).to_string(),
    })
}

/// What was allowed, as the page said it.
pub(super) fn allowed(people: &People, event: &Event) -> String {
    ENGLISH.past_allowed.with("what", asked(people, event)).to_string()
}

/// What an entry says was asked for, as the page said it.
pub(super) fn asked(people: &People, event: &Event) -> String {
    let Some(resource) = &event.resource else { return String::new() };
    let scopes = ScopeSet::parse(text(&event.details, "scope")).unwrap_or_default();
    let said = permissions(people.place(resource), &scopes).into_iter().map(|(_, said)| said);
    let details = event.details.get(DETAILS).and_then(|value| rich::read(value, resource).ok());
    let details = details.unwrap_or_default();
    let single = details.iter().map(|detail| detail_sentence(detail, &ENGLISH));
    said.chain(single).map(|said| said.to_string()).collect::<Vec<_>>().join("; ")
}

/// Why a grant ended, in words.
pub(super) fn why(reason: &str) -> String {
    match reason {
        "disuse" => ENGLISH.why_disuse.to_string(),
        "expired" => ENGLISH.why_expired.to_string(),
        other => Shown::sentence(&other.replace('_', " ")).to_string(),
    }
}

/// What an edit took away.
fn taken(details: &Object) -> String {
    let Some(without) = details.get("without").and_then(Value::as_object) else { return String::new() };
    let mut all: Vec<String> = text(without, "scope").split_whitespace().map(str::to_owned).collect();
    if let Some(places) = without.get("details").and_then(Value::as_array) {
        all.push(ENGLISH.happened_details.with("n", places.len()).to_string());
    }
    if without.contains_key("values") {
        all.push(ENGLISH.happened_values.to_string());
    }
    if without.contains_key("passing_on") || without.contains_key("agents") {
        all.push(ENGLISH.happened_passing.to_string());
    }
    if without.contains_key("after") {
        all.push(ENGLISH.happened_time.to_string());
    }
    all.join(", ")
}

pub(super) fn text<'a>(object: &'a Object, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// By whom.
fn who(event: &Event, drawer: &Drawer, owner: &SignedIn) -> String {
    let agent = event.actors.first().map(|a| drawer.name(a).to_owned()).unwrap_or_default();
    match (event.kind, text(&event.details, "by")) {
        (EventKind::Decision | EventKind::Issuance, _) => agent,
        (_, by) if by == owner.user.id.as_str() => ENGLISH.by_you.to_string(),
        (EventKind::Consent, _) => ENGLISH.by_you.to_string(),
        (EventKind::Administration, _) => ENGLISH.by_the_operator.to_string(),
        (_, "system") => ENGLISH.by_system.to_string(),
        (_, "") => String::new(),
        (_, by) => by.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::TraceId;
    use prokura_oauth::json::obj;

    fn event(kind: EventKind, action: &str, outcome: Outcome) -> Event {
        Event::new(kind, action, outcome, Timestamp::from_seconds(0), TraceId::parse("tr_1").unwrap())
    }

    #[test]
    fn the_record_is_told_in_words() {
        let mut narrowed = event(EventKind::Grant, "grant:narrow", Outcome::Permit);
        let without = obj([
            ("scope", "a b".into()),
            ("values", [0_u64].into_iter().collect()),
            ("after", 7_i64.into()),
        ]);
        narrowed.details.insert("without", Value::Object(without));
        assert_eq!(what(&narrowed).as_deref(), Some("Taken away: a, b, single values, time"));
        let refused = event(EventKind::Grant, "grant:narrow", Outcome::Deny);
        assert_eq!(what(&refused).as_deref(), Some("Refused to allow more than before"));
        let ended = event(EventKind::Grant, "grant:revoke", Outcome::Permit).because("disuse");
        assert_eq!(what(&ended).as_deref(), Some("Ended: nobody used it"));
        let used = event(EventKind::Decision, "tool:read", Outcome::Permit);
        assert_eq!(what(&used).as_deref(), Some("Used tool:read"));
        let denied = event(EventKind::Decision, "tool:\u{202e}read", Outcome::Deny);
        assert_eq!(what(&denied).as_deref(), Some("Was refused tool:read"));
        assert_eq!(what(&event(EventKind::Outcome, "tool:read", Outcome::Permit)), None);
    }
}
