//! What its owner or an operator may change in a grant that exists: take something away. Whoever wants more is asked anew.

use super::{Grant, MayAct, NarrowingError};
use crate::{AgentId, Detail, Details, Left, Scope, ScopeSet, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be taken away from a grant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edit {
    /// These scopes.
    pub scopes: ScopeSet,
    /// The details at these places, counted from 0.
    pub details: BTreeSet<usize>,
    /// Of the details at these places, of the constraints at these places in it, everything but this.
    pub values: BTreeMap<usize, BTreeMap<usize, Left>>,
    /// These agents, as ones who may hold a part.
    pub agents: BTreeSet<AgentId>,
    /// That anybody may hold a part.
    pub passing_on: bool,
    /// Everything from this time on.
    pub until: Option<Timestamp>,
}

/// An edit that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEdit {
    /// It changes nothing.
    #[error("that changes nothing")]
    Unchanged,
    /// It would leave nothing that may be done.
    #[error("nothing would be left of it: end it instead")]
    Nothing,
    /// The grant has no such scope.
    #[error("the grant does not hold `{0}`")]
    Scope(Scope),
    /// The grant has fewer details.
    #[error("the grant has no detail {0}")]
    Detail(usize),
    /// Of a value in the detail at this place nothing would be left, or more than there was.
    #[error("in detail {0} a value would be left that is not there, or a bound would be wider")]
    Value(usize),
    /// The grant does not name this agent, so it cannot be taken away alone.
    #[error("the grant does not name `{0}`")]
    Agent(AgentId),
    /// The new end is over already.
    #[error("the new end is over already: end it instead")]
    Past,
    /// Something would be added.
    #[error("an edit only takes away: {0}")]
    Wider(String),
}

impl InvalidEdit {
    /// Whether somebody tried to get more.
    pub fn widens(&self) -> bool {
        matches!(self, Self::Wider(_) | Self::Scope(_) | Self::Detail(_) | Self::Value(_) | Self::Agent(_))
    }
}

impl From<NarrowingError> for InvalidEdit {
    fn from(error: NarrowingError) -> Self {
        Self::Wider(error.to_string())
    }
}

impl Edit {
    /// The edit that leaves of `grant` no more than what was chosen to stay. What was chosen and is not in it is refused,
    /// for that would add it. Without `agents`, nobody may hold a part any more.
    ///
    /// # Errors
    /// [`InvalidEdit`].
    pub fn keeping(
        grant: &Grant,
        scopes: &ScopeSet,
        details: &BTreeSet<usize>,
        agents: Option<&BTreeSet<AgentId>>,
    ) -> Result<Self, InvalidEdit> {
        if let Some(more) = scopes.iter().find(|scope| !grant.actions.contains(scope)) {
            return Err(InvalidEdit::Scope(more.clone()));
        }
        let places: BTreeSet<usize> = (0..grant.details.iter().len()).collect();
        if let Some(more) = details.difference(&places).next() {
            return Err(InvalidEdit::Detail(*more));
        }
        let named = match &grant.terms.may_act {
            MayAct::Only(named) => named.clone(),
            MayAct::ByRule => BTreeSet::new(),
        };
        let kept = agents.cloned().unwrap_or_default();
        if let Some(more) = kept.difference(&named).next() {
            return Err(InvalidEdit::Agent(more.clone()));
        }
        Ok(Self {
            scopes: grant.actions.difference(scopes),
            details: places.difference(details).copied().collect(),
            values: BTreeMap::new(),
            agents: named.difference(&kept).cloned().collect(),
            passing_on: agents.is_none() && grant.terms.may_act == MayAct::ByRule,
            until: None,
        })
    }

    /// The grant without what is taken away.
    ///
    /// # Errors
    /// [`InvalidEdit`].
    pub fn apply(&self, grant: &Grant, now: Timestamp) -> Result<Grant, InvalidEdit> {
        let mut left = grant.clone();
        self.take_scopes(&mut left)?;
        self.take_details(&mut left)?;
        self.take_agents(&mut left)?;
        match self.until {
            Some(until) if until > grant.expires_at => {
                return Err(InvalidEdit::Wider("it would last longer".to_owned()));
            }
            Some(until) if until <= now => return Err(InvalidEdit::Past),
            Some(until) => left.expires_at = until,
            None => {}
        }
        if left == *grant {
            return Err(InvalidEdit::Unchanged);
        }
        match left.is_within(grant) {
            Err(NarrowingError::NoScope) => Err(InvalidEdit::Nothing),
            within => within.map(|()| left).map_err(InvalidEdit::from),
        }
    }

    /// Where there were scopes, some have to stay: without scopes, details alone would count.
    fn take_scopes(&self, left: &mut Grant) -> Result<(), InvalidEdit> {
        if let Some(unknown) = self.scopes.iter().find(|scope| !left.actions.contains(scope)) {
            return Err(InvalidEdit::Scope(unknown.clone()));
        }
        let had = !left.actions.is_empty();
        left.actions = left.actions.difference(&self.scopes);
        if had && left.actions.is_empty() { Err(InvalidEdit::Nothing) } else { Ok(()) }
    }

    /// Where there were details, some have to stay: without details, nothing would bound the scopes.
    fn take_details(&self, left: &mut Grant) -> Result<(), InvalidEdit> {
        let count = left.details.iter().len();
        if let Some(unknown) = self.details.iter().chain(self.values.keys()).find(|place| **place >= count) {
            return Err(InvalidEdit::Detail(*unknown));
        }
        if self.details.is_empty() && self.values.is_empty() {
            return Ok(());
        }
        let kept = left.details.iter().enumerate().filter(|(place, _)| !self.details.contains(place));
        let kept = kept.map(|(place, detail)| self.rest(place, detail)).collect::<Result<Vec<_>, _>>()?;
        left.details = Details::new(kept).map_err(NarrowingError::from)?;
        if left.details.is_empty() { Err(InvalidEdit::Nothing) } else { Ok(()) }
    }

    /// What is left of the values in the detail at that place.
    fn rest(&self, place: usize, detail: &Detail) -> Result<Detail, InvalidEdit> {
        match self.values.get(&place) {
            Some(left) => detail.narrowed(left).ok_or(InvalidEdit::Value(place)),
            None => Ok(detail.clone()),
        }
    }

    fn take_agents(&self, left: &mut Grant) -> Result<(), InvalidEdit> {
        let named = match &left.terms.may_act {
            MayAct::Only(named) => named.clone(),
            MayAct::ByRule => BTreeSet::new(),
        };
        if let Some(unknown) = self.agents.difference(&named).next() {
            return Err(InvalidEdit::Agent(unknown.clone()));
        }
        if self.passing_on {
            left.terms.may_act = MayAct::Only(BTreeSet::new());
        } else if !self.agents.is_empty() {
            left.terms.may_act = MayAct::Only(named.difference(&self.agents).cloned().collect());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Constraint, Decimal, Evidence, GrantId, GrantState, Grantor, Path, Principal, ResourceUri, Terms,
        Test, UserId,
    };

    fn agents(names: &[&str]) -> BTreeSet<AgentId> {
        names.iter().map(|n| AgentId::parse(*n).unwrap()).collect()
    }

    fn scopes(text: &str) -> ScopeSet {
        ScopeSet::parse(text).unwrap()
    }

    fn held() -> Grant {
        let detail = |tool: &str| Detail::new([tool.to_owned()], []).unwrap();
        Grant {
            id: GrantId::parse("g_1").unwrap(),
            parents: vec![],
            subject: Principal::User(UserId::parse("usr_alice").unwrap()),
            grantor: Grantor::User(UserId::parse("usr_alice").unwrap()),
            grantee: AgentId::parse("agt_planner").unwrap(),
            resource: ResourceUri::parse("https://as.example/mcp/crm").unwrap(),
            actions: scopes("read write"),
            details: Details::new([detail("a"), detail("b")]).unwrap(),
            not_before: Timestamp::from_seconds(10),
            expires_at: Timestamp::from_seconds(100),
            depth_left: 1,
            terms: Terms { may_act: MayAct::Only(agents(&["agt_x", "agt_y"])), ..Terms::default() },
            evidence: Evidence::Configuration,
            state: GrantState::Active,
            revision: 3,
        }
    }

    fn apply(edit: &Edit) -> Result<Grant, InvalidEdit> {
        edit.apply(&held(), Timestamp::from_seconds(50))
    }

    #[test]
    fn what_is_taken_away_is_gone_and_the_rest_stays() {
        let edit = Edit {
            scopes: scopes("write"),
            details: [1].into(),
            values: BTreeMap::new(),
            agents: agents(&["agt_y"]),
            passing_on: false,
            until: Some(Timestamp::from_seconds(60)),
        };
        let left = apply(&edit).unwrap();
        let named = MayAct::Only(agents(&["agt_x"]));
        assert_eq!((left.actions.clone(), left.terms.may_act.clone()), (scopes("read"), named));
        assert_eq!((left.details.tools(), left.expires_at.seconds()), (["a"].into(), 60));
        let same = Grant {
            actions: left.actions,
            details: left.details,
            expires_at: left.expires_at,
            terms: left.terms,
            ..held()
        };
        assert_eq!(apply(&edit).unwrap(), same, "nothing else changed");
        let nobody = apply(&Edit { passing_on: true, ..Edit::default() }).unwrap();
        assert_eq!(nobody.terms.may_act, MayAct::Only(BTreeSet::new()));
    }

    #[test]
    fn d01_an_edit_never_leaves_more_than_there_was() {
        let until = |s| Some(Timestamp::from_seconds(s));
        let refused = [
            (Edit::default(), InvalidEdit::Unchanged),
            (Edit { scopes: scopes("read write"), ..Edit::default() }, InvalidEdit::Nothing),
            (Edit { details: [0, 1].into(), ..Edit::default() }, InvalidEdit::Nothing),
            (Edit { details: [2].into(), ..Edit::default() }, InvalidEdit::Detail(2)),
            (
                Edit { until: until(101), ..Edit::default() },
                InvalidEdit::Wider("it would last longer".into()),
            ),
            (Edit { until: until(50), ..Edit::default() }, InvalidEdit::Past),
        ];
        for (edit, why) in refused {
            assert_eq!(apply(&edit), Err(why), "{edit:?}");
        }
        assert!(apply(&Edit { scopes: scopes("pay"), ..Edit::default() }).unwrap_err().widens());
        assert!(apply(&Edit { agents: agents(&["agt_z"]), ..Edit::default() }).unwrap_err().widens());
    }

    fn at_most(bound: u32) -> Constraint {
        Constraint { path: Path::parse(".amount").unwrap(), test: Test::AtMost(Decimal::from(bound)) }
    }

    /// With two details: `a` without a bound, `b` up to 100.
    fn bounded() -> Grant {
        let detail = |tool: &str, bounds: Vec<Constraint>| Detail::new([tool.to_owned()], bounds).unwrap();
        let details = Details::new([detail("a", vec![]), detail("b", vec![at_most(100)])]).unwrap();
        Grant { details, ..held() }
    }

    fn tighter(place: usize, constraint: usize, bound: u32) -> BTreeMap<usize, BTreeMap<usize, Left>> {
        BTreeMap::from([(place, BTreeMap::from([(constraint, Left::Bound(Decimal::from(bound)))]))])
    }

    #[test]
    fn d01_values_only_get_less_whatever_else_goes() {
        let apply = |edit: Edit| edit.apply(&bounded(), Timestamp::from_seconds(50));
        let left = apply(Edit { values: tighter(1, 0, 40), ..Edit::default() }).unwrap();
        let said: Vec<String> = left.details.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["a", "b where amount is at most 40"]);
        assert_eq!(Grant { details: left.details.clone(), ..bounded() }, left, "nothing else changed");
        assert_eq!(left.is_within(&bounded()), Ok(()));
        assert!(bounded().is_within(&left).is_err());
        // Places are those of before, whatever is taken away beside.
        let edit = Edit { details: [0].into(), values: tighter(1, 0, 40), ..Edit::default() };
        assert_eq!(apply(edit).unwrap().details.tools(), ["b"].into());
        // What is taken away whole has nothing left to weigh.
        let edit = Edit { details: [1].into(), values: tighter(1, 0, 400), ..Edit::default() };
        assert_eq!(apply(edit).unwrap().details.tools(), ["a"].into());
        for (values, why) in [
            (tighter(1, 0, 101), InvalidEdit::Value(1)),
            (tighter(1, 1, 1), InvalidEdit::Value(1)),
            (tighter(0, 0, 1), InvalidEdit::Value(0)),
            (tighter(2, 0, 1), InvalidEdit::Detail(2)),
            (tighter(1, 0, 100), InvalidEdit::Unchanged),
        ] {
            assert_eq!(apply(Edit { values, ..Edit::default() }), Err(why));
        }
        assert!(InvalidEdit::Value(0).widens());
    }

    #[test]
    fn d01_what_is_kept_was_there() {
        let keep = |s: &str, d: &[usize], a: Option<&[&str]>| {
            let kept = a.map(agents);
            Edit::keeping(&held(), &scopes(s), &d.iter().copied().collect(), kept.as_ref())
        };
        let edit = keep("read", &[0], Some(&["agt_x"])).unwrap();
        assert_eq!(
            (edit.scopes, edit.details, edit.agents),
            (scopes("write"), [1].into(), agents(&["agt_y"]))
        );
        assert!(keep("read pay", &[0], None).unwrap_err().widens());
        assert!(keep("read", &[7], None).unwrap_err().widens());
        assert!(keep("read", &[0], Some(&["agt_z"])).unwrap_err().widens());
        assert_eq!(keep("read write", &[0, 1], None).unwrap().agents, agents(&["agt_x", "agt_y"]));
    }
}
