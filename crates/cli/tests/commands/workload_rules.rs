//! `prokura workload`: rules beside those of the file, and what would become of a token.

use crate::program::{RIGHT, installed, run};

/// A CI service whose key nobody has: what it signs cannot be made here.
const CI: &str = r#"
[[workload.provider]]
name = "ci"
platform = "oidc"
issuer = "https://ci.example"
jwks = '{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}'
claims.project = { type = "number", told = true }
[[workload.rule]]
name = "builder"
provider = "ci"
agent = "builder"
when = { project = 42 }
"#;

/// `{"alg":"ES256"}.{"iss":"https://other.example","aud":"x","sub":"s"}.x`
const FOREIGN: &str =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL290aGVyLmV4YW1wbGUiLCJhdWQiOiJ4Iiwic3ViIjoicyJ9.eA";

#[test]
fn rules_are_stored_listed_and_removed_and_those_of_the_file_stay() {
    let (folder, _) = installed(&format!("{RIGHT}{CI}"));
    let rule = |more: &[&str]| run(folder.path(), &[&["workload", "rule"], more].concat());
    let flags =
        ["--provider", "ci", "--agent", "planner", "--when", "project=7", "--grant", "sales=read:report"];
    let added = rule(&[&["add", "planner"], &flags[..]].concat());
    assert!(added.out.contains("is in force"), "{}{}", added.out, added.err);
    let listed = rule(&["list", "--json"]);
    let lines: Vec<serde_json::Value> =
        listed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines[0]["name"].as_str(), lines[0]["from"].as_str()), (Some("builder"), Some("file")));
    assert_eq!((lines[1]["when"]["project"].as_i64(), lines[1]["from"].as_str()), (Some(7), Some("store")));
    let again = rule(&[&["add", "builder"], &flags[..]].concat());
    assert!(again.code == Some(1) && again.err.contains("stands in the configuration file"), "{}", again.err);
    for (wrong, says) in [
        (["--when", "project=*"], "no value of that claim"),
        (["--when", "ref=main"], "says nothing of that name"),
        (["--grant", "hr=read"], "no resource `hr`"),
        (["--life", "1h"], "at most 10m"),
    ] {
        let ran = rule(&[&["add", "x"], &flags[..], &wrong[..]].concat());
        assert!(ran.err.contains(says), "{says}: {}{}", ran.out, ran.err);
    }
    assert_eq!(rule(&["remove", "builder"]).code, Some(1));
    assert_eq!(rule(&["remove", "nobody"]).code, Some(1));
    assert_eq!(rule(&["remove", "planner"]).code, Some(0));
    let record = run(folder.path(), &["audit", "list"]);
    for word in ["workload_rule:put", "workload_rule:remove"] {
        assert!(record.out.contains(word), "`{word}` in {}", record.out);
    }
}

#[test]
fn a_token_is_tried_and_nothing_but_the_reason_comes_out() {
    let (folder, _) = installed(&format!("{RIGHT}{CI}"));
    let ran = run(folder.path(), &["workload", "test", FOREIGN]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("`https://other.example`, and no provider has that issuer"), "{}", ran.out);
    let ran = run(folder.path(), &["workload", "test", FOREIGN, "--json"]);
    let said: serde_json::Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
    assert_eq!((said["believed"].as_bool(), said["rule"].is_null()), (Some(false), true));
}

#[test]
fn a_provider_is_stopped_and_let_in_again_by_its_name() {
    let (folder, _) = installed(&format!("{RIGHT}{CI}"));
    let ran = |all: &[&str]| run(folder.path(), &[&["workload"], all].concat());
    assert!(ran(&["disable", "--provider", "ci", "--why", "moved"]).out.contains("ci is stopped"));
    assert!(ran(&["providers"]).out.contains("disabled"));
    assert!(ran(&["enable", "--provider", "ci"]).out.contains("let in again"));
    assert!(ran(&["providers"]).out.contains("believed"));
    for unknown in [&["disable", "--provider", "x"][..], &["disable", "wl_x"], &["show", "wl_x"]] {
        assert_eq!(ran(unknown).code, Some(1), "{unknown:?}");
    }
    let none = ran(&["forget-key", "ci", "1/eu-west-1/i-1"]);
    assert!(
        none.code == Some(1) && none.err.contains("no key is bound to `1/eu-west-1/i-1`"),
        "{}",
        none.err
    );
    assert_eq!(ran(&["disable"]).code, Some(2));
    assert_eq!(ran(&["list"]).code, Some(0));
}
