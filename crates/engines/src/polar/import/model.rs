//! Rules by name, and resource blocks.

use polar_core::parser::Line;
use polar_core::resource_block::Production;
use polar_core::rules::Rule;
use polar_core::terms::{Term, Value};
use std::collections::BTreeMap;

/// What a file declares.
pub(super) struct Model<'a> {
    /// By name, and by how many arguments they have.
    rules: BTreeMap<&'a str, BTreeMap<usize, Vec<&'a Rule>>>,
    pub(super) blocks: BTreeMap<String, Block>,
}

/// A resource block.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) is_actor: bool,
    pub(super) permissions: Vec<String>,
    pub(super) roles: Vec<String>,
    /// Name, and kind.
    pub(super) relations: BTreeMap<String, String>,
    pub(super) shorthand: Vec<Shorthand>,
}

/// `"read" if "member" on "parent";`
#[derive(Debug)]
pub(super) struct Shorthand {
    pub(super) head: String,
    pub(super) implied_by: String,
    pub(super) on: Option<String>,
}

impl<'a> Model<'a> {
    pub(super) fn of(lines: &'a [Line]) -> Self {
        let mut model = Self { rules: BTreeMap::new(), blocks: BTreeMap::new() };
        for line in lines {
            match line {
                Line::Rule(rule) => {
                    let named = model.rules.entry(rule.name.0.as_str()).or_default();
                    named.entry(rule.params.len()).or_default().push(rule);
                }
                Line::ResourceBlock { keyword, resource, productions } => {
                    let is_actor = keyword.as_ref().is_some_and(|k| k.to_string() == "actor");
                    let mut block = Block { is_actor, ..Block::default() };
                    productions.iter().for_each(|production| block.take(production));
                    model.blocks.insert(resource.to_string(), block);
                }
                Line::RuleType(_) | Line::Query(_) => {}
            }
        }
        model
    }

    /// The rules of this name with so many arguments.
    pub(super) fn rules(&self, name: &str, arguments: usize) -> &[&'a Rule] {
        self.rules.get(name).and_then(|by_arguments| by_arguments.get(&arguments)).map_or(&[], Vec::as_slice)
    }
}

impl Block {
    fn take(&mut self, production: &Production) {
        match production {
            Production::Declaration((name, declared)) => {
                match (name.to_string().as_str(), declared.value()) {
                    ("permissions", Value::List(names)) => self.permissions = texts(names),
                    ("roles", Value::List(names)) => self.roles = texts(names),
                    ("relations", Value::Dictionary(relations)) => {
                        let named =
                            relations.fields.iter().map(|(name, kind)| (name.0.clone(), kind.to_string()));
                        self.relations = named.collect();
                    }
                    _ => {}
                }
            }
            Production::ShorthandRule(head, (implied_by, on)) => {
                self.shorthand.extend(text(head).and_then(|head| {
                    let on = match on {
                        Some((_, relation)) => Some(text(relation)?),
                        None => None,
                    };
                    Some(Shorthand { head, implied_by: text(implied_by)?, on })
                }))
            }
        }
    }
}

pub(super) fn text(term: &Term) -> Option<String> {
    match term.value() {
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

fn texts(terms: &[Term]) -> Vec<String> {
    terms.iter().filter_map(text).collect()
}
