//! Grants as they are looked at: pages of them, and what came of one.

use crate::driver::Param;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{AgentId, Grant, GrantId, Principal, ResourceUri, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// Which grants are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantFilter {
    /// Of whose authority.
    pub subject: Option<Principal>,
    /// Held by whom.
    pub grantee: Option<AgentId>,
    /// Where.
    pub resource: Option<ResourceUri>,
    /// Only those that nothing is above.
    pub roots: bool,
    /// Only those that have neither ended nor expired at this time; paused ones are among them.
    pub living_at: Option<Timestamp>,
    /// Only those after this one, in the order of the answer.
    pub after: Option<GrantId>,
    /// At most so many; 100 if it is 0, and never more than 1,000.
    pub limit: u32,
}

/// How much of what came of a grant is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeWindow {
    /// Leave out so many of those directly below.
    pub skip: u32,
    /// At most so many grants in all, the one asked for not counted.
    pub most: u32,
    /// Ended and expired ones too.
    pub all: bool,
}

/// A grant where it stands in what came of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeNode {
    /// The grant.
    pub grant: Grant,
    /// How many hops below the one asked for; that one is 0.
    pub depth: usize,
    /// How many of those directly below it are not in the tree, because it would be too large.
    pub more: u64,
    /// When a token was last made under it, or under one below it.
    pub used: Option<Timestamp>,
}

/// How many grants are given if nothing is said.
const USUAL: u32 = 100;
/// No page is longer.
const MOST: u32 = 1000;

/// The conditions of a search, with their parameters.
struct Search<'a> {
    texts: Vec<String>,
    params: Vec<Param<'a>>,
}

impl<'a> Search<'a> {
    /// Adds a condition in which `?` stands for `value`.
    fn and(&mut self, text: &str, value: impl Into<Param<'a>>) {
        self.params.push(value.into());
        self.texts.push(text.replace('?', &format!("?{}", self.params.len())));
    }

    fn of(filter: &'a GrantFilter) -> Self {
        let mut search = Self { texts: vec!["1 = 1".to_owned()], params: Vec::new() };
        if let Some(subject) = &filter.subject {
            search.and("subject = ?", subject.as_str());
        }
        if let Some(grantee) = &filter.grantee {
            search.and("grantee = ?", grantee.as_str());
        }
        if let Some(resource) = &filter.resource {
            search.and("resource = ?", resource.as_str());
        }
        if let Some(at) = filter.living_at {
            search.and("state <> 'revoked' AND expires_at > ?", at);
        }
        if filter.roots {
            let root = "NOT EXISTS (SELECT 1 FROM grant_parents WHERE child = grants.id)";
            search.texts.push(root.to_owned());
        }
        if let Some(after) = &filter.after {
            let of = "SELECT g.not_before FROM grants g WHERE g.subject = grants.subject AND g.id = ?";
            let of = if filter.subject.is_some() {
                of
            } else {
                "SELECT g.not_before FROM grants g WHERE g.id = ?"
            };
            search.and(&format!("(not_before < ({of}) OR (not_before = ({of}) AND id > ?))"), after.as_str());
        }
        search
    }
}

impl Tx<'_> {
    /// The grants that match, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn grants_where(&mut self, filter: &GrantFilter) -> Result<Vec<Grant>, StoreError> {
        let limit = if filter.limit == 0 { USUAL } else { filter.limit.min(MOST) };
        let mut search = Search::of(filter);
        let conditions = search.texts.join(" AND ");
        search.params.push(limit.into());
        let rest = format!("WHERE {conditions} ORDER BY not_before DESC, id LIMIT ?{}", search.params.len());
        self.grants_by(&rest, &search.params)
    }

    /// What came of a grant: itself, and those below it, each after the one above it. A grant with several parents stands
    /// below the one that is met first. Those near come before those far, if not all fit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn grant_tree(
        &mut self,
        id: &GrantId,
        window: TreeWindow,
        now: Timestamp,
    ) -> Result<Vec<TreeNode>, StoreError> {
        let Some(root) = self.grant(id)? else { return Ok(Vec::new()) };
        let mut found = BTreeMap::from([(id.clone(), (root, 0_u64, Vec::new()))]);
        let (mut left, mut skip) = (window.most, window.skip);
        let mut waiting = VecDeque::from([id.clone()]);
        while let Some(parent) = waiting.pop_front() {
            let all = self.count_children(&parent, window.all, now)?;
            let children = match left {
                0 => Vec::new(),
                left => self.children(&parent, (skip, left), window.all, now)?,
            };
            let more = all.saturating_sub(u64::from(skip) + children.len() as u64);
            skip = 0;
            let new: Vec<Grant> = children.into_iter().filter(|g| !found.contains_key(&g.id)).collect();
            left = left.saturating_sub(u32::try_from(new.len()).unwrap_or(u32::MAX));
            if let Some((_, missing, below)) = found.get_mut(&parent) {
                (*missing, *below) = (more, new.iter().map(|g| g.id.clone()).collect());
            }
            for child in new {
                waiting.push_back(child.id.clone());
                found.insert(child.id.clone(), (child, 0, Vec::new()));
            }
        }
        let mut nodes = drawn(found, id);
        for node in &mut nodes {
            node.used = self.noted_use(&node.grant.id)?;
        }
        Ok(nodes)
    }

    /// How many have not ended or expired below a grant, however far.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn count_below(&mut self, id: &GrantId, now: Timestamp) -> Result<u64, StoreError> {
        let sql = "WITH RECURSIVE below (id) AS (
                       SELECT child FROM grant_parents WHERE parent = ?1
                       UNION SELECT p.child FROM grant_parents p JOIN below b ON p.parent = b.id
                   ) SELECT COUNT(*) FROM grants g JOIN below b ON g.id = b.id
                   WHERE g.state <> 'revoked' AND g.expires_at > ?2";
        Ok(self.row(sql, params![id.as_str(), now], |row| row.count(0))?.unwrap_or(0))
    }

    fn count_children(&mut self, id: &GrantId, all: bool, now: Timestamp) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM grant_parents p JOIN grants g ON g.id = p.child
                   WHERE p.parent = ?1 AND (CAST(?3 AS BIGINT) = 1 OR (g.state <> 'revoked' AND g.expires_at > ?2))";
        Ok(self.row(sql, params![id.as_str(), now, u32::from(all)], |row| row.count(0))?.unwrap_or(0))
    }

    fn children(
        &mut self,
        id: &GrantId,
        (skip, most): (u32, u32),
        all: bool,
        now: Timestamp,
    ) -> Result<Vec<Grant>, StoreError> {
        let rest = "WHERE id IN (SELECT child FROM grant_parents WHERE parent = ?1)
                    AND (CAST(?3 AS BIGINT) = 1 OR (state <> 'revoked' AND expires_at > ?2))
                    ORDER BY not_before DESC, id LIMIT ?4 OFFSET ?5";
        self.grants_by(rest, params![id.as_str(), now, u32::from(all), most, skip])
    }
}

type Found = BTreeMap<GrantId, (Grant, u64, Vec<GrantId>)>;

/// What was found, each after the one above it.
fn drawn(mut found: Found, id: &GrantId) -> Vec<TreeNode> {
    let mut nodes = Vec::new();
    let mut next = vec![(id.clone(), 0)];
    while let Some((id, depth)) = next.pop() {
        let Some((grant, more, below)) = found.remove(&id) else { continue };
        next.extend(below.into_iter().rev().map(|child| (child, depth + 1)));
        nodes.push(TreeNode { grant, depth, more, used: None });
    }
    nodes
}
