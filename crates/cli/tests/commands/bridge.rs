//! `prokura connect` and `prokura token`: what can be said without a server. With servers and hosts that nobody here
//! wrote they are shown by `interop/`.

use crate::program::{Ran, command};
use std::path::Path;

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
