//! A metadata document: its status, its type, its form.

use crate::exam::{Exam, STRANGER};
use crate::seen::{Json, header, json, media_type};
use crate::table::Check;
use crate::words::quoted;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, FORWARDED, LOCATION, ORIGIN};
use prokura_egress::Answer;
use prokura_oauth::json::Object;

/// The checks of one kind of document.
pub(crate) struct Kind {
    pub(crate) status: Check,
    pub(crate) media_type: Check,
    pub(crate) json: Check,
    pub(crate) twice: Check,
    pub(crate) cors: Check,
    pub(crate) forwarded: Check,
}

impl Kind {
    /// What stands at `at`: a document, or nothing (which is no fault here).
    pub(crate) fn read(&self, exam: &mut Exam<'_>, at: &str, answer: &Answer) -> Option<Object> {
        let status = answer.status.as_u16();
        if status != 200 {
            let absent = (400..500).contains(&status);
            exam.judge(self.status, at, absent, "200, or 404", told(answer));
            return None;
        }
        let read = json(&answer.body);
        let page = matches!(&read, Json::None(why) if why.starts_with("a web page"));
        exam.judge(self.status, at, !page, "200 with a document, or 404", "200 with a web page");
        if page {
            return None;
        }
        let kind = media_type(&answer.headers);
        let right = kind.as_deref() == Some("application/json");
        exam.judge(self.media_type, at, right, "`application/json`", quoted(&kind.unwrap_or_default()));
        exam.judge(self.twice, at, !matches!(read, Json::Twice), "every member once", "a member twice");
        match read {
            Json::Object(object) => {
                exam.judge(self.json, at, true, "", "");
                Some(object)
            }
            Json::Twice => None,
            Json::None(why) => {
                exam.judge(self.json, at, false, "a JSON object", why);
                None
            }
        }
    }

    /// Asks again as a page and as a lying proxy would.
    pub(crate) async fn ask_otherwise(&self, exam: &mut Exam<'_>, at: &str) {
        let page = format!("https://{STRANGER}");
        if let Ok(answer) = exam.net.get_with(at, &[(ORIGIN, &page)]).await {
            let allowed = header(&answer.headers, &ACCESS_CONTROL_ALLOW_ORIGIN);
            let right = allowed.is_some_and(|a| a == "*" || a == page);
            let got = allowed.map_or_else(|| "none".to_owned(), quoted);
            exam.judge(self.cors, at, right, "`Access-Control-Allow-Origin: *`", got);
        }
        let lies = format!("host={STRANGER};proto=https");
        let headers = [(super::challenge::FORWARDED_HOST, STRANGER), (FORWARDED, lies.as_str())];
        if let Ok(answer) = exam.net.get_with(at, &headers).await {
            let repeated = String::from_utf8_lossy(&answer.body).contains(STRANGER);
            exam.judge(
                self.forwarded,
                at,
                !repeated,
                "the host of the configuration",
                format!("`{STRANGER}`"),
            );
        }
    }
}

fn told(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    match header(&answer.headers, &LOCATION) {
        Some(to) if answer.status.is_redirection() => format!("{status} to {}", quoted(to)),
        _ => status.to_string(),
    }
}
