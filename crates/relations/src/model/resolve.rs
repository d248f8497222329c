//! From what is written to what it means, with the rules of OpenFGA's type system (`pkg/typesystem`).

use super::raw::{ModelError, Raw, RawRelation, RawRestriction, RawRewrite, Word};
use super::reach::{self, Reach};
use super::{Model, Relation, RelationId, Restriction, Rewrite, Subjects, Type};
use crate::Condition;
use crate::name::is_type;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many relations a model may have.
const MOST: usize = 2000;

pub(super) fn resolve(raws: &[Raw]) -> Result<Model, Vec<ModelError>> {
    let mut work = Work::default();
    for raw in raws {
        if !matches!(raw.schema.text.as_str(), "1.1" | "1.2") {
            work.fail(&raw.schema, format!("schema `{}` is not known: write `schema 1.1`", raw.schema.text));
        }
    }
    work.conditions(raws);
    work.declare(raws);
    work.tuplesets();
    work.define();
    work.finish()
}

#[derive(Default)]
struct Work<'a> {
    errors: Vec<ModelError>,
    types: BTreeMap<Arc<str>, Type>,
    raw: Vec<(Arc<str>, &'a RawRelation)>,
    /// Which relations others are looked up from.
    tupleset: Vec<bool>,
    relations: Vec<Relation>,
    conditions: BTreeMap<Arc<str>, Condition>,
}

impl<'a> Work<'a> {
    fn fail(&mut self, word: &Word, why: impl Into<String>) {
        self.errors.push(ModelError::at(&word.at, why));
    }

    fn conditions(&mut self, raws: &'a [Raw]) {
        for raw in raws.iter().flat_map(|r| &r.conditions) {
            match Condition::compile(raw) {
                Ok(_) if self.conditions.contains_key(raw.name.text.as_str()) => {
                    self.fail(&raw.name, format!("the condition `{}` is defined twice", raw.name.text));
                }
                Ok(condition) => drop(self.conditions.insert(raw.name.text.as_str().into(), condition)),
                Err(error) => self.errors.push(error),
            }
        }
    }

    /// Types and the names of their relations; what modules add comes after what they add it to.
    fn declare(&mut self, raws: &'a [Raw]) {
        let all = || raws.iter().flat_map(|r| &r.types);
        for raw in all().filter(|t| !t.extends).chain(all().filter(|t| t.extends)) {
            let name: Arc<str> = raw.name.text.as_str().into();
            if matches!(&*name, "self" | "this") || !is_type(&name) {
                self.fail(&raw.name, format!("`{name}` cannot name a type"));
                continue;
            }
            match (raw.extends, self.types.contains_key(&name)) {
                (false, true) => {
                    self.fail(&raw.name, format!("the type `{name}` is defined twice"));
                    continue;
                }
                (true, false) => {
                    self.fail(&raw.name, format!("the type `{name}` is extended, but nobody defines it"));
                    continue;
                }
                _ => {}
            }
            let mut known = self
                .types
                .remove(&name)
                .unwrap_or_else(|| Type { name: Arc::clone(&name), relations: BTreeMap::new() });
            for relation in &raw.relations {
                self.declare_relation(&mut known, relation);
            }
            self.types.insert(name, known);
        }
    }

    fn declare_relation(&mut self, of: &mut Type, raw: &'a RawRelation) {
        let name = raw.name.text.as_str();
        if matches!(name, "self" | "this") || crate::check_relation(name).is_err() {
            return self.fail(&raw.name, format!("`{name}` cannot name a relation"));
        }
        if of.relations.contains_key(name) {
            return self.fail(&raw.name, format!("`{}` has the relation `{name}` twice", of.name));
        }
        if self.raw.len() >= MOST {
            return self.fail(&raw.name, format!("a model may have {MOST} relations"));
        }
        of.relations.insert(name.into(), RelationId(self.raw.len() as u32));
        self.raw.push((Arc::clone(&of.name), raw));
    }

    fn find(&self, kind: &str, relation: &str) -> Option<RelationId> {
        self.types.get(kind)?.relations.get(relation).copied()
    }

    fn tuplesets(&mut self) {
        fn walk<'r>(rewrite: &'r RawRewrite, found: &mut Vec<&'r Word>) {
            match rewrite {
                RawRewrite::From(_, tupleset) => found.push(tupleset),
                RawRewrite::Union(all) | RawRewrite::Intersection(all) => {
                    all.iter().for_each(|r| walk(r, found))
                }
                RawRewrite::Exclusion(base, less) => {
                    walk(base, found);
                    walk(less, found);
                }
                RawRewrite::Direct | RawRewrite::Computed(_) => {}
            }
        }
        self.tupleset = vec![false; self.raw.len()];
        for i in 0..self.raw.len() {
            let (kind, raw) = (Arc::clone(&self.raw[i].0), self.raw[i].1);
            let mut found = Vec::new();
            walk(&raw.rewrite, &mut found);
            for word in found {
                if let Some(id) = self.find(&kind, &word.text) {
                    self.tupleset[id.0 as usize] = true;
                }
            }
        }
    }

    fn define(&mut self) {
        for i in 0..self.raw.len() {
            let (kind, raw) = (Arc::clone(&self.raw[i].0), self.raw[i].1);
            let direct: Vec<_> =
                raw.direct.iter().filter_map(|r| self.restriction(r, self.tupleset[i])).collect();
            let assignable = has_direct(&raw.rewrite);
            if assignable && raw.direct.is_empty() {
                self.fail(
                    &raw.name,
                    format!("`{}` says nobody whom it may be given to: write `[user]`", raw.name.text),
                );
            }
            if !assignable && !raw.direct.is_empty() {
                self.fail(&raw.name, format!("`{}` names types, but is not given directly", raw.name.text));
            }
            if self.tupleset[i] && !matches!(raw.rewrite, RawRewrite::Direct) {
                let why = format!(
                    "relations are looked up from `{}`, so it may be given directly only",
                    raw.name.text
                );
                self.fail(&raw.name, why);
            }
            let rewrite = self.rewrite(&kind, raw, &raw.rewrite).unwrap_or(Rewrite::Union(Vec::new()));
            let name = raw.name.text.as_str().into();
            self.relations.push(Relation {
                kind,
                name,
                rewrite,
                direct,
                tupleset: self.tupleset[i],
                plain: false,
            });
        }
    }

    fn restriction(&mut self, raw: &RawRestriction, tupleset: bool) -> Option<Restriction> {
        let kind = raw.kind.text.as_str();
        if !self.types.contains_key(kind) {
            self.fail(&raw.kind, format!("the type `{kind}` is not defined"));
            return None;
        }
        if tupleset && (raw.everybody || raw.relation.is_some()) {
            self.fail(
                &raw.kind,
                "relations are looked up from it, so it may be given to single objects only",
            );
            return None;
        }
        let subjects = match &raw.relation {
            Some(_) if raw.everybody => {
                self.fail(&raw.kind, "it is either everybody or a userset");
                return None;
            }
            Some(relation) => match self.find(kind, &relation.text) {
                Some(id) => Subjects::Userset(id),
                None => {
                    self.fail(relation, format!("the type `{kind}` has no relation `{}`", relation.text));
                    return None;
                }
            },
            None if raw.everybody => Subjects::Everybody,
            None => Subjects::Single,
        };
        let condition = match &raw.condition {
            Some(name) if !self.conditions.contains_key(name.text.as_str()) => {
                self.fail(name, format!("the condition `{}` is not defined", name.text));
                return None;
            }
            other => other.as_ref().map(|c| Arc::from(c.text.as_str())),
        };
        Some(Restriction { kind: kind.into(), subjects, condition })
    }

    fn rewrite(&mut self, kind: &Arc<str>, of: &RawRelation, raw: &RawRewrite) -> Option<Rewrite> {
        Some(match raw {
            RawRewrite::Direct => Rewrite::Direct,
            RawRewrite::Computed(word) => Rewrite::Computed(self.own(kind, word)?),
            RawRewrite::From(relation, tupleset) => self.from(kind, relation, tupleset)?,
            RawRewrite::Union(all) => Rewrite::Union(self.rewrites(kind, of, all)?),
            RawRewrite::Intersection(all) => Rewrite::Intersection(self.rewrites(kind, of, all)?),
            RawRewrite::Exclusion(base, less) => {
                let (base, less) = (self.rewrite(kind, of, base), self.rewrite(kind, of, less));
                Rewrite::Exclusion(Box::new(base?), Box::new(less?))
            }
        })
    }

    fn rewrites(&mut self, kind: &Arc<str>, of: &RawRelation, all: &[RawRewrite]) -> Option<Vec<Rewrite>> {
        all.iter().map(|r| self.rewrite(kind, of, r)).collect()
    }

    /// A relation of the same type.
    fn own(&mut self, kind: &Arc<str>, word: &Word) -> Option<RelationId> {
        let found = self.find(kind, &word.text);
        if found.is_none() {
            self.fail(word, format!("the type `{kind}` has no relation `{}`", word.text));
        }
        found
    }

    fn from(&mut self, kind: &Arc<str>, relation: &Word, tupleset: &Word) -> Option<Rewrite> {
        let id = self.own(kind, tupleset)?;
        let kinds: Vec<_> = self.raw[id.0 as usize].1.direct.iter().map(|r| r.kind.text.clone()).collect();
        let mut targets: Vec<(Arc<str>, RelationId)> = Vec::new();
        for kind in &kinds {
            if let Some(id) = self.find(kind, &relation.text)
                && !targets.iter().any(|(known, _)| **known == **kind)
            {
                targets.push((kind.as_str().into(), id));
            }
        }
        if targets.is_empty() {
            let why = format!("no type that `{}` may be has a relation `{}`", tupleset.text, relation.text);
            self.fail(relation, why);
            return None;
        }
        Some(Rewrite::From { tupleset: id, relation: relation.text.as_str().into(), targets })
    }

    fn finish(mut self) -> Result<Model, Vec<ModelError>> {
        if self.errors.is_empty() {
            self.cycles();
            self.entrances();
        }
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        mark_plain(&mut self.relations);
        let reach = Reach::of(&self.relations);
        Ok(Model { types: self.types, relations: self.relations, conditions: self.conditions, reach })
    }

    /// A relation that is given by itself, through relations of the same object alone.
    fn cycles(&mut self) {
        for i in 0..self.relations.len() {
            let (mut open, mut seen) =
                (computed(&self.relations[i].rewrite), vec![false; self.relations.len()]);
            while let Some(id) = open.pop() {
                if id.0 as usize == i {
                    let raw = self.raw[i].1;
                    self.fail(&raw.name, format!("`{}` is defined by itself", raw.name.text));
                    break;
                }
                if !std::mem::replace(&mut seen[id.0 as usize], true) {
                    open.extend(computed(&self.relations[id.0 as usize].rewrite));
                }
            }
        }
    }

    /// Every relation must be such that somebody can have it.
    fn entrances(&mut self) {
        let mut open = vec![false; self.relations.len()];
        loop {
            let mut changed = false;
            for i in 0..self.relations.len() {
                if !open[i] && enters(&self.relations[i].rewrite, &self.relations[i], &open) {
                    (open[i], changed) = (true, true);
                }
            }
            if !changed {
                break;
            }
        }
        for i in (0..self.relations.len()).filter(|i| !open[*i]) {
            let raw = self.raw[i].1;
            let why = format!("nobody can ever have `{}`: it depends only on itself", raw.name.text);
            self.errors.push(ModelError::at(&raw.name.at, why));
        }
    }
}

fn has_direct(rewrite: &RawRewrite) -> bool {
    match rewrite {
        RawRewrite::Direct => true,
        RawRewrite::Computed(_) | RawRewrite::From(..) => false,
        RawRewrite::Union(all) | RawRewrite::Intersection(all) => all.iter().any(has_direct),
        RawRewrite::Exclusion(base, less) => has_direct(base) || has_direct(less),
    }
}

fn computed(rewrite: &Rewrite) -> Vec<RelationId> {
    match rewrite {
        Rewrite::Direct | Rewrite::From { .. } => Vec::new(),
        Rewrite::Computed(id) => vec![*id],
        Rewrite::Union(all) | Rewrite::Intersection(all) => all.iter().flat_map(computed).collect(),
        Rewrite::Exclusion(base, less) => [computed(base), computed(less)].concat(),
    }
}

fn enters(rewrite: &Rewrite, relation: &Relation, open: &[bool]) -> bool {
    let is_open = |id: &RelationId| open[id.0 as usize];
    match rewrite {
        Rewrite::Direct => relation.direct.iter().any(|r| match &r.subjects {
            Subjects::Single | Subjects::Everybody => true,
            Subjects::Userset(id) => is_open(id),
        }),
        Rewrite::Computed(id) => is_open(id),
        Rewrite::From { targets, .. } => targets.iter().any(|(_, id)| is_open(id)),
        Rewrite::Union(all) => all.iter().any(|r| enters(r, relation, open)),
        Rewrite::Intersection(all) => all.iter().all(|r| enters(r, relation, open)),
        Rewrite::Exclusion(base, less) => enters(base, relation, open) && enters(less, relation, open),
    }
}

/// All at first; then those are taken out that depend on one that is not.
fn mark_plain(relations: &mut [Relation]) {
    for relation in relations.iter_mut() {
        relation.plain =
            relation.rewrite == Rewrite::Direct && relation.direct.iter().all(|r| r.condition.is_none());
    }
    loop {
        let plain: Vec<_> = relations.iter().map(|r| r.plain).collect();
        let mut changed = false;
        for relation in relations.iter_mut().filter(|r| r.plain) {
            if reach::next(relation).iter().any(|id| !plain[id.0 as usize]) {
                (relation.plain, changed) = (false, true);
            }
        }
        if !changed {
            return;
        }
    }
}
