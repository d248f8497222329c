//! What becomes of a ruling on the wire.

use super::record::Judged;
use prokura_config::{Authzen, AuthzenReasons, UndeclaredObligations};
use prokura_core::{Obligation, TraceId};
use prokura_oauth::json::{Object, obj};
use prokura_policy::authzen::{Decision, obligations_to, type_of};
use prokura_policy::pdp::Ruling;

/// The decision that a ruling is for somebody who says to know these types of obligations.
///
/// A program that does not know obligations takes a permit with some for one without. So they are only sent to who says to
/// know them, unless the operator says that all do; and what needs an approval is denied until there is one.
pub(super) fn verdict(
    config: &Authzen,
    trace: &TraceId,
    ruling: Ruling,
    declared: Option<&[&str]>,
) -> Judged {
    let denied = |why, ruling: Ruling| {
        let context = reasons(config.reasons, trace, why, &ruling);
        Judged { decision: Decision { permitted: false, context }, why: Some(why), ruling }
    };
    if !ruling.permitted {
        return denied("policy_denied", ruling);
    }
    if ruling.obligations.iter().any(|o| matches!(o, Obligation::Approval(_))) {
        return denied("approval_required", ruling);
    }
    let known = |kind: &str| match &declared {
        Some(declared) => declared.contains(&kind),
        None => config.undeclared_obligations == UndeclaredObligations::Send,
    };
    if !ruling.obligations.iter().filter_map(type_of).all(known) {
        return denied("obligation_unsupported", ruling);
    }
    let mut context = Object::new();
    if ruling.obligations.iter().any(|o| type_of(o).is_some()) {
        context.insert("obligations", obligations_to(&ruling.obligations));
    }
    Judged { decision: Decision { permitted: true, context }, why: None, ruling }
}

/// Why it is denied, for people and for administrators (§5.5.2.1), as far as the operator lets it be told.
fn reasons(told: AuthzenReasons, trace: &TraceId, why: &'static str, ruling: &Ruling) -> Object {
    let mut context = Object::new();
    if told == AuthzenReasons::None {
        return context;
    }
    context.insert("evaluation_id", trace.as_str().into());
    context.insert("reason", why.into());
    let notes: Vec<&str> = ruling.rules.iter().filter_map(|r| r.note.as_deref()).collect();
    let user = match why {
        _ if !notes.is_empty() && !ruling.permitted => notes.join("; "),
        "approval_required" => "Somebody must agree to this first.".to_owned(),
        "obligation_unsupported" => {
            "This is permitted only to a program that says in `context.supported_obligations` what it can do."
                .to_owned()
        }
        _ => "This is not permitted.".to_owned(),
    };
    context.insert("reason_user", obj([("403", user.into())]).into());
    if told == AuthzenReasons::Admin {
        let rules = ruling.rules.iter().map(|r| format!("{} {}", r.set, r.rule));
        let admin: Vec<_> = rules.chain(ruling.problems.iter().cloned()).collect();
        let admin = if admin.is_empty() { "no rule permits it".to_owned() } else { admin.join("; ") };
        context.insert("reason_admin", obj([("403", admin.into())]).into());
    }
    context
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_policy::pdp::{Effect, Finding, RuleRef, from_words};

    fn ruled(effect: Effect, obligations: &[(&str, &str)]) -> Ruling {
        let rule = RuleRef { set: "hr".into(), rule: "r7".into(), note: Some("Ask Bob.".into()) };
        let obligations = obligations.iter().map(|(n, w)| from_words(n, w).unwrap()).collect();
        Ruling::of([Finding { effect, rules: vec![rule], obligations, problems: Vec::new() }])
    }

    #[allow(clippy::needless_pass_by_value, reason = "so that each case says what it has")]
    fn answered(config: &Authzen, ruling: Ruling, declared: Option<Vec<&str>>) -> Decision {
        verdict(config, &TraceId::parse("tr_1").unwrap(), ruling, declared.as_deref()).decision
    }

    fn config(change: impl FnOnce(&mut Authzen)) -> Authzen {
        let mut config = Authzen::default();
        change(&mut config);
        config
    }

    #[test]
    fn a_deny_says_as_much_as_the_operator_lets_it() {
        for (reasons, members) in
            [(AuthzenReasons::None, 0), (AuthzenReasons::User, 3), (AuthzenReasons::Admin, 4)]
        {
            let config = config(|c| c.reasons = reasons);
            let decision = answered(&config, ruled(Effect::Deny, &[]), None);
            assert_eq!((decision.permitted, decision.context.len()), (false, members), "{reasons:?}");
            let text = |name: &str| {
                decision.context.get(name).and_then(|r| r.as_object()?.str("403").map(str::to_owned))
            };
            let told = (members > 0).then(|| "Ask Bob.".to_owned());
            assert_eq!(text("reason_user"), told);
            assert_eq!(text("reason_admin").as_deref(), (members == 4).then_some("hr r7"));
        }
    }

    #[test]
    fn obligations_go_only_to_who_can_meet_them() {
        let permit = || ruled(Effect::Permit, &[("redact", "$..ssn")]);
        let usual = Authzen::default();
        for (declared, permitted) in [
            (None, false),
            (Some(vec![]), false),
            (Some(vec!["step-up"]), false),
            (Some(vec!["custom"]), true),
        ] {
            let decision = answered(&usual, permit(), declared);
            assert_eq!(decision.permitted, permitted);
            assert_eq!(decision.context.contains_key("obligations"), permitted);
        }
        let sends = config(|c| c.undeclared_obligations = UndeclaredObligations::Send);
        assert!(answered(&sends, permit(), None).permitted);
        assert!(!answered(&sends, permit(), Some(vec!["step-up"])).permitted);
        assert_eq!(answered(&usual, ruled(Effect::Permit, &[]), None), Decision::bare(true));
    }

    #[test]
    fn what_needs_an_approval_is_denied_whoever_asks() {
        let sends = config(|c| c.undeclared_obligations = UndeclaredObligations::Send);
        let ruling = ruled(Effect::Permit, &[("approval", "hr for 10m: raises")]);
        let decision = answered(&sends, ruling, Some(vec!["custom"]));
        assert_eq!((decision.permitted, decision.context.str("reason")), (false, Some("approval_required")));
        assert!(!decision.context.contains_key("obligations"));
    }
}
