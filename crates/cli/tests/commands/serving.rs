//! A running server, and administration beside it.

use crate::program::{RIGHT, command, get, installed, run, send, serve};
use std::io::{Read, Write};
use std::process::Stdio;

fn stop(mut serving: crate::program::Serving) -> (Option<i32>, String) {
    let pid = serving.0.id().to_string();
    assert!(std::process::Command::new("kill").arg(&pid).status().unwrap().success());
    let mut said = String::new();
    serving.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (serving.0.wait().unwrap().code(), said)
}

#[test]
fn it_says_where_it_is_and_how_the_first_person_gets_in_and_stops_when_told() {
    let (folder, port) = installed(RIGHT);
    let serving = serve(folder.path(), port, &[]);
    assert!(get(port, "/healthz").unwrap().starts_with("HTTP/1.1 200"));
    let metadata = get(port, "/.well-known/oauth-authorization-server").unwrap();
    assert!(metadata.contains(&format!("\"issuer\":\"http://localhost:{port}\"")));
    let refused = get(port, "/mcp/sales").unwrap();
    assert!(refused.starts_with("HTTP/1.1 401") && refused.contains("www-authenticate: Bearer"), "{refused}");
    let (code, said) = stop(serving);
    assert_eq!(code, Some(0), "{said}");
    for word in [&format!("http://localhost:{port}/mcp/sales"), "/setup/l_", "ready at", "stopped"] {
        assert!(said.contains(word), "`{word}` in {said}");
    }
    assert!(!said.contains("DEVELOPMENT"));
}

#[test]
fn development_mode_is_said_in_every_line_at_start() {
    let (folder, port) = installed(&format!("{RIGHT}\n[dev]\nauto_approve_user = \"alice\"\n"));
    let (_, said) = stop(serve(folder.path(), port, &["--dev"]));
    let start = said.lines().filter(|l| !l.contains("stopped"));
    assert!(start.clone().count() >= 3 && start.clone().all(|l| l.contains("DEVELOPMENT MODE")), "{said}");
}

#[test]
fn an_address_that_is_taken_is_refused_before_anything_is_touched() {
    let (folder, port) = installed(RIGHT);
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let ran = run(folder.path(), &["serve"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains(&format!("127.0.0.1:{port} cannot be used")), "{}", ran.err);
    assert!(!folder.path().join("prokura.db").exists());
}

#[test]
fn people_are_added_beside_a_running_server_and_everything_is_on_record() {
    let (folder, port) = installed(RIGHT);
    let _serving = serve(folder.path(), port, &[]);
    let ran = run(folder.path(), &["user", "add", "alice", "--name", "Alice"]);
    assert!(ran.out.contains(&format!("http://localhost:{port}/setup/l_")), "{}{}", ran.out, ran.err);
    let path = ran.out.split(&format!("localhost:{port}")).nth(1).unwrap().trim();
    assert!(get(port, path).unwrap().starts_with("HTTP/1.1 200"), "the link is known to the server");
    let mut child =
        command(folder.path(), &["user", "add", "bob", "--password"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse battery\n").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(run(folder.path(), &["user", "add", "bob"]).code, Some(1), "taken");
    let list = run(folder.path(), &["user", "list", "--json"]).out;
    assert!(list.lines().count() == 2 && !list.contains("argon2"), "{list}");
    assert_eq!(run(folder.path(), &["user", "disable", "bob", "--why", "left"]).code, Some(0));
    let record = run(folder.path(), &["audit", "list", "--user", "bob"]).out;
    assert!(record.contains("user:disable") && record.contains("left"), "{record}");
    assert!(run(folder.path(), &["audit", "check"]).out.contains("no number is missing"));
}

#[test]
fn a_key_rotates_beside_a_running_server() {
    let (folder, port) = installed(RIGHT);
    let _serving = serve(folder.path(), port, &[]);
    let keys = || run(folder.path(), &["key", "list", "--json"]).out.lines().count();
    assert_eq!(keys(), 1);
    assert_eq!(run(folder.path(), &["key", "rotate"]).code, Some(0));
    assert_eq!(keys(), 2);
    assert_eq!(
        run(folder.path(), &["audit", "list", "--action", "key:make", "--json"]).out.lines().count(),
        2
    );
}

#[test]
fn a_head_that_is_too_large_or_never_ends_takes_no_place_for_long() {
    let (folder, port) = installed(RIGHT);
    let _serving = serve(folder.path(), port, &[]);
    let large = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    let answer = send(port, large.as_bytes());
    assert!(answer.is_none_or(|a| a.is_empty() || a.starts_with("HTTP/1.1 431")), "refused or closed");
    // Ends by the server's own patience; the reader's own is twice as long.
    assert!(send(port, b"GET /healthz HTTP/1.1\r\nHost: loc").is_some(), "closed by the server");
    assert!(get(port, "/healthz").unwrap().starts_with("HTTP/1.1 200"));
}
