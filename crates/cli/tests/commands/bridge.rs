//! `prokura connect` and `prokura token`: what can be said without a server. With servers and hosts that nobody here
//! wrote they are shown by `interop/`.

use crate::program::{RIGHT, Ran, Serving, browse, command, installed, serve};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;

const SERVER: &str = "http://127.0.0.1:9/mcp";

fn run(folder: &Path, arguments: &[&str]) -> Ran {
    command(folder, arguments).env_clear().env("HOME", folder).output().unwrap().into()
}

#[test]
fn a_script_is_told_by_the_code_that_a_person_has_to_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["token", "--resource", SERVER, "--stored-only"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{}", ran.err);
    assert!(ran.err.contains("sign in"), "{}", ran.err);
}

#[test]
fn what_cannot_be_used_is_refused_before_anything_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 7] = [
        (&["connect", "nonsense"], "nonsense"),
        (&["connect", "ftp://mcp.example/"], "https://"),
        (&["connect", "http://mcp.example/"], "plain http"),
        (&["connect", SERVER, "--client-credentials"], "--client-id"),
        (
            &["connect", SERVER, "--client-id", "c", "--client-secret-env", "NOT_SET_ANYWHERE"],
            "NOT_SET_ANYWHERE",
        ),
        (&["connect", SERVER, "--device", "--stored-only"], "cannot be used with"),
        (&["token", "--resource", SERVER, "--scope", "a\"b"], "--scope"),
    ];
    for (arguments, word) in cases {
        let ran = run(folder.path(), arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(word), "`{word}` in {}", ran.err);
    }
}

#[test]
fn a_host_that_closes_at_once_ends_it_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["connect", SERVER]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), "", ""));
    let logins = folder.path().join(".local/state/prokura/logins");
    assert!(!cfg!(target_os = "linux") || logins.is_dir(), "logins are kept where state is");
}

/// The configuration of `agents-that-call-agents.md`, on a machine without a display.
#[test]
fn a_client_that_may_not_use_device_codes_is_signed_in_by_an_address() {
    const PLANNER: &str = r#"
[dev]
auto_approve_user = "alice"
[[client]]
id = "planner"
auth = "none"
redirect_uris = ["http://127.0.0.1/callback"]
"#;
    let (folder, port) = installed(&format!("{RIGHT}{PLANNER}"));
    let _serving = serve(folder.path(), port, &["--dev"]);
    let address = format!("http://localhost:{port}/mcp/sales");
    let arguments = ["token", "--device", "--resource", &address, "--client-id", "planner"];
    let mut program = command(folder.path(), &arguments);
    program.env_clear().env("HOME", folder.path()).env("BROWSER", "true");
    let mut child = Serving(program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let said = BufReader::new(child.0.stderr.take().unwrap());
    let lines: Vec<String> = said.lines().map(Result::unwrap).take(3).collect();
    let shown = lines.iter().find_map(|l| l.trim().starts_with("http://").then_some(l.trim()));
    let _page = browse(shown.unwrap_or_else(|| panic!("no address in {lines:?}")));
    let mut token = String::new();
    child.0.stdout.take().unwrap().read_to_string(&mut token).unwrap();
    assert_eq!(token.split('.').count(), 3, "{token}");
}
