//! A person's browser at the pages of a [`World`](super::World): it keeps cookies and fills in forms.

use super::{Answer, World, encode};
use axum::extract::{ConnectInfo, Request};
use http::Method;
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use prokura_core::{SystemRng, UserId};
use prokura_server::signin::{NewUser, add};
use std::collections::BTreeMap;
use std::net::SocketAddr;

pub const PASSWORD: &str = "correct horse battery";

/// A configuration in which nobody agrees by themselves.
pub fn without_dev(config: &str) -> String {
    config.replace("[dev]\n    auto_approve_user = \"alice\"\n", "")
}

pub struct Person<'a> {
    world: &'a World,
    cookies: BTreeMap<String, String>,
    pub from: String,
    /// What they sign in with.
    pub login: String,
}

impl World {
    pub async fn add_user(&self, login: &str) -> UserId {
        let new = NewUser { login: login.into(), name: "Alice".into(), password: Some(PASSWORD.into()) };
        add(&self.store, &*self.clock, &SystemRng, &new).await.unwrap()
    }

    pub fn person(&self) -> Person<'_> {
        Person { world: self, cookies: BTreeMap::new(), from: "192.0.2.7".into(), login: "alice".into() }
    }
}

impl Person<'_> {
    async fn send(&mut self, method: Method, path: &str, body: String) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let peer: SocketAddr = format!("{}:5", self.from).parse().unwrap();
        let mut request = Request::builder().method(method).uri(path).extension(ConnectInfo(peer));
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        let answer = self.world.send(request, body).await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.into(), rest.split(';').next().unwrap().into());
        }
        answer
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, String::new()).await
    }

    /// Follows redirects within the server.
    pub async fn follow(&mut self, mut answer: Answer) -> Answer {
        while let Some(to) = answer.headers.get(LOCATION).map(|l| l.to_str().unwrap().to_owned()) {
            if !to.starts_with('/') {
                break;
            }
            answer = self.get(&to).await;
        }
        answer
    }

    /// Posts the first form on a page whose address begins with `action`.
    pub async fn post(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let at = page.body.find(&format!("action=\"{action}")).unwrap_or_else(|| panic!("{}", page.body));
        let form = page.body[at..].split("</form>").next().unwrap();
        let attribute = |start: &str| form.split(start).nth(1).and_then(|v| v.split('"').next());
        let action = attribute("action=\"").unwrap().to_owned();
        let token = attribute("name=\"form_token\" value=\"").unwrap();
        let mut all = vec![("form_token", token)];
        all.extend(fields);
        self.send(Method::POST, &action, encode(&all)).await
    }

    /// Types a code at `/device`; where that leads.
    pub async fn enter(&mut self, code: &str) -> Answer {
        let page = self.get("/device").await;
        self.post(&page, "/device", &[("user_code", code)]).await
    }

    /// As [`enter`](Self::enter), and signs in with the password; the question.
    pub async fn question(&mut self, code: &str) -> Answer {
        let page = self.enter(code).await;
        self.signed_in(page).await
    }

    /// From a redirect through the sign-in, if it is asked for.
    pub async fn signed_in(&mut self, answer: Answer) -> Answer {
        let page = self.follow(answer).await;
        if !page.body.contains("/signin/password") {
            return page;
        }
        let login = self.login.clone();
        let fields = [("login", login.as_str()), ("password", PASSWORD)];
        let entered = self.post(&page, "/signin/password", &fields).await;
        self.follow(entered).await
    }

    /// Answers a question: where that leads.
    pub async fn answer(&mut self, page: &Answer, answer: &str, scopes: &[&str]) -> Answer {
        let mut fields = vec![("answer", answer), ("seconds", "86400")];
        fields.extend(scopes.iter().map(|s| ("scope", *s)));
        self.post(page, "/interaction/", &fields).await
    }
}
