//! Workload identity on the command line: what is detected, explained and refused. With authorization servers and
//! platforms it is shown by the SDK's tests and by `interop/`.

use crate::program::{RIGHT, Ran, command, installed, serve};
use prokura_core::{Clock, SystemClock};
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
use prokura_oauth::json::obj;
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

const CI: &str = "https://ci.example";

/// A server that believes a pipeline whose key is `key`.
fn believing(key: &SigningKey) -> String {
    let jwks = KeySet::of(vec![key.public()]).unwrap().to_jwks().to_vec();
    format!(
        r#"{RIGHT}
[[workload.provider]]
name = "ci"
platform = "oidc"
issuer = "{CI}"
jwks = '{}'
claims.project = {{ type = "number", told = true }}
[[workload.rule]]
name = "builder"
provider = "ci"
agent = "builder"
when = {{ project = 42 }}
[[workload.rule.grant]]
resource = "sales"
scopes = ["read:report"]
"#,
        String::from_utf8(jwks).unwrap()
    )
}

/// What the pipeline says of a job, in a file.
fn said(folder: &Path, key: &SigningKey, audience: &str, project: i64) -> String {
    let now = SystemClock.now().seconds();
    let claims = obj([
        ("iss", CI.into()),
        ("sub", "project:42".into()),
        ("aud", audience.into()),
        ("jti", prokura_core::random_id("", &prokura_core::SystemRng).into()),
        ("iat", now.into()),
        ("exp", (now + 300).into()),
        ("project", project.into()),
    ]);
    let file = folder.join("token");
    std::fs::write(&file, key.sign("JWT", &claims).unwrap()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_job_gets_a_token_of_a_real_server_by_what_its_platform_says() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let (folder, port) = installed(&believing(&key));
    let _serving = serve(folder.path(), port, &[]);
    let (issuer, address) =
        (format!("http://localhost:{port}"), format!("http://localhost:{port}/mcp/sales"));
    let file = said(folder.path(), &key, &issuer, 42);
    let asked = ["token", "--resource", &address, "--evidence-file", &file];
    let ran = run(folder.path(), &[], &[&asked[..], &["--json"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(
        ran.out.contains(r#""scope":"read:report""#) && ran.out.contains(r#""token_type":"Bearer""#),
        "{}",
        ran.out
    );
    said(folder.path(), &key, &issuer, 42);
    let ran = run(folder.path(), &[], &[&asked[..], &["--explain"]].concat());
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("project = 42") && ran.out.contains("+ token"), "{}", ran.out);
    said(folder.path(), &key, &issuer, 43);
    let ran = run(folder.path(), &[], &[&asked[..], &["--explain"]].concat());
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("- token") && ran.out.contains("prokura workload test"), "{}", ran.out);
}

#[test]
fn a_provider_is_verified_live_from_where_the_workload_runs() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let (folder, port) = installed(&believing(&key));
    let issuer = format!("http://localhost:{port}");
    let live = |audience: &str, key: &SigningKey, project: i64, more: &[&str]| {
        let file = said(folder.path(), key, audience, project);
        let options = format!("file={file}");
        let asked =
            ["workload", "verify-live", "oidc", "--config", "prokura.toml", "--provider-options", &options];
        run(folder.path(), &[], &[&asked[..], more].concat())
    };
    let ran = live(&issuer, &key, 42, &[]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    for word in ["provider: ci", "project = 42", "builder leads to agt_builder", "at sales: read:report"] {
        assert!(ran.out.contains(word), "`{word}` in {}", ran.out);
    }
    let ran = live(&issuer, &key, 43, &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.out.contains("project: expected 42, received 43"), "{}", ran.out);
    let ran = live("https://other.example", &key, 42, &["--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(
        ran.out.contains(r#""step":"what was verified","ok":false"#)
            && ran.out.contains("https://other.example")
    );
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    let ran = live(&issuer, &other, 42, &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(!folder.path().join("prokura.db").exists(), "the database is not touched");
    let ran = run(folder.path(), &[], &["workload", "verify-live", "gcp"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
}

/// The files of the guides are right as they are.
#[test]
fn the_configurations_of_the_guides_are_right() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
    for file in [
        "aws/prokura.toml",
        "aws/prokura-attester.toml",
        "azure/prokura.toml",
        "gcp/prokura.toml",
        "github-actions/prokura.toml",
        "gitlab/prokura.toml",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = examples.join(file);
        let ran = run(folder.path(), &[], &["config", "check", path.to_str().unwrap()]);
        assert_eq!(ran.code, Some(0), "{file}: {}{}", ran.out, ran.err);
    }
}
