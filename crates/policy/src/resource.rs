//! What the operator says about a resource: which scopes there are and which actions each bundles.

use prokura_core::{Action, ActionPattern, Demand, Scope, ScopeSet};

/// Which scopes a resource has and which actions each bundles.
#[derive(Debug, Clone, Default)]
pub struct ResourcePolicy {
    public: bool,
    scopes: Vec<(Scope, Vec<ActionPattern>)>,
    all: ScopeSet,
    demands: Vec<(Scope, Demand)>,
}

impl ResourcePolicy {
    /// A resource with these scopes; a public one asks for no authority.
    pub fn new(public: bool, scopes: impl IntoIterator<Item = (Scope, Vec<ActionPattern>)>) -> Self {
        let scopes: Vec<_> = scopes.into_iter().collect();
        let all = scopes.iter().map(|(scope, _)| scope.clone()).collect();
        Self { public, scopes, all, demands: Vec::new() }
    }

    /// The same, where these scopes open nothing without a sign-in that meets a demand.
    #[must_use]
    pub fn demanding(self, demands: impl IntoIterator<Item = (Scope, Demand)>) -> Self {
        Self { demands: demands.into_iter().collect(), ..self }
    }

    /// What a scope asks of the sign-in behind it.
    pub fn demand(&self, scope: &Scope) -> Demand {
        self.demands.iter().find(|(s, _)| s == scope).map_or_else(Demand::default, |(_, demand)| *demand)
    }

    /// Whether calls need no authority.
    pub fn is_public(&self) -> bool {
        self.public
    }

    /// All scopes.
    pub fn scopes(&self) -> &ScopeSet {
        &self.all
    }

    /// The scopes that bundle `action`.
    pub fn allowing<'a>(&'a self, action: &'a Action) -> impl Iterator<Item = &'a Scope> {
        let bundles =
            move |(_, patterns): &&(Scope, Vec<ActionPattern>)| patterns.iter().any(|p| p.matches(action));
        self.scopes.iter().filter(bundles).map(|(scope, _)| scope)
    }
}
