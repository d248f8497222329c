//! Whether there is an MCP server at all, and whether it asks for a token.

use crate::exam::{Exam, shape};
use crate::net::{Unanswered, is_secure};
use crate::report::{Protection, Trouble};
use crate::seen::{Reply, header, media_type, reply};
use crate::table::Check;
use crate::words::{looks_like_a_page, quoted};
use http::header::{LOCATION, WWW_AUTHENTICATE};
use prokura_egress::{Answer, EgressError};
use prokura_oauth::json::Object;

/// There is one.
pub(crate) struct Reached {
    /// How it refused a request without a token, if it did.
    pub(crate) refusal: Option<Answer>,
}

/// What an answer to a request without a token is.
enum First {
    Refused,
    Spoken,
    Unclear,
}

pub(crate) async fn look(exam: &mut Exam<'_>) -> Result<Reached, Trouble> {
    exam.watch("whether it is there");
    let at = exam.at();
    exam.judge(Check::Https, &at, is_secure(&at), "`https`", "`http`");
    let token = exam.token.take();
    let reached = knock(exam).await;
    exam.token = token;
    match &reached {
        Ok(_) => exam.judge(Check::McpEndpoint, &at, true, "", ""),
        Err(t) if ["moved", "login_page", "not_mcp"].contains(&t.word) => {
            exam.judge(Check::McpEndpoint, &at, false, "JSON-RPC, or 401", &t.what);
        }
        Err(_) => {}
    }
    reached
}

/// Asks as a client would that has no token: first as the modern ones, then as the others.
async fn knock(exam: &mut Exam<'_>) -> Result<Reached, Trouble> {
    let ask = exam.modern("server/discover", Object::new());
    let first = exam.net.ask(exam.url.as_str(), ask).await.map_err(|why| unanswered(&why))?;
    match first_of(exam, &first)? {
        First::Refused => return Ok(refused(exam, first)),
        First::Spoken if matches!(reply(&first).0, Reply::Result(_)) => return opened(exam).await,
        First::Spoken | First::Unclear => {}
    }
    let ask = exam.initialize(crate::exam::LEGACY);
    let second = exam.net.ask(exam.url.as_str(), ask).await.map_err(|why| unanswered(&why))?;
    match first_of(exam, &second)? {
        First::Refused => Ok(refused(exam, second)),
        First::Spoken => opened(exam).await,
        First::Unclear if matches!(reply(&first).0, Reply::Error(_)) => opened(exam).await,
        First::Unclear => Err(trouble(
            "not_mcp",
            format!(
                "It answers `server/discover` with {} and `initialize` with {}: that is no MCP server.",
                shape(&first),
                shape(&second)
            ),
            "give the address of the MCP endpoint with its path, for example https://host/mcp; servers that speak only \
             HTTP+SSE of 2024-11-05 are not examined",
        )),
    }
}

/// Some servers let everybody discover them, and ask for a token when something is to be done.
async fn opened(exam: &mut Exam<'_>) -> Result<Reached, Trouble> {
    let ask = exam.modern("tools/list", Object::new());
    let listed = exam.net.ask(exam.url.as_str(), ask).await.map_err(|why| unanswered(&why))?;
    if listed.status == 401 {
        return Ok(refused(exam, listed));
    }
    exam.protection = Protection::Open;
    Ok(Reached { refusal: None })
}

fn refused(exam: &mut Exam<'_>, answer: Answer) -> Reached {
    exam.protection = Protection::Token;
    Reached { refusal: Some(answer) }
}

fn first_of(exam: &Exam<'_>, answer: &Answer) -> Result<First, Trouble> {
    let page = looks_like_a_page(&answer.body) || media_type(&answer.headers).as_deref() == Some("text/html");
    let challenged = answer.headers.contains_key(WWW_AUTHENTICATE);
    match answer.status.as_u16() {
        401 => Ok(First::Refused),
        403 if challenged || !page => Ok(First::Refused),
        300..=399 => Err(moved(exam, answer)),
        200..=299 if page => Err(trouble(
            "login_page",
            "It answers with a web page: a login page stands before it, or this is the address of a site."
                .to_owned(),
            "give the address of the MCP endpoint with its path; what stands before it must let requests with JSON \
             through and leave the refusal to the MCP server (401, not a page)",
        )),
        500..=599 => Err(trouble(
            "not_mcp",
            format!("It answers with {}: the server, or what stands before it, is broken.", shape(answer)),
            "look into its log, and into that of the proxy before it",
        )),
        _ if matches!(reply(answer).0, Reply::None) => Ok(First::Unclear),
        _ => Ok(First::Spoken),
    }
}

fn moved(exam: &Exam<'_>, answer: &Answer) -> Trouble {
    let to = header(&answer.headers, &LOCATION).unwrap_or_default();
    let to = exam.url.as_url().join(to).map_or_else(|_| to.to_owned(), Into::into);
    let elsewhere = url::Url::parse(&to).is_ok_and(|u| u.host_str() != exam.url.as_url().host_str());
    let what = format!("It answers with {} and sends on to {}.", answer.status.as_u16(), quoted(&to));
    let mend = if elsewhere {
        "if that is a login page, what stands before the server has to let requests with JSON through; else give the \
         final address"
    } else {
        "give the final address: a client that is sent on loses what it posted, and its token is for the address that \
         it was given"
    };
    trouble("moved", what, mend)
}

fn unanswered(why: &Unanswered) -> Trouble {
    let word = if matches!(why, Unanswered::Egress(EgressError::Tls { .. })) { "tls" } else { "unreachable" };
    let mend = match why {
        Unanswered::Egress(EgressError::Tls { .. }) => {
            "serve a certificate that is valid today for this very name, with those between it and its authority; an \
             authority of your own is believed with `--ca FILE`"
        }
        Unanswered::Egress(EgressError::Resolve { .. }) => {
            "look whether the name is spelled right and is in DNS"
        }
        Unanswered::Egress(EgressError::Connect { .. }) => "start it, or look at the port and the firewall",
        Unanswered::Egress(EgressError::Protocol { .. }) => {
            "look whether it speaks https (or http) at this port"
        }
        _ => "look whether it is there and answers in time",
    };
    trouble(word, format!("There is no answer: {why}."), mend)
}

fn trouble(word: &'static str, what: String, mend: &str) -> Trouble {
    Trouble { word, what, mend: mend.to_owned() }
}
