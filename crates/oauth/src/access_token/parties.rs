//! Who a token is about: `sub`, `act`, `on_behalf_of`, `may_act`.

use super::{GrantClaim, InvalidToken, MAX_ACTORS, View, claim};
use crate::json::{Object, Value, obj};
use prokura_core::{AgentId, Principal};

/// Who a token is about.
pub(super) struct Parties {
    pub(super) subject: Principal,
    pub(super) view: View,
    pub(super) actors: Vec<AgentId>,
}

impl Parties {
    /// Whoever acts must be told, or, where nothing tells it on purpose, stand in the grant.
    pub(super) fn read(o: &Object, grant: &GrantClaim) -> Result<Self, InvalidToken> {
        let sub = claim(o, "sub", |s| Principal::parse(s).ok())?;
        let mut chain = actors(o)?;
        let Some(user) = o.get("on_behalf_of") else {
            return match (&sub, chain.is_empty(), &grant.holder) {
                (Principal::User(_), true, Some(holder)) => {
                    Ok(Self { subject: sub, view: View::Impersonation, actors: vec![holder.clone()] })
                }
                (Principal::User(_), true, None) | (_, _, Some(_)) => Err(InvalidToken::Claim("act")),
                _ => Ok(Self { subject: sub, view: View::User, actors: chain }),
            };
        };
        let bad = || InvalidToken::Claim("on_behalf_of");
        let user = user.as_object().ok_or_else(bad)?;
        let (Principal::Agent(agent), true, None) = (sub, chain.is_empty(), &grant.holder) else {
            return Err(bad());
        };
        if user.str("iss") != o.str("iss") {
            return Err(bad());
        }
        let subject = user.str("sub").and_then(|s| Principal::parse(s).ok()).ok_or_else(bad)?;
        chain.push(agent);
        chain.extend(actors(user)?);
        Ok(Self { subject, view: View::Agent, actors: chain })
    }
}

pub(super) fn party(agent: &AgentId) -> Object {
    obj([("sub", agent.as_str().into())])
}

/// `may_act` names one agent of ours, or the token cannot be read: who may act must not be guessed.
pub(super) fn may_act(o: &Object) -> Result<Option<AgentId>, InvalidToken> {
    let Some(said) = o.get("may_act") else { return Ok(None) };
    let agent = said.as_object().and_then(|m| m.str("sub")).and_then(agent);
    agent.map(Some).ok_or(InvalidToken::Claim("may_act"))
}

/// The nested claim `act` of a chain, current actor outermost (RFC 8693 §4.1); `None` of an empty chain.
pub fn act_claim(actors: &[AgentId]) -> Option<Object> {
    actors.iter().rev().fold(None, |inner, actor| {
        let mut o = Object::default();
        o.insert("sub", actor.as_str().into());
        if let Some(inner) = inner {
            o.insert("act", Value::Object(inner));
        }
        Some(o)
    })
}

/// Only agents act.
fn agent(sub: &str) -> Option<AgentId> {
    match Principal::parse(sub) {
        Ok(Principal::Agent(agent)) => Some(agent),
        _ => None,
    }
}

/// The claim `act`, unrolled.
pub(crate) fn actors(claims: &Object) -> Result<Vec<AgentId>, InvalidToken> {
    let bad = || InvalidToken::Claim("act");
    let mut chain = Vec::new();
    let mut at = claims;
    while let Some(act) = at.get("act") {
        at = act.as_object().ok_or_else(bad)?;
        chain.push(at.str("sub").and_then(agent).ok_or_else(bad)?);
        if chain.len() > MAX_ACTORS {
            return Err(bad());
        }
    }
    Ok(chain)
}
