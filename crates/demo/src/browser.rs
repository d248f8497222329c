//! A person's browser: cookies, forms, redirects; no script.

use crate::http::{Answer, Broken, Http};
use crate::narrator::{Did, Narrator};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use std::collections::BTreeMap;
use url::form_urlencoded::Serializer;

/// No page is further away.
const MAX_HOPS: usize = 5;

/// A browser without script that belongs to a person.
pub(crate) struct Browser {
    http: Http,
    origin: String,
    person: &'static str,
    cookies: BTreeMap<String, String>,
}

/// A page, or a redirect.
pub(crate) struct Page {
    answer: Answer,
}

/// A form of a page, as a person fills it in.
pub(crate) struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Browser {
    pub(crate) fn new(http: Http, origin: &str, person: &'static str) -> Self {
        Self { http, origin: origin.to_owned(), person, cookies: BTreeMap::new() }
    }

    /// Opens an address of the server's, which must lead on.
    pub(crate) async fn ask(
        &mut self,
        tell: &mut Narrator<'_>,
        url: &str,
        note: &str,
    ) -> Result<Page, Broken> {
        self.go(tell, Method::GET, url, String::new(), StatusCode::SEE_OTHER, |_| note.to_owned()).await
    }

    /// Opens an address of the server's and follows it to its page.
    pub(crate) async fn read(&mut self, tell: &mut Narrator<'_>, path: &str) -> Result<Page, Broken> {
        let mut path = path.to_owned();
        for _ in 0..MAX_HOPS {
            let page = self.go(tell, Method::GET, &path, String::new(), StatusCode::OK, Page::title).await?;
            if page.answer.status == StatusCode::OK {
                return Ok(page);
            }
            page.leads_to().clone_into(&mut path);
        }
        Err(Broken::because("the pages lead in circles"))
    }

    /// Sends a form.
    pub(crate) async fn submit(
        &mut self,
        tell: &mut Narrator<'_>,
        form: Form,
        note: impl FnOnce(&Page) -> String,
    ) -> Result<Page, Broken> {
        let body = Serializer::new(String::new()).extend_pairs(&form.fields).finish();
        self.go(tell, Method::POST, &form.action, body, StatusCode::SEE_OTHER, note).await
    }

    async fn go(
        &mut self,
        tell: &mut Narrator<'_>,
        method: Method,
        path: &str,
        body: String,
        must: StatusCode,
        note: impl FnOnce(&Page) -> String,
    ) -> Result<Page, Broken> {
        let url = format!("{}{}", self.origin, path.strip_prefix(&self.origin).unwrap_or(path));
        let mut request = Request::builder().method(method.clone()).uri(&url);
        if method == Method::POST {
            request = request
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header("sec-fetch-site", "same-origin")
                .header(header::ORIGIN, &self.origin);
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        let request =
            request.body(Full::new(Bytes::from(body))).map_err(|e| Broken::because(e.to_string()))?;
        let page = Page { answer: self.http.send(request).await? };
        self.keep_cookies(&page);
        // On the way to a page, the server may lead from one address to another.
        let on_the_way = method == Method::GET && page.answer.status == StatusCode::SEE_OTHER;
        let must = if on_the_way { StatusCode::SEE_OTHER } else { must };
        let did = Did::new(self.person, "server", &method, &url).of(&page.answer);
        tell.step(did.must(must).noting(note(&page))).await?;
        Ok(page)
    }

    fn keep_cookies(&mut self, page: &Page) {
        let set = page.answer.headers.get_all(header::SET_COOKIE);
        for (name, rest) in set.iter().filter_map(|c| c.to_str().ok()).filter_map(|c| c.split_once('=')) {
            match rest.split(';').next().unwrap_or_default() {
                "" => drop(self.cookies.remove(name)),
                value => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
    }
}

impl Page {
    /// Where it leads.
    pub(crate) fn leads_to(&self) -> &str {
        self.answer.header(header::LOCATION)
    }

    pub(crate) fn html(&self) -> String {
        self.answer.text()
    }

    /// The title, as a person reads it; of a redirect, where it leads.
    pub(crate) fn title(&self) -> String {
        if let Some(first) = self.leads_to().split(['/', '?']).find(|part| !part.is_empty()) {
            return format!("to /{first}");
        }
        let html = self.html();
        let title = html.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next());
        plain(title.unwrap_or_default())
    }

    /// The form whose address begins with `action`, with its hidden fields and what is checked.
    pub(crate) fn form(&self, action: &str) -> Result<Form, Broken> {
        let html = self.html();
        let missing = || Broken::because(format!("the page has no form `{action}`"));
        let start = html.find(&format!("action=\"{action}")).ok_or_else(missing)?;
        let text = html[start..].split("</form>").next().unwrap_or_default();
        let action = attribute(text, "action").ok_or_else(missing)?;
        let inputs = text.split("<input").skip(1).map(|i| i.split('>').next().unwrap_or_default());
        let given = |i: &&str| i.contains("type=\"hidden\"") || i.ends_with(" checked");
        let fields =
            inputs.filter(given).filter_map(|i| Some((attribute(i, "name")?, attribute(i, "value")?)));
        Ok(Form { action, fields: fields.collect() })
    }
}

impl Form {
    /// Fills in a field or presses a button.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let rest = tag.split(&format!("{name}=\"")).nth(1)?;
    Some(unescaped(rest.split('"').next()?))
}

fn plain(html: &str) -> String {
    let mut tag = false;
    let text: String = html
        .chars()
        .filter(|c| {
            let inside = tag || *c == '<';
            tag = inside && *c != '>';
            !inside
        })
        .collect();
    unescaped(text.trim())
}

fn unescaped(text: &str) -> String {
    let marks = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    marks.iter().fold(text.to_owned(), |text, (mark, sign)| text.replace(mark, sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_read_without_its_markup() {
        assert_eq!(plain("May <bdi>A &#38; B</bdi> use it?"), "May A & B use it?");
    }

    #[test]
    fn an_attribute_is_unescaped_once() {
        assert_eq!(attribute("<input name=\"a\" value=\"x&#38;#34;\"", "value").as_deref(), Some("x&#34;"));
    }
}
