//! Tables of the server, as its snapshot tests hold them to the code.

use crate::workspace::File;
use anyhow::{Context, Result};

const AT_THE_API: &str = "refusals_of_the_api.snap";
const OPENAPI: &str = "openapi__tests__openapi.snap";
const STEPS: &str = "the_table_is_what_the_documentation_shows.snap";
const CHECKS: &str = "every_check_stands_in_the_documentation.snap";
const AT_THE_GATEWAY: &str = "every_refusal_has_its_status_code_word_and_sentence.snap";
const REFUSALS: &str = "every_fault_has_its_status_code_word_and_sentence.snap";

/// The OpenAPI document of the administration API.
pub(super) fn openapi(files: &[File]) -> Result<String> {
    Ok(format!("{}\n", snapshot(files, OPENAPI)?))
}

/// The steps of an authorization request, by endpoint.
pub(super) fn steps(files: &[File]) -> Result<String> {
    let mut page = String::from(
        "# The steps of an authorization request\n\n\
         Generated from `crates/server/src/steps` by `cargo xtask generate`. All endpoints walk down the same rows.\n\
         Until `Redirect` has passed, no error leaves by way of a redirect.\n\n\
         | Step | `/authorize` | `/par` | `/device_authorization` | `/bc-authorize` | What it does |\n|-|-|-|-|-|-|\n",
    );
    page.push_str(snapshot(files, STEPS)?);
    page.push('\n');
    Ok(page)
}

/// The refusals of the OAuth endpoints and of the gateway.
pub(super) fn refusals(files: &[File]) -> Result<String> {
    let mut page = String::from(
        "# What is refused\n\n## What the authorization server refuses\n\n\
         Generated from `crates/server/src/fault.rs` by `cargo xtask generate`. The word is what the record says; the\n\
         sentence, here of an example, is what the caller reads. What would tell a stranger who is here reads alike.\n\n\
         | Status | Error | Word | Sentence |\n|-|-|-|-|\n",
    );
    for line in snapshot(files, REFUSALS)?.lines() {
        page.push_str(&refusal(line).with_context(|| format!("{REFUSALS}: {line}"))?);
    }
    page.push_str(
        "\n## What the gateway refuses\n\n\
         Generated from `crates/gateway/src/fault.rs`. The code is the one of the JSON-RPC error in the body.\n\n\
         | Status | Code | Word | Sentence |\n|-|-|-|-|\n",
    );
    for line in snapshot(files, AT_THE_GATEWAY)?.lines() {
        page.push_str(&refusal(line).with_context(|| format!("{AT_THE_GATEWAY}: {line}"))?);
    }
    page.push_str(
        "\n## What the administration API refuses\n\n\
         Generated from `crates/server/src/api/problem.rs`. The word is `code` of the problem document (RFC 9457).\n\n\
         | Status | | Word | Sentence |\n|-|-|-|-|\n",
    );
    for line in snapshot(files, AT_THE_API)?.lines() {
        page.push_str(&refusal(line).with_context(|| format!("{AT_THE_API}: {line}"))?);
    }
    Ok(page)
}

/// The checks of `prokura doctor`, by group.
pub(super) fn doctor(files: &[File]) -> Result<String> {
    let lines: Vec<&str> = snapshot(files, CHECKS)?.lines().collect();
    let musts = lines.iter().filter(|l| l.split(" | ").nth(2) == Some("must")).count();
    let mut page = format!(
        "# What `prokura doctor` looks at\n\n\
         Generated from `crates/doctor/src/table.rs` by `cargo xtask generate`: {musts} checks of what must be so, {} of\n\
         what should be. [how-to/doctor.md](how-to/doctor.md) says how to use it. OAuth 2.1 is\n\
         draft-ietf-oauth-v2-1-13; MCP is named by the date of its revision and the heading of the section.\n",
        lines.len() - musts
    );
    let mut heading = "";
    for line in lines {
        let (group, row) = line.split_once(" | ").with_context(|| format!("{CHECKS}: {line}"))?;
        if group != heading {
            heading = group;
            page.push_str(&format!(
                "\n## {group}\n| Check | Level | What holds | Who says so | How to mend it |\n|-|-|-|-|-|\n"
            ));
        }
        page.push_str(&format!("| {row} |\n"));
    }
    Ok(page)
}

/// `400 invalid_request too_large: the request is too large`
fn refusal(line: &str) -> Option<String> {
    let (head, sentence) = line.split_once(": ")?;
    let mut words = head.split(' ');
    let (status, error, word) = (words.next()?, words.next()?, words.next()?);
    Some(format!("| {status} | `{error}` | `{word}` | {} |\n", sentence.replace('|', "\\|")))
}

/// What a snapshot holds, without its head.
fn snapshot<'a>(files: &'a [File], name: &str) -> Result<&'a str> {
    let file =
        files.iter().find(|f| f.path.ends_with(name)).with_context(|| format!("no snapshot {name}"))?;
    let body = file.text.splitn(3, "---\n").nth(2).with_context(|| format!("{name} has no head"))?;
    Ok(body.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, body: &str) -> File {
        let text = format!("---\nsource: x\nexpression: \"y\"\n---\n{body}\n");
        File { path: format!("crates/server/src/snapshots/a__{name}"), text }
    }

    fn held(name: &str, body: &str) -> [File; 1] {
        [file(name, body)]
    }

    #[test]
    fn rows_are_taken_as_they_stand() {
        let page = steps(&held(STEPS, "| Pkce | x | x |  |  | a |")).unwrap();
        assert!(page.ends_with("|-|-|-|-|-|-|\n| Pkce | x | x |  |  | a |\n"), "{page}");
    }

    #[test]
    fn checks_stand_below_the_heading_of_their_group() {
        let body = "Reach | `https` | must | a | b | c\nReach | `mcp` | should | a | b | c\nTokens | `x` | must | a | b | c";
        let page = doctor(&held(CHECKS, body)).unwrap();
        assert!(page.contains("2 checks of what must be so, 1 of\n"), "{page}");
        assert_eq!((page.matches("\n## ").count(), page.matches("\n| `").count()), (2, 3));
    }

    #[test]
    fn a_refusal_becomes_a_row() {
        let both = |server: &str, gateway: &str| {
            refusals(&[
                file(REFUSALS, server),
                file(AT_THE_GATEWAY, gateway),
                file(AT_THE_API, "404 - no_route: no"),
            ])
        };
        let page = both("400 invalid_scope scope_none: name: `a|b`", "401 401 no_token: a token").unwrap();
        assert!(page.contains("| 400 | `invalid_scope` | `scope_none` | name: `a\\|b` |\n"), "{page}");
        assert!(page.contains("| 401 | `401` | `no_token` | a token |\n"), "{page}");
        assert!(page.ends_with("| 404 | `-` | `no_route` | no |\n"), "{page}");
        assert!(both("400 only", "401 401 no_token: a token").is_err());
        assert!(both("400 invalid_scope scope_none: name", "401").is_err());
    }
}
