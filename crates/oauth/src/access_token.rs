//! Access tokens: the JWT profile of RFC 9068, as a view of one grant.

mod grant_claim;
mod parties;

pub use grant_claim::GrantClaim;
pub use parties::act_claim;
pub(crate) use parties::actors;

use crate::authentication::Authentication;
use crate::confirmation::Confirmation;
use crate::jose::{Audience, Expected, JoseError, KeySet, SigningKey, verify};
use crate::json::{Object, Value, obj};
use crate::rich;
use crate::status_list::{self, StatusPlace};
use crate::workload;
use parties::{Parties, may_act, party};
use prokura_core::{
    AgentId, Attested, ClientId, Details, GrantId, Principal, ResourceUri, ScopeSet, Timestamp, TokenId,
};
use std::time::Duration;

/// The `typ` of an access token (RFC 9068 §2.1).
pub const TYP: &str = "at+jwt";
/// The forms of that `typ` that are accepted (RFC 9068 §4).
const TYPES: [&str; 2] = ["at+jwt", "application/at+jwt"];
/// The deepest chain of actors that is read.
pub const MAX_ACTORS: usize = 16;
/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(10);
/// No access token lives longer; one that says so was not made here.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Which view of its grant a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// The user is the subject, and who acts stands in `act` (what RFC 8693 §1.1 calls delegation).
    #[default]
    User,
    /// The agent is the subject, and the user stands in `on_behalf_of`, with those who acted before.
    Agent,
    /// The user is the subject, and nothing says that another acts (what RFC 8693 §1.1 calls impersonation).
    Impersonation,
}

/// What an access token says. Whichever [`View`] it is on the wire, here `subject` is whose authority is used and `actors`
/// who uses it; an agent that acts for itself is the subject and has no actors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// `iss`.
    pub issuer: String,
    /// `aud`: exactly one resource.
    pub audience: ResourceUri,
    /// Whose authority is used: `sub`, or `on_behalf_of.sub`.
    pub subject: Principal,
    /// How it is told on the wire.
    pub view: View,
    /// `client_id`.
    pub client: ClientId,
    /// `act`, unrolled: the current actor first, then those before it. Information, never authority
    /// (RFC 8693 §4.1).
    pub actors: Vec<AgentId>,
    /// `may_act`: the one agent that may act by exchanging the token (RFC 8693 §4.4), where it is made for one.
    pub may_act: Option<AgentId>,
    /// `scope`; left out where there are none.
    pub scopes: ScopeSet,
    /// `authorization_details` (RFC 9396 §9.1); left out where there are none.
    pub details: Details,
    /// `jti`.
    pub id: TokenId,
    /// `iat`, whole seconds.
    pub issued_at: Timestamp,
    /// `exp`, whole seconds.
    pub expires_at: Timestamp,
    /// `grant`.
    pub grant: GrantClaim,
    /// `auth_time`, `acr`, `amr` (RFC 9068 §2.2.1): how the user signed in, where there is one.
    pub authentication: Option<Authentication>,
    /// `cnf`: what has to be shown besides the token.
    pub cnf: Confirmation,
    /// `workload`: what the infrastructure said of the instance that got the token, where there is one.
    pub workload: Option<Attested>,
    /// `status`: where verifiers that ask nobody else see whether it still counts, where there are such lists.
    pub status: Option<StatusPlace>,
}

/// A token that is not an access token for this resource. Callers answer all of them alike.
#[derive(Debug, thiserror::Error)]
pub enum InvalidToken {
    /// The signature, type, issuer, audience or time does not hold.
    #[error("the token does not verify: {0}")]
    Jose(#[from] JoseError),
    /// A claim is missing or mistyped.
    #[error("the claim `{0}` is missing or malformed")]
    Claim(&'static str),
}

impl AccessToken {
    /// Who acts now: the first of `actors`, or the subject where an agent acts for itself.
    pub fn actor(&self) -> Option<&AgentId> {
        match (self.actors.first(), &self.subject) {
            (Some(actor), _) => Some(actor),
            (None, Principal::Agent(agent)) => Some(agent),
            (None, Principal::User(_)) => None,
        }
    }

    /// The grant and those above it: if one of them is revoked, so is the token.
    pub fn grants(&self) -> impl Iterator<Item = &GrantId> {
        std::iter::once(&self.grant.id).chain(&self.grant.ancestors)
    }

    /// The claims.
    pub fn claims(&self) -> Object {
        let mut o = Object::default();
        o.insert("iss", self.issuer.as_str().into());
        o.insert("aud", self.audience.as_str().into());
        self.insert_parties(&mut o);
        if let Some(agent) = &self.may_act {
            o.insert("may_act", Value::Object(party(agent)));
        }
        if !self.scopes.is_empty() {
            o.insert("scope", Value::from(self.scopes.to_string()));
        }
        if !self.details.is_empty() {
            o.insert("authorization_details", rich::to_value(&self.details, &self.audience));
        }
        o.insert("jti", self.id.as_str().into());
        o.insert("iat", self.issued_at.seconds().into());
        o.insert("exp", self.expires_at.seconds().into());
        o.insert("grant", Value::Object(self.grant.to_object()));
        if let Some(said) = &self.authentication {
            said.insert_into(&mut o);
        }
        if let Some(cnf) = self.cnf.to_object() {
            o.insert("cnf", Value::Object(cnf));
        }
        if let Some(workload) = &self.workload {
            o.insert("workload", Value::Object(workload::to_object(workload)));
        }
        if let Some(place) = &self.status {
            o.insert(status_list::CLAIM, Value::Object(place.to_object()));
        }
        o
    }

    /// `sub`, `client_id`, and who acts, as the view tells them.
    fn insert_parties(&self, o: &mut Object) {
        let (agent, before) = match (self.view, self.actors.split_first()) {
            (View::Agent, Some((agent, before))) => (Some(agent), before),
            _ => (None, &[][..]),
        };
        o.insert("sub", agent.map_or(self.subject.as_str(), AgentId::as_str).into());
        o.insert("client_id", self.client.as_str().into());
        let shown = if self.view == View::Impersonation { &[][..] } else { self.actors.as_slice() };
        match (agent, act_claim(shown)) {
            (Some(_), _) => {
                let mut user =
                    obj([("iss", self.issuer.as_str().into()), ("sub", self.subject.as_str().into())]);
                if let Some(act) = act_claim(before) {
                    user.insert("act", Value::Object(act));
                }
                o.insert("on_behalf_of", Value::Object(user));
            }
            (None, Some(act)) => o.insert("act", Value::Object(act)),
            (None, None) => {}
        }
    }

    /// Signs the token.
    ///
    /// # Errors
    /// [`JoseError`] if the key cannot sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, JoseError> {
        key.sign(TYP, &self.claims())
    }

    /// Verifies a token that was presented at `resource`: signed by one of `keys`, of type `at+jwt`, from exactly
    /// this issuer, for exactly this resource, in time.
    ///
    /// # Errors
    /// [`InvalidToken`]; all of them mean `401 invalid_token`.
    pub fn verify(
        compact: &str,
        keys: &KeySet,
        issuer: &str,
        resource: &ResourceUri,
        now: Timestamp,
    ) -> Result<Self, InvalidToken> {
        Self::verify_with(compact, keys, issuer, Audience::Exactly(resource.as_str()), now)
    }

    /// Verifies a token for whatever resource it names: for the server that made it (introspection,
    /// revocation), never for a resource.
    ///
    /// # Errors
    /// [`InvalidToken`].
    pub fn verify_any_resource(
        compact: &str,
        keys: &KeySet,
        issuer: &str,
        now: Timestamp,
    ) -> Result<Self, InvalidToken> {
        Self::verify_with(compact, keys, issuer, Audience::Any, now)
    }

    fn verify_with(
        compact: &str,
        keys: &KeySet,
        issuer: &str,
        audience: Audience<'_>,
        now: Timestamp,
    ) -> Result<Self, InvalidToken> {
        let expected = Expected {
            leeway: LEEWAY,
            max_lifetime: Some(MAX_LIFETIME),
            ..Expected::new(&TYPES, now).issuer(issuer).audience(audience)
        };
        Self::from_claims(&verify(compact, keys, &expected)?.claims)
    }

    /// Reads claims that were verified, here or by introspection.
    ///
    /// # Errors
    /// [`InvalidToken::Claim`] names the first that is missing or mistyped.
    pub fn from_claims(o: &Object) -> Result<Self, InvalidToken> {
        let grant = GrantClaim::read(o)?;
        let Parties { subject, view, actors } = Parties::read(o, &grant)?;
        let audience = claim(o, "aud", |s| ResourceUri::parse_exact(s).ok())?;
        Ok(Self {
            issuer: claim(o, "iss", |s| Some(s.to_owned()))?,
            details: details(o, &audience)?,
            audience,
            subject,
            view,
            may_act: may_act(o)?,
            client: claim(o, "client_id", |s| ClientId::parse(s).ok())?,
            actors,
            scopes: scopes(o)?,
            id: claim(o, "jti", |s| TokenId::parse(s).ok())?,
            issued_at: time(o, "iat")?,
            expires_at: time(o, "exp")?,
            grant,
            authentication: Authentication::read(o).map_err(InvalidToken::Claim)?,
            cnf: Confirmation::read(o).map_err(|_| InvalidToken::Claim("cnf"))?,
            workload: workload::read(o).map_err(InvalidToken::Claim)?,
            status: StatusPlace::read(o).map_err(|_| InvalidToken::Claim(status_list::CLAIM))?,
        })
    }
}

/// What is not said is not allowed; what cannot be read makes the token invalid.
fn scopes(o: &Object) -> Result<ScopeSet, InvalidToken> {
    if o.contains_key("scope") {
        claim(o, "scope", |s| ScopeSet::parse(s).ok())
    } else {
        Ok(ScopeSet::default())
    }
}

/// A ceiling that cannot be read must not fall away.
fn details(o: &Object, audience: &ResourceUri) -> Result<Details, InvalidToken> {
    let Some(details) = o.get("authorization_details") else { return Ok(Details::default()) };
    rich::read(details, audience).map_err(|_| InvalidToken::Claim("authorization_details"))
}

fn claim<T>(o: &Object, name: &'static str, read: impl Fn(&str) -> Option<T>) -> Result<T, InvalidToken> {
    o.str(name).and_then(read).ok_or(InvalidToken::Claim(name))
}

fn time(o: &Object, name: &'static str) -> Result<Timestamp, InvalidToken> {
    let seconds = o.get(name).and_then(Value::as_i64).ok_or(InvalidToken::Claim(name))?;
    Ok(Timestamp::from_seconds(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confirmation::Thumbprint;
    use crate::jose::Algorithm;
    use prokura_core::UserId;

    const ISSUER: &str = "https://as.example";

    fn resource() -> ResourceUri {
        ResourceUri::parse("https://as.example/mcp/crm").unwrap()
    }

    fn token() -> AccessToken {
        AccessToken {
            issuer: ISSUER.into(),
            audience: resource(),
            subject: Principal::User(UserId::parse("usr_alice").unwrap()),
            view: View::User,
            may_act: None,
            client: ClientId::parse("https://agent.example/client.json").unwrap(),
            actors: vec![AgentId::parse("agt_planner").unwrap(), AgentId::parse("agt_front").unwrap()],
            scopes: ScopeSet::parse("a b").unwrap(),
            details: Details::default(),
            id: TokenId::parse("t_1").unwrap(),
            issued_at: Timestamp::from_seconds(1000),
            expires_at: Timestamp::from_seconds(1300),
            grant: GrantClaim {
                ancestors: vec![GrantId::parse("g_1").unwrap()],
                ..GrantClaim::of_root(GrantId::parse("g_9").unwrap())
            },
            authentication: None,
            cnf: Confirmation::default(),
            workload: None,
            status: None,
        }
    }

    fn verified(compact: &str, key: &SigningKey, at: i64) -> Result<AccessToken, InvalidToken> {
        let keys = KeySet::of(vec![key.public()]).unwrap();
        AccessToken::verify(compact, &keys, ISSUER, &resource(), Timestamp::from_seconds(at))
    }

    #[test]
    fn a_token_has_the_members_of_rfc_9068_and_comes_back() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let text = String::from_utf8(token().claims().to_vec()).unwrap();
        assert_eq!(
            text,
            r#"{"iss":"https://as.example","aud":"https://as.example/mcp/crm","sub":"usr_alice","client_id":"https://agent.example/client.json","act":{"sub":"agt_planner","act":{"sub":"agt_front"}},"scope":"a b","jti":"t_1","iat":1000,"exp":1300,"grant":{"id":"g_9","anc":["g_1"],"depth":1}}"#
        );
        let back = verified(&token().sign(&key).unwrap(), &key, 1100).unwrap();
        assert_eq!(back, token());
        assert_eq!(back.actor().unwrap().as_str(), "agt_planner");
        assert_eq!(back.grants().count(), 2);
    }

    #[test]
    fn an_agent_may_act_for_itself_but_a_user_needs_an_actor() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let own = AccessToken {
            subject: Principal::Agent(AgentId::parse("agt_planner").unwrap()),
            actors: vec![],
            ..token()
        };
        let back = verified(&own.sign(&key).unwrap(), &key, 1100).unwrap();
        assert_eq!(back.actor().unwrap().as_str(), "agt_planner");
        let clean = AccessToken { actors: vec![], ..token() };
        assert!(matches!(verified(&clean.sign(&key).unwrap(), &key, 1100), Err(InvalidToken::Claim("act"))));
    }

    #[test]
    fn each_view_of_a_grant_comes_back_as_what_it_is() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let agent = AccessToken { view: View::Agent, ..token() };
        let text = String::from_utf8(agent.claims().to_vec()).unwrap();
        let told = r#""sub":"agt_planner","client_id":"https://agent.example/client.json","on_behalf_of":{"iss":"https://as.example","sub":"usr_alice","act":{"sub":"agt_front"}}"#;
        assert!(text.contains(told), "{text}");
        assert_eq!(verified(&agent.sign(&key).unwrap(), &key, 1100).unwrap(), agent);
        let holder = AgentId::parse("agt_planner").unwrap();
        let grant = GrantClaim { holder: Some(holder.clone()), ..token().grant };
        let clean = AccessToken { view: View::Impersonation, actors: vec![holder], grant, ..token() };
        assert!(!clean.claims().contains_key("act"));
        assert_eq!(verified(&clean.sign(&key).unwrap(), &key, 1100).unwrap(), clean);
    }

    #[test]
    fn d04_who_acts_is_read_whole_or_the_token_is_not() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let with = |name: &str, value: Value| {
            let mut claims = token().claims();
            claims.insert(name, value);
            verified(&key.sign(TYP, &claims).unwrap(), &key, 1100)
        };
        let o = |pairs: &[(&str, &str)]| {
            let mut o = Object::default();
            pairs.iter().for_each(|(n, v)| o.insert(*n, (*v).into()));
            Value::Object(o)
        };
        assert!(with("act", "agt_x".into()).is_err());
        assert!(with("act", o(&[("sub", "usr_bob")])).is_err());
        assert!(with("may_act", o(&[("sub", "agt_x")])).is_ok());
        for odd in ["agt_x".into(), o(&[("sub", "usr_x")]), Value::Array(vec![o(&[("sub", "agt_x")])])] {
            assert!(with("may_act", odd).is_err());
        }
        let behalf = o(&[("iss", ISSUER), ("sub", "usr_alice")]);
        assert!(with("on_behalf_of", behalf.clone()).is_err(), "beside act");
        let own = |behalf: Value| {
            let mut claims = AccessToken { view: View::Agent, ..token() }.claims();
            claims.insert("on_behalf_of", behalf);
            verified(&key.sign(TYP, &claims).unwrap(), &key, 1100)
        };
        assert!(own(behalf).is_ok());
        assert!(own(o(&[("iss", "https://evil.example"), ("sub", "usr_alice")])).is_err());
    }

    #[test]
    fn another_type_issuer_audience_key_or_time_is_refused() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let signed = |t: AccessToken| t.sign(&key).unwrap();
        assert!(verified(&key.sign("JWT", &token().claims()).unwrap(), &key, 1100).is_err());
        assert!(
            verified(&signed(AccessToken { issuer: "https://as.example/".into(), ..token() }), &key, 1100)
                .is_err()
        );
        for aud in ["https://as.example/mcp", "https://as.example/mcp/crm2", "https://as.example"] {
            let audience = ResourceUri::parse(aud).unwrap();
            assert!(verified(&signed(AccessToken { audience, ..token() }), &key, 1100).is_err(), "{aud}");
        }
        let mut listed = token().claims();
        listed.insert("aud", Value::Array(vec![resource().as_str().into()]));
        assert!(verified(&key.sign(TYP, &listed).unwrap(), &key, 1100).is_err());
        let other = SigningKey::generate(Algorithm::Es256).unwrap();
        assert!(verified(&signed(token()), &other, 1100).is_err());
        assert!(verified(&signed(token()), &key, 1310).is_err());
        assert!(verified(&signed(token()), &key, 1309).is_ok());
        assert!(verified(&signed(token()), &key, 980).is_err());
    }

    #[test]
    fn a_binding_comes_back_and_one_that_is_malformed_makes_no_bearer_token() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let cnf = Confirmation { key: Some(Thumbprint::of(b"k")), certificate: None };
        let bound = AccessToken { cnf, ..token() };
        assert_eq!(verified(&bound.sign(&key).unwrap(), &key, 1100).unwrap(), bound);
        let mut claims = bound.claims();
        claims.insert("cnf", "jkt".into());
        assert!(matches!(AccessToken::from_claims(&claims), Err(InvalidToken::Claim("cnf"))));
    }

    #[test]
    fn details_come_back_and_those_that_cannot_be_read_end_the_token() {
        let text = r#"[{"type":"mcp_tool","locations":["https://as.example/mcp/crm"],"actions":["a"],"constraints":[["<=",".days",30]]}]"#;
        let details = rich::parse(text, &resource()).unwrap();
        let only = AccessToken { scopes: ScopeSet::default(), details, ..token() };
        assert!(!only.claims().contains_key("scope"));
        assert_eq!(AccessToken::from_claims(&only.claims()).unwrap(), only);
        for bad in [Value::Null, Value::Array(vec![]), "x".into(), text.replace("crm", "hr").into()] {
            let mut claims = only.claims();
            claims.insert("authorization_details", bad);
            let read = AccessToken::from_claims(&claims);
            assert!(matches!(read, Err(InvalidToken::Claim("authorization_details"))));
        }
    }

    #[test]
    fn a_chain_that_is_mistyped_or_endless_is_refused() {
        let mut claims = token().claims();
        claims.insert("act", "agt_planner".into());
        assert!(matches!(AccessToken::from_claims(&claims), Err(InvalidToken::Claim("act"))));
        let many = vec![AgentId::parse("agt_x").unwrap(); MAX_ACTORS + 1];
        claims.insert("act", Value::Object(act_claim(&many).unwrap()));
        assert!(matches!(AccessToken::from_claims(&claims), Err(InvalidToken::Claim("act"))));
    }
}
