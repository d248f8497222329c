//! Consent.

use crate::world::{Browser, PASSWORD, Page, World, asked};
use http::StatusCode;
use prokura_core::{ClientId, Details, Evidence, GrantState, ResourceUri, ScopeSet};
use prokura_server::interaction::Prompt;
use prokura_ui::Standing;
use std::time::Duration;

const BOTH: &[&str] = &["read:report", "tools:generate_summary"];

fn parameter(page: &Page, name: &str) -> Option<String> {
    let url = url::Url::parse(page.location()).ok()?;
    url.query_pairs().find(|(k, _)| k == name).map(|(_, v)| v.into_owned())
}

async fn agreed(browser: &mut Browser<'_>) -> Page {
    let page = browser.reach_consent().await;
    browser.answer(&page, "allow", BOTH).await
}

#[tokio::test]
async fn agreeing_makes_a_grant_on_record_and_leads_back() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    for shown in
        ["May Planner use Sales for you?", "planner.example", "Read sales reports", "tool:read_report"]
    {
        assert!(page.html.contains(shown), "{shown}");
    }
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self' https://planner.example;"), "{policy}");
    let page = browser.answer(&page, "allow", BOTH).await;
    assert!(page.location().starts_with("https://planner.example/cb?code=g_"), "{}", page.location());
    assert_eq!(parameter(&page, "state").as_deref(), Some("st"));
    assert_eq!(parameter(&page, "iss").as_deref(), Some("https://as.example"));
    let alice = world.store.read(|tx| tx.user_by_name("alice")).await.unwrap().unwrap();
    let grants = world.store.read(move |tx| tx.grants_of_user(&alice.id)).await.unwrap();
    assert_eq!(grants.len(), 1);
    assert!(
        matches!(&grants[0].evidence, Evidence::Consent { interaction } if interaction.starts_with("i_"))
    );
    assert_eq!(grants[0].expires_at, grants[0].not_before.after(Duration::from_secs(86_400)));
    assert_eq!(grants[0].state, GrantState::Active);
    let actions = world.actions().await;
    assert_eq!(actions, ["user:add", "sign_in:password", "consent:allow", "grant:make"]);
}

#[tokio::test]
async fn switches_only_narrow() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    let none = browser.answer(&page, "allow", &["delete:everything"]).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(none.html.contains("Leave at least one permission"));
    let form = page.form("/interaction/").with("answer", "allow").with("seconds", "999999999");
    browser.post(form.with("scope", "read:report").with("scope", "delete:everything")).await;
    let alice = world.store.read(|tx| tx.user_by_name("alice")).await.unwrap().unwrap();
    let grants = world.store.read(move |tx| tx.grants_of_user(&alice.id)).await.unwrap();
    assert_eq!(grants[0].actions, ScopeSet::parse("read:report").unwrap());
    // A duration that was not offered is the shortest.
    assert_eq!(grants[0].expires_at, grants[0].not_before.after(Duration::from_secs(3600)));
}

/// Nobody allows what they took away before: neither a permission nor a time longer than they chose comes back.
#[tokio::test]
async fn asking_again_puts_nothing_back() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let first = browser.reach_consent().await;
    assert_eq!(first.html.matches(" checked").count(), 3, "two permissions and a duration");
    let form = first.form("/interaction/").with("answer", "allow").with("seconds", "3600");
    let again = browser.post(form).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(again.html.matches(" checked").count(), 1, "{}", again.html);
    assert!(again.html.contains("value=\"3600\" checked"), "{}", again.html);
}

#[tokio::test]
async fn a08_open_redirect_on_deny() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    // Verified: back to the client.
    let page = browser.reach_consent().await;
    let page = browser.answer(&page, "no", &[]).await;
    assert_eq!(parameter(&page, "error").as_deref(), Some("access_denied"));
    // Unverified: a page of ours, and a link that the user may follow or not.
    world.ask(|a| {
        a.standing = Standing::Unverified;
        a.client = ClientId::parse("cli_evil").unwrap();
        a.redirect = "https://evil.example/cb".into();
    });
    let page = browser.reach_consent().await;
    let page = browser.answer(&page, "no", &[]).await;
    assert_eq!((page.status, page.location()), (StatusCode::OK, ""));
    assert!(page.html.contains("href=\"https://evil.example/cb?error=access_denied"), "{}", page.html);
    assert!(world.actions().await.iter().filter(|a| *a == "consent:refuse").count() == 2);
}

#[tokio::test]
async fn a17_who_starts_must_finish() {
    let world = World::with_alice().await;
    let (mut attacker, mut victim) = (world.browser(), world.browser());
    victim.sign_in("alice").await;
    let link = attacker.get("/authorize").await.location().to_owned();
    // The victim opens the attacker's link, signed in or not, with or without a cookie of their own.
    for browser in [&mut victim, &mut world.browser()] {
        let page = browser.get(&link).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.html.contains("started in another browser"));
        let sign_in = format!("/signin?i={}", link.rsplit('/').next().unwrap());
        assert_eq!(browser.get(&sign_in).await.status, StatusCode::FORBIDDEN);
    }
    assert!(!world.actions().await.contains(&"grant:make".to_owned()));
}

#[tokio::test]
async fn a18_an_answer_counts_once_and_not_after_ten_minutes() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    let first = browser.answer(&page, "allow", BOTH).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    let again = browser.answer(&page, "allow", BOTH).await;
    assert_eq!((again.status, again.location()), (StatusCode::GONE, ""));
    world.ask(|a| a.prompt = Prompt::Consent);
    let page = browser.reach_consent().await;
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(browser.answer(&page, "allow", BOTH).await.status, StatusCode::GONE);
    assert_eq!(browser.get(&page.form("/interaction/").action).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn a18_of_many_answers_at_once_one_counts() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::in_file(&folder.path().join("people.db")).await;
    world.add("alice").await;
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    let answers = (0..50).map(|_| {
        let (mut tab, page) = (browser.clone(), &page);
        async move { tab.answer(page, "allow", BOTH).await.status }
    });
    // The writer is held up until all have seen the question open: then only the spending itself can choose.
    let held = world.hold_writer(Duration::from_millis(500)).await;
    let all = futures_util::future::join_all(answers).await;
    held.await.unwrap();
    assert_eq!(all.iter().filter(|s| **s == StatusCode::SEE_OTHER).count(), 1);
    assert_eq!(world.actions().await.iter().filter(|a| *a == "grant:make").count(), 1);
}

#[tokio::test]
async fn a22_crossed_transactions_and_two_tabs() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let one = browser.reach_consent().await;
    world.ask(|a| {
        a.client = ClientId::parse("https://other.example/client.json").unwrap();
        a.redirect = "https://other.example/cb".into();
    });
    let two = browser.reach_consent().await;
    // The mark of one transaction does not answer the other.
    let mut crossed = one.form("/interaction/").with("answer", "allow").with("scope", "read:report");
    crossed.action = two.form("/interaction/").action;
    assert_eq!(browser.post(crossed).await.status, StatusCode::FORBIDDEN);
    // Nor does a form of another session.
    let mut other = world.browser();
    other.cookies = browser.cookies.clone();
    other.sign_in_again().await;
    assert_eq!(other.answer(&two, "allow", BOTH).await.status, StatusCode::FORBIDDEN);
    // Two tabs of one browser both work; signing in anew has ended the session they were opened in.
    let (one, two) = (
        other.open(&one.form("/interaction/").action).await,
        other.open(&two.form("/interaction/").action).await,
    );
    assert!(other.answer(&one, "allow", BOTH).await.location().starts_with("https://planner.example/"));
    assert!(other.answer(&two, "allow", BOTH).await.location().starts_with("https://other.example/"));
}

impl Browser<'_> {
    async fn sign_in_again(&mut self) {
        let page = self.get("/signin").await;
        assert_eq!(self.password(&page, "alice", PASSWORD).await.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn a23_consent_is_remembered_for_exactly_what_it_was_given() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    agreed(&mut browser).await;
    let again = browser.open("/authorize").await;
    assert!(again.location().starts_with("https://planner.example/cb?code="), "{}", again.html);
    // Less is covered; anything else is asked.
    world.ask(|a| a.scope = ScopeSet::parse("read:report").unwrap());
    assert!(browser.open("/authorize").await.location().contains("code="));
    type Change = fn(&mut prokura_server::interaction::Asked);
    let changes: [Change; 5] = [
        |a| a.client = ClientId::parse("https://evil.example/client.json").unwrap(),
        |a| a.redirect = "https://planner.example/cb2".into(),
        |a| a.resource = ResourceUri::parse("https://as.example/mcp/payroll").unwrap(),
        |a| a.scope = ScopeSet::parse("read:report delete:report").unwrap(),
        |a| a.prompt = Prompt::Consent,
    ];
    for change in changes {
        world.ask(|a| *a = asked("https://as.example"));
        world.ask(change);
        let page = browser.open("/authorize").await;
        assert!(page.html.contains("May Planner use"), "{}", page.location());
    }
    // Another user of the same browser is asked.
    world.add("bob").await;
    world.ask(|a| *a = asked("https://as.example"));
    let page = browser.get("/signin").await;
    browser.password(&page, "bob", PASSWORD).await;
    assert!(browser.open("/authorize").await.html.contains("May Planner use"));
}

#[tokio::test]
async fn a23_what_was_revoked_is_asked_again() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    agreed(&mut browser).await;
    let page = browser.get("/account").await;
    browser.post(page.form("/account/grants/")).await;
    assert!(browser.open("/authorize").await.html.contains("May Planner use"));
}

#[tokio::test]
async fn a24_silence_is_for_who_is_known() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    world.ask(|a| a.prompt = Prompt::None);
    assert_eq!(parameter(&browser.get("/authorize").await, "error").as_deref(), Some("login_required"));
    browser.sign_in("alice").await;
    assert_eq!(parameter(&browser.get("/authorize").await, "error").as_deref(), Some("interaction_required"));
    world.ask(|a| a.prompt = Prompt::Needed);
    agreed(&mut browser).await;
    world.ask(|a| a.prompt = Prompt::None);
    assert!(parameter(&browser.get("/authorize").await, "code").is_some());
    // Unverified software and programs on this computer are never answered silently, whatever was agreed.
    for (standing, redirect) in [
        (Standing::Unverified, "https://planner.example/cb"),
        (Standing::Published, "http://127.0.0.1:5000/cb"),
    ] {
        world.ask(|a| (a.standing, a.redirect, a.prompt) = (standing, redirect.into(), Prompt::Needed));
        agreed(&mut browser).await;
        world.ask(|a| a.prompt = Prompt::None);
        let page = browser.get("/authorize").await;
        match standing {
            Standing::Unverified => {
                assert_eq!((page.status, page.location()), (StatusCode::BAD_REQUEST, ""));
                assert!(page.html.contains("interaction_required"), "{}", page.html);
            }
            _ => assert_eq!(parameter(&page, "error").as_deref(), Some("interaction_required")),
        }
    }
}

/// A link with `prompt=none` needs no user at all, so it would be the shortest open redirect.
#[tokio::test]
async fn a08_silence_leads_nobody_to_who_is_not_known() {
    let world = World::with_alice().await;
    let ask = |redirect: &str| {
        world.ask(|a| {
            (a.standing, a.redirect, a.prompt) = (Standing::Unverified, redirect.into(), Prompt::None);
        });
    };
    ask("https://evil.example/cb");
    let page = world.browser().get("/authorize").await;
    assert_eq!((page.status, page.location()), (StatusCode::BAD_REQUEST, ""));
    assert!(page.html.contains("login_required"), "{}", page.html);
    // A program on the reader's own machine learns it; no page of a stranger's opens by that.
    ask("http://127.0.0.1:5000/cb");
    let page = world.browser().get("/authorize").await;
    assert_eq!(parameter(&page, "error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn a25_a_hostile_name_stays_text() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    world.ask(|a| a.name = "<img src=x onerror=alert(1)>\"'</title><script>".into());
    let sign_in = browser.open("/authorize").await;
    let consent = browser.reach_consent().await;
    for page in [sign_in, consent] {
        assert!(!page.html.contains("<img src=x") && !page.html.contains("<script>"), "{}", page.html);
    }
    let fault = world.people.refuse_locally(
        &prokura_core::TraceId::parse("tr_1").unwrap(),
        "invalid_request",
        "<img src=x onerror=alert(1)>".into(),
    );
    let html = http_body_util::BodyExt::collect(fault.into_body()).await.unwrap().to_bytes();
    assert!(!String::from_utf8_lossy(&html).contains("<img src=x"));
}

#[tokio::test]
async fn a26_a_borrowed_name_is_shown_beside_its_host() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    world.ask(|a| {
        a.name = "\u{202e}Cl\u{200b}aude\u{2066}".into();
        a.client = ClientId::parse("https://evil.example/client.json").unwrap();
        a.redirect = "https://callback.evil.example/cb".into();
    });
    let page = browser.reach_consent().await;
    for shown in ["<bdi>Claude</bdi>", ">evil.example<", ">callback.evil.example<"] {
        assert!(page.html.contains(shown), "{shown} in {}", page.html);
    }
    assert!(!page.html.contains(['\u{202e}', '\u{200b}', '\u{2066}']));
}

#[tokio::test]
async fn a27_loopback_is_warned_of_and_never_remembered() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    world.ask(|a| a.redirect = "http://127.0.0.1:5000/cb".into());
    for _ in 0..2 {
        let page = browser.reach_consent().await;
        assert!(page.html.contains("Another program could pretend to be Planner"), "{}", page.html);
        assert!(page.html.contains("127.0.0.1:5000"));
        let page = browser.answer(&page, "allow", BOTH).await;
        assert!(page.location().starts_with("http://127.0.0.1:5000/cb?code="));
    }
}

#[tokio::test]
async fn a28_cookies_do_not_grow() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    browser.sign_in("alice").await;
    let before = browser.cookies.clone();
    for i in 0..500 {
        world.ask(|a| a.client = ClientId::parse(format!("https://c{i}.example/client.json")).unwrap());
        browser.get("/authorize").await;
    }
    assert_eq!(browser.cookies, before);
    assert_eq!(before.len(), 2);
}

#[tokio::test]
async fn a29_what_goes_through_the_browser_comes_back_unchanged() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    let form = page.form("/interaction/");
    let token = form.fields[0].1.clone();
    for i in [0, token.len() / 2, token.len() - 2] {
        let mut bytes = token.clone().into_bytes();
        bytes[i] = if bytes[i] == b'A' { b'B' } else { b'A' };
        let body = format!("form_token={}&answer=allow&scope=read:report", String::from_utf8(bytes).unwrap());
        assert_eq!(browser.post_raw(&form.action, &[], body).await.status, StatusCode::FORBIDDEN);
    }
    // Nothing that a form carries changes who asks, where the answer goes, or what can be agreed to.
    let form = page.form("/interaction/").with("answer", "allow").with("scope", "read:report");
    let form = form.with("client_id", "cli_evil").with("redirect_uri", "https://evil.example/cb");
    assert!(browser.post(form).await.location().starts_with("https://planner.example/cb?code="));
}

#[tokio::test]
async fn an_old_sign_in_is_asked_again_where_the_client_wants_it() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    browser.sign_in("alice").await;
    world.clock.advance(Duration::from_secs(61));
    world.ask(|a| a.max_age = Some(60));
    assert!(browser.open("/authorize").await.html.contains("/signin/password"));
    world.ask(|a| (a.max_age, a.prompt) = (None, Prompt::Login));
    let page = browser.open("/authorize").await;
    world.clock.advance(Duration::from_secs(1));
    let page = browser.password(&page, "alice", PASSWORD).await;
    assert!(browser.follow(page).await.html.contains("May Planner use"));
}

/// OpenID Connect Core §3.1.2.1: `max_age=0` asks for a sign-in, not for a user who agrees within the same second.
#[tokio::test]
async fn whoever_signed_in_for_a_request_may_take_the_time_to_read_it() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    world.ask(|a| a.max_age = Some(0));
    world.clock.advance(Duration::from_secs(1));
    let page = browser.reach_consent().await;
    world.clock.advance(Duration::from_secs(30));
    let page = browser.answer(&page, "allow", BOTH).await;
    assert!(parameter(&page, "code").is_some(), "{} {}", page.location(), page.html);
    // The next request is another.
    world.clock.advance(Duration::from_secs(1));
    assert!(browser.open("/authorize").await.html.contains("/signin/password"));
}

#[tokio::test]
async fn signing_in_as_somebody_else_keeps_the_question() {
    let world = World::with_alice().await;
    world.add("bob").await;
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    let switch = page.form("/interaction/");
    let mut form = page.form(&format!("{}/switch", switch.action));
    form.fields.truncate(1);
    let page = browser.post(form).await;
    let page = browser.follow(page).await;
    let page = browser.password(&page, "bob", PASSWORD).await;
    assert!(browser.follow(page).await.html.contains("May Planner use Sales for you?"));
}

#[tokio::test]
async fn development_mode_agrees_by_itself_and_says_so() {
    let world = World::with("http://localhost:9400", "[dev]\nauto_approve_user = \"alice\"").await;
    let mut browser = world.browser();
    let page = browser.open("/authorize").await;
    assert!(page.location().starts_with("https://planner.example/cb?code="), "{}", page.html);
    assert!(browser.get("/signin").await.html.contains("Development mode"));
    assert_eq!(world.actions().await, ["sign_in:dev", "consent:allow", "grant:make"]);
}

#[tokio::test]
async fn a_surer_sign_in_is_asked_for_once_and_then_the_client_hears_that_it_cannot_be() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    browser.sign_in("alice").await;
    world.clock.advance(std::time::Duration::from_secs(5));
    world.ask(|a| a.acr = Some(prokura_core::Acr::Phr));
    let page = browser.open("/authorize").await;
    assert!(page.html.contains("needs a passkey"), "{}", page.html);
    let page = browser.password(&page, "alice", crate::world::PASSWORD).await;
    let page = browser.follow(page).await;
    assert!(page.location().contains("error=unmet_authentication_requirements"), "{}", page.location());
    let last = world.record().await.pop().unwrap().event;
    assert_eq!((last.action.as_str(), last.outcome.as_str()), ("consent:refuse", "deny"));
    assert_eq!(last.reasons, ["sign_in_too_weak"]);
}

fn details(text: &str) -> Details {
    let resource = ResourceUri::parse("https://as.example/mcp/sales").unwrap();
    prokura_oauth::rich::parse(text, &resource).unwrap()
}

const TWO: &str = r#"[{"type":"mcp_tool","actions":["read_report"]},
    {"type":"mcp_tool","actions":["generate_summary"],"constraints":[["<=",".days",30]]}]"#;

#[tokio::test]
async fn details_are_sentences_with_switches_that_only_narrow() {
    let world = World::with_alice().await;
    world.ask(|a| (a.scope, a.details) = (ScopeSet::default(), details(TWO)));
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    for shown in ["Use read_report", "Use generate_summary, only where<", "days is at most<", "2 permissions"]
    {
        assert!(page.html.contains(shown), "{shown} in {}", page.html);
    }
    let form = || page.form("/interaction/").with("answer", "allow").with("seconds", "86400");
    let none = browser.post(form().with("detail", "7").with("scope", "read:report")).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY, "without details there would be no ceiling");
    browser.post(form().with("detail", "1").with("bound.1.0", "30")).await;
    let alice = world.store.read(|tx| tx.user_by_name("alice")).await.unwrap().unwrap();
    let grants = world.store.read(move |tx| tx.grants_of_user(&alice.id)).await.unwrap();
    assert!(grants[0].actions.is_empty());
    let left = r#"[{"type":"mcp_tool","actions":["generate_summary"],"constraints":[["<=",".days",30]]}]"#;
    assert_eq!(grants[0].details, details(left));
    let account = browser.get("/account").await;
    assert!(account.html.contains("Use generate_summary, only where days is at most 30"), "{}", account.html);
}

#[tokio::test]
async fn neither_scopes_nor_details_can_all_be_taken_away_beside_the_other() {
    let world = World::with_alice().await;
    world.ask(|a| a.details = details(TWO));
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    let form = || page.form("/interaction/").with("answer", "allow").with("seconds", "86400");
    let no_detail = form().with("scope", "read:report");
    let no_scope = form().with("detail", "0");
    for form in [no_detail, no_scope] {
        assert_eq!(browser.post(form).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let page = browser.post(form().with("scope", "read:report").with("detail", "0")).await;
    assert!(page.location().contains("code="), "{}", page.location());
}

/// What was agreed to with details is remembered for these, and for nothing else.
#[tokio::test]
async fn a23_a_consent_is_remembered_with_its_details() {
    let world = World::with_alice().await;
    world.ask(|a| a.details = details(TWO));
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    let form = page.form("/interaction/").with("answer", "allow").with("seconds", "86400");
    let form = BOTH.iter().fold(form, |f, s| f.with("scope", s)).with("detail", "0").with("detail", "1");
    let form = form.with("bound.1.0", "30");
    assert!(browser.post(form).await.location().contains("code="));
    assert!(browser.open("/authorize").await.location().contains("code="), "the same again");
    let other = r#"[{"type":"mcp_tool","actions":["generate_summary"]}]"#;
    for change in [details(other), Details::default()] {
        world.ask(|a| a.details = change);
        assert!(browser.open("/authorize").await.html.contains("May Planner use Sales"), "asked again");
    }
}
