//! Workload identity on the command line: what is detected, explained and refused. With authorization servers and
//! platforms it is shown by the SDK's tests and by `interop/`.

use crate::program::{RIGHT, Ran, command, installed, serve};
use std::path::Path;

/// For `https://elsewhere.example`, with a name that would clear a terminal.
const ELSEWHERE: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2dpdGxhYi5leGFtcGxlIiwiYXVkIjoiaHR0cHM6Ly9lbHNld2hlcmUuZXhhbXBsZSIsInN1YiI6InByb2plY3RfcGF0aDphL2IiLCJwcm9qZWN0X2lkIjoiNDIiLCJleHAiOjQxMDI0NDQ4MDAsInVzZXIiOnsibmFtZSI6IkFsXHUwMDFiWzJKaWNlIn19.c2lnbmF0dXJl";

fn run(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut program = command(folder, arguments);
    program.env_clear().env("HOME", folder).envs(variables.iter().copied());
    program.output().unwrap().into()
}

#[test]
fn an_explanation_says_each_step_and_shows_no_token() {
    let (folder, port) = installed(RIGHT);
    let _serving = serve(folder.path(), port, &[]);
    let address = format!("http://localhost:{port}/mcp/sales");
    let job = [("GITLAB_CI", "true"), ("PROKURA_ID_TOKEN", ELSEWHERE)];
    let ran = run(folder.path(), &job, &["token", "--resource", &address, "--explain"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    for word in [
        "gitlab: the variables `GITLAB_CI` and `PROKURA_ID_TOKEN` - there",
        "kubernetes: ",
        "a workload of `gitlab`",
        &format!("authorization server: http://localhost:{port}"),
        "project_id = 42",
        "user.name = Al",
        "audience received: https://elsewhere.example",
        &format!("audience expected: http://localhost:{port}"),
        "what to do: ",
    ] {
        assert!(ran.out.contains(word), "`{word}` in {}", ran.out);
    }
    for part in ELSEWHERE.split('.') {
        assert!(!ran.out.contains(part) && !ran.err.contains(part), "{}", ran.out);
    }
    assert!(!ran.out.contains('\u{1b}'));
    let told = run(folder.path(), &job, &["token", "--resource", &address, "--explain", "--json"]);
    assert!(told.out.starts_with(r#"{"steps":[{"step":"what is looked for","ok":true"#), "{}", told.out);
}

#[test]
fn a15_evidence_for_another_server_is_refused_before_it_is_sent() {
    let (folder, port) = installed(RIGHT);
    let _serving = serve(folder.path(), port, &[]);
    let address = format!("http://localhost:{port}/mcp/sales");
    let file = folder.path().join("token");
    std::fs::write(&file, ELSEWHERE).unwrap();
    let file = file.to_str().unwrap();
    for arguments in [&["--evidence-file", file][..], &["--jwt-file", file]] {
        let ran = run(folder.path(), &[], &[&["token", "--resource", &address], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{}", ran.err);
        assert!(
            ran.err.contains("`https://elsewhere.example`") || ran.err.contains("jwt-bearer"),
            "{}",
            ran.err
        );
    }
    assert!(!folder.path().join(".local").exists(), "a workload keeps nothing");
}

#[test]
fn without_a_platform_a_person_is_meant_and_nothing_is_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let server = "http://127.0.0.1:9/mcp";
    let mine = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let ran = run(folder.path(), &mine, &["token", "--resource", server, "--stored-only"]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    let job = [("PROKURA_ID_TOKEN", ELSEWHERE)];
    let ran = run(folder.path(), &job, &["token", "--resource", server, "--no-workload", "--stored-only"]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    for (arguments, code, says) in [
        (&["--workload", "mainframe"][..], 2, "kubernetes"),
        (&["--workload", "gcp", "--device"], 2, "cannot be used with"),
        (&["--workload", "--no-workload"], 2, "cannot be used with"),
        (&["--provider-options", "audience=api://x"], 2, "issuer="),
        (&["--provider-options", "command=curl"], 2, "no option"),
        (&["--workload", "github"], 1, ""),
    ] {
        let ran = run(folder.path(), &[], &[&["token", "--resource", server], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(says), "`{says}` in {}", ran.err);
    }
}
