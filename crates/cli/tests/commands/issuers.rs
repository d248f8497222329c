//! The gateway alone, and other authorization servers.

use crate::program::{RIGHT, get, installed, run, start};

/// The gateway before a server that is not there: nothing is fetched before the first token.
fn before(name: &str, issuer: &str) -> String {
    let resource = RIGHT.replacen("issuer = ", "address = ", 1).replacen(
        "name = \"sales\"",
        &format!("name = \"sales\"\nauthorization_servers = [\"{name}\"]"),
        1,
    );
    format!(
        "{resource}\n[[authorization_server]]\nname = \"{name}\"\nissuer = \"{issuer}\"\naudience = {{ sales = [\"sales\"] }}\n"
    )
}

#[test]
fn the_gateway_alone_serves_its_resources_and_no_authorization_server() {
    let (folder, port) = installed(&before("corp", "https://sso.example"));
    let _serving = start(folder.path(), port, &["gateway"]);
    assert!(get(port, "/healthz").unwrap().starts_with("HTTP/1.1 200"));
    let metadata = get(port, "/.well-known/oauth-protected-resource/mcp/sales").unwrap();
    assert!(metadata.contains(r#""authorization_servers":["https://sso.example"]"#), "{metadata}");
    assert!(get(port, "/mcp/sales").unwrap().starts_with("HTTP/1.1 401"));
    for path in ["/.well-known/oauth-authorization-server", "/authorize", "/token", "/jwks", "/account"] {
        assert!(get(port, path).unwrap().starts_with("HTTP/1.1 404"), "{path}");
    }
    let stopped = run(folder.path(), &["issuer", "disable", "corp", "--subject", "8a1f", "--why", "left"]);
    assert!(stopped.out.contains("8a1f is stopped"), "{}{}", stopped.out, stopped.err);
    let listed = run(folder.path(), &["issuer", "disabled"]);
    assert!(listed.out.contains("usr_corp:8a1f") && listed.out.contains("left"), "{}", listed.out);
    let record = run(folder.path(), &["audit", "list"]);
    for word in ["authorization_server:trust", "user:disable", "no_token"] {
        assert!(record.out.contains(word), "`{word}` in {}", record.out);
    }
    assert_eq!(run(folder.path(), &["issuer", "disable", "other"]).code, Some(1));
}

#[test]
fn a_name_stays_with_its_issuer() {
    let (folder, port) = installed(&before("corp", "https://sso.example"));
    drop(start(folder.path(), port, &["gateway"]));
    let other = before("corp", "https://sso.example/").replace("PORT", &port.to_string());
    std::fs::write(folder.path().join("prokura.toml"), other).unwrap();
    let ran = run(folder.path(), &["gateway"]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
    for word in ["corp", "https://sso.example", "another name"] {
        assert!(ran.err.contains(word), "`{word}` in {}", ran.err);
    }
}

#[test]
fn the_gateway_alone_needs_somebody_who_issues() {
    let (folder, _) = installed(RIGHT);
    let ran = run(folder.path(), &["gateway"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("nobody issues tokens") && ran.err.contains("prokura serve"), "{}", ran.err);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was touched");
}
