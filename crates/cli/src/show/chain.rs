//! Who acts for whom, left to right: `Alice → Planner → Reporter → sales/generate_summary`.

use super::{Names, plain};
use prokura_core::Principal;
use prokura_ledger::{Event, Outcome};

/// The chain of an entry.
pub(crate) fn chain(event: &Event, names: &Names) -> String {
    let mut hops = Vec::new();
    if let Some(subject) = &event.subject {
        hops.push(names.of(subject));
    }
    // The record holds the current actor first.
    for actor in event.actors.iter().rev().map(|a| Principal::Agent(a.clone())) {
        if event.subject.as_ref() != Some(&actor) {
            hops.push(names.of(&actor));
        }
    }
    if hops.is_empty()
        && let Some(client) = &event.client
    {
        hops.push(plain(client.as_str()));
    }
    let what = event.action.split_once(':').filter(|(kind, _)| ["tool", "resource", "prompt"].contains(kind));
    let place = event.resource.as_ref().map(|r| names.place(r));
    hops.push(match (place, what) {
        (Some(place), Some((_, name))) => format!("{place}/{}", plain(name)),
        (Some(place), None) => format!("{place} {}", plain(&event.action)),
        (None, _) => plain(&event.action),
    });
    hops.join(" → ")
}

/// The word for how it came out.
pub(crate) fn outcome(outcome: Outcome) -> &'static str {
    outcome.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::{AgentId, ResourceUri, Timestamp, TraceId, UserId};
    use prokura_ledger::EventKind;

    #[test]
    fn the_chain_runs_from_the_user_to_the_tool() {
        let (at, trace) = (Timestamp::from_seconds(0), TraceId::parse("tr_1").unwrap());
        let mut event = Event::new(EventKind::Decision, "tool:generate_summary", Outcome::Permit, at, trace);
        event.subject = Some(Principal::User(UserId::parse("usr_a").unwrap()));
        event.actors = vec![AgentId::parse("agt_reporter").unwrap(), AgentId::parse("agt_planner").unwrap()];
        event.resource = Some(ResourceUri::parse("http://localhost:9400/mcp/sales").unwrap());
        let names = Names::of_pairs(&[("usr_a", "Alice"), ("agt_planner", "Planner")]);
        assert_eq!(chain(&event, &names), "Alice → Planner → agt_reporter → sales/generate_summary");
    }

    #[test]
    fn an_agent_on_its_own_authority_stands_there_once() {
        let (at, trace) = (Timestamp::from_seconds(0), TraceId::parse("tr_1").unwrap());
        let mut event =
            Event::new(EventKind::Issuance, "token:client_credentials", Outcome::Permit, at, trace);
        let agent = AgentId::parse("agt_worker").unwrap();
        event.subject = Some(Principal::Agent(agent.clone()));
        event.actors = vec![agent];
        assert_eq!(chain(&event, &Names::of_pairs(&[])), "agt_worker → token:client_credentials");
    }
}
