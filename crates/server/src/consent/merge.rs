//! What was allowed before and what is allowed now, together. Scopes and details bound each other, so a union is made only
//! where it allows exactly what one of the two allows; elsewhere the two stay two.

use prokura_core::{Details, Held, MayAct};

/// What either of the two allows, and nothing else; `None` where nothing says just that.
///
/// Details name tools that their own scopes bundle. So two parts with details join in both, and a part without details takes
/// in every part within its scopes; but a bound on some tools and whole scopes beside it are neither of them together.
pub(crate) fn join(one: &Held, other: &Held) -> Option<Held> {
    let is_nothing = |held: &Held| held.actions.is_empty() && held.details.is_empty();
    if is_nothing(one) || is_nothing(other) {
        return Some(if is_nothing(one) { other.clone() } else { one.clone() });
    }
    let actions = one.actions.union(&other.actions);
    match (one.details.is_empty(), other.details.is_empty()) {
        (true, true) => Some(Held { actions, details: Details::default() }),
        (false, false) if one.actions.is_empty() == other.actions.is_empty() => {
            let details = Details::new(one.details.iter().chain(other.details.iter()).cloned()).ok()?;
            Some(Held { actions, details })
        }
        (false, false) => None,
        (true, false) => takes_in(one, other).then(|| one.clone()),
        (false, true) => takes_in(other, one).then(|| other.clone()),
    }
}

/// Whether `whole`, which has no details, allows whatever `part` does.
fn takes_in(whole: &Held, part: &Held) -> bool {
    !part.actions.is_empty() && part.actions.is_within(&whole.actions)
}

/// What is left of `held` without what was asked for again: that is what the user left of it, which is joined to this.
pub(crate) fn without(held: &Held, asked: &Held) -> Held {
    if held.details.is_empty() {
        return Held { actions: held.actions.difference(&asked.actions), details: Details::default() };
    }
    // With details, scopes are only where the tools are from: what is taken away is taken from the details.
    // What was left of a detail is asked for again with it, so that taking away more takes away something.
    let left = held.details.iter().filter(|d| !asked.details.iter().any(|a| d.is_part_of(a))).cloned();
    let details = Details::new(left).unwrap_or_default();
    let actions =
        if details.is_empty() { held.actions.difference(&asked.actions) } else { held.actions.clone() };
    Held { actions, details }
}

/// Whether `held` can become `wanted` where it stands: nothing is lost, so what was issued stays within it; and no bound is
/// lifted, so what was made below it does not grow.
pub(crate) fn grows_into(held: (&Held, &MayAct), wanted: (&Held, &MayAct)) -> bool {
    let ((held, may_act), (wanted, may_act_then)) = (held, wanted);
    let bounded = held.details.is_empty() == wanted.details.is_empty();
    let adds_nothing = |d: &prokura_core::Detail| {
        Details::new(wanted.details.iter().chain([d]).cloned()).is_ok_and(|all| all == wanted.details)
    };
    bounded
        && held.actions.is_within(&wanted.actions)
        && held.actions.is_empty() == wanted.actions.is_empty()
        && held.details.iter().all(adds_nothing)
        && match (may_act, may_act_then) {
            (MayAct::ByRule, MayAct::ByRule) => true,
            (MayAct::Only(before), MayAct::Only(then)) => before.is_subset(then),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::{AgentId, Detail, ScopeSet};

    fn held(scopes: &str, tools: &[&str]) -> Held {
        let detail = |t: &&str| Detail::new([(*t).to_owned()], []).unwrap();
        let details = Details::new(tools.iter().map(detail)).unwrap();
        Held { actions: ScopeSet::parse(scopes).unwrap(), details }
    }

    #[test]
    fn a_union_allows_exactly_what_one_of_the_two_allows_or_is_none() {
        assert_eq!(join(&held("a", &[]), &held("b", &[])), Some(held("a b", &[])));
        assert_eq!(join(&held("a", &["x"]), &held("a b", &["y"])), Some(held("a b", &["x", "y"])));
        assert_eq!(join(&held("", &["x"]), &held("", &["y"])), Some(held("", &["x", "y"])));
        assert_eq!(join(&held("", &[]), &held("", &["y"])), Some(held("", &["y"])));
        assert_eq!(join(&held("a", &["x"]), &held("", &[])), Some(held("a", &["x"])));
        // What has no bound takes in what is bounded within it, from either side.
        assert_eq!(join(&held("a b", &[]), &held("a", &["x"])), Some(held("a b", &[])));
        assert_eq!(join(&held("a", &["x"]), &held("a b", &[])), Some(held("a b", &[])));
        for (one, other) in [
            (held("a", &["x"]), held("b", &[])),
            (held("a", &[]), held("b", &["y"])),
            (held("a", &[]), held("", &["x"])),
            (held("", &["x"]), held("a", &["y"])),
        ] {
            assert_eq!((join(&one, &other), join(&other, &one)), (None, None), "{one:?} {other:?}");
        }
        let many = |from: u32| {
            let tools: Vec<String> = (from..from + 10).map(|i| format!("t{i}")).collect();
            held("a", &tools.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(join(&many(0), &many(10)), None, "more than is kept");
    }

    #[test]
    fn what_is_asked_again_is_what_was_left_of_it() {
        assert_eq!(without(&held("a b", &[]), &held("b c", &[])), held("a", &[]));
        assert_eq!(without(&held("a", &["x", "y"]), &held("a", &["y", "z"])), held("a", &["x"]));
        assert_eq!(without(&held("a b", &["x"]), &held("a", &["x"])), held("b", &[]));
        let bounded = |tool: &str, most: u32| {
            let path = prokura_core::Path::parse(".n").unwrap();
            let test = prokura_core::Test::AtMost(prokura_core::Decimal::from(most));
            let detail = Detail::new([tool.to_owned()], [prokura_core::Constraint { path, test }]).unwrap();
            Held { actions: ScopeSet::default(), details: Details::new([detail]).unwrap() }
        };
        assert_eq!(without(&bounded("x", 5), &bounded("x", 9)), held("", &[]), "what was left of it before");
        assert_eq!(without(&bounded("x", 9), &bounded("x", 5)), bounded("x", 9));
    }

    #[test]
    fn nothing_grows_where_something_is_lost_or_a_bound_lifted() {
        let only = |names: &[&str]| MayAct::Only(names.iter().map(|n| AgentId::parse(*n).unwrap()).collect());
        let grows = |a: &Held, b: &Held| grows_into((a, &MayAct::ByRule), (b, &MayAct::ByRule));
        assert!(grows(&held("a", &[]), &held("a b", &[])));
        assert!(grows(&held("a", &["x"]), &held("a b", &["x", "y"])));
        assert!(!grows(&held("a b", &[]), &held("a", &[])));
        assert!(!grows(&held("a", &["x"]), &held("a", &[])), "a child without details of its own would grow");
        assert!(!grows(&held("a", &[]), &held("a", &["x"])));
        let a = held("a", &[]);
        assert!(grows_into((&a, &only(&["agt_r"])), (&a, &only(&["agt_r", "agt_s"]))));
        assert!(!grows_into((&a, &only(&["agt_r", "agt_s"])), (&a, &only(&["agt_r"]))));
        assert!(!grows_into((&a, &MayAct::ByRule), (&a, &only(&["agt_r"]))));
    }
}
