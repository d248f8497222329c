//! What a token rests on, as it is kept beside the place of its status: the same that introspection asks.

use prokura_core::{AgentId, ClientId, GrantId, Principal, UserId, WorkloadId};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::json::{Limits, Object, Value, obj, parse};
use prokura_oauth::status_list::Status;
use prokura_store::RevokedView;

/// The grants, each with its revision, and everybody who must not be disabled. All tokens of which this is the same have the
/// same place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Basis {
    chain: Vec<(GrantId, u64)>,
    subject: Principal,
    client: ClientId,
    actors: Vec<AgentId>,
    workload: Option<(WorkloadId, String)>,
}

impl Basis {
    pub(super) fn of(token: &AccessToken) -> Self {
        let mut actors = token.actors.clone();
        actors.sort();
        Self {
            chain: token.grant.standing().map(|(id, revision)| (id.clone(), revision)).collect(),
            subject: token.subject.clone(),
            client: token.client.clone(),
            actors,
            workload: token.workload.as_ref().map(|w| (w.workload.clone(), w.provider.as_ref().to_owned())),
        }
    }

    /// What the list says of it. That a grant was revoked or has expired is told by the store.
    pub(super) fn status(&self, view: &RevokedView) -> Status {
        let paused = self.chain.iter().any(|(id, _)| view.contains(id));
        if !paused && !view.stands(self.chain.iter().map(|(id, revision)| (id, *revision))) {
            // It was narrowed since: what tokens of before say is more than there is.
            return Status::Invalid;
        }
        if paused || self.somebody_is_disabled(view) { Status::Suspended } else { Status::Valid }
    }

    fn somebody_is_disabled(&self, view: &RevokedView) -> bool {
        let subject = match &self.subject {
            Principal::User(user) => view.user_disabled(user),
            Principal::Agent(agent) => view.agent_disabled(agent),
        };
        let workload = |(id, provider): &(WorkloadId, String)| {
            view.workload_disabled(id) || view.provider_disabled(provider)
        };
        subject
            || view.client_disabled(&self.client)
            || self.actors.iter().any(|a| view.agent_disabled(a))
            || self.workload.as_ref().is_some_and(workload)
    }

    pub(super) fn to_text(&self) -> String {
        let (kind, subject) = match &self.subject {
            Principal::User(user) => ("user", user.as_str()),
            Principal::Agent(agent) => ("agent", agent.as_str()),
        };
        let mut o = obj([
            ("grants", self.chain.iter().map(|(id, _)| id.as_str()).collect()),
            ("revisions", Value::Array(self.chain.iter().map(|(_, revision)| (*revision).into()).collect())),
            (kind, subject.into()),
            ("client", self.client.as_str().into()),
            ("actors", self.actors.iter().map(AgentId::as_str).collect()),
        ]);
        if let Some((workload, provider)) = &self.workload {
            o.insert("workload", workload.as_str().into());
            o.insert("provider", provider.as_str().into());
        }
        Value::Object(o).to_string()
    }

    /// Reads what was kept; `None` if it cannot be read, and then nothing that rests on it counts.
    pub(super) fn read(text: &str) -> Option<Self> {
        let o = parse(text.as_bytes(), &Limits::DOCUMENT).ok()?.into_object()?;
        let grants = o.get("grants")?.as_array()?;
        let revisions = o.get("revisions")?.as_array()?;
        let grant =
            |(id, revision): (&Value, &Value)| Some((GrantId::parse(id.as_str()?).ok()?, revision.as_u64()?));
        let actors = o.get("actors")?.as_array()?.iter();
        Some(Self {
            chain: grants.iter().zip(revisions).map(grant).collect::<Option<_>>()?,
            subject: subject(&o)?,
            client: ClientId::parse(o.str("client")?).ok()?,
            actors: actors.map(|a| AgentId::parse(a.as_str()?).ok()).collect::<Option<_>>()?,
            workload: match o.str("workload") {
                None => None,
                Some(id) => Some((WorkloadId::parse(id).ok()?, o.str("provider")?.to_owned())),
            },
        })
    }
}

fn subject(o: &Object) -> Option<Principal> {
    match o.str("user") {
        Some(user) => UserId::parse(user).ok().map(Principal::User),
        None => AgentId::parse(o.str("agent")?).ok().map(Principal::Agent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_whole_or_not_at_all() {
        let user = Basis {
            chain: vec![(GrantId::parse("g_1").unwrap(), 3), (GrantId::parse("g_2").unwrap(), 0)],
            subject: Principal::User(UserId::parse("usr_alice").unwrap()),
            client: ClientId::parse("https://agent.example/client.json").unwrap(),
            actors: vec![AgentId::parse("agt_planner").unwrap()],
            workload: Some((WorkloadId::parse("wl_1").unwrap(), "prod \"1\"".into())),
        };
        let agent = Principal::Agent(AgentId::parse("agt_planner").unwrap());
        let own = Basis { subject: agent, actors: Vec::new(), workload: None, ..user.clone() };
        for basis in [user, own] {
            let text = basis.to_text();
            assert_eq!(Basis::read(&text), Some(basis));
            assert_eq!(Basis::read(&text.replace("\"client\"", "\"other\"")), None);
            assert_eq!(Basis::read(&text.replace("\"g_2\"", "2")), None);
        }
    }
}
