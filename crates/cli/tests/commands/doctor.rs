//! `prokura doctor`, at Prokura itself and where there is nothing.

use crate::program::{RIGHT, command, installed, run, serve};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

const REGISTRATION: &str = "[registration]\ndynamic = \"open\"\n[dev]\nauto_approve_user = \"alice\"\n";

#[test]
fn prokura_itself_has_nothing_to_mend() {
    let (folder, port) = installed(&format!("{RIGHT}{REGISTRATION}"));
    let _serving = serve(folder.path(), port, &["--dev"]);
    let url = format!("http://localhost:{port}/mcp/sales");
    let ran = run(folder.path(), &["doctor", &url, "--strict", "--register"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with(&format!("{url} is right, as far as could be seen.")), "{}", ran.out);
    assert!(ran.out.contains("--login") && ran.err.is_empty(), "{}{}", ran.out, ran.err);
    let json = run(folder.path(), &["doctor", &url, "--json"]).out;
    for part in ["\"well\":true", "\"protection\":\"token\"", "\"findings\":[]", "\"resource-identity\""] {
        assert!(json.contains(part), "`{part}` in {json}");
    }
}

#[test]
fn somebody_signs_in_and_what_is_done_with_codes_and_tokens_is_right_too() {
    let (folder, port) = installed(&format!("{RIGHT}{REGISTRATION}"));
    let _serving = serve(folder.path(), port, &["--dev"]);
    let url = format!("http://localhost:{port}/mcp/sales");
    let mut child = command(folder.path(), &["doctor", &url, "--json", "--login", "--invasive"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address =
        lines.find_map(|l| l.unwrap().trim().strip_prefix("http").map(|rest| format!("http{rest}")));
    crate::program::browse(&address.unwrap());
    let ran: crate::program::Ran = child.wait_with_output().unwrap().into();
    for held in
        ["refresh-rotation", "refresh-reuse", "code-reuse", "token-audience", "token-answer", "authorize-iss"]
    {
        let (_, after) = ran.out.split_once("\"held\":").unwrap();
        assert!(
            after.split("\"unseen\"").next().unwrap().contains(&format!("\"{held}\"")),
            "{held}: {}",
            ran.out
        );
    }
    assert!(ran.out.contains("\"findings\":[]"), "{}", ran.out);
}

#[test]
fn where_there_is_nothing_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["doctor", "http://127.0.0.1:9/mcp"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("could not be examined") && ran.out.contains("To mend it"), "{}", ran.out);
    for wrong in [
        &["doctor", "ftp://a.example/"][..],
        &["doctor", "https://u:p@a.example/"],
        &["doctor", "https://a.example/", "--allow", "*.example"],
        &["doctor", "https://a.example/", "--invasive"],
        &["doctor", "https://a.example/", "--client-secret-file", "x"],
        &["doctor", "https://a.example/", "--token-file", "missing"],
    ] {
        assert_eq!(run(folder.path(), wrong).code, Some(2), "{wrong:?}");
    }
}
