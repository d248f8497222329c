//! The resources that tokens can be asked for, and their scopes.

use crate::fault::Fault;
use crate::identity;
use prokura_config::Config;
use prokura_core::{
    Action, ActionPattern, Details, InvalidResource, InvalidScope, ResourceUri, Scope, ScopeSet,
};
use prokura_oauth::rich::{self, Bounded};
use std::sync::Arc;

/// A scope that clients may send to say that they want to stay (OpenID Connect Core §11). A client that may
/// refresh gets a refresh token anyway, so it is read and dropped.
const OFFLINE: &str = "offline_access";

/// A resource that tokens can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its address.
    pub(crate) uri: ResourceUri,
    /// Its name in the configuration.
    pub(crate) name: String,
    /// Its scopes.
    pub(crate) scopes: ScopeSet,
    /// What is asked for where a client names none.
    pub(crate) first: ScopeSet,
    /// Whether tokens for it are bound to a key.
    pub(crate) needs_proof: bool,
    /// The actions that its scopes bundle.
    pub(crate) bundled: Vec<(Scope, Vec<ActionPattern>)>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Places {
    configured: Vec<Arc<Place>>,
    /// `/userinfo`.
    identity: Arc<Place>,
    /// `/grants`. No user is asked for it, so requests cannot name it.
    management: Arc<Place>,
    /// The administration API, if it is on. No user is asked for it.
    admin: Option<Arc<Place>>,
    /// The interface of event streams, if events are sent. No user is asked for it.
    streams: Option<Arc<Place>>,
    /// The feed of revocations, if somebody may follow it. No user is asked for it.
    feed: Option<Arc<Place>>,
    decisions: Option<Arc<Place>>,
}

/// A resource or scope of the configuration that cannot be used; one that was checked has none such.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPlace {
    /// A scope.
    #[error("a configured scope cannot be used: {0}")]
    Scope(#[from] InvalidScope),
    /// An address.
    #[error("the issuer makes no address of a resource: {0}")]
    Address(#[from] InvalidResource),
}

impl Places {
    pub(crate) fn new(config: &Config) -> Result<Self, InvalidPlace> {
        let set = |names: &mut dyn Iterator<Item = &String>| {
            names.map(Scope::parse).collect::<Result<ScopeSet, _>>()
        };
        let place = |r: &prokura_config::ResourceConfig| {
            let scopes = set(&mut r.scopes.keys())?;
            let first = match &r.default_scopes {
                Some(names) => set(&mut names.iter())?,
                None => scopes.clone(),
            };
            let bundles = |(name, scope): (&String, &prokura_config::ScopeConfig)| {
                Ok::<_, prokura_core::InvalidScope>((Scope::parse(name)?, scope.actions.clone()))
            };
            let bundled = r.scopes.iter().map(bundles).collect::<Result<_, _>>()?;
            let (uri, name) = (config.resource_uri(r), r.name.clone());
            let needs_proof = r.require_dpop;
            Ok::<_, InvalidScope>(Arc::new(Place { uri, name, scopes, first, needs_proof, bundled }))
        };
        let with_scopes = config.resources.iter().filter(|r| !r.scopes.is_empty() && r.takes_own_tokens());
        Ok(Self {
            configured: with_scopes.map(place).collect::<Result<_, _>>()?,
            identity: identity::place(&config.issuer)?,
            management: crate::named::place(&config.issuer)?,
            admin: crate::api::place(config)?,
            streams: crate::signals::place(config)?,
            feed: crate::feed::place(config)?,
            decisions: crate::authzen::place(config)?,
        })
    }

    /// The place of `/grants`.
    pub(crate) fn management(&self) -> &Arc<Place> {
        &self.management
    }

    /// The place of `/userinfo`.
    pub(crate) fn identity(&self) -> &Arc<Place> {
        &self.identity
    }

    /// The administration API, if it is on.
    pub(crate) fn admin(&self) -> Option<&Arc<Place>> {
        self.admin.as_ref()
    }

    /// The interface of event streams, if events are sent.
    pub(crate) fn streams(&self) -> Option<&Arc<Place>> {
        self.streams.as_ref()
    }

    /// The feed of revocations, if somebody may follow it.
    pub(crate) fn feed(&self) -> Option<&Arc<Place>> {
        self.feed.as_ref()
    }

    /// The decision point that others ask, if somebody may.
    pub(crate) fn decisions(&self) -> Option<&Arc<Place>> {
        self.decisions.as_ref()
    }

    /// The places of which users know nothing, where configured clients may have authority of their own.
    pub(crate) fn for_clients(&self) -> impl Iterator<Item = &Arc<Place>> {
        self.admin.iter().chain(&self.streams).chain(&self.feed).chain(&self.decisions)
    }

    /// The place at `uri` where a client may have authority of its own.
    pub(crate) fn of_clients(&self, uri: &ResourceUri) -> Option<Arc<Place>> {
        self.for_clients().find(|p| p.uri == *uri).cloned().or_else(|| self.at(uri))
    }

    /// Where tokens must be bound to a key.
    pub(crate) fn proven(&self) -> impl Iterator<Item = &Arc<Place>> {
        self.configured.iter().chain(&self.admin).filter(|p| p.needs_proof)
    }

    /// The resource that an authorization request means. Who asks for nothing but who somebody is means `/userinfo`.
    pub(crate) fn asked_of_a_user(
        &self,
        resource: Option<&str>,
        scope: Option<&ScopeSet>,
    ) -> Result<Arc<Place>, Fault> {
        let only_identity = |asked: &ScopeSet| {
            let (identity, rest) = identity::split(asked, &ScopeSet::default());
            !identity.is_empty() && without_offline(&rest).is_empty()
        };
        match (resource, scope) {
            (None, Some(asked)) if only_identity(asked) => Ok(Arc::clone(&self.identity)),
            _ => self.asked(resource),
        }
    }

    /// The resource that a request means: the one it names, or the only one there is.
    pub(crate) fn asked(&self, resource: Option<&str>) -> Result<Arc<Place>, Fault> {
        let Some(text) = resource else {
            return match self.configured.as_slice() {
                [only] => Ok(Arc::clone(only)),
                _ => Err(Fault::ResourceNeeded),
            };
        };
        self.at(&ResourceUri::parse(text)?).ok_or(Fault::ResourceUnknown)
    }

    /// The resource here that all details of a request name: what the request means if it names none.
    pub(crate) fn located(&self, details: Option<&str>) -> Option<String> {
        let location = rich::location(details?)?;
        let uri = ResourceUri::parse(&location).ok()?;
        self.at(&uri).map(|_| location)
    }

    /// The resource at `uri`.
    pub(crate) fn at(&self, uri: &ResourceUri) -> Option<Arc<Place>> {
        let all = self.configured.iter().chain([&self.identity]);
        all.into_iter().find(|p| p.uri == *uri).cloned()
    }

    /// Every resource of the configuration.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Place>> {
        self.configured.iter()
    }

    /// The resource of that name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Place>> {
        self.configured.iter().chain(self.for_clients()).find(|p| p.name == name)
    }
}

impl Place {
    /// The scopes that a user is asked for: those of the resource, and those that tell who the user is.
    pub(crate) fn scopes_of_a_user(
        &self,
        scope: Option<&ScopeSet>,
        details: bool,
    ) -> Result<ScopeSet, Fault> {
        let (identity, rest) = match scope {
            Some(asked) => identity::split(asked, &self.scopes),
            None => (ScopeSet::default(), ScopeSet::default()),
        };
        Ok(self.scopes_asked(Some(&rest), details)?.union(&identity))
    }

    /// The scopes that a request means: those it names, all of which must exist, or the first ones. A request with
    /// details and without scopes means the details alone.
    pub(crate) fn scopes_asked(&self, scope: Option<&ScopeSet>, details: bool) -> Result<ScopeSet, Fault> {
        let Some(asked) = scope.map(without_offline).filter(|s| !s.is_empty()) else {
            if details {
                return Ok(ScopeSet::default());
            }
            return if self.first.is_empty() { Err(Fault::ScopeNone) } else { Ok(self.first.clone()) };
        };
        if !asked.is_within(&self.scopes) {
            return Err(Fault::ScopeTooWide(asked.difference(&self.scopes)));
        }
        Ok(asked)
    }
}

impl Place {
    /// The details that a request for `scopes` means. Every tool must be one that the scopes bundle, or any scope of the
    /// resource if the details stand alone: what nobody can be allowed is not asked of a user.
    pub(crate) fn details_asked(&self, text: Option<&str>, scopes: &ScopeSet) -> Result<Details, Fault> {
        let Some(text) = text else { return Ok(Details::default()) };
        self.known(rich::parse(text, &self.uri)?, scopes)
    }

    /// As [`details_asked`](Self::details_asked), where a grant with a budget may be made.
    pub(crate) fn bounded_asked(&self, text: Option<&str>, scopes: &ScopeSet) -> Result<Bounded, Fault> {
        let Some(text) = text else { return Ok(Bounded { details: Details::default(), budget: None }) };
        let Bounded { details, budget } = rich::parse_bounded(text, &self.uri)?;
        Ok(Bounded { details: self.known(details, scopes)?, budget })
    }

    fn known(&self, details: Details, scopes: &ScopeSet) -> Result<Details, Fault> {
        let alone = scopes.iter().all(|s| s.is_of_identity() && !self.scopes.contains(s));
        let scopes = if alone { &self.scopes } else { scopes };
        let unknown = details.tools().into_iter().find(|tool| !self.bundles(scopes, tool));
        match unknown.map(str::to_owned) {
            Some(tool) => Err(Fault::DetailTool(tool)),
            None => Ok(details),
        }
    }

    /// Whether one of `scopes` bundles the tool.
    pub(crate) fn bundles(&self, scopes: &ScopeSet, tool: &str) -> bool {
        let action = Action::tool(tool);
        let bundles = |(scope, patterns): &(Scope, Vec<ActionPattern>)| {
            scopes.contains(scope) && patterns.iter().any(|p| p.matches(&action))
        };
        self.bundled.iter().any(bundles)
    }
}

/// `asked` without the word that says that the client wants to stay.
pub(crate) fn without_offline(asked: &ScopeSet) -> ScopeSet {
    asked.iter().filter(|s| s.as_str() != OFFLINE).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Arc<Place> {
        Arc::new(Place {
            uri: ResourceUri::parse(&format!("https://as.example/mcp/{name}")).unwrap(),
            name: name.into(),
            scopes: ScopeSet::parse("a b").unwrap(),
            first: ScopeSet::parse("a").unwrap(),
            needs_proof: false,
            bundled: vec![
                (Scope::parse("a").unwrap(), vec![ActionPattern::parse("tool:read").unwrap()]),
                (Scope::parse("b").unwrap(), vec![ActionPattern::parse("tool:write").unwrap()]),
            ],
        })
    }

    #[test]
    fn one_resource_needs_no_name_and_several_do() {
        let places = |configured| Places {
            configured,
            identity: place("userinfo"),
            management: place("grants"),
            admin: None,
            streams: None,
            feed: None,
            decisions: None,
        };
        let one = places(vec![place("x")]);
        assert_eq!(one.asked(None).unwrap().name, "x");
        assert_eq!(one.asked(Some("https://as.example/mcp/x/")).unwrap().name, "x");
        for bad in ["https://as.example/mcp/y", "https://as.example/mcp", "https://as.example/mcp/xx"] {
            assert!(matches!(one.asked(Some(bad)), Err(Fault::ResourceUnknown)), "{bad}");
        }
        let two = places(vec![place("x"), place("y")]);
        assert!(matches!(two.asked(None), Err(Fault::ResourceNeeded)));
    }

    #[test]
    fn who_asks_only_who_somebody_is_needs_no_resource() {
        let two = Places {
            configured: vec![place("x"), place("y")],
            identity: place("userinfo"),
            management: place("grants"),
            admin: None,
            streams: None,
            feed: None,
            decisions: None,
        };
        let meant = |scope: &str| {
            two.asked_of_a_user(None, Some(&ScopeSet::parse(scope).unwrap())).map(|p| p.name.clone()).ok()
        };
        assert_eq!(meant("openid profile offline_access").as_deref(), Some("userinfo"));
        assert_eq!((meant("openid a"), meant("profile"), meant("a")), (None, None, None));
        let asked = |s: &str| place("x").scopes_of_a_user(Some(&ScopeSet::parse(s).unwrap()), false);
        assert_eq!(asked("openid b").unwrap().to_string(), "b openid");
        assert_eq!(asked("openid").unwrap().to_string(), "a openid");
        assert!(asked("profile b").is_err());
    }

    #[test]
    fn scopes_are_those_of_the_resource() {
        let asked = |s: &str| {
            place("x").scopes_asked(Some(&ScopeSet::parse(s).unwrap()), false).map(|s| s.to_string())
        };
        assert_eq!(asked("b offline_access").unwrap(), "b");
        assert_eq!(asked("").unwrap(), "a");
        assert_eq!(asked("offline_access").unwrap(), "a");
        assert!(place("x").scopes_asked(None, true).unwrap().is_empty());
        assert!(matches!(asked("a c"), Err(Fault::ScopeTooWide(s)) if s.to_string() == "c"));
    }

    #[test]
    fn a_detail_names_tools_that_can_be_allowed() {
        let asked = |tool: &str, scopes: &str| {
            let text = format!(r#"[{{"type":"mcp_tool","actions":["{tool}"]}}]"#);
            place("x").details_asked(Some(&text), &ScopeSet::parse(scopes).unwrap())
        };
        assert!(asked("read", "").is_ok() && asked("write", "").is_ok() && asked("write", "a b").is_ok());
        for (tool, scopes) in [("write", "a"), ("drop", ""), ("Read", "")] {
            assert!(matches!(asked(tool, scopes), Err(Fault::DetailTool(t)) if t == tool), "{tool}");
        }
    }
}
