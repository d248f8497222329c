//! The README's first command.

use crate::program::run;
use serde_json::Value;

#[test]
fn the_demo_tells_every_step_and_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["demo", "--once", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let steps: Vec<Value> = ran.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    for (n, step) in steps.iter().enumerate() {
        assert_eq!(step["step"], n + 1);
        for member in ["from", "to", "method", "url", "note"] {
            assert!(step[member].is_string(), "{member} in {step}");
        }
        assert!(step["status"].is_u64() && step["ms"].is_number(), "{step}");
    }
    let with = |status: u64| steps.iter().filter(|s| s["status"] == status).count();
    assert_eq!((with(401), with(403), with(400)), (4, 6, 8), "the refusals happen");
    let chains: Vec<_> = steps.iter().flat_map(|s| s["recorded"].as_array().unwrap()).collect();
    let told =
        |chain: &str, outcome: &str| chains.iter().any(|r| r["chain"] == chain && r["outcome"] == outcome);
    assert!(told("Alice → Planner → sales/generate_summary", "permit"));
    assert!(told("Alice → Planner → sales/read_report", "challenge"));
    assert!(told("Alice → Planner → sales/delete_employee", "deny"));
    let through = "Alice → Planner → Reporter → sales";
    assert!(
        told(&format!("{through}/generate_summary"), "permit"),
        "Reporter acts for Alice, through Planner"
    );
    assert!(told(&format!("{through}/read_report"), "challenge"), "what was not passed on");
    assert!(told(&format!("{through} mcp:request"), "deny"), "after Alice ended what is above it");
    assert!(told("night-reporter → sales/read_report", "permit"), "a pod without a secret");
    assert!(told("night-reporter → sales/read_report", "deny"), "while its machine is out of order");
    assert!(told("watch → admin fact:put", "permit"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it leaves nothing behind");
}

#[test]
fn for_people_it_is_a_line_a_step_without_colour_in_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["demo", "--once"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(!ran.out.contains('\u{1b}'));
    assert!(ran.out.contains("each as it must be. The record has "), "{}", ran.out);
}
