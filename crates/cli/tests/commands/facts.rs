//! `prokura fact`: what the operator says, beside a running server or without one.

use crate::program::{RIGHT, installed, run};

#[test]
fn what_is_said_is_listed_and_taken_back() {
    let (folder, _) = installed(RIGHT);
    let folder = folder.path();
    let ran = run(folder, &["fact", "put", "host", "prod/node:worker-1", "posture.compliant", "true"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.out.trim(), "posture.compliant of host prod/node:worker-1 is true.");
    let ran =
        run(folder, &["fact", "put", "agent", "agt_x", "risk.level", "HIGH", "--max-age", "2d", "--json"]);
    assert_eq!(ran.out.trim(), r#"{"done":"fact:put","id":"agt_x"}"#, "{}", ran.err);
    let ran = run(folder, &["fact", "list", "--json"]);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.out);
    assert!(
        lines[0].contains(r#""id":"agt_x","name":"risk.level","value":"HIGH","source":"operator""#),
        "{}",
        lines[0]
    );
    assert!(lines[0].contains(r#""max_age":172800,"counts":true"#));
    let ran = run(folder, &["fact", "list", "host", "prod/node:worker-1"]);
    assert!(ran.out.contains("posture.compliant") && !ran.out.contains("agt_x"), "{}", ran.out);
    assert_eq!(run(folder, &["fact", "forget", "agent", "agt_x", "risk.level"]).code, Some(0));
    assert_eq!(run(folder, &["fact", "forget", "agent", "agt_x", "risk.level"]).code, Some(1));
    let record = run(folder, &["audit", "list", "--json"]).out;
    assert!(record.contains("fact:put") && record.contains("fact:forget"), "{record}");
}

#[test]
fn what_cannot_be_said_is_refused_with_what_can() {
    let (folder, _) = installed(RIGHT);
    for (asked, said) in [
        (["host", "worker-1", "posture.compliant", "true"], "PROVIDER/CLAIM:VALUE"),
        (["pod", "a", "posture.compliant", "true"], "`workload`, `host`, `agent`, `client` or `user`"),
        (["agent", "agt_x", "workload.namespace", "prod"], "`custom.…`"),
        (["agent", "agt_x", "risk.level", "severe"], "`LOW`, `MEDIUM` or `HIGH`"),
    ] {
        let ran = run(folder.path(), &[&["fact", "put"][..], &asked].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
        assert!(ran.err.contains(said), "{}", ran.err);
    }
}
