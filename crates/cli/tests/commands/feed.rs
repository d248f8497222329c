//! A gateway on a database of its own, before an issuer whose feed it follows.

use crate::program::{RIGHT, Serving, get, installed, run, send, serve, start};
use std::path::Path;
use std::time::Duration;

/// `gateway.stale_after` where nothing else is configured.
const STALE_AFTER: Duration = Duration::from_secs(2);
const SECRET: &str = "a-secret-that-a-machine-made-1234567890";
/// `batch:` and `gw:` with the secret, as `Authorization` wants it.
const BATCH: &str = "YmF0Y2g6YS1zZWNyZXQtdGhhdC1hLW1hY2hpbmUtbWFkZS0xMjM0NTY3ODkw";

fn client(id: &str, resource: &str, scope: &str) -> String {
    format!(
        "[[client]]\nid = \"{id}\"\nsecret = {{ file = \"secret\" }}\ngrant_types = [\"client_credentials\"]\n\
         [[client.grant]]\nresource = \"{resource}\"\nscopes = [\"{scope}\"]\n"
    )
}

/// An issuer, and a gateway at its address on another port.
fn both() -> (tempfile::TempDir, u16, tempfile::TempDir, u16) {
    let issuer =
        format!("{RIGHT}{}{}", client("gw", "feed", "feed"), client("batch", "sales", "read:report"));
    let (at, port) = installed(&issuer);
    let (beside, beside_port) = installed("");
    let address = format!("http://localhost:{port}");
    let config = RIGHT
        .replacen("issuer = \"http://localhost:PORT\"", &format!("address = \"{address}\""), 1)
        .replacen("[[resource]]", &format!("[gateway.feed]\nat = \"http://127.0.0.1:{port}\"\nclient_id = \"gw\"\nsecret = {{ file = \"secret\" }}\n[[resource]]"), 1)
        .replace("PORT", &beside_port.to_string());
    std::fs::write(beside.path().join("prokura.toml"), config).unwrap();
    for folder in [at.path(), beside.path()] {
        std::fs::write(folder.join("secret"), SECRET).unwrap();
    }
    (at, port, beside, beside_port)
}

fn token(port: u16) -> String {
    let form = "grant_type=client_credentials";
    let request = format!(
        "POST /token HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Basic {BATCH}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = send(port, request.as_bytes()).unwrap();
    let token = answer.split("\"access_token\":\"").nth(1).unwrap_or_else(|| panic!("{answer}"));
    token.split('"').next().unwrap().to_owned()
}

/// The status of a call: 502 where it was let through, for there is no upstream.
fn call(port: u16, issuer: u16, token: &str) -> u16 {
    let body =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_report","arguments":{}}}"#;
    let request = format!(
        "POST /mcp/sales HTTP/1.1\r\nHost: localhost:{issuer}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
         Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-06-18\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = send(port, request.as_bytes()).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn becomes(wanted: u16, status: impl Fn() -> u16) {
    for _ in 0..1000 {
        if status() == wanted {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(status(), wanted);
}

fn revoke(folder: &Path) {
    let listed = run(folder, &["grant", "list", "--json"]).out;
    let sales = listed.lines().find(|l| l.contains("/mcp/sales")).unwrap_or_else(|| panic!("{listed}"));
    let id = sales.split('"').find(|word| word.starts_with("g_")).unwrap();
    let ran = run(folder, &["grant", "revoke", id, "--why", "test"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
}

fn kill(mut serving: Serving) {
    serving.0.kill().unwrap();
    serving.0.wait().unwrap();
}

#[test]
fn what_is_revoked_at_the_issuer_is_refused_elsewhere_and_a_cut_feed_refuses_everything() {
    let (at, port, beside, elsewhere) = both();
    let issuer = serve(at.path(), port, &[]);
    let token = token(port);
    let _gateway = start(beside.path(), elsewhere, &["gateway"]);
    let status = || call(elsewhere, port, &token);
    assert_eq!(status(), 502, "let through to an upstream that is not there");
    kill(issuer);
    becomes(503, status);
    assert!(get(elsewhere, "/readyz").unwrap().contains("what the issuer revoked is not known"));
    let issuer = serve(at.path(), port, &[]);
    becomes(502, status);
    // A command is another process on the issuer's database.
    revoke(at.path());
    becomes(401, status);
    // Whoever hears of it only after both were killed hears of it all the same.
    kill(issuer);
    becomes(503, status);
    let _issuer = serve(at.path(), port, &[]);
    becomes(401, status);
    drop(_gateway);
    let _gateway = start(beside.path(), elsewhere, &["gateway"]);
    assert_eq!(status(), 401);
}

#[test]
fn the_issuer_itself_follows_no_feed() {
    let feed = "[gateway.feed]\nclient_id = \"gw\"\nsecret = { file = \"secret\" }\n";
    let (folder, _) = installed(&format!("{RIGHT}{feed}"));
    let ran = run(folder.path(), &["serve"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("gateway.feed") && ran.err.contains("prokura gateway"), "{}", ran.err);
}

const MODEL: &str =
    "model\n  schema 1.1\ntype agent\ntype group\n  relations\n    define member: [agent, group#member]\n";
const POLICY: &str = "@id(\"hr-reads\")\npermit (principal in Group::\"hr\", action, resource);\n";

/// F2: who has which relation is known at the issuer; a gateway on a database of its own decides with it as it is now, and
/// where it no longer knows, it refuses.
#[test]
fn f02_a_gateway_alone_decides_by_the_relations_that_the_issuer_has_now() {
    let (at, port, beside, elsewhere) = both();
    let edit = |folder: &Path, from: &str, to: &str| {
        let path = folder.join("prokura.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    };
    edit(at.path(), "scopes = [\"feed\"]", "scopes = [\"feed\", \"relations\"]");
    edit(at.path(), "id = \"batch\"", "id = \"batch\"\nagent = \"agt_batch\"");
    let policies = "[[policy.set]]\nname = \"hr\"\nlanguage = \"cedar\"\nfiles = [\"hr.cedar\"]\n\
                    [relations]\nparents = { Group = \"member\" }\n[[resource]]";
    edit(beside.path(), "[[resource]]", policies);
    edit(beside.path(), "client_id = \"gw\"", "relations = true\nclient_id = \"gw\"");
    std::fs::write(beside.path().join("hr.cedar"), POLICY).unwrap();
    std::fs::write(at.path().join("model.fga"), MODEL).unwrap();
    let relation = |arguments: &[&str]| {
        let ran = run(at.path(), &[&["relation"], arguments].concat());
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    };
    relation(&["model", "put", "model.fga"]);
    relation(&["write", "group:staff#member", "member", "group:hr"]);
    let issuer = serve(at.path(), port, &[]);
    let token = token(port);
    let _gateway = start(beside.path(), elsewhere, &["gateway"]);
    let status = || call(elsewhere, port, &token);
    becomes(403, status);
    // Each of these is another process on the issuer's database.
    relation(&["write", "agent:agt_batch", "member", "group:staff"]);
    becomes(502, status);
    relation(&["delete", "agent:agt_batch", "member", "group:staff"]);
    becomes(403, status);
    relation(&["write", "agent:agt_batch", "member", "group:hr"]);
    becomes(502, status);
    kill(issuer);
    becomes(503, status);
    // What is revoked is told at other moments than relations, which may be believed for a while after it no longer is.
    std::thread::sleep(STALE_AFTER);
    // What changed while nobody could tell it is known before anything is let through again.
    relation(&["delete", "agent:agt_batch", "member", "group:hr"]);
    let _issuer = serve(at.path(), port, &[]);
    for _ in 0..1000 {
        match status() {
            503 => std::thread::sleep(Duration::from_millis(20)),
            403 => return,
            other => panic!("{other}: nobody may read any more"),
        }
    }
    panic!("the gateway did not come back");
}

/// Where the client may not follow relations, they are not known, and every call that policies are asked about is refused.
#[test]
fn f02_relations_that_a_gateway_may_not_follow_let_nobody_through() {
    let (at, port, beside, elsewhere) = both();
    let path = beside.path().join("prokura.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let policies = "[[policy.set]]\nname = \"all\"\nlanguage = \"cedar\"\nfiles = [\"all.cedar\"]\n\
                    [relations]\nparents = { Group = \"member\" }\n[[resource]]";
    let text = text.replacen("[[resource]]", policies, 1);
    std::fs::write(&path, text.replacen("client_id = \"gw\"", "relations = true\nclient_id = \"gw\"", 1))
        .unwrap();
    std::fs::write(beside.path().join("all.cedar"), "permit (principal, action, resource);\n").unwrap();
    let _issuer = serve(at.path(), port, &[]);
    let token = token(port);
    let _gateway = start(beside.path(), elsewhere, &["gateway"]);
    assert_eq!(call(elsewhere, port, &token), 403);
}

/// What a policy forbids those who have a role must not be forbidden to nobody because their names mean nothing here.
#[test]
fn a_gateway_alone_starts_with_no_role_whose_members_it_cannot_know() {
    let (_at, _port, beside, _elsewhere) = both();
    let path = beside.path().join("prokura.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let more = "[[policy.set]]\nname = \"all\"\nlanguage = \"cedar\"\nfiles = [\"all.cedar\"]\n\
                [[role]]\nname = \"suspended\"\nmembers = [\"MEMBER\"]\n[[resource]]";
    std::fs::write(beside.path().join("all.cedar"), "permit (principal, action, resource);\n").unwrap();
    std::fs::write(&path, text.replacen("[[resource]]", &more.replace("MEMBER", "mallory"), 1)).unwrap();
    let ran = run(beside.path(), &["gateway"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("role suspended.members") && ran.err.contains("usr_"), "{}", ran.err);
}
