//! `prokura grant tree`: what came of grants, drawn as everywhere: who acts for whom, left to right.

use super::grant::{above, as_json, may, state, stopped};
use super::{Opened, missing};
use crate::failure::Failure;
use crate::show::{Names, exact, json, plain, print};
use prokura_config::Config;
use prokura_core::{AgentId, Grant, GrantId, Principal, Timestamp};
use prokura_store::{GrantFilter, Store, StoreError, TreeNode, TreeWindow, Tx};

/// So many roots are drawn.
const ROOTS: u32 = 200;
/// So many grants below each.
const BRANCHES: u32 = 500;

/// Whose grants are drawn.
pub(super) enum Drawn {
    One(String),
    User(String),
    Agent(String),
    All,
}

impl Opened {
    pub(super) async fn draw_trees(&self, what: Drawn, ended: bool) -> Result<(), Failure> {
        let now = self.clock.now();
        let roots = self.roots(what, ended, now).await?;
        let trees = trees(&self.store, roots, ended, now).await?;
        if self.json {
            let all = trees.iter().flat_map(|(_, tree)| tree);
            return all.into_iter().try_for_each(|node| json(&node_json(node)));
        }
        let drawn = drawn(&self.store, &self.loaded.config, &trees, now).await?;
        print(if drawn.is_empty() { "Nothing to show.".to_owned() } else { drawn })
    }

    async fn roots(&self, what: Drawn, ended: bool, now: Timestamp) -> Result<Vec<GrantId>, Failure> {
        let mut filter = GrantFilter {
            roots: true,
            living_at: (!ended).then_some(now),
            limit: ROOTS,
            ..GrantFilter::default()
        };
        match what {
            Drawn::One(id) => return Ok(vec![self.grant(&id).await?.id]),
            Drawn::User(login) => filter.subject = Some(Principal::User(self.user_named(&login).await?)),
            Drawn::Agent(id) => {
                let agent = AgentId::parse(&*id).map_err(|_| missing("agent", &plain(&id), "agent list"))?;
                (filter.grantee, filter.roots) = (Some(agent), false);
            }
            Drawn::All => {}
        }
        let found = self.store.read::<_, StoreError>(move |tx| tx.grants_where(&filter)).await?;
        Ok(found.into_iter().map(|grant| grant.id).collect())
    }
}

/// A tree, and the grants above it.
type Tree = (Vec<Grant>, Vec<TreeNode>);

async fn trees(
    store: &Store,
    roots: Vec<GrantId>,
    ended: bool,
    now: Timestamp,
) -> Result<Vec<Tree>, StoreError> {
    let window = TreeWindow { skip: 0, most: BRANCHES, all: ended };
    let read = store.read(move |tx| {
        let mut trees = Vec::new();
        for id in &roots {
            let above = above(tx, id)?;
            trees.push((above, tx.grant_tree(id, window, now)?));
        }
        Ok(trees)
    });
    read.await
}

/// The trees, drawn one below the other.
async fn drawn(store: &Store, config: &Config, trees: &[Tree], now: Timestamp) -> Result<String, StoreError> {
    let grants =
        trees.iter().flat_map(|(above, tree)| above.iter().chain(tree.iter().map(|node| &node.grant)));
    let who = grants.flat_map(|g| [g.subject.clone(), Principal::Agent(g.grantee.clone())]).collect();
    let names = Names::look_up(store, config, who, Default::default()).await?;
    let drawn: Vec<String> = trees.iter().map(|(above, tree)| drawing(above, tree, &names, now)).collect();
    Ok(drawn.join("\n"))
}

/// Everything that came of what somebody with this name to sign in with allowed and that is in force, drawn; the newest
/// last.
pub(crate) async fn picture(
    store: &Store,
    config: &Config,
    login: &str,
    now: Timestamp,
) -> Result<String, StoreError> {
    let login = login.to_owned();
    let find = move |tx: &mut Tx<'_>| {
        let Some(user) = tx.user_by_name(&login)? else { return Ok(Vec::new()) };
        let filter = GrantFilter {
            roots: true,
            subject: Some(Principal::User(user.id)),
            living_at: Some(now),
            ..GrantFilter::default()
        };
        Ok(tx.grants_where(&filter)?.into_iter().rev().map(|grant| grant.id).collect())
    };
    let roots = store.read(find).await?;
    drawn(store, config, &trees(store, roots, false, now).await?, now).await
}

fn node_json(node: &TreeNode) -> serde_json::Value {
    let mut all = as_json(&node.grant);
    if let Some(object) = all.as_object_mut() {
        object.insert("depth".to_owned(), node.depth.into());
        object.insert("more".to_owned(), node.more.into());
        object.insert("last_used".to_owned(), node.used.map(exact).into());
    }
    all
}

/// One tree: the first line is the chain down to the grant, the others are what came of it.
fn drawing(above: &[Grant], tree: &[TreeNode], names: &Names, now: Timestamp) -> String {
    let mut lines: Vec<[String; 2]> = Vec::new();
    for (i, node) in tree.iter().enumerate() {
        let grant = &node.grant;
        let agent = names.of(&Principal::Agent(grant.grantee.clone()));
        let hop = format!("{agent} → {}", names.place(&grant.resource));
        let start = if i == 0 { before(above, grant, names) } else { branch(tree, i) };
        lines.push([format!("{start}{hop}"), facts(node, stopped(over(above, tree, i), now), now)]);
        if node.more > 0 {
            lines.push([format!("{}… and {} more", stem(tree, i, true), node.more), String::new()]);
        }
    }
    let width = lines.iter().map(|[left, _]| left.chars().count()).max().unwrap_or(0);
    let aligned = lines.iter().map(|[left, right]| {
        let pad = " ".repeat(width - left.chars().count());
        format!("{left}{pad}  {right}").trim_end().to_owned()
    });
    aligned.collect::<Vec<_>>().join("\n")
}

/// Whose authority it is, and through whom it came.
pub(super) fn before(above: &[Grant], grant: &Grant, names: &Names) -> String {
    let mut hops = Vec::new();
    if grant.subject != Principal::Agent(grant.grantee.clone()) {
        hops.push(names.of(&grant.subject));
    }
    hops.extend(above.iter().map(|g| names.of(&Principal::Agent(g.grantee.clone()))));
    hops.iter().map(|hop| format!("{hop} → ")).collect()
}

/// What a hop may at most do, until when, and how it stands.
fn facts(node: &TreeNode, stopped_above: bool, now: Timestamp) -> String {
    let grant = &node.grant;
    let used = node.used.map_or_else(|| "not used yet".to_owned(), |at| format!("used {}", exact(at)));
    format!(
        "{}  {}  until {}  {used}  {}",
        may(grant),
        state(grant, stopped_above, now),
        exact(grant.expires_at),
        grant.id
    )
}

/// The grants that a hop stands below.
fn over<'a>(above: &'a [Grant], tree: &'a [TreeNode], i: usize) -> impl Iterator<Item = &'a Grant> {
    let before = tree.get(..i).unwrap_or_default();
    let depth = tree.get(i).map_or(0, |node| node.depth);
    let nearest = move |depth| before.iter().rev().find(|n| n.depth <= depth).filter(|n| n.depth == depth);
    above.iter().chain((0..depth).filter_map(nearest).map(|node| &node.grant))
}

/// The lines that lead to a hop.
fn branch(tree: &[TreeNode], i: usize) -> String {
    let last = !has_sibling(tree, i);
    format!("{}{}→ ", stem(tree, i, false), if last { "└─" } else { "├─" })
}

/// The lines of those above a hop that go on below it; with its own, if something stands below it.
fn stem(tree: &[TreeNode], i: usize, below: bool) -> String {
    let Some(node) = tree.get(i) else { return String::new() };
    let depth = if below { node.depth + 1 } else { node.depth };
    (1..depth)
        .map(|depth| {
            // The one of that depth that this hop stands below, or is.
            let above = tree[..=i].iter().rposition(|n| n.depth == depth);
            if above.is_some_and(|above| has_sibling(tree, above)) { "│   " } else { "    " }
        })
        .collect()
}

/// Whether another hop follows under the same parent.
fn has_sibling(tree: &[TreeNode], i: usize) -> bool {
    let Some(node) = tree.get(i) else { return false };
    let rest = tree.get(i + 1..).unwrap_or_default();
    rest.iter().take_while(|n| n.depth >= node.depth).any(|n| n.depth == node.depth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::{Details, Evidence, GrantState, Grantor, ResourceUri, ScopeSet, Terms, UserId};

    fn node(depth: usize, agent: &str, state: GrantState, more: u64) -> TreeNode {
        let user = UserId::parse("usr_alice").unwrap();
        let grant = Grant {
            id: GrantId::parse(format!("g_{agent}")).unwrap(),
            parents: vec![],
            subject: Principal::User(user.clone()),
            grantor: Grantor::User(user),
            grantee: AgentId::parse(format!("agt_{agent}")).unwrap(),
            resource: ResourceUri::parse("https://as.example/mcp/sales").unwrap(),
            actions: ScopeSet::parse("read").unwrap(),
            details: Details::default(),
            not_before: Timestamp::from_seconds(0),
            expires_at: Timestamp::from_seconds(3_600),
            depth_left: 3,
            terms: Terms::default(),
            evidence: Evidence::Configuration,
            state,
            revision: 0,
        };
        TreeNode { grant, depth, more, used: (depth == 1).then(|| Timestamp::from_seconds(60)) }
    }

    #[test]
    fn a_tree_is_drawn_as_everywhere() {
        let tree = [
            node(0, "planner", GrantState::Active, 0),
            node(1, "reporter", GrantState::Active, 0),
            node(2, "writer", GrantState::Suspended, 7),
            node(1, "auditor", GrantState::Active, 0),
            node(2, "reader", GrantState::Active, 0),
        ];
        let names =
            Names::of_pairs(&[("usr_alice", "Alice"), ("agt_planner", "Planner"), ("agt_reader", "عامل")]);
        let drawn = drawing(&[], &tree, &names, Timestamp::from_seconds(100));
        let hour = "until 1970-01-01T01:00:00Z";
        let expected = [
            format!("Alice → Planner → sales     read  in force  {hour}  not used yet  g_planner"),
            format!(
                "├─→ agt_reporter → sales    read  in force  {hour}  used 1970-01-01T00:01:00Z  g_reporter"
            ),
            format!("│   └─→ agt_writer → sales  read  paused  {hour}  not used yet  g_writer"),
            "│       … and 7 more".to_owned(),
            format!(
                "└─→ agt_auditor → sales     read  in force  {hour}  used 1970-01-01T00:01:00Z  g_auditor"
            ),
            format!("    └─→ عامل → sales        read  in force  {hour}  not used yet  g_reader"),
        ];
        assert_eq!(drawn.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_part_is_drawn_with_the_chain_above_it() {
        let above = [node(0, "planner", GrantState::Active, 0).grant];
        let tree = [node(0, "reporter", GrantState::Active, 0)];
        let drawn = drawing(&above, &tree, &Names::of_pairs(&[]), Timestamp::from_seconds(4_000));
        assert!(
            drawn.starts_with("usr_alice → agt_planner → agt_reporter → sales  read  expired"),
            "{drawn}"
        );
    }
}
