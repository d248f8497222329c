//! What is asked of a user.

use crate::ciba::Called;
use crate::device::DeviceAsk;
use crate::named::Management;
use prokura_core::{
    Acr, AgentId, Budget, ClientId, Details, ResourceUri, ScopeSet, Timestamp, TraceId, UserId,
};
use prokura_oauth::client_metadata::Likeness;
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use prokura_oauth::redirect::{shown_host, with_query};
use prokura_oauth::rich;
use prokura_oauth::token_request::DETAILS;
use prokura_store::{ArtifactKind, SecretHash};
use prokura_ui::Standing;

/// How much of a conversation the client wants (OpenID Connect Core §3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prompt {
    /// Whatever is needed.
    #[default]
    Needed,
    /// None: an answer at once, or an error.
    None,
    /// Consent, even if it is remembered.
    Consent,
    /// Sign-in, even if there is a session; consent too.
    Login,
}

impl Prompt {
    const ALL: [Self; 4] = [Self::Needed, Self::None, Self::Consent, Self::Login];

    fn word(self) -> &'static str {
        match self {
            Self::Needed => "needed",
            Self::None => "none",
            Self::Consent => "consent",
            Self::Login => "login",
        }
    }
}

/// A checked authorization request: everything that the consent page shows and that the answer is bound to.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The flow.
    pub trace: TraceId,
    /// Which client.
    pub client: ClientId,
    /// What it calls itself.
    pub name: String,
    /// How far it is known.
    pub standing: Standing,
    /// Where the answer goes, to the byte; checked against what the client registered. Empty where a device waits.
    pub redirect: String,
    /// The client's `state`.
    pub state: Option<String>,
    /// Where it wants to act.
    pub resource: ResourceUri,
    /// What it wants to do there.
    pub scope: ScopeSet,
    /// With which tools and arguments, whatever the scopes say.
    pub details: Details,
    /// How much of it there is to be.
    pub budget: Option<Budget>,
    /// How much of a conversation it wants.
    pub prompt: Prompt,
    /// How old a sign-in may be, in seconds (`max_age`).
    pub max_age: Option<u64>,
    /// How surely the user must have signed in (`acr_values`).
    pub acr: Option<Acr>,
    /// The device that waits for the answer, in place of a redirect (RFC 8628).
    pub device: Option<DeviceAsk>,
    /// The client that waits for the answer of a user who is elsewhere (OpenID Connect CIBA Core).
    pub called: Option<Called>,
    /// What happens to a grant that the client knows by a name, or will. With a merge, `scope` has what it holds in it.
    pub management: Option<Management>,
    /// The agents that are to get a part of it, beside those whom the operator's rules let.
    pub through: Vec<AgentId>,
    /// What the client looks like, where it describes itself.
    pub likeness: Option<Likeness>,
    /// What the code must remember besides (PKCE challenge, nonce); only [`Codes`](super::Codes) reads it.
    pub request: Object,
}

/// An interaction as it is stored: the question and the browser that may answer it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stored {
    pub(crate) asked: Asked,
    pub(crate) browser: SecretHash,
    pub(crate) began: Timestamp,
}

impl Asked {
    /// Whether the answer goes to a program on the user's own computer.
    pub fn is_loopback(&self) -> bool {
        self.redirect.starts_with("http://")
    }

    /// Whether nobody but the client itself says who it is.
    pub fn is_unverified(&self) -> bool {
        self.standing == Standing::Unverified
    }

    /// Whether a consent may be remembered: never where another program could pretend to be this client, be it
    /// by its name or by listening in its place (attacks A24, A27).
    pub fn may_be_remembered(&self) -> bool {
        if self.is_waited_for() || self.budget.is_some() {
            return false;
        }
        !self.is_unverified() && self.redirect.starts_with("https://")
    }

    /// Whether the answer is left for who waits elsewhere, in place of a redirect.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.device.is_some() || self.called.is_some()
    }

    /// Where the answer is left for who waits, and until when that can be.
    pub(crate) fn left_at(&self) -> Option<(ArtifactKind, &str, Timestamp)> {
        let device = self.device.as_ref().map(|d| (ArtifactKind::UserCode, d.key.as_str(), d.until));
        device
            .or_else(|| self.called.as_ref().map(|c| (ArtifactKind::BackchannelAsk, c.id.as_str(), c.until)))
    }

    /// Whether this user is asked, and not another.
    pub(crate) fn is_for(&self, user: &UserId) -> bool {
        self.called.as_ref().is_none_or(|called| called.user == *user)
    }

    /// What tells the client from others that call themselves the same.
    pub(crate) fn id_host(&self) -> String {
        let id = self.client.as_str();
        if id.starts_with("https://") { shown_host(id) } else { id.to_owned() }
    }

    /// The address of the answer: `state` and `iss` go with every one (RFC 9207 §2).
    pub(crate) fn redirect_with(&self, issuer: &str, parameters: &[(&str, &str)]) -> String {
        let mut all = parameters.to_vec();
        all.extend(self.state.as_deref().map(|s| ("state", s)));
        all.push(("iss", issuer));
        with_query(&self.redirect, &all)
    }
}

impl Asked {
    /// To be stored.
    pub(crate) fn to_object(&self) -> Object {
        let mut o = obj([
            ("trace", self.trace.as_str().into()),
            ("client", self.client.as_str().into()),
            ("name", self.name.as_str().into()),
            ("standing", standing_word(self.standing).into()),
            ("redirect", self.redirect.as_str().into()),
            ("resource", self.resource.as_str().into()),
            ("scope", self.scope.to_string().as_str().into()),
            ("prompt", self.prompt.word().into()),
            ("request", Value::Object(self.request.clone())),
        ]);
        if !self.details.is_empty() {
            o.insert(DETAILS, rich::to_value(&self.details, &self.resource));
        }
        if let Some(budget) = &self.budget {
            o.insert("budget", rich::budget_value(budget));
        }
        if let Some(state) = &self.state {
            o.insert("state", state.as_str().into());
        }
        if let Some(acr) = self.acr {
            o.insert("acr", acr.as_str().into());
        }
        if let Some(age) = self.max_age {
            o.insert("max_age", age.into());
        }
        if let Some(management) = &self.management {
            o.insert("management", Value::Object(management.to_object()));
        }
        if !self.through.is_empty() {
            o.insert("through", self.through.iter().map(AgentId::as_str).collect());
        }
        if let Some(likeness) = &self.likeness {
            o.insert("likeness", likeness.to_text().into());
        }
        if let Some(device) = &self.device {
            o.insert("device", Value::Object(device.to_object()));
        }
        if let Some(called) = &self.called {
            o.insert("called", Value::Object(called.to_object()));
        }
        o
    }

    /// Reads what [`to_object`](Self::to_object) wrote.
    pub(crate) fn read(o: &Object) -> Option<Self> {
        let resource = ResourceUri::parse_exact(o.str("resource")?).ok()?;
        Some(Self {
            trace: TraceId::parse(o.str("trace")?).ok()?,
            client: ClientId::parse(o.str("client")?).ok()?,
            name: o.str("name")?.to_owned(),
            standing: STANDINGS
                .into_iter()
                .find(|s| standing_word(*s) == o.str("standing").unwrap_or_default())?,
            redirect: o.str("redirect")?.to_owned(),
            state: o.str("state").map(str::to_owned),
            details: o.get(DETAILS).map_or(Some(Details::default()), |v| rich::read(v, &resource).ok())?,
            budget: match o.get("budget") {
                None => None,
                Some(budget) => Some(rich::read_budget(budget).ok()?),
            },
            resource,
            scope: ScopeSet::parse(o.str("scope")?).ok()?,
            prompt: Prompt::ALL.into_iter().find(|p| p.word() == o.str("prompt").unwrap_or_default())?,
            max_age: o.get("max_age").and_then(Value::as_u64),
            acr: match o.get("acr") {
                None => None,
                Some(word) => Some(Acr::parse(word.as_str()?)?),
            },
            device: match o.get("device") {
                None => None,
                Some(device) => Some(DeviceAsk::read(device.as_object()?)?),
            },
            called: match o.get("called") {
                None => None,
                Some(called) => Some(Called::read(called.as_object()?)?),
            },
            management: match o.get("management") {
                None => None,
                Some(management) => Some(Management::read(management.as_object()?)?),
            },
            through: agents(o)?,
            likeness: match o.str("likeness") {
                None => None,
                Some(text) => Some(Likeness::of_text(text)?),
            },
            request: o.get("request")?.as_object()?.clone(),
        })
    }
}

fn agents(o: &Object) -> Option<Vec<AgentId>> {
    let Some(all) = o.get("through") else { return Some(Vec::new()) };
    all.as_array()?.iter().map(|a| AgentId::parse(a.as_str()?).ok()).collect()
}

impl Stored {
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut o = self.asked.to_object();
        o.insert("browser", self.browser.to_string().as_str().into());
        o.insert("began", self.began.micros().into());
        o.to_vec()
    }

    /// Reads what [`to_vec`](Self::to_vec) wrote.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let o = json::parse(bytes, &Limits::DOCUMENT).ok()?.into_object()?;
        let asked = Asked::read(&o)?;
        let browser = SecretHash::from_hex(o.str("browser")?)?;
        let began = Timestamp::from_micros(o.get("began")?.as_i64()?);
        Some(Self { asked, browser, began })
    }
}

const STANDINGS: [Standing; 3] = [Standing::Published, Standing::Configured, Standing::Unverified];

fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Published => "published",
        Standing::Configured => "configured",
        Standing::Unverified => "unverified",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::device::UserCode;

    fn asked() -> Asked {
        Asked {
            trace: TraceId::parse("tr_1").unwrap(),
            client: ClientId::parse("https://planner.example/client.json").unwrap(),
            name: "Planner".into(),
            standing: Standing::Published,
            redirect: "https://planner.example/cb?x=1".into(),
            state: Some("a&b".into()),
            resource: ResourceUri::parse("https://as.example/mcp/sales").unwrap(),
            scope: ScopeSet::parse("a b").unwrap(),
            details: Details::default(),
            budget: prokura_core::Budget::new(Some(3), vec![]).ok(),
            prompt: Prompt::Login,
            max_age: Some(60),
            acr: Some(Acr::Mfa),
            device: None,
            called: None,
            management: Some(Management { named: None }),
            through: vec![AgentId::parse("agt_reporter").unwrap()],
            likeness: None,
            request: obj([("nonce", "n".into())]),
        }
    }

    #[test]
    fn what_is_stored_comes_back() {
        let stored =
            Stored { asked: asked(), browser: SecretHash::of("b"), began: Timestamp::from_seconds(9) };
        assert_eq!(Stored::read(&stored.to_vec()), Some(stored));
        let device = DeviceAsk {
            code: UserCode::parse("WDJB-MJHT").unwrap(),
            key: "k".into(),
            at: Timestamp::from_seconds(1),
            until: Timestamp::from_seconds(2),
            from: "2001:db8::1".into(),
            place: "2001:db8:0:0".into(),
        };
        let text = r#"[{"type":"mcp_tool","actions":["a"]}]"#;
        let details = rich::parse(text, &asked().resource).unwrap();
        let bare = Asked {
            state: None,
            max_age: None,
            acr: None,
            device: Some(device),
            management: None,
            details,
            ..asked()
        };
        assert!(!bare.may_be_remembered());
        let stored = Stored { asked: bare, browser: SecretHash::of("b"), began: Timestamp::from_seconds(9) };
        assert_eq!(Stored::read(&stored.to_vec()), Some(stored));
    }

    #[test]
    fn an_answer_names_its_issuer_and_cannot_be_split() {
        let to = asked().redirect_with("https://as.example", &[("error", "access_denied")]);
        assert_eq!(
            to,
            "https://planner.example/cb?x=1&error=access_denied&state=a%26b&iss=https%3A%2F%2Fas.example"
        );
    }

    #[test]
    fn a27_only_what_nobody_can_pretend_to_be_is_remembered() {
        let asked = || Asked { budget: None, ..asked() };
        assert!(asked().may_be_remembered());
        for redirect in ["http://127.0.0.1:9/cb", "http://localhost/cb", "com.example.app:/cb"] {
            assert!(!Asked { redirect: redirect.into(), ..asked() }.may_be_remembered(), "{redirect}");
        }
        assert!(!Asked { standing: Standing::Unverified, ..asked() }.may_be_remembered());
    }
}
