//! A task as people read it.

use crate::people::People;
use prokura_access::{Conditions, Fact, Facts};
use prokura_core::{Acr, AgentId, OPERATOR, Principal, Risk, SUBJECT, TaskState, Timestamp, UserId};
use prokura_oauth::json::Value;
use prokura_store::{StoreError, StoredTask, Tx};
use prokura_ui::{
    ApproveLine, ApproveValue, ConditionRow, ENGLISH, Folded, Hop, Shown, date_reading, number_reading,
};
use std::collections::BTreeMap;

/// The names of whom tasks mention.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// Looks up whom a task names.
    pub(super) fn meet(&mut self, tx: &mut Tx<'_>, task: &StoredTask) -> Result<(), StoreError> {
        let call = &task.task.call;
        call.chain.iter().chain([&call.actor]).try_for_each(|agent| self.agent(tx, agent))?;
        match &call.subject {
            Principal::User(user) => self.user(tx, user)?,
            Principal::Agent(agent) => self.agent(tx, agent)?,
        }
        task.task.votes.iter().try_for_each(|vote| self.voter(tx, &vote.by))
    }

    pub(super) fn agent(&mut self, tx: &mut Tx<'_>, agent: &AgentId) -> Result<(), StoreError> {
        if !self.0.contains_key(agent.as_str()) {
            let name = tx.agent(agent)?.map_or_else(|| agent.to_string(), |a| a.name);
            self.0.insert(agent.to_string(), name);
        }
        Ok(())
    }

    fn user(&mut self, tx: &mut Tx<'_>, user: &UserId) -> Result<(), StoreError> {
        if !self.0.contains_key(user.as_str()) {
            let name = tx.user(user)?.map_or_else(|| user.to_string(), |u| u.display_name);
            self.0.insert(user.to_string(), name);
        }
        Ok(())
    }

    /// Who voted: a user, or the operator.
    pub(super) fn voter(&mut self, tx: &mut Tx<'_>, voter: &str) -> Result<(), StoreError> {
        match UserId::parse(voter) {
            Ok(user) if voter.starts_with(UserId::PREFIX) => self.user(tx, &user),
            _ => Ok(()),
        }
    }

    /// The name of an id.
    pub(super) fn of<'a>(&'a self, id: &'a str) -> Shown {
        let operator = id == OPERATOR || id.strip_prefix(OPERATOR).is_some_and(|rest| rest.starts_with(':'));
        match self.0.get(id) {
            Some(name) => Shown::name(name),
            None if operator => Shown::name(&ENGLISH.approve_who_operator.to_string()),
            None => Shown::name(id),
        }
    }
}

/// A value exactly: where some of its characters do not show, as JSON, in which they do.
fn exactly(value: &str) -> Shown {
    let plain = Shown::whole(value);
    let spaces = value.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    if plain.as_str() == value || plain.as_str() == spaces && value.trim() == value {
        return plain;
    }
    let written = Shown::exact(value);
    Shown::whole(&ENGLISH.approve_not_shown.with("value", format!("“{written}”")).to_string())
}

/// What would be done, argument by argument.
pub(super) fn lines(facts: &Facts) -> Vec<ApproveLine> {
    let line = |fact: Fact<'_>| ApproveLine {
        name: Shown::exact(fact.name),
        title: fact.title.map(Shown::name).filter(|title| !title.is_empty()),
        about: fact.about.map(Shown::sentence).filter(|about| !about.is_empty()),
        before: fact.before.map(|before| ApproveValue { reading: None, ..value(before) }),
        after: value(fact.after),
    };
    facts.shown().map(line).collect()
}

/// Longer values are folded, in characters and in lines.
const LONG: usize = 240;
const MANY: usize = 6;
/// So much of the beginning and of the end of a folded value stands there, in characters.
const BEGIN: usize = 120;
const END: usize = 40;

/// A value, all of it: line by line where it is a text of several, and folded where it is long.
fn value(value: &Value) -> ApproveValue {
    let text = match value {
        Value::String(text) => text.clone(),
        other => String::from_utf8_lossy(&other.to_vec()).into_owned(),
    };
    let lines: Vec<Shown> = match text.trim_end_matches('\n').contains('\n') {
        true => text.split('\n').map(one_of_several).collect(),
        false => vec![exactly(&text)],
    };
    let count = text.chars().count();
    let reading = match value {
        Value::Number(number) => number_reading(&number.text()),
        Value::String(text) => date_reading(text),
        _ => None,
    };
    let folded = (count > LONG || lines.len() > MANY).then(|| folded(&lines, count));
    ApproveValue { lines, reading, folded }
}

/// A line of a text; an empty one is written out, so that nothing is pushed out of sight.
fn one_of_several(line: &str) -> Shown {
    let line = line.strip_suffix('\r').unwrap_or(line).trim_matches(' ');
    if line.is_empty() { Shown::exact("\n") } else { exactly(line) }
}

fn folded(lines: &[Shown], count: usize) -> Folded {
    let all = lines.iter().map(Shown::as_str).collect::<Vec<_>>().join(" ");
    let begin: String = all.chars().take(BEGIN).collect();
    let rest = all.chars().count().saturating_sub(BEGIN);
    let end: String = all.chars().skip(BEGIN + rest.saturating_sub(END)).collect();
    let ends = if rest > END { format!("{begin} … {end}") } else { format!("{begin}{end}") };
    let count = number_reading(&count.to_string()).unwrap_or_else(|| count.to_string());
    Folded { ends: Shown::whole(&ends), more: ENGLISH.approve_show_all.with("n", count).to_string() }
}

/// Which calls a standing agreement is for.
pub(super) fn conditions(conditions: &Conditions) -> Vec<ConditionRow> {
    let row = |(name, up_to, value): (&str, bool, String)| ConditionRow {
        name: exactly(name),
        up_to,
        value: exactly(&value),
    };
    conditions.shown().map(row).collect()
}

/// Who acts for whom, and where.
pub(super) fn chain(people: &People, names: &Names, task: &StoredTask, reader: &UserId) -> Vec<Hop> {
    let call = &task.task.call;
    let mut hops = match &call.subject {
        Principal::User(user) if user == reader => {
            vec![Hop::actor(names.of(user.as_str()).as_str(), ENGLISH.chain_you.to_string())]
        }
        Principal::User(user) => vec![Hop::actor(names.of(user.as_str()).as_str(), String::new())],
        Principal::Agent(_) => Vec::new(),
    };
    let acts = match &call.subject {
        Principal::User(user) if user == reader => ENGLISH.chain_agent.to_string(),
        other => ENGLISH.chain_agent_for.with("name", names.of(other.as_str())).to_string(),
    };
    hops.extend(
        call.chain.iter().rev().map(|agent| Hop::actor(names.of(agent.as_str()).as_str(), acts.clone())),
    );
    let name = call.action.split_once(':').map_or(call.action.as_str(), |(_, name)| name);
    let place = people.place(&call.resource).map_or(call.server.as_str(), |p| p.name.as_str());
    hops.push(Hop::place(&format!("{place}/{name}"), String::new()));
    hops
}

/// What it does, in the words of the tool's pinned definition.
pub(super) fn what(task: &StoredTask, facts: Option<&Facts>) -> Shown {
    let call = &task.task.call;
    let name = call.action.split_once(':').map_or(call.action.as_str(), |(_, name)| name);
    Shown::sentence(facts.map_or(name, |facts| facts.title.as_str()))
}

pub(super) fn risk(risk: Option<Risk>) -> String {
    match risk {
        Some(Risk::Low) => ENGLISH.approve_risk_low,
        Some(Risk::Medium) => ENGLISH.approve_risk_medium,
        Some(Risk::High) => ENGLISH.approve_risk_high,
        None => ENGLISH.approve_unknown,
    }
    .to_string()
}

pub(super) fn undo(reversible: Option<bool>) -> String {
    match reversible {
        Some(true) => ENGLISH.approve_undo_yes,
        Some(false) => ENGLISH.approve_undo_no,
        None => ENGLISH.approve_unknown,
    }
    .to_string()
}

/// How many of whom.
pub(super) fn who(task: &StoredTask) -> String {
    let quorum = &task.task.quorum;
    let one = |name: &String| match name.as_str() {
        SUBJECT => ENGLISH.approve_who_subject.to_string(),
        OPERATOR => ENGLISH.approve_who_operator.to_string(),
        group => group.to_owned(),
    };
    let all: Vec<String> = quorum.approvers.iter().map(one).collect();
    let said = ENGLISH.approve_who_of.with("n", quorum.of).with("who", all.join(", ")).to_string();
    match quorum.acr {
        Some(acr @ (Acr::Mfa | Acr::Phr)) => format!("{said} ({acr})"),
        _ => said,
    }
}

pub(super) fn votes(names: &Names, task: &StoredTask) -> Vec<Shown> {
    let one = |vote: &prokura_core::Vote| {
        let text = if vote.agrees { ENGLISH.approve_vote_yes } else { ENGLISH.approve_vote_no };
        let said = text.with("who", names.of(&vote.by)).to_string();
        match vote.word.is_empty() {
            true => Shown::sentence(&said),
            false => {
                let word = Shown::sentence(&vote.word);
                Shown::whole(&ENGLISH.approve_vote_word.with("vote", said).with("word", word).to_string())
            }
        }
    };
    task.task.votes.iter().map(one).collect()
}

pub(super) fn stands(task: &StoredTask, now: Timestamp) -> String {
    let t = &ENGLISH;
    match task.task.state_at(now) {
        TaskState::Pending => {
            t.approve_stands_pending.with("n", task.task.agreed()).with("of", task.task.quorum.of).to_string()
        }
        TaskState::Approved => t.approve_stands_approved.to_string(),
        TaskState::Used => t.approve_stands_used.to_string(),
        TaskState::Refused => t.approve_stands_refused.to_string(),
        TaskState::Expired => t.approve_stands_expired.to_string(),
        TaskState::Void => t.approve_stands_void.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_show_is_written_out() {
        assert_eq!(exactly("Jörg  Müller").as_str(), "Jörg Müller");
        for odd in ["pay\u{200b}roll", "a\u{202e}b", "a\nb", " a"] {
            assert!(exactly(odd).as_str().contains("that do not show"), "{odd:?}");
        }
        assert!(exactly("a\u{202e}b").as_str().contains("\\u{202e}"));
    }

    #[test]
    fn a_long_text_is_folded_and_all_of_it_is_there() {
        let short = value(&Value::from("a\r\n\n  b"));
        assert_eq!(short.lines.iter().map(Shown::as_str).collect::<Vec<_>>(), ["a", "\\u{a}", "b"]);
        assert!(short.folded.is_none());
        let long = value(&Value::from(format!("begin {} end\u{202e}", "x".repeat(5_000))));
        let folded = long.folded.unwrap();
        assert!(folded.ends.as_str().starts_with("“begin xxx") && folded.ends.as_str().contains("show)"));
        assert!(folded.ends.as_str().chars().count() < 200);
        assert_eq!(folded.more, "Show all 5011 characters");
        assert!(
            long.lines[0].as_str().contains(&"x".repeat(5_000))
                && long.lines[0].as_str().contains("\\u{202e}")
        );
        assert!(value(&Value::from("\n".repeat(9))).folded.is_none(), "one line with nothing that shows");
        assert!(value(&Value::from(["a"; 9].join("\n"))).folded.is_some());
    }

    #[test]
    fn numbers_and_dates_are_read_in_words_beside_what_is_written() {
        let read = |value: &Value| self::value(value).reading.map(|said| said.replace('\u{a0}', " "));
        assert_eq!(read(&1_052_000.into()).as_deref(), Some("1 052 000"));
        assert_eq!(read(&"1052000".into()), None, "a text is no number");
        assert_eq!(read(&"2027-01-01".into()).as_deref(), Some("Friday, 1 January 2027"));
    }
}
