//! Relations: who has which relation to what, by a model of OpenFGA's.

use crate::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Relations between users and objects, by a model in OpenFGA's modelling language.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Relations {
    /// The file with the model: the modelling language (`.fga`), or its JSON. It is put into force at every start. Left out:
    /// the model is written by `prokura relation model put` or the administration API.
    pub model: Option<String>,
    /// Files with tuples: a JSON array of `{"user", "relation", "object", "condition"}`, or a line `USER RELATION OBJECT` for
    /// each. At every start they take the place of what these files said before; what others wrote stays.
    pub tuples: Vec<String>,
    /// Of which kinds of resources policies want to know the subject's relations, and which: `Document = ["viewer"]`. The
    /// resource then has the attribute `relations`, a set of those that the subject has.
    pub ask: BTreeMap<String, Vec<String>>,
    /// What subjects belong to: for a kind of entity, the relation that makes it a parent: `Group = "member"`.
    pub parents: BTreeMap<String, String>,
    /// The type of the model for a kind of entity, where it is not the kind in small letters.
    pub types: BTreeMap<String, String>,
    /// Whether the groups that identity providers say of people become tuples: `user:usr_x member group:NAME`, as ours are
    /// named in `identity_provider.groups`. They are replaced at each sign-in, and count no longer than `groups_last` of that
    /// provider.
    pub provider_groups: bool,
    /// For how long it is kept what was written and deleted, so that others can follow it; 1 hour to 10 years. The tuples
    /// themselves stay.
    pub changes_last: Span,
}

impl Default for Relations {
    fn default() -> Self {
        Self {
            model: None,
            tuples: Vec::new(),
            ask: BTreeMap::new(),
            parents: BTreeMap::new(),
            types: BTreeMap::new(),
            provider_groups: false,
            changes_last: Span::days(30),
        }
    }
}

impl Relations {
    /// Whether policies see anything of relations.
    pub fn is_asked(&self) -> bool {
        !self.ask.is_empty() || !self.parents.is_empty()
    }
}
