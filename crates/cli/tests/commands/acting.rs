//! `prokura token` and `prokura connect` for a user whose token was handed over: what is refused before anything is asked,
//! and what nobody is shown.

use crate::program::{RIGHT, Ran, command, installed, serve};
use std::path::Path;
use std::process::Stdio;

const SERVER: &str = "http://127.0.0.1:9/mcp";
/// `{"iss":"https://other.example","aud":"https://other.example/mcp/sales","sub":"usr_alice"}`
const ELSEWHERE: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL290aGVyLmV4YW1wbGUiLCJhdWQiOiJodHRwczovL290aGVyLmV4YW1wbGUvbWNwL3NhbGVzIiwic3ViIjoidXNyX2FsaWNlIn0.c2lnbmF0dXJl";

fn run(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut program = command(folder, arguments);
    program.env_clear().env("HOME", folder).envs(variables.iter().copied());
    program.output().unwrap().into()
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (subject, env) = (["--subject-token-file", "t"], ["--subject-token-env", "NOT_SET_ANYWHERE"]);
    let token = |more: &[&'static str]| [&["token", "--resource", SERVER], more].concat();
    for (arguments, word) in [
        (token(&["--actor-token-file", "a"]), "nothing to exchange"),
        (token(&["--requested-actor", "agt_reporter"]), "nothing to exchange"),
        (token(&["--token-view", "agent"]), "nothing to exchange"),
        (token(&env), "NOT_SET_ANYWHERE"),
        (token(&[subject[0], "-"]), "standard input is empty"),
        (token(&[subject[0], "t", env[0], env[1]]), "cannot be used with"),
        (token(&[subject[0], "t", "--device"]), "cannot be used with"),
        (token(&[subject[0], "t", "--client-id", "c", "--client-credentials"]), "cannot be used with"),
        (token(&[subject[0], "t", "--subject-token-type", "saml2"]), "saml2"),
        (token(&[subject[0], "t", "--token-view", "nobody"]), "impersonation"),
        (token(&[subject[0], "t", "--actor-resource", SERVER]), "--client-id"),
        (vec!["connect", SERVER, subject[0], "-"], "standard input is the host's"),
    ] {
        let ran = run(folder.path(), &[], &arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(word), "`{word}` in {}", ran.err);
    }
}

#[test]
fn a_token_that_cannot_be_read_is_said_to_be() {
    let (folder, port) = installed(RIGHT);
    let _serving = serve(folder.path(), port, &[]);
    let address = format!("http://localhost:{port}/mcp/sales");
    let ran = run(folder.path(), &[], &["token", "--resource", &address, "--subject-token-file", "missing"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{}", ran.err);
    assert!(ran.err.contains("missing") || ran.err.contains("token-exchange"), "{}", ran.err);
    assert!(!folder.path().join(".local").exists(), "nothing of it is kept");
}

/// The MCP server names who grants access. Whatever it says, a token of somebody else is not shown there.
#[test]
fn a15_a_handed_token_of_another_issuer_is_not_shown() {
    let (folder, port) = installed(&format!("{RIGHT}{EXCHANGES}"));
    std::fs::write(folder.path().join("planner.secret"), "a-secret-of-more-than-thirty-two-signs").unwrap();
    let _serving = serve(folder.path(), port, &[]);
    let address = format!("http://localhost:{port}/mcp/sales");
    let handed = [("HANDED", ELSEWHERE)];
    let arguments = ["token", "--resource", &address, "--subject-token-env", "HANDED"];
    let ran = run(folder.path(), &handed, &arguments);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{}", ran.err);
    assert!(ran.err.contains("`https://other.example`") && ran.err.contains("not shown"), "{}", ran.err);

    let mut program = command(folder.path(), &["token", "--resource", &address, "--subject-token-file", "-"]);
    program.env_clear().env("HOME", folder.path()).stdin(Stdio::piped());
    program.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), ELSEWHERE.as_bytes()).unwrap();
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert!(ran.code == Some(1) && ran.err.contains("`https://other.example`"), "{}", ran.err);

    let ran = run(folder.path(), &handed, &[&arguments[..], &["--explain"]].concat());
    assert!(ran.out.contains("whose authority") && ran.out.contains("sub = usr_alice"), "{}", ran.out);
    for part in ELSEWHERE.split('.') {
        assert!(!ran.out.contains(part) && !ran.err.contains(part), "{}", ran.out);
    }
}

/// A server that exchanges tokens at all.
const EXCHANGES: &str = r#"
[[client]]
id = "planner"
secret = { file = "planner.secret" }
grant_types = ["token_exchange"]
[[id_jag.audience]]
issuer = "https://chat.example/"
resources = ["https://mcp.chat.example/"]
scopes = ["chat.read"]
clients = { planner = "f53f" }
"#;
