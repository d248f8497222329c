//! `examples/policies`: one example in three languages, and one table.

use crate::asked::file;
use prokura_engines::cedar::{CedarEngine, Source};
use prokura_engines::polar::Polar;
use prokura_engines::rego::{Rego, RegoOptions};
use prokura_engines::table::{Outcome, Table, Tally};
use prokura_policy::pdp::Engine;

fn text(name: &str) -> String {
    let path = format!("{}/../../examples/policies/staff/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn table() -> Table {
    Table::read("cases.toml", &text("cases.toml")).unwrap()
}

fn rego() -> Rego {
    let files = [file("staff.rego", &text("staff.rego"))];
    Rego::load("staff", &files, &RegoOptions::default()).unwrap()
}

fn polar() -> Polar {
    Polar::load("staff", &[file("staff.polar", &text("staff.polar"))]).unwrap()
}

fn cedar() -> CedarEngine {
    let source = |name: &str| Source::new(name, text(name));
    CedarEngine::load(&[source("staff.cedar")], Some(source("staff.cedarschema"))).unwrap()
}

fn all_right(outcomes: &[Outcome<'_>]) {
    let wrong: Vec<_> = outcomes.iter().filter(|o| !o.is_right()).map(|o| (&o.case.name, &o.wrong)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(outcomes.len() >= 40, "only {} cases", outcomes.len());
}

#[test]
fn the_example_in_cedar() {
    let cedar = cedar();
    assert_eq!(cedar.warnings(), []);
    all_right(&table().run(&[&cedar]));
}

#[test]
fn the_example_in_rego() {
    let rego = rego();
    assert!(rego.is_compiled(), "the example is to run on the virtual machine");
    all_right(&table().run(&[&rego]));
}

#[test]
fn the_example_in_polar() {
    all_right(&table().run(&[&polar()]));
}

/// Deny wins, permits agree, and an obligation that all have is one.
#[test]
fn the_example_in_all_together() {
    let (cedar, rego, polar) = (cedar(), rego(), polar());
    all_right(&table().run(&[&cedar, &rego, &polar]));
}

/// A table that anything passes shows nothing.
#[test]
fn whoever_says_nothing_fails_the_table() {
    let outcomes = table();
    let tally = Tally::of(&outcomes.run(&[]));
    assert!(tally.wrong >= 15, "{tally:?}");
    let no_engines: [&dyn Engine; 0] = [];
    assert_eq!(Tally::of(&table().run(&no_engines)), tally);
}
