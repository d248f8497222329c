//! What cannot be done says why, how to mend it, and so by its exit code.

use crate::program::{RIGHT, installed, run};

fn refused(config: &str, arguments: &[&str], code: i32, words: &[&str]) {
    let (folder, _) = installed(config);
    let ran = run(folder.path(), arguments);
    assert_eq!(ran.code, Some(code), "{}{}", ran.out, ran.err);
    for word in words {
        assert!(ran.err.contains(word), "`{word}` in {}", ran.err);
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    let opened = arguments[0] == "audit";
    assert!(code != 2 || opened || left == ["prokura.toml"], "what is refused leaves nothing: {left:?}");
}

#[test]
fn a_configuration_that_cannot_be_started_is_refused_with_the_fix() {
    refused(RIGHT, &["serve", "--config", "other.toml"], 2, &["other.toml", "--config FILE"]);
    refused("issuer = 1", &["serve"], 2, &["prokura.toml", "line 1"]);
    refused(&format!("colour = \"red\"\n{RIGHT}"), &["serve"], 2, &["colour", "line 1"]);
    let plain = RIGHT.replace("[[resource]]", "master_key = \"00\"\n[[resource]]");
    refused(&plain, &["config", "check"], 2, &["secrets never stand in the file", "env"]);
    let missing = RIGHT.replace("[[resource]]", "master_key = { env = \"NOT_SET_ANYWHERE\" }\n[[resource]]");
    refused(&missing, &["serve"], 2, &["NOT_SET_ANYWHERE"]);
}

#[test]
fn what_the_check_passes_can_be_served() {
    let check = ["config", "check"];
    let postgres = RIGHT.replacen("database = ", "database = \"postgres://h/n\" # ", 1);
    refused(&postgres, &check, 2, &["PostgreSQL", "master_key"]);
    let client = |more: &str| format!("{RIGHT}\n[[client]]\nid = \"c\"\n{more}");
    let short = client("secret = { env = \"PATH_OF_NOTHING\" }\nredirect_uris = [\"https://a.example/cb\"]");
    refused(&short, &check, 2, &["PATH_OF_NOTHING"]);
    refused(&client("redirect_uris = [\"not an address\"]"), &check, 2, &["client `c`"]);
    let (folder, _) = installed(&format!("{RIGHT}\n[dev]\n"));
    let ran = run(folder.path(), &check);
    assert!(ran.code == Some(0) && ran.out.contains("--dev"), "{}{}", ran.out, ran.err);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a check leaves nothing");
}

#[test]
fn a_start_without_the_master_key_makes_no_other() {
    let (folder, port) = installed(RIGHT);
    let key = folder.path().join("prokura.db.key");
    drop(crate::program::serve(folder.path(), port, &[]));
    std::fs::remove_file(&key).unwrap();
    let ran = run(folder.path(), &["serve"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("prokura.db.key") && ran.err.contains("backup"), "{}", ran.err);
    assert!(!key.exists());
}

#[test]
fn development_mode_is_for_ones_own_machine_and_asked_for_twice() {
    let public = RIGHT.replace("http://localhost:PORT", "https://as.example");
    refused(&public, &["serve", "--dev"], 2, &["https://as.example", "without `--dev`"]);
    let dev = format!("{RIGHT}\n[dev]\nauto_approve_user = \"alice\"\n");
    refused(&dev, &["serve"], 2, &["[dev]", "--dev"]);
    let both = format!("{public}\n[dev]\nauto_approve_user = \"alice\"\n");
    refused(&both, &["serve", "--dev"], 2, &["dev"]);
}

#[test]
fn what_is_not_there_is_said_so() {
    refused(RIGHT, &["grant", "revoke", "g_none"], 1, &["there is no grant `g_none`", "grant list"]);
    refused(RIGHT, &["user", "link", "nobody"], 1, &["there is no user `nobody`"]);
    refused(RIGHT, &["agent", "disable", "agt_none"], 1, &["there is no agent"]);
    refused(RIGHT, &["audit", "show", "7"], 1, &["there is no entry `7`"]);
    refused(RIGHT, &["client", "remove", "cli_none"], 1, &["there is no registered client"]);
    refused(RIGHT, &["audit", "list", "--since", "yesterday"], 2, &["`yesterday` is no time"]);
}

#[test]
fn wrong_usage_is_two() {
    for arguments in [&["user"][..], &["audit", "list", "--kind", "x"], &["nonsense"], &["grant", "revoke"]] {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(run(folder.path(), arguments).code, Some(2), "{arguments:?}");
    }
}

#[test]
fn every_command_has_help_a_page_and_a_completion() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(folder.path(), &["completions", shell]).out.contains("prokura"));
    }
    assert_eq!(run(folder.path(), &["man", "pages"]).code, Some(0));
    let pages = std::fs::read_dir(folder.path().join("pages")).unwrap().count();
    assert!(pages > 20, "{pages} pages");
    assert!(run(folder.path(), &["man"]).out.contains(".TH prokura"));
    assert!(run(folder.path(), &["config", "schema"]).out.starts_with('{'));
}
