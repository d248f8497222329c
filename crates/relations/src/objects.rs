//! To which objects somebody has a relation: looked for from the user, and asked anew where `and` or `but not` decide.

use crate::check::Checker;
use crate::contextual::{Edge, Reader};
use crate::nodes::{Node, QuickMap};
use crate::{Ask, AskError, RelationId, Rewrite, Subjects, Tuples, User};
use std::collections::HashSet;

/// How one relation gives another.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The usersets of this one may have that one.
    Userset(RelationId),
    /// That one is given by this one to the same object.
    Same(RelationId),
    /// That one is given by this one to what the object has the tupleset to.
    Along(RelationId, RelationId),
}

pub(crate) fn objects<T: Tuples + ?Sized>(
    ask: &Ask<'_, T>,
    user: &User,
    relation: &str,
    kind: &str,
) -> Result<Vec<String>, AskError> {
    ask.model.knows_user(user)?;
    let target = ask.model.named(kind, relation)?;
    let mut reader = ask.reader()?;
    let mut walk = Walk::new(&mut reader, ask, target);
    walk.begin(user)?;
    walk.go()?;
    let (found, failed) = (walk.found(), walk.failed);
    let mut names = Vec::new();
    let mut checker = Checker::new(&mut reader, user, ask.limits);
    for (node, sure) in found {
        if sure || checker.check(target, node)? {
            names.push(checker.reader.nodes.text(node).to_owned());
        }
    }
    names.sort_unstable();
    failed.map_or(Ok(names), Err)
}

struct Walk<'q, 'a, T: ?Sized> {
    reader: &'q mut Reader<'a, T>,
    target: RelationId,
    /// From each relation to those that it may give; false where `and` or `but not` stand in between.
    steps: Vec<(RelationId, Step, bool)>,
    /// What was reached, and whether that is enough.
    seen: QuickMap<(u32, Node), bool>,
    open: Vec<(RelationId, Node, bool)>,
    relevant: HashSet<RelationId>,
    failed: Option<AskError>,
    left: u32,
    most: u32,
}

impl<'q, 'a, T: Tuples + ?Sized> Walk<'q, 'a, T> {
    fn new(reader: &'q mut Reader<'a, T>, ask: &Ask<'_, T>, target: RelationId) -> Self {
        let relevant: HashSet<_> = ask.model.reach.all(target).collect();
        let mut steps = Vec::new();
        for id in &relevant {
            collect(ask, *id, &ask.model.relation(*id).rewrite, true, &mut steps);
        }
        let most = ask.limits.steps;
        let (seen, open) = (QuickMap::default(), Vec::new());
        Self { reader, target, steps, seen, open, relevant, failed: None, left: most, most }
    }

    /// What the user has by one tuple, and the userset itself.
    fn begin(&mut self, user: &User) -> Result<(), AskError> {
        let model = self.reader.model;
        let node = self.reader.nodes.of(&user.name());
        if let Some(userset) = user.relation().and_then(|r| model.find(user.kind(), r)) {
            self.reach(userset, node, true)?;
            return Ok(());
        }
        let single = matches!(user, User::Object(_));
        let all = self.reader.nodes.of(&format!("{}:*", user.kind()));
        let relevant: Vec<_> = self.relevant.iter().copied().collect();
        for id in relevant {
            let sure = sure_of_direct(&model.relation(id).rewrite);
            let Some(sure) = sure else { continue };
            let direct = &model.relation(id).direct;
            let of =
                |wanted: Subjects| direct.iter().any(|r| *r.kind == *user.kind() && r.subjects == wanted);
            for (node, asked) in [(node, single && of(Subjects::Single)), (all, of(Subjects::Everybody))] {
                if asked {
                    let edges = self.reader.objects(node, None, id)?;
                    self.follow(id, edges, sure)?;
                }
            }
        }
        Ok(())
    }

    fn go(&mut self) -> Result<(), AskError> {
        while let Some((id, node, sure)) = self.open.pop() {
            let steps: Vec<_> =
                self.steps.iter().filter(|(from, ..)| *from == id).map(|(_, s, k)| (*s, *k)).collect();
            for (step, keeps) in steps {
                let sure = sure && keeps;
                match step {
                    Step::Same(to) => self.reach(to, node, sure)?,
                    Step::Userset(to) => {
                        let edges = self.reader.objects(node, Some(id), to)?;
                        self.follow(to, edges, sure)?;
                    }
                    Step::Along(tupleset, to) => {
                        let edges = self.reader.objects(node, None, tupleset)?;
                        self.follow(to, edges, sure)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn follow(&mut self, to: RelationId, edges: Vec<Edge>, sure: bool) -> Result<(), AskError> {
        for edge in edges {
            match self.reader.holds(edge.condition.as_deref()) {
                Ok(true) => self.reach(to, edge.node, sure)?,
                Ok(false) => {}
                Err(error) => drop(self.failed.get_or_insert(error)),
            }
        }
        Ok(())
    }

    /// Notes what was reached, once as unsure and once as sure at most.
    fn reach(&mut self, id: RelationId, node: Node, sure: bool) -> Result<(), AskError> {
        if !self.relevant.contains(&id) {
            return Ok(());
        }
        match self.seen.get_mut(&(id.0, node)) {
            Some(known) if *known || !sure => return Ok(()),
            Some(known) => *known = true,
            None => drop(self.seen.insert((id.0, node), sure)),
        }
        self.left = self.left.checked_sub(1).ok_or(AskError::TooMuch(self.most))?;
        self.open.push((id, node, sure));
        Ok(())
    }

    fn found(&self) -> Vec<(Node, bool)> {
        let of_target = self.seen.iter().filter(|((id, _), _)| *id == self.target.0);
        of_target.map(|((_, node), sure)| (*node, *sure)).collect()
    }
}

/// Whether a tuple alone is enough; none if tuples do not give it.
fn sure_of_direct(rewrite: &Rewrite) -> Option<bool> {
    match rewrite {
        Rewrite::Direct => Some(true),
        Rewrite::Computed(_) | Rewrite::From { .. } => None,
        Rewrite::Union(all) => all.iter().filter_map(sure_of_direct).max(),
        Rewrite::Intersection(all) => all.iter().find_map(sure_of_direct).map(|_| false),
        Rewrite::Exclusion(base, _) => sure_of_direct(base).map(|_| false),
    }
}

fn collect<T: ?Sized>(
    ask: &Ask<'_, T>,
    to: RelationId,
    rewrite: &Rewrite,
    sure: bool,
    steps: &mut Vec<(RelationId, Step, bool)>,
) {
    match rewrite {
        Rewrite::Direct => {
            for restriction in &ask.model.relation(to).direct {
                if let Subjects::Userset(from) = restriction.subjects {
                    steps.push((from, Step::Userset(to), sure));
                }
            }
        }
        Rewrite::Computed(from) => steps.push((*from, Step::Same(to), sure)),
        Rewrite::From { tupleset, targets, .. } => {
            steps.extend(targets.iter().map(|(_, from)| (*from, Step::Along(*tupleset, to), sure)));
        }
        Rewrite::Union(all) => all.iter().for_each(|r| collect(ask, to, r, sure, steps)),
        Rewrite::Intersection(all) => all.iter().for_each(|r| collect(ask, to, r, false, steps)),
        Rewrite::Exclusion(base, _) => collect(ask, to, base, false, steps),
    }
}
