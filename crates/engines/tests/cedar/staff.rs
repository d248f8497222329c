//! `examples/policies/staff` in Cedar, with its schema, on the table that all languages share.

use prokura_engines::cedar::{CedarEngine, Source};
use prokura_engines::table::Table;

fn text(name: &str) -> String {
    let path = format!("{}/../../examples/policies/staff/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn the_example_in_cedar() {
    let source = |name: &str| Source::new(name, text(name));
    let engine =
        CedarEngine::load_set("staff", &[source("staff.cedar")], Some(&source("staff.cedarschema"))).unwrap();
    let table = Table::read("cases.toml", &text("cases.toml")).unwrap();
    let outcomes = table.run(&[&engine]);
    let wrong: Vec<_> = outcomes.iter().filter(|o| !o.is_right()).map(|o| (&o.case.name, &o.wrong)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(outcomes.len() >= 40, "only {} cases", outcomes.len());
}
