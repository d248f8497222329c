//! One request, one answer.

use crate::ResourcePolicy;
use prokura_core::{
    Action, ActionKind, Decision, Demand, Denial, Details, Node, NotAllowed, Obligation, Reason, Scope,
    ScopeSet, SignIn, Timestamp,
};

/// With what authority a request comes.
#[derive(Debug, Clone, Copy)]
pub enum Authority<'a> {
    /// None: the resource must be public.
    Nobody,
    /// A verified token whose grant is in force.
    Token {
        /// What the token may be used for.
        scopes: &'a ScopeSet,
        /// Which tools it may be used for, and with which arguments, whatever the scopes say.
        details: &'a Details,
    },
}

/// What is asked.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// With what authority.
    pub authority: Authority<'a>,
    /// What shall be done; `None` for messages that are part of the protocol itself and touch nothing.
    pub action: Option<&'a Action>,
    /// The arguments of a call. None where nothing is called: a list is filtered, or what came of a call is fetched
    /// that was decided on with its arguments.
    pub arguments: Option<&'a dyn Node>,
    /// How the user behind the authority signed in, where that is known.
    pub sign_in: Option<SignIn>,
    /// The time of the request.
    pub now: Timestamp,
    /// Whether the answer is a list that will be filtered for this token.
    pub filtered: bool,
}

impl Request<'_> {
    /// Whether the sign-in behind the request meets `demand`. A list shows what one more sign-in would open.
    fn meets(&self, demand: Demand) -> Result<(), Denial> {
        if self.action.is_none() || demand.is_met_by(self.sign_in, self.now) {
            return Ok(());
        }
        Err(deny(Reason::SignIn(demand), ScopeSet::default()))
    }
}

/// Decides: `effective = token scope ∩ token details ∩ what the resource's scopes bundle`. Anything that no scope
/// bundles is denied to everyone, on a public resource too.
///
/// Details speak of tools alone, and are a ceiling: with details a tool is permitted only if one of them allows it,
/// and by the scopes too if the token has any. Without scopes they are the whole authority.
pub fn decide(request: &Request<'_>, policy: &ResourcePolicy) -> Decision {
    let obligations = if request.filtered { vec![Obligation::MarkPrivate] } else { Vec::new() };
    let Some(action) = request.action else {
        return Decision::permit(None, obligations, Reason::ProtocolOnly);
    };
    match why(request, action, policy) {
        Ok(reason) => Decision::permit(Some(action.clone()), obligations, reason),
        Err(denial @ Denial { reason: Reason::SignIn(_), .. }) => Decision::Challenge(denial),
        Err(denial) if denial.missing.is_empty() => Decision::Deny(denial),
        Err(denial) => Decision::Challenge(denial),
    }
}

/// Whether a list may show `action` to this authority: exactly if calling it would be permitted, with some arguments
/// and after some sign-in. Who does not see it would never be asked for a surer one.
pub fn visible(authority: Authority<'_>, action: &Action, policy: &ResourcePolicy) -> bool {
    let now = Timestamp::from_micros(0);
    let request = Request { authority, action: None, arguments: None, sign_in: None, now, filtered: true };
    why(&request, action, policy).is_ok()
}

fn deny(reason: Reason, missing: ScopeSet) -> Denial {
    Denial { reason, missing }
}

fn why(request: &Request<'_>, action: &Action, policy: &ResourcePolicy) -> Result<Reason, Denial> {
    match request.authority {
        Authority::Nobody if !policy.is_public() => Err(deny(Reason::ScopeMissing, cheapest(action, policy))),
        // A public resource without scopes is open as a whole; with scopes, they say what is open.
        Authority::Nobody if policy.scopes().is_empty() => Ok(Reason::PublicResource),
        Authority::Token { .. } if policy.is_public() && policy.scopes().is_empty() => {
            Ok(Reason::PublicResource)
        }
        Authority::Nobody => match policy.allowing(action).next() {
            Some(_) => Ok(Reason::PublicResource),
            None => Err(deny(Reason::Unmapped, ScopeSet::default())),
        },
        Authority::Token { scopes, details } if details.is_empty() => {
            by_scope(scopes, action, policy, request)
        }
        Authority::Token { scopes, details } => {
            let reason = by_scope_or_none(scopes, action, policy, request)?;
            by_detail(details, action, request.arguments)?;
            Ok(reason)
        }
    }
}

fn by_scope(
    scopes: &ScopeSet,
    action: &Action,
    policy: &ResourcePolicy,
    request: &Request<'_>,
) -> Result<Reason, Denial> {
    let mut unmet = None;
    for scope in policy.allowing(action).filter(|s| scopes.contains(s)) {
        match request.meets(policy.demand(scope)) {
            Ok(()) => return Ok(Reason::ScopeAllows(scope.to_string())),
            Err(denial) => unmet = unmet.or(Some(denial)),
        }
    }
    if let Some(denial) = unmet {
        return Err(denial);
    }
    let missing = cheapest(action, policy);
    let reason = if missing.is_empty() { Reason::Unmapped } else { Reason::ScopeMissing };
    Err(deny(reason, missing))
}

/// Beside details scopes may be missing, but those that tell who the user is; what no scope bundles is denied all the same.
fn by_scope_or_none(
    scopes: &ScopeSet,
    action: &Action,
    policy: &ResourcePolicy,
    request: &Request<'_>,
) -> Result<Reason, Denial> {
    let opens_nothing = |s: &Scope| s.is_of_identity() && !policy.scopes().contains(s);
    if !scopes.iter().all(opens_nothing) || action.kind != ActionKind::Tool {
        return by_scope(scopes, action, policy, request);
    }
    match policy.allowing(action).next() {
        Some(scope) => request.meets(policy.demand(scope)).map(|()| Reason::DetailAllows),
        None => Err(deny(Reason::Unmapped, ScopeSet::default())),
    }
}

fn by_detail(details: &Details, action: &Action, arguments: Option<&dyn Node>) -> Result<(), Denial> {
    if action.kind != ActionKind::Tool {
        return Ok(());
    }
    details.check(&action.name, arguments).map_err(|why| match why {
        NotAllowed::Unnamed => deny(Reason::NotInDetails, ScopeSet::default()),
        NotAllowed::Constraint(c) => deny(Reason::Constraint(Box::new(c.clone())), ScopeSet::default()),
    })
}

/// What to ask for: the first scope, in the operator's order, that bundles the action. Any one is enough, and
/// asking for all would make the user agree to more than the call needs.
fn cheapest(action: &Action, policy: &ResourcePolicy) -> ScopeSet {
    policy.allowing(action).take(1).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::{Acr, ActionPattern, Constraint, Detail, Path, Test, View};
    use std::sync::LazyLock;

    fn policy(public: bool) -> ResourcePolicy {
        let scope = |s: &str, patterns: &[&str]| {
            let patterns = patterns.iter().map(|p| ActionPattern::parse(p).unwrap()).collect();
            (Scope::parse(s).unwrap(), patterns)
        };
        ResourcePolicy::new(
            public,
            [scope("read", &["tool:read_report"]), scope("all", &["tool:read_report", "tool:delete"])],
        )
    }

    const NOW: Timestamp = Timestamp::from_seconds(1000);
    static NONE: LazyLock<Details> = LazyLock::new(Details::default);

    fn token<'a>(scopes: &'a ScopeSet, details: &'a Details) -> Authority<'a> {
        Authority::Token { scopes, details }
    }

    fn ask<'a>(scopes: &'a ScopeSet, action: Option<&'a Action>) -> Request<'a> {
        Request {
            authority: token(scopes, &NONE),
            action,
            arguments: None,
            sign_in: None,
            now: NOW,
            filtered: false,
        }
    }

    #[test]
    fn a_scope_of_the_token_must_bundle_the_action() {
        let (read, delete, other) =
            (Action::tool("read_report"), Action::tool("delete"), Action::tool("drop"));
        let scopes = ScopeSet::parse("read").unwrap();
        assert_eq!(decide(&ask(&scopes, Some(&read)), &policy(false)).word(), "permit");
        let Decision::Challenge(denial) = decide(&ask(&scopes, Some(&delete)), &policy(false)) else {
            panic!()
        };
        assert_eq!(denial.missing.to_string(), "all");
        let Decision::Deny(denial) = decide(&ask(&scopes, Some(&other)), &policy(false)) else { panic!() };
        assert_eq!(denial.reason, Reason::Unmapped);
    }

    #[test]
    fn a_scope_may_ask_for_a_surer_or_fresher_sign_in_and_a_list_shows_it_all_the_same() {
        let delete = Action::tool("delete");
        let scopes = ScopeSet::parse("all read").unwrap();
        let demand = Demand { acr: Some(Acr::Phr), max_age: Some(60) };
        let policy = policy(false).demanding([(Scope::parse("all").unwrap(), demand)]);
        let with = |at, acr| {
            let sign_in = Some(SignIn { at: Timestamp::from_seconds(at), acr });
            decide(&Request { sign_in, ..ask(&scopes, Some(&delete)) }, &policy)
        };
        assert_eq!(with(990, Acr::Phr).word(), "permit");
        for weak in [with(990, Acr::Mfa), with(900, Acr::Phr), decide(&ask(&scopes, Some(&delete)), &policy)]
        {
            let Decision::Challenge(denial) = weak else { panic!() };
            assert_eq!(denial.reason, Reason::SignIn(demand));
        }
        assert!(visible(token(&scopes, &NONE), &delete, &policy));
        let read = Action::tool("read_report");
        assert_eq!(decide(&ask(&scopes, Some(&read)), &policy).word(), "permit", "another scope opens it");
    }

    #[test]
    fn nobody_may_do_what_is_public_and_mapped() {
        let (read, other) = (Action::tool("read_report"), Action::tool("drop"));
        let request = |action| Request {
            authority: Authority::Nobody,
            action: Some(action),
            arguments: None,
            sign_in: None,
            now: NOW,
            filtered: false,
        };
        assert_eq!(decide(&request(&read), &policy(true)).word(), "permit");
        assert_eq!(decide(&request(&other), &policy(true)).word(), "deny");
        assert_eq!(decide(&request(&read), &policy(false)).word(), "challenge");
    }

    #[test]
    fn a_list_shows_what_may_be_called_and_nothing_else() {
        let scopes = ScopeSet::parse("read").unwrap();
        for name in ["read_report", "delete", "drop", "Read_report"] {
            let action = Action::tool(name);
            let called = matches!(decide(&ask(&scopes, Some(&action)), &policy(false)), Decision::Permit(..));
            assert_eq!(visible(token(&scopes, &NONE), &action, &policy(false)), called, "{name}");
        }
    }

    /// No arguments.
    struct Empty;

    impl Node for Empty {
        fn view(&self) -> View<'_> {
            View::Object
        }

        fn member(&self, _: &str) -> prokura_core::Member<'_> {
            prokura_core::Member::Absent
        }

        fn item(&self, _: usize) -> Option<&dyn Node> {
            None
        }
    }

    fn details(tool: &str, constraints: Vec<Constraint>) -> Details {
        Details::new([Detail::new([tool.to_owned()], constraints).unwrap()]).unwrap()
    }

    fn word(scopes: &str, details: &Details, action: &Action) -> (&'static str, &'static str) {
        let scopes = ScopeSet::parse(scopes).unwrap();
        let authority = token(&scopes, details);
        let request = Request {
            authority,
            action: Some(action),
            arguments: Some(&Empty),
            sign_in: None,
            now: NOW,
            filtered: false,
        };
        let decision = decide(&request, &policy(false));
        (decision.word(), decision.reason().code())
    }

    #[test]
    fn e15_details_are_a_ceiling_beside_scopes_and_the_whole_authority_without() {
        let (read, delete, prompt) =
            (Action::tool("read_report"), Action::tool("delete"), Action::prompt("read_report"));
        let reading = details("read_report", vec![]);
        assert_eq!(word("", &reading, &read), ("permit", "detail_allows"));
        assert_eq!(word("openid email", &reading, &read), ("permit", "detail_allows"));
        assert_eq!(word("openid removed", &reading, &read), ("challenge", "scope_missing"));
        assert_eq!(word("", &reading, &delete), ("deny", "not_in_details"));
        assert_eq!(word("", &reading, &prompt), ("deny", "unmapped"));
        assert_eq!(word("read", &reading, &read), ("permit", "scope_allows"));
        assert_eq!(word("all", &reading, &delete), ("deny", "not_in_details"));
        assert_eq!(word("read", &details("delete", vec![]), &delete), ("challenge", "scope_missing"));
        assert_eq!(word("", &details("drop", vec![]), &Action::tool("drop")), ("deny", "unmapped"));
        assert_eq!(word("", &Details::default(), &read), ("challenge", "scope_missing"));
    }

    #[test]
    fn a_constraint_is_asked_of_a_call_and_not_of_a_list() {
        let read = Action::tool("read_report");
        let given = Constraint { path: Path::parse(".x").unwrap(), test: Test::Present };
        let only = details("read_report", vec![given]);
        assert_eq!(word("all", &only, &read), ("deny", "constraint"));
        let scopes = ScopeSet::default();
        assert!(visible(token(&scopes, &only), &read, &policy(false)));
        assert!(!visible(token(&scopes, &only), &Action::tool("delete"), &policy(false)));
    }
}
