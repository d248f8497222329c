//! What is left of a grant under everything above it, against an evaluator that asks every ancestor one question after the
//! other: may this tool be called with these arguments, at this time? `PROKURA_CASES` says how many such questions are
//! asked; a disagreement prints the graph, and its number makes it again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod naive;
mod random;

use naive::Naive;
use prokura_core::{Chain, ChildRequest, Effective, Grant, Timestamp};
use random::{Dice, Doors, X, bundles};

/// As many questions where nothing else is said: seconds.
const CASES: u64 = 200_000;

fn cases() -> u64 {
    std::env::var("PROKURA_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(CASES)
}

/// Whether what is left lets this tool be called.
fn permits(left: &Effective, resource: &str, tool: &str, x: u8) -> bool {
    let opens = left.held.actions.iter().any(|s| !s.is_of_identity());
    let by_scope = left.held.actions.iter().any(|s| bundles(resource, s.as_str(), tool));
    let by_detail = left.held.details.check(tool, Some(&X(x))).is_ok();
    match (left.held.details.is_empty(), opens) {
        (true, _) => by_scope,
        (false, true) => by_scope && by_detail,
        (false, false) => by_detail,
    }
}

/// Everything that can be asked of the last grant at some time, both ways; how many questions that are.
fn compare(graph: &[Grant], naive: &Naive<'_>, chain: &Chain, dice: &mut Dice) -> Result<u64, String> {
    let leaf = graph.len() - 1;
    let now = Timestamp::from_seconds(i64::from(dice.below(7)));
    let left = chain.effective(now, &Doors);
    for tool in random::TOOLS {
        for x in 0..3 {
            let ours = left.as_ref().is_ok_and(|l| permits(l, graph[leaf].resource.as_str(), tool, x));
            let theirs = naive.permits(leaf, tool, x, now);
            if ours != theirs {
                return Err(format!("{tool}({x}) at {now:?}: {left:?}, and the other says {theirs}"));
            }
        }
    }
    let Ok(left) = left else { return Ok(9) };
    let fine = left.expires_at == naive.ends(leaf)
        && left.not_before == naive.begins(leaf)
        && left.depth_left == naive.depth_left(leaf)
        && left.duties == naive.duties(leaf)
        && random::agents().iter().all(|a| left.may_act.lets(a) == naive.lets(leaf, a));
    if fine { Ok(10) } else { Err(format!("the terms differ: {left:?}")) }
}

/// A child is made exactly if everything that was asked for was there; then it yields what its parents do, and no more.
fn make(graph: &[Grant], naive: &Naive<'_>, dice: &mut Dice) -> Result<u64, String> {
    let now = Timestamp::from_seconds(i64::from(dice.below(7)));
    let places: Vec<usize> = (0..1 + dice.below(2)).map(|_| dice.index(graph.len())).collect();
    let chains: Vec<Chain> = places.iter().map(|at| random::chain(graph, *at)).collect();
    let asked: ChildRequest = random::request(graph.len(), dice);
    let made = Chain::child(&chains.iter().collect::<Vec<_>>(), asked.clone(), now, &Doors);
    let may = naive.may_make(&places, &asked, now);
    match (made, may) {
        (Ok(child), true) => {
            let mut more = graph.to_vec();
            more.push(child);
            let chain = random::chain(&more, graph.len());
            let left = chain.effective(now.max(chain.leaf().not_before), &Doors);
            if left.is_err() && chain.leaf().not_before <= now {
                return Err(format!("a child that yields nothing: {:?} {left:?}", chain.leaf()));
            }
            Ok(1 + compare(&more, &Naive::new(&more), &chain, dice)?)
        }
        (Err(_), false) => Ok(1),
        (made, may) => Err(format!("{asked:?} of {places:?} at {now:?}: {made:?}, and the other says {may}")),
    }
}

#[test]
fn d01_what_is_left_is_what_every_grant_above_lets() {
    let (mut asked, mut graphs, mut permitted, mut made) = (0, 0_u64, 0_u64, 0_u64);
    while asked < cases() {
        let mut dice = Dice::new(graphs);
        let graph = random::graph(&mut dice);
        let naive = Naive::new(&graph);
        let chain = random::chain(&graph, graph.len() - 1);
        let told = compare(&graph, &naive, &chain, &mut dice);
        match told.and_then(|n| Ok(n + make(&graph, &naive, &mut dice)?)) {
            Ok(questions) => asked += questions,
            Err(why) => panic!("graph {graphs}: {why}\n{graph:#?}"),
        }
        permitted += u64::from(chain.effective(Timestamp::from_seconds(3), &Doors).is_ok());
        made += u64::from(random::again(&graph, graphs).is_ok());
        graphs += 1;
    }
    // A generator that makes only what is refused would show nothing.
    assert!(permitted * 10 > graphs && made * 40 > graphs, "{permitted} and {made} of {graphs}");
    println!("{asked} questions about {graphs} graphs; {permitted} yield something, {made} bear a child");
}
