//! One request, one answer.

use crate::ResourcePolicy;
use prokura_core::{Action, Decision, Denial, Obligation, Reason, ScopeSet};

/// With what authority a request comes.
#[derive(Debug, Clone, Copy)]
pub enum Authority<'a> {
    /// None: the resource must be public.
    Nobody,
    /// A verified token whose grant is in force.
    Token {
        /// What the token may be used for.
        scopes: &'a ScopeSet,
    },
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// With what authority.
    pub authority: Authority<'a>,
    /// What shall be done; `None` for messages that are part of the protocol itself and touch nothing.
    pub action: Option<&'a Action>,
    /// Whether the answer is a list that will be filtered for this token.
    pub filtered: bool,
}

/// Decides: `effective = token scope ∩ what the resource's scopes bundle`. Anything that no scope bundles is
/// denied to everyone, on a public resource too.
pub fn decide(request: &Request<'_>, policy: &ResourcePolicy) -> Decision {
    let obligations = if request.filtered { vec![Obligation::MarkPrivate] } else { Vec::new() };
    let Some(action) = request.action else {
        return Decision::permit(None, obligations, Reason::ProtocolOnly);
    };
    match why(request.authority, action, policy) {
        Ok(reason) => Decision::permit(Some(action.clone()), obligations, reason),
        Err(denial) if denial.missing.is_empty() => Decision::Deny(denial),
        Err(denial) => Decision::Challenge(denial),
    }
}

/// Whether a list may show `action` to this authority: exactly if calling it would be permitted.
pub fn visible(authority: Authority<'_>, action: &Action, policy: &ResourcePolicy) -> bool {
    why(authority, action, policy).is_ok()
}

fn why(authority: Authority<'_>, action: &Action, policy: &ResourcePolicy) -> Result<Reason, Denial> {
    let deny = |reason, missing| Denial { reason, missing };
    match authority {
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
        Authority::Token { scopes } => {
            if let Some(scope) = policy.allowing(action).find(|s| scopes.contains(s)) {
                return Ok(Reason::ScopeAllows(scope.to_string()));
            }
            let missing = cheapest(action, policy);
            let reason = if missing.is_empty() { Reason::Unmapped } else { Reason::ScopeMissing };
            Err(deny(reason, missing))
        }
    }
}

/// What to ask for: the first scope, in the operator's order, that bundles the action. Any one is enough, and
/// asking for all would make the user agree to more than the call needs.
fn cheapest(action: &Action, policy: &ResourcePolicy) -> ScopeSet {
    policy.allowing(action).take(1).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::{ActionPattern, Scope};

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

    fn ask<'a>(scopes: &'a ScopeSet, action: Option<&'a Action>) -> Request<'a> {
        Request { authority: Authority::Token { scopes }, action, filtered: false }
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
    fn nobody_may_do_what_is_public_and_mapped() {
        let (read, other) = (Action::tool("read_report"), Action::tool("drop"));
        let request =
            |action| Request { authority: Authority::Nobody, action: Some(action), filtered: false };
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
            assert_eq!(
                visible(Authority::Token { scopes: &scopes }, &action, &policy(false)),
                called,
                "{name}"
            );
        }
    }
}
