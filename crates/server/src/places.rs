//! The resources that tokens can be asked for, and their scopes.

use crate::fault::Fault;
use prokura_config::Config;
use prokura_core::{ResourceUri, Scope, ScopeSet};
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
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Places(Vec<Arc<Place>>);

impl Places {
    pub(crate) fn new(config: &Config) -> Result<Self, prokura_core::InvalidScope> {
        let set = |names: &mut dyn Iterator<Item = &String>| {
            names.map(Scope::parse).collect::<Result<ScopeSet, _>>()
        };
        let place = |r: &prokura_config::ResourceConfig| {
            let scopes = set(&mut r.scopes.keys())?;
            let first = match &r.default_scopes {
                Some(names) => set(&mut names.iter())?,
                None => scopes.clone(),
            };
            let (uri, name) = (config.resource_uri(r), r.name.clone());
            Ok(Arc::new(Place { uri, name, scopes, first, needs_proof: r.require_dpop }))
        };
        config
            .resources
            .iter()
            .filter(|r| !r.scopes.is_empty())
            .map(place)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The resource that a request means: the one it names, or the only one there is.
    pub(crate) fn asked(&self, resource: Option<&str>) -> Result<Arc<Place>, Fault> {
        let Some(text) = resource else {
            return match self.0.as_slice() {
                [only] => Ok(Arc::clone(only)),
                _ => Err(Fault::ResourceNeeded),
            };
        };
        self.at(&ResourceUri::parse(text)?).ok_or(Fault::ResourceUnknown)
    }

    /// The resource at `uri`.
    pub(crate) fn at(&self, uri: &ResourceUri) -> Option<Arc<Place>> {
        self.0.iter().find(|p| p.uri == *uri).cloned()
    }

    /// Every resource.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Place>> {
        self.0.iter()
    }

    /// The resource of that name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Place>> {
        self.0.iter().find(|p| p.name == name)
    }
}

impl Place {
    /// The scopes that a request means: those it names, all of which must exist, or the first ones.
    pub(crate) fn scopes_asked(&self, scope: Option<&ScopeSet>) -> Result<ScopeSet, Fault> {
        let Some(asked) = scope.map(without_offline).filter(|s| !s.is_empty()) else {
            return if self.first.is_empty() { Err(Fault::ScopeNone) } else { Ok(self.first.clone()) };
        };
        if !asked.is_within(&self.scopes) {
            return Err(Fault::ScopeTooWide(asked.difference(&self.scopes)));
        }
        Ok(asked)
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
        })
    }

    #[test]
    fn one_resource_needs_no_name_and_several_do() {
        let one = Places(vec![place("x")]);
        assert_eq!(one.asked(None).unwrap().name, "x");
        assert_eq!(one.asked(Some("https://as.example/mcp/x/")).unwrap().name, "x");
        for bad in ["https://as.example/mcp/y", "https://as.example/mcp", "https://as.example/mcp/xx"] {
            assert!(matches!(one.asked(Some(bad)), Err(Fault::ResourceUnknown)), "{bad}");
        }
        let two = Places(vec![place("x"), place("y")]);
        assert!(matches!(two.asked(None), Err(Fault::ResourceNeeded)));
    }

    #[test]
    fn scopes_are_those_of_the_resource() {
        let asked =
            |s: &str| place("x").scopes_asked(Some(&ScopeSet::parse(s).unwrap())).map(|s| s.to_string());
        assert_eq!(asked("b offline_access").unwrap(), "b");
        assert_eq!(asked("").unwrap(), "a");
        assert_eq!(asked("offline_access").unwrap(), "a");
        assert!(matches!(asked("a c"), Err(Fault::ScopeTooWide(s)) if s.to_string() == "c"));
    }
}
