//! A server's pages on a database in memory, with a clock that is moved by hand, and browsers that keep cookies.

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::BodyExt as _;
use prokura_config::Config;
use prokura_core::{
    ClientId, Details, ManualClock, PointId, ResourceUri, ScopeSet, SystemRng, Timestamp, TraceId, UserId,
};
use prokura_egress::Egress;
use prokura_ledger::{Entry, Filter};
use prokura_oauth::json::Object;
use prokura_oauth::seal::MasterKey;
use prokura_server::interaction::{Asked, Codes, Granted, Prompt};
use prokura_server::signin::{LogOut, NewUser, Providers, add};
use prokura_server::{People, Secrets, people_router};
use prokura_store::{ArtifactKind, DatabaseUrl, Store, StoreError, Tx};
use prokura_ui::Standing;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

pub const PASSWORD: &str = "correct horse battery";

pub struct World {
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub people: Arc<People>,
    router: axum::Router,
    asked: Arc<Mutex<Asked>>,
    leaving: Arc<Mutex<LogOut>>,
}

/// Stands for the token endpoint's side: a code is the grant it leads to.
#[derive(Default)]
struct PlainCodes(AtomicU64);

impl Codes for PlainCodes {
    fn issue(&self, tx: &mut Tx<'_>, asked: &Asked, granted: &Granted) -> Result<String, StoreError> {
        let code = format!("{}.{}.{}", granted.grant, asked.trace, self.0.fetch_add(1, Ordering::SeqCst));
        tx.put_artifact(
            ArtifactKind::Code,
            &code,
            Some(&granted.grant),
            b"",
            Timestamp::from_micros(i64::MAX),
        )?;
        Ok(code)
    }
}

pub fn config(issuer: &str, more: &str) -> Config {
    Config::parse(&format!(
        r#"
        issuer = "{issuer}"
        database = "sqlite::memory:"
        {more}
        [[resource]]
        name = "sales"
        title = "Sales"
        upstream = "http://127.0.0.1:9500/mcp"
        [resource.scopes]
        "read:report" = {{ title = "Read sales reports", actions = ["tool:read_report"] }}
        "tools:generate_summary" = {{ title = "Generate sales summaries", actions = ["tool:generate_summary"] }}
        "#
    ))
    .unwrap()
}

pub fn asked(issuer: &str) -> Asked {
    Asked {
        trace: TraceId::parse("tr_flow").unwrap(),
        client: ClientId::parse("https://planner.example/client.json").unwrap(),
        name: "Planner".into(),
        standing: Standing::Published,
        redirect: "https://planner.example/cb".into(),
        state: Some("st".into()),
        resource: ResourceUri::parse(&format!("{issuer}/mcp/sales")).unwrap(),
        scope: ScopeSet::parse("read:report tools:generate_summary").unwrap(),
        details: Details::default(),
        budget: None,
        prompt: Prompt::Needed,
        max_age: None,
        device: None,
        called: None,
        management: None,
        through: vec![],
        likeness: None,
        acr: None,
        request: Object::default(),
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with("https://as.example", "").await
    }

    /// A server of `issuer` whose configuration has `more` in it.
    pub async fn with(issuer: &str, more: &str) -> Self {
        Self::on(&DatabaseUrl::memory(), config(issuer, more), None).await
    }

    /// A server whose people may sign in at the providers of `more`; `secret` is its own at each.
    pub async fn with_provider(more: &str, egress: Egress, secret: &str) -> Self {
        let config = config("https://as.example", more);
        let names = config.identity_providers.iter().map(|p| (p.name.clone(), secret.to_owned()));
        let secrets = Secrets { providers: names.collect(), ..Secrets::default() };
        Self::on(&DatabaseUrl::memory(), config, Some((secrets, egress))).await
    }

    /// A server whose database is a file, so that reading goes on while somebody writes.
    pub async fn in_file(path: &Path) -> Self {
        let url = DatabaseUrl::parse(&format!("sqlite:{}", path.display())).unwrap();
        Self::on(&url, config("https://as.example", ""), None).await
    }

    /// Keeps the writer busy for `time`; returns once it is.
    pub async fn hold_writer(&self, time: Duration) -> JoinHandle<()> {
        self.hold_writer_and(time, |_| Ok(())).await
    }

    /// The same, and does something before anybody else may write.
    pub async fn hold_writer_and(
        &self,
        time: Duration,
        last: impl Fn(&mut Tx<'_>) -> Result<(), StoreError> + Send + Clone + 'static,
    ) -> JoinHandle<()> {
        let (busy, begun) = std::sync::mpsc::channel();
        let store = self.store.clone();
        let held = tokio::spawn(async move {
            let hold = move |tx: &mut Tx<'_>| {
                busy.send(()).unwrap();
                std::thread::sleep(time);
                last(tx)
            };
            store.transact(hold).await.unwrap();
        });
        while begun.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
        held
    }

    async fn on(url: &DatabaseUrl, config: Config, providers: Option<(Secrets, Egress)>) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_795_255_200)));
        let point = PointId::parse("pep_test").unwrap();
        let store = Store::open(url, point, clock.clone()).await.unwrap();
        let issuer = config.issuer.to_string();
        let config = Arc::new(config);
        let (master, codes) = (MasterKey::new([7; 32]), Arc::new(PlainCodes::default()));
        let rng = Arc::new(SystemRng);
        let people = People::new(config.clone(), store.clone(), clock.clone(), rng, &master, codes).unwrap();
        let people = match providers {
            None => people,
            Some((secrets, egress)) => {
                people.with_providers(Providers::new(&config, &secrets, egress, clock.clone()).unwrap())
            }
        };
        let people = Arc::new(people);
        let asked = Arc::new(Mutex::new(asked(&issuer)));
        let leaving = Arc::new(Mutex::new(LogOut::default()));
        let router = people_router(people.clone())
            .merge(authorize(people.clone(), asked.clone()))
            .merge(logout(people.clone(), leaving.clone()));
        Self { store, clock, people, router, asked, leaving }
    }

    pub async fn with_alice() -> Self {
        let world = Self::new().await;
        world.add("alice").await;
        world
    }

    pub async fn add(&self, login: &str) -> UserId {
        let new = NewUser { login: login.into(), name: "Alice".into(), password: Some(PASSWORD.into()) };
        add(&self.store, &*self.clock, &SystemRng, &new).await.unwrap()
    }

    /// What the next `/authorize` asks.
    pub fn ask(&self, change: impl FnOnce(&mut Asked)) {
        change(&mut self.asked.lock().unwrap());
    }

    pub fn clock_now(&self) -> Timestamp {
        prokura_core::Clock::now(&*self.clock)
    }

    pub fn browser(&self) -> Browser<'_> {
        Browser { world: self, cookies: BTreeMap::new(), from: "192.0.2.7".into() }
    }

    /// The record, oldest first.
    pub async fn record(&self) -> Vec<Entry> {
        let filter = Filter { limit: 1000, ..Filter::default() };
        let mut all = self.store.read(move |tx| tx.entries(&filter)).await.unwrap();
        all.reverse();
        all.into_iter().map(|(_, entry)| entry).collect()
    }

    pub async fn actions(&self) -> Vec<String> {
        self.record().await.into_iter().map(|e| e.event.action).collect()
    }
}

fn authorize(people: Arc<People>, asked: Arc<Mutex<Asked>>) -> axum::Router {
    let handler = move |request: Request| {
        let (people, asked) = (people.clone(), asked.lock().unwrap().clone());
        async move { people.begin(&request.into_parts().0, asked).await }
    };
    axum::Router::new().route("/authorize", axum::routing::get(handler))
}

fn logout(people: Arc<People>, leaving: Arc<Mutex<LogOut>>) -> axum::Router {
    let handler = move |request: Request| {
        let (people, asked) = (people.clone(), leaving.lock().unwrap().clone());
        async move { people.log_out(&request.into_parts().0, asked).await }
    };
    axum::Router::new().route("/logout", axum::routing::get(handler))
}

#[derive(Clone)]
pub struct Browser<'a> {
    world: &'a World,
    pub cookies: BTreeMap<String, String>,
    pub from: String,
}

pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub html: String,
}

impl Page {
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |v| v.to_str().unwrap())
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// The form that is posted to an address starting with `action`: its whole address and hidden fields.
    pub fn form(&self, action: &str) -> Form {
        let start = format!("action=\"{action}");
        let at = self.html.find(&start).unwrap_or_else(|| panic!("no form {action} in\n{}", self.html));
        let form = self.html[at..].split("</form>").next().unwrap();
        let action = unescape(form["action=\"".len()..].split('"').next().unwrap());
        let value = |name: &str| {
            let at =
                form.find(&format!("name=\"{name}\" value=\""))? + format!("name=\"{name}\" value=\"").len();
            Some(unescape(form[at..].split('"').next().unwrap()))
        };
        let fields =
            ["form_token", "state"].iter().filter_map(|n| Some((n.to_string(), value(n)?))).collect();
        Form { action, fields, options: attribute(form, "data-options") }
    }

    /// The same form with everything that a browser without script sends if nothing is touched.
    pub fn filled(&self, action: &str) -> Form {
        let at = self.html.find(&format!("action=\"{action}")).unwrap();
        let form = self.html[at..].split("</form>").next().unwrap();
        let mut filled = self.form(action);
        filled.fields.clear();
        for input in form.split("<input ").skip(1).map(|rest| rest.split('>').next().unwrap()) {
            let ticked = matches!(attribute(input, "type").as_str(), "checkbox" | "radio");
            if !ticked || input.ends_with(" checked") {
                filled = filled.with(&attribute(input, "name"), &attribute(input, "value"));
            }
        }
        filled
    }
}

pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
    pub options: String,
}

impl Form {
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Without a field of that value.
    pub fn without(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(n, v)| n != name || v != value);
        self
    }

    /// With another value in a field.
    pub fn typed(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(n, _)| n == name);
        field.unwrap_or_else(|| panic!("no field {name}")).1 = value.to_owned();
        self
    }

    pub fn body(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }
}

fn attribute(form: &str, name: &str) -> String {
    let value = form.split(&format!("{name}=\"")).nth(1).and_then(|v| v.split('"').next());
    unescape(value.unwrap_or_default())
}

fn unescape(s: &str) -> String {
    s.replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
}

impl Browser<'_> {
    pub async fn get(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, &[], String::new()).await
    }

    pub async fn post(&mut self, form: Form) -> Page {
        let body = form.body();
        self.post_raw(&form.action, &[("sec-fetch-site", "same-origin")], body).await
    }

    pub async fn post_raw(&mut self, path: &str, headers: &[(&str, &str)], body: String) -> Page {
        let mut all = headers.to_vec();
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            all.push(("content-type", "application/x-www-form-urlencoded"));
        }
        self.send(Method::POST, path, &all, body).await
    }

    async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Page {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<_> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let peer: SocketAddr = format!("{}:5", self.from).parse().unwrap();
        let request = request.extension(ConnectInfo(peer)).body(Body::from(body)).unwrap();
        let response = self.world.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        for cookie in headers.get_all(header::SET_COOKIE) {
            self.keep(cookie.to_str().unwrap());
        }
        let html = response.into_body().collect().await.unwrap().to_bytes();
        Page { status, headers, html: String::from_utf8(html.to_vec()).unwrap() }
    }

    fn keep(&mut self, cookie: &str) {
        let (name, rest) = cookie.split_once('=').unwrap();
        match rest.split(';').next().unwrap() {
            "" => drop(self.cookies.remove(name)),
            value => drop(self.cookies.insert(name.into(), value.into())),
        }
    }

    /// Follows `page` through this server's own pages.
    pub async fn follow(&mut self, mut page: Page) -> Page {
        while page.status == StatusCode::SEE_OTHER && page.location().starts_with('/') {
            page = self.get(page.location()).await;
        }
        page
    }

    pub async fn open(&mut self, path: &str) -> Page {
        let page = self.get(path).await;
        self.follow(page).await
    }

    pub async fn password(&mut self, page: &Page, login: &str, password: &str) -> Page {
        self.post(page.form("/signin/password").with("login", login).with("password", password)).await
    }

    /// Signs in for the account.
    pub async fn sign_in(&mut self, login: &str) -> Page {
        let page = self.open("/account").await;
        let page = self.password(&page, login, PASSWORD).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.html);
        self.follow(page).await
    }

    /// Comes to `/logout` with what a client asks for.
    pub async fn log_out(&mut self, subject: Option<&UserId>, back: Option<&str>) -> Page {
        let asked = LogOut { subject: subject.cloned(), back: back.map(str::to_owned) };
        *self.world.leaving.lock().unwrap() = asked;
        self.get("/logout").await
    }

    /// From `/authorize` to the consent page.
    pub async fn reach_consent(&mut self) -> Page {
        let page = self.open("/authorize").await;
        if !page.html.contains("/signin/password") {
            return page;
        }
        let page = self.password(&page, "alice", PASSWORD).await;
        self.follow(page).await
    }

    /// Answers a consent page.
    pub async fn answer(&mut self, page: &Page, answer: &str, scopes: &[&str]) -> Page {
        let mut form = page.form("/interaction/").with("answer", answer).with("seconds", "86400");
        for scope in scopes {
            form = form.with("scope", scope);
        }
        self.post(form).await
    }
}
