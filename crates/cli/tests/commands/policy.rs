//! `prokura policy`: checked, tested, explained, compared, put in force.

use crate::program::{RIGHT, Ran, get, installed, run, serve};
use std::path::Path;

const SET: &str = r#"
[policy]
reload = "1s"
[[policy.set]]
name = "staff"
language = "cedar"
files = ["staff.cedar"]
[[policy.entities]]
files = ["staff.json"]
"#;

const FIRST: &str = r#"@id("own-staff")
permit (principal, action == Action::"view", resource) when { resource.manager == principal };

@id("agents-never-delete")
@note("agents delete nobody")
forbid (principal, action == Action::"delete", resource) when { context has actor };
"#;

const ENTITIES: &str = r#"[
 {"uid":{"type":"User","id":"mia"}},
 {"uid":{"type":"Employee","id":"e1"},"attrs":{"manager":{"__entity":{"type":"User","id":"mia"}}}}]"#;

const TABLE: &str = r#"
[[entities]]
uid = 'Employee::"e1"'
attrs = { manager = { __entity = { type = "User", id = "mia" } } }
[[cases]]
name = "she sees her own"
subject = 'User::"mia"'
action = "view"
resource = 'Employee::"e1"'
expect = "permit"
[[cases]]
name = "he does not"
subject = 'User::"max"'
action = "view"
resource = 'Employee::"e1"'
expect = "deny"
"#;

fn folder(policies: &str) -> (tempfile::TempDir, u16) {
    let (folder, port) = installed(&format!("{RIGHT}{SET}"));
    write(folder.path(), "staff.cedar", policies);
    write(folder.path(), "staff.json", ENTITIES);
    write(folder.path(), "cases.toml", TABLE);
    (folder, port)
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

fn policy(folder: &Path, more: &[&str]) -> Ran {
    run(folder, &[&["policy"], more].concat())
}

/// The output of a run that must end so; versions and times are replaced.
fn said(folder: &Path, more: &[&str], code: i32) -> String {
    let ran = policy(folder, more);
    assert_eq!(ran.code, Some(code), "{more:?}: {}{}", ran.out, ran.err);
    masked(&format!("{}{}", ran.out, ran.err))
}

/// Twelve hexadecimal digits are a version.
fn masked(text: &str) -> String {
    let is_version = |word: &str| word.len() == 12 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let word = |word: &str| if is_version(word) { "VERSION".to_owned() } else { word.to_owned() };
    let split = |c: char| !c.is_ascii_alphanumeric();
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(split) {
        out.push_str(&word(&rest[..at]));
        let end = at + rest[at..].chars().next().map_or(1, char::len_utf8);
        out.push_str(&rest[at..end]);
        rest = &rest[end..];
    }
    out + &word(rest)
}

#[test]
fn what_is_wrong_is_shown_with_its_line_and_never_comes_in_force() {
    let (folder, _) = folder(FIRST);
    assert_eq!(said(folder.path(), &["check"], 0), "staff is fine: 1 file of cedar, version VERSION.\n");
    write(
        folder.path(),
        "staff.cedar",
        "permit (principal, action, resource);\npermit (principal action, resource);\n",
    );
    let wrong = said(folder.path(), &["check"], 1);
    assert!(wrong.starts_with("staff.cedar:2:"), "{wrong}");
    assert!(wrong.contains("\n  2 | permit (principal action, resource);\n    | "), "{wrong}");
    assert!(wrong.ends_with("prokura: 1 problem; policies with problems never come in force\n"), "{wrong}");
    let machine = policy(folder.path(), &["check", "--json"]);
    assert!(
        machine.out.contains(r#""valid":false"#) && machine.out.contains(r#""place":"staff.cedar:2:"#),
        "{}",
        machine.out
    );
    // An obligation that nobody can read is wrong too.
    write(folder.path(), "staff.cedar", "@redact(\"ssn\")\npermit (principal, action, resource);\n");
    let obliged = said(folder.path(), &["check", "staff.cedar"], 1);
    assert!(obliged.contains("redact") && !obliged.contains('…'), "{obliged}");
    assert_eq!(policy(folder.path(), &["activate", "staff", "files"]).code, Some(1));
    assert!(said(folder.path(), &["check", "staff.txt"], 2).contains("ends with `.cedar`"));
    write(folder.path(), "none.cedar", "forbid (principal, action, resource);\n");
    let none = said(folder.path(), &["check", "none.cedar"], 0);
    assert!(none.contains("policies: warning: no policy of it permits anything"), "{none}");
    let asks = |who: &str| {
        format!("{FIRST}@approval(\"1 of {who} for 10m: why\")\npermit (principal, action, resource);\n")
    };
    write(folder.path(), "staff.cedar", &asks("subject, operator"));
    assert!(!said(folder.path(), &["check"], 0).contains("warning"));
    write(folder.path(), "staff.cedar", &asks("hrr"));
    let nobody = said(folder.path(), &["check"], 0);
    assert!(
        nobody.contains("staff.cedar:7:1: warning: `hrr` is to agree, and there is no such group"),
        "{nobody}"
    );
    write(folder.path(), "staff.json", "[{}]");
    assert!(said(folder.path(), &["check"], 1).contains("staff.json: error: the entry number 1"));
}

#[test]
fn tables_are_put_to_policies_and_a_wrong_answer_fails() {
    let (folder, _) = folder(FIRST);
    assert_eq!(
        said(folder.path(), &["test", "cases.toml"], 0),
        "cases.toml\n  ok    she sees her own\n  ok    he does not\n2 right, 0 wrong.\n"
    );
    write(folder.path(), "wide.cedar", "@id(\"all\")\npermit (principal, action, resource);\n");
    let wide = said(folder.path(), &["test", "cases.toml", "--policies", "wide.cedar"], 1);
    assert!(wide.contains("  WRONG he does not\n") && wide.contains("1 right, 1 wrong."), "{wide}");
    let differs = said(folder.path(), &["diff", "staff.cedar", "wide.cedar", "--table", "cases.toml"], 0);
    assert!(differs.contains("+ permit (principal, action, resource);"), "{differs}");
    assert!(differs.contains("  he does not: deny -> permit\n1 of 2 answers differ."), "{differs}");
    assert!(said(folder.path(), &["test", "none.toml"], 2).contains("cannot be read"));
}

#[test]
fn an_answer_is_explained_by_its_rules_and_what_they_miss() {
    let (folder, _) = folder(FIRST);
    let explain = |more: &[&str]| said(folder.path(), &[&["explain"], more].concat(), 0);
    let denied = explain(&[
        "--subject",
        "User::mia",
        "--actor",
        "agt_planner",
        "--action",
        "delete",
        "--resource",
        "Employee::e1",
        "--context",
        r#"{"actor":{"__entity":{"type":"Agent","id":"agt_planner"}}}"#,
    ]);
    assert!(denied.starts_with("Denied.\nstaff (cedar, on): deny\n"), "{denied}");
    assert!(denied.contains("agents-never-delete: agents delete nobody"), "{denied}");
    let near = explain(&["--subject", "User::max", "--action", "view", "--resource", "Employee::e1"]);
    assert!(near.contains("staff (cedar, on): silent") && near.contains("what would permit it"), "{near}");
    assert!(near.contains("own-staff") && near.contains("does not hold"), "{near}");
    let permitted = explain(&["--subject", "User::mia", "--action", "view", "--resource", "Employee::e1"]);
    assert!(permitted.starts_with("Permitted.\n"), "{permitted}");
    let nobodys = explain(&["--subject", "User::mia", "--action", "vew", "--resource", "Employee::e99"]);
    assert!(nobodys.contains("no rule that permits is for such an action"), "{nobodys}");
    assert!(nobodys.contains("Nothing is known of Employee::\"e99\""), "{nobodys}");
    let bare = said(
        folder.path(),
        &["explain", "--subject", "User::mia", "--action", "view", "--resource", "e1"],
        2,
    );
    assert!(bare.contains("as in `Employee::e1`"), "{bare}");
    assert!(said(folder.path(), &["explain", "--trace", "tr_0000000000000000"], 1).contains("is on record"));
    assert_eq!(policy(folder.path(), &["explain"]).code, Some(2));
    // Looking changes nothing.
    assert!(said(folder.path(), &["list"], 0).contains("staff  cedar     on"));
    assert!(said(folder.path(), &["show", "staff"], 1).contains("no version of `staff` was ever in force"));
}

#[test]
fn versions_are_put_in_force_and_back_and_every_process_follows() {
    let (folder, port) = folder(FIRST);
    let serving = serve(folder.path(), port, &[]);
    assert!(
        said(folder.path(), &["list"], 0).contains("the same"),
        "a start puts the files' version in force"
    );
    write(folder.path(), "staff.cedar", &FIRST.replace("view", "look"));
    let listed = wait_for(folder.path(), |out| out.contains("the same"));
    assert!(listed.contains("files"), "{listed}");
    let versions = said(folder.path(), &["list", "staff"], 0);
    assert_eq!(versions.lines().count(), 3, "a head and two versions: {versions}");
    assert_eq!(
        said(folder.path(), &["rollback", "staff", "--note", "too wide"], 0),
        "Version VERSION of staff is in force; every process hears of it within a second.\n"
    );
    assert!(said(folder.path(), &["show", "staff"], 0).contains("Action::\"view\""));
    assert!(
        said(folder.path(), &["diff", "staff", "staff@files"], 0)
            .contains("+ permit (principal, action == Action::\"look\"")
    );
    let audit = run(folder.path(), &["audit", "list", "--action", "policy:rollback", "--json"]);
    assert!(audit.out.contains("too wide"), "{}", audit.out);
    // A broken file changes nothing, also over a restart.
    write(folder.path(), "staff.cedar", "permit (");
    drop(serving);
    let serving = serve(folder.path(), port, &[]);
    assert!(get(port, "/readyz").is_some());
    assert!(said(folder.path(), &["show", "staff"], 0).contains("Action::\"view\""));
    assert!(said(folder.path(), &["list"], 0).contains("not valid (1)"));
    drop(serving);
    assert!(said(folder.path(), &["rollback", "other"], 1).contains("there is no policy set `other`"));
    assert!(said(folder.path(), &["activate", "staff", "ffffffffffff"], 1).contains("there is no version"));
}

/// What `policy list` says once it is so.
fn wait_for(folder: &Path, so: impl Fn(&str) -> bool) -> String {
    for _ in 0..200 {
        let listed = said(folder, &["list"], 0);
        if so(&listed) {
            return listed;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("it never was so: {}", said(folder, &["list"], 0));
}

#[test]
fn a_kill_while_versions_are_put_in_force_leaves_one_of_them_as_a_whole() {
    let (folder, _) = folder(FIRST);
    let texts = [FIRST.to_owned(), FIRST.replace("view", "look")];
    for (n, text) in texts.iter().enumerate() {
        write(folder.path(), "staff.cedar", text);
        assert_eq!(policy(folder.path(), &["activate", "staff", "files"]).code, Some(0), "{n}");
    }
    for round in 0..12_u64 {
        let mut child = crate::program::command(folder.path(), &["policy", "rollback", "staff"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(round * 4));
        let _ = child.kill();
        let _ = child.wait();
        let shown = policy(folder.path(), &["show", "staff"]);
        assert_eq!(shown.code, Some(0), "{round}: {}", shown.err);
        assert!(texts.iter().any(|t| shown.out.contains(t.trim_end())), "{round}: {}", shown.out);
        // What is in force is what was put in force last.
        let listed = run(folder.path(), &["policy", "list", "staff", "--json"]);
        assert_eq!(listed.out.matches(r#""active":true"#).count(), 1, "{round}: {}", listed.out);
    }
    assert_eq!(run(folder.path(), &["audit", "check"]).code, Some(0));
}
