//! `prokura access`: what the policies are, and what they would say.

use crate::program::{RIGHT, installed, run};

const POLICY: &str = r#"
[[access_policy]]
name = "home"
title = "From home only"
requires = { fact = "network.country", one_of = ["DE", "AT"] }
"#;

#[test]
fn policies_are_listed_and_asked_without_a_trace() {
    let (folder, _) = installed(&format!("{RIGHT}{POLICY}"));
    let access = |more: &[&str]| run(folder.path(), &[&["access"], more].concat());
    let listed = access(&["policies"]);
    assert_eq!(listed.code, Some(0), "{}", listed.err);
    assert!(listed.out.contains("home") && listed.out.contains("From home only"), "{}", listed.out);
    for (country, outcome) in [("DE", "permit"), ("FR", "deny")] {
        let fact = format!("network.country={country}");
        let ran = access(&["what-if", "--resource", "sales", "--fact", &fact]);
        assert!(ran.out.contains(&format!("Together: {outcome}")), "{country}: {}{}", ran.out, ran.err);
    }
    assert_ne!(access(&["what-if", "--resource", "sales", "--stage", "dawn"]).code, Some(0));
}
