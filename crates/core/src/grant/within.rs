//! Whether a grant was only narrowed: what an edit may do, besides making another grant.

use super::{Budget, Grant, Held, MayAct, NarrowingError};

impl Grant {
    /// Whether this is `held` with nothing more: the same grant, with no scope, tool, agent or time more and no duty or
    /// bound less.
    ///
    /// # Errors
    /// [`NarrowingError`] says what would be more.
    pub fn is_within(&self, held: &Self) -> Result<(), NarrowingError> {
        let same = self.id == held.id
            && self.parents == held.parents
            && self.subject == held.subject
            && self.grantor == held.grantor
            && self.grantee == held.grantee;
        match () {
            () if !same => return Err(NarrowingError::Wider("another grant")),
            () if self.resource != held.resource => return Err(NarrowingError::Resource),
            () if self.not_before < held.not_before || self.expires_at > held.expires_at => {
                return Err(NarrowingError::Wider("a longer time"));
            }
            () if self.depth_left > held.depth_left => return Err(NarrowingError::Depth),
            () if !self.terms.duties.is_superset(&held.terms.duties) => {
                return Err(NarrowingError::Wider("fewer duties"));
            }
            () => {}
        }
        held.held().contains(&self.held())?;
        self.terms.may_act.is_within(&held.terms.may_act)?;
        is_within(self.terms.budget.as_ref(), held.terms.budget.as_ref())
    }
}

impl Grant {
    /// What it holds, whatever stands above it.
    pub fn held(&self) -> Held {
        Held { actions: self.actions.clone(), details: self.details.clone() }
    }
}

impl MayAct {
    /// Whether this lets nobody whom `held` does not.
    fn is_within(&self, held: &Self) -> Result<(), NarrowingError> {
        match (self, held) {
            (_, Self::ByRule) => Ok(()),
            (Self::ByRule, Self::Only(_)) => Err(NarrowingError::Wider("whom the rules let")),
            (Self::Only(agents), Self::Only(_)) => {
                let more = agents.iter().find(|agent| !held.lets(agent));
                more.map_or(Ok(()), |agent| Err(NarrowingError::MayAct(agent.clone())))
            }
        }
    }
}

/// Whether every bound of `held` stands in `budget` too, at its place and as hard; there may be more bounds.
fn is_within(budget: Option<&Budget>, held: Option<&Budget>) -> Result<(), NarrowingError> {
    let Some(held) = held else { return Ok(()) };
    let wider = Err(NarrowingError::Wider("a larger budget"));
    let Some(budget) = budget else { return wider };
    let calls = held.calls().is_none_or(|most| budget.calls().is_some_and(|calls| calls <= most));
    let sums = budget.sums().len() >= held.sums().len()
        && budget
            .sums()
            .iter()
            .zip(held.sums())
            .all(|(new, old)| new.tools == old.tools && new.path == old.path && new.most <= old.most);
    if calls && sums { Ok(()) } else { wider }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Acr, AgentId, Amount, Demand, Detail, Details, Duty, Evidence, GrantId, GrantState, Grantor,
        InvalidDetail, Path, Principal, ResourceUri, ScopeSet, Sum, Terms, Timestamp, UserId,
    };

    fn details(tools: &str) -> Details {
        Details::new([Detail::new(tools.split(' ').map(str::to_owned), []).unwrap()]).unwrap()
    }

    fn only(agents: &[&str]) -> MayAct {
        MayAct::Only(agents.iter().map(|a| AgentId::parse(*a).unwrap()).collect())
    }

    fn budget(calls: Option<u64>, most: Option<u64>) -> Budget {
        let sum = |most| Sum {
            tools: ["pay".to_owned()].into(),
            path: Path::parse(".amount").unwrap(),
            most: Amount::of_millionths(most).unwrap(),
        };
        Budget::new(calls, most.map(sum).into_iter().collect()).unwrap()
    }

    fn held() -> Grant {
        Grant {
            id: GrantId::parse("g_1").unwrap(),
            parents: vec![],
            subject: Principal::User(UserId::parse("usr_alice").unwrap()),
            grantor: Grantor::User(UserId::parse("usr_alice").unwrap()),
            grantee: AgentId::parse("agt_planner").unwrap(),
            resource: ResourceUri::parse("https://as.example/mcp/crm").unwrap(),
            actions: ScopeSet::parse("read write").unwrap(),
            details: details("a b"),
            not_before: Timestamp::from_seconds(10),
            expires_at: Timestamp::from_seconds(100),
            depth_left: 1,
            terms: Terms {
                may_act: only(&["agt_x", "agt_y"]),
                duties: [Duty::SignIn(Demand { acr: Some(Acr::Mfa), max_age: None })].into(),
                budget: Some(budget(Some(10), Some(5))),
            },
            evidence: Evidence::Configuration,
            state: GrantState::Active,
            revision: 0,
        }
    }

    fn changed(change: impl FnOnce(&mut Grant)) -> Result<(), NarrowingError> {
        let mut grant = held();
        change(&mut grant);
        grant.is_within(&held())
    }

    #[test]
    fn d01_an_edit_may_take_away() {
        assert_eq!(changed(|_| ()), Ok(()));
        let less = |g: &mut Grant| {
            g.actions = ScopeSet::parse("read").unwrap();
            g.details = details("b");
            g.not_before = Timestamp::from_seconds(20);
            g.expires_at = Timestamp::from_seconds(90);
            g.depth_left = 0;
            g.terms.may_act = only(&[]);
            g.terms.duties.insert(Duty::SignIn(Demand { acr: None, max_age: Some(9) }));
            g.terms.budget = Some(budget(Some(0), Some(4)));
        };
        assert_eq!(changed(less), Ok(()));
    }

    #[test]
    fn d01_an_edit_may_not_add() {
        use NarrowingError as E;
        let scopes = |text: &str| ScopeSet::parse(text).unwrap();
        assert_eq!(changed(|g| g.actions = scopes("read pay")), Err(E::Actions(scopes("pay"))));
        assert_eq!(changed(|g| g.actions = ScopeSet::default()), Err(E::NoScope));
        assert_eq!(changed(|g| g.details = details("a c")), Err(InvalidDetail::Wider("a".into()).into()));
        assert_eq!(changed(|g| g.details = Details::default()), Err(InvalidDetail::NoTool.into()));
        let longer = Err(E::Wider("a longer time"));
        assert_eq!(changed(|g| g.expires_at = Timestamp::from_seconds(101)), longer);
        assert_eq!(changed(|g| g.not_before = Timestamp::from_seconds(9)), longer);
        assert_eq!(changed(|g| g.depth_left = 2), Err(E::Depth));
        assert_eq!(changed(|g| g.terms.duties.clear()), Err(E::Wider("fewer duties")));
        assert_eq!(changed(|g| g.terms.may_act = MayAct::ByRule), Err(E::Wider("whom the rules let")));
        let z = AgentId::parse("agt_z").unwrap();
        assert_eq!(changed(|g| g.terms.may_act = only(&["agt_x", "agt_z"])), Err(E::MayAct(z.clone())));
        for (calls, most) in [(Some(11), Some(5)), (None, Some(5)), (Some(10), Some(6)), (Some(10), None)] {
            let wider = changed(|g| g.terms.budget = Some(budget(calls, most)));
            assert_eq!(wider, Err(E::Wider("a larger budget")), "{calls:?} {most:?}");
        }
        assert_eq!(changed(|g| g.terms.budget = None), Err(E::Wider("a larger budget")));
        assert_eq!(changed(|g| g.grantee = z), Err(E::Wider("another grant")));
        let other = ResourceUri::parse("https://as.example/mcp").unwrap();
        assert_eq!(changed(|g| g.resource = other), Err(E::Resource));
    }
}
