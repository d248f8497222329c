//! Calls that wait for somebody to agree: who sees them, who decides, and what comes of it.

use crate::world::{Browser, Page, World};
use http::StatusCode;
use prokura_access::{ApprovalSeal, Facts, Line};
use prokura_core::{
    AgentId, AskedCall, ClientId, Details, Evidence, Grant, GrantId, GrantState, Grantor, Principal, Quorum,
    ResourceUri, Risk, ScopeSet, SystemRng, TaskId, TaskState, Terms, UserId,
};
use prokura_ledger::Outcome;
use prokura_oauth::json::{Limits, Object, parse};
use prokura_oauth::seal::MasterKey;
use prokura_store::{StoreError, StoredTask, TaskAsk, call_key};
use std::time::Duration;

const GROUPS: &str = "
    [[group]]
    name = \"hr\"
    members = [\"bob\", \"carol\"]";

fn object(text: &str) -> Object {
    parse(text.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap()
}

fn seal() -> ApprovalSeal {
    ApprovalSeal::new(&MasterKey::new([7; 32])).unwrap()
}

/// A world of Alice, whose agent asks, of Bob and Carol in `hr`, and of Dave.
async fn world(more: &str) -> (World, UserId) {
    let world = World::with("https://as.example", &format!("{more}{GROUPS}")).await;
    let alice = world.add("alice").await;
    for name in ["bob", "carol", "dave"] {
        world.add(name).await;
    }
    let now = world.clock_now();
    let grant = Grant {
        id: GrantId::parse("g_1").unwrap(),
        parents: vec![],
        subject: Principal::User(alice.clone()),
        grantor: Grantor::User(alice.clone()),
        grantee: AgentId::parse("agt_planner").unwrap(),
        resource: ResourceUri::parse("https://as.example/mcp/sales").unwrap(),
        actions: ScopeSet::parse("read:report").unwrap(),
        details: Details::default(),
        not_before: now,
        expires_at: now.after(Duration::from_secs(90 * 86_400)),
        depth_left: 0,
        terms: Terms::default(),
        evidence: Evidence::Consent { interaction: "i_1".into() },
        state: GrantState::Active,
        revision: 0,
    };
    world.store.transact::<_, StoreError>(move |tx| tx.insert_grant(&grant)).await.unwrap();
    (world, alice)
}

fn quorum(approvers: &[&str], of: u8) -> Quorum {
    let approvers = approvers.iter().map(|a| (*a).to_owned()).collect();
    Quorum { approvers, of, acr: None, lasts: Duration::from_secs(600) }
}

fn asked(world: &World, alice: &UserId, id: &str, arguments: &str, quorum: Quorum) -> TaskAsk {
    let line = Line {
        name: "salary".into(),
        title: "Yearly salary".into(),
        about: Some("For a year, in euros.".into()),
        before: Some(50_000.into()),
    };
    asked_as(world, alice, id, &Facts::new("Change an employee", object(arguments), vec![line]), quorum)
}

/// A call as the gateway describes it.
fn asked_as(world: &World, alice: &UserId, id: &str, facts: &Facts, quorum: Quorum) -> TaskAsk {
    let (now, id) = (world.clock_now(), TaskId::parse(id).unwrap());
    let given = facts.arguments.clone();
    TaskAsk {
        call: AskedCall {
            grant: GrantId::parse("g_1").unwrap(),
            root: GrantId::parse("g_1").unwrap(),
            subject: Principal::User(alice.clone()),
            actor: AgentId::parse("agt_planner").unwrap(),
            chain: vec![AgentId::parse("agt_planner").unwrap()],
            client: ClientId::parse("cli_planner").unwrap(),
            resource: ResourceUri::parse("https://as.example/mcp/sales").unwrap(),
            server: "sales".into(),
            action: "tool:modify_employee".into(),
            arguments: prokura_access::arguments_hash(Some(&given.clone().into())),
        },
        quorum,
        because: "raises are agreed to".into(),
        rules: vec!["staff#raise".into()],
        risk: Some(Risk::High),
        reversible: Some(false),
        sealed: seal().seal(&id, facts, &SystemRng).unwrap(),
        shape: seal().shape(&given),
        trace: "tr_call".into(),
        until: now.after(Duration::from_secs(3600)),
        grant_until: now.after(Duration::from_secs(86_400)),
        id,
    }
}

async fn ask(world: &World, alice: &UserId, id: &str, arguments: &str, quorum: Quorum) {
    let (ask, now) = (asked(world, alice, id, arguments, quorum), world.clock_now());
    world.store.transact::<_, StoreError>(move |tx| tx.ask_task(&ask, now)).await.unwrap();
}

async fn task(world: &World, id: &str) -> StoredTask {
    let id = TaskId::parse(id).unwrap();
    world.store.read::<_, StoreError>(move |tx| tx.task(&id)).await.unwrap().unwrap()
}

async fn signed_in<'a>(world: &'a World, login: &str) -> Browser<'a> {
    let mut browser = world.browser();
    browser.sign_in(login).await;
    browser
}

async fn answer(browser: &mut Browser<'_>, id: &str, answer: &str) -> Page {
    let page = browser.get(&format!("/approve/{id}")).await;
    let form = page.form(&format!("/approve/{id}")).with("answer", answer).with("word", "as discussed");
    browser.post(form).await
}

const RAISE: &str = r#"{"id":"e7","salary":52000}"#;

#[tokio::test]
async fn who_is_asked_sees_exactly_what_would_happen_and_agrees_once() {
    let (world, alice) = world("").await;
    ask(&world, &alice, "apt_1", RAISE, quorum(&["subject"], 1)).await;
    let mut browser = signed_in(&world, "alice").await;
    let list = browser.get("/account/approvals").await;
    assert!(list.html.contains("Change an employee") && list.html.contains("/approve/apt_1"));
    assert!(list.header("content-security-policy").contains("connect-src 'self'"));
    let page = browser.get("/approve/apt_1").await;
    for shown in [
        "Change an employee",
        "tool:modify_employee",
        "<bdi>Yearly salary</bdi> <code class=\"id\">salary</code>",
        "For a year, in euros.",
        "are the tool&#39;s own words",
        "52\u{a0}000",
        "50000",
        "52000",
        "e7",
        "raises are agreed to",
        "High",
        "the user in whose name it is done",
    ] {
        assert!(page.html.contains(shown), "{shown} in {}", page.html);
    }
    assert_eq!(browser.get("/approve/apt_1/state").await.html, "pending 0");
    let done = answer(&mut browser, "apt_1", "once").await;
    assert_eq!(done.location(), "/approve/apt_1?done=agreed");
    assert!(browser.follow(done).await.html.contains("The agent can make the call now"));
    assert_eq!(browser.get("/approve/apt_1/state").await.html, "approved 1");
    let stored = task(&world, "apt_1").await;
    assert_eq!(stored.task.state, TaskState::Approved);
    let child = stored.child.unwrap();
    let entries: Vec<_> = world.record().await.into_iter().map(|e| e.event).collect();
    let agreed = entries.iter().find(|e| e.action == "approval:agree").unwrap();
    assert_eq!(agreed.details.str("approval"), Some("apt_1"));
    assert_eq!(agreed.details.str("by"), Some(alice.as_str()));
    assert!(agreed.details.str("arguments_sha256").is_some());
    let made = entries.iter().find(|e| e.action == "grant:make" && e.grant == Some(child.clone())).unwrap();
    assert_eq!(made.reasons, ["approval"]);
    let said = format!("{entries:?}");
    assert!(!said.contains("salary") && !said.contains("e7\""), "no argument stands in the record");
}

#[tokio::test]
async fn a25_what_a_tool_says_of_its_arguments_is_text_and_takes_no_name() {
    let (world, alice) = world("").await;
    let line = |name: &str, title: &str, about: &str| Line {
        name: name.into(),
        title: title.into(),
        about: Some(about.into()),
        before: None,
    };
    let hostile = "\u{202e}</dd><script>alert(1)</script>";
    let lines = vec![
        line("recipient", "AMOUNT", &format!("{hostile}{}", "Approved already. ".repeat(90))),
        line("amount", hostile, "\u{200b}\u{2060}"),
        line("iban", "\u{200b}", hostile),
    ];
    let given = r#"{"recipient":"eve","amount":"<b>1</b>","iban":"DE\u200b02"}"#;
    let facts = Facts::new(hostile, object(given), lines);
    let (ask, now) = (asked_as(&world, &alice, "apt_1", &facts, quorum(&["subject"], 1)), world.clock_now());
    world.store.transact::<_, StoreError>(move |tx| tx.ask_task(&ask, now)).await.unwrap();
    let page = signed_in(&world, "alice").await.get("/approve/apt_1").await.html;
    assert!(
        !page.contains("<script>alert") && !page.contains("<b>1") && !page.contains('\u{202e}'),
        "{page}"
    );
    assert!(
        !page.contains('\u{200b}') && !page.contains("AMOUNT"),
        "no argument is called like another: {page}"
    );
    for shown in [
        "<dt><code>recipient</code></dt>",
        "<code class=\"id\">amount</code>",
        "<dt><code>iban</code></dt>",
        "&#60;b&#62;1&#60;/b&#62;",
        "“DE\\u{200b}02” (with characters that do not show)",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    assert!(page.matches("Approved already.").count() < 20, "what is said is cut, what is done never");
}

#[tokio::test]
async fn a_long_value_is_folded_and_is_there_without_a_script() {
    let (world, alice) = world("").await;
    let letter = format!("Dear Bob,\\n\\n{}yours", "much to say ".repeat(100));
    ask(&world, &alice, "apt_1", &format!(r#"{{"letter":"{letter}"}}"#), quorum(&["subject"], 1)).await;
    let page = signed_in(&world, "alice").await.get("/approve/apt_1").await.html;
    assert!(
        page.contains("<details class=\"long\"><summary>") && page.contains("Show all 1216 characters"),
        "{page}"
    );
    let inside = page.split("</summary>").nth(1).unwrap().split("</details>").next().unwrap();
    assert_eq!(inside.matches("much to say").count(), 100);
    assert!(inside.contains("<bdi>Dear Bob,</bdi><bdi>\\u{a}</bdi><bdi>much"), "{inside}");
}

#[tokio::test]
async fn e41_a_link_that_a_stranger_opens_shows_nothing() {
    let (world, alice) = world("").await;
    ask(&world, &alice, "apt_1", RAISE, quorum(&["hr"], 1)).await;
    let mut nobody = world.browser();
    let page = nobody.get("/approve/apt_1").await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/signin?a=apt_1"));
    assert_eq!(nobody.get("/approve/apt_1/state").await.status, StatusCode::NOT_FOUND);
    let mut dave = signed_in(&world, "dave").await;
    let none = dave.get("/approve/apt_9").await;
    let other = dave.get("/approve/apt_1").await;
    assert_eq!((none.status, other.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    assert_eq!(dave.get("/approve/apt_1/state").await.status, StatusCode::NOT_FOUND);
    assert!(!other.html.contains("52000") && !dave.get("/account/approvals").await.html.contains("apt_1"));
    // Who takes the form of a page of another, with the mark of their own, gets nowhere either.
    ask(&world, &alice, "apt_2", r#"{"id":"e8"}"#, quorum(&["hr"], 1)).await;
    let mut bob = signed_in(&world, "bob").await;
    let form = bob.get("/approve/apt_1").await.form("/approve/apt_1").with("answer", "once");
    let stolen = dave.post(form).await;
    assert_eq!(stolen.status, StatusCode::FORBIDDEN);
    assert_eq!(task(&world, "apt_1").await.task.state, TaskState::Pending);
}

#[tokio::test]
async fn e41_no_other_page_can_agree_for_the_reader() {
    let (world, alice) = world("").await;
    ask(&world, &alice, "apt_1", RAISE, quorum(&["subject"], 1)).await;
    ask(&world, &alice, "apt_2", r#"{"id":"e8"}"#, quorum(&["subject"], 1)).await;
    let mut browser = signed_in(&world, "alice").await;
    let page = browser.get("/approve/apt_1").await;
    let form = page.form("/approve/apt_1").with("answer", "once");
    let body = form.body();
    for (headers, path, body) in [
        (&[("sec-fetch-site", "cross-site")][..], "/approve/apt_1", body.as_str()),
        (&[("origin", "https://evil.example")], "/approve/apt_1", &body),
        (&[("content-type", "text/plain")], "/approve/apt_1", &body),
        (&[("sec-fetch-site", "same-origin")], "/approve/apt_1", "answer=once"),
        (&[("sec-fetch-site", "same-origin")], "/approve/apt_2", &body),
    ] {
        let crossed = browser.post_raw(path, headers, body.to_owned()).await;
        assert_eq!(crossed.status, StatusCode::FORBIDDEN, "{headers:?} {path}");
    }
    for id in ["apt_1", "apt_2"] {
        assert_eq!(task(&world, id).await.task.state, TaskState::Pending);
    }
    let framed = page.header("content-security-policy");
    assert!(framed.contains("frame-ancestors 'none'"), "no other page shows it in itself");
}

#[tokio::test]
async fn two_people_of_the_group_agree_each_once_and_never_whose_authority_it_is() {
    let (world, alice) = world("").await;
    ask(&world, &alice, "apt_1", RAISE, quorum(&["hr"], 2)).await;
    let mut owner = signed_in(&world, "alice").await;
    let page = owner.get("/approve/apt_1").await;
    assert!(page.html.contains("value=\"no\"") && !page.html.contains("value=\"once\""));
    assert!(page.html.contains("acts for you"));
    let theirs = signed_in(&world, "bob").await.get("/approve/apt_1").await.html;
    assert!(theirs.contains("acts for Alice") && !theirs.contains("acts for you"), "{theirs}");
    let form = page.form("/approve/apt_1").with("answer", "once");
    assert_eq!(owner.post(form).await.location(), "/approve/apt_1?done=not-yours");
    let mut bob = signed_in(&world, "bob").await;
    let form = bob.get("/approve/apt_1").await.form("/approve/apt_1").with("answer", "once");
    let body = form.body();
    assert_eq!(bob.post(form).await.location(), "/approve/apt_1?done=agreed");
    let again = bob.post_raw("/approve/apt_1", &[("sec-fetch-site", "same-origin")], body).await;
    assert_eq!(again.location(), "/approve/apt_1?done=twice");
    assert_eq!(task(&world, "apt_1").await.task.state, TaskState::Pending);
    assert!(!bob.get("/approve/apt_1").await.html.contains("value=\"once\""));
    let mut carol = signed_in(&world, "carol").await;
    answer(&mut carol, "apt_1", "once").await;
    assert_eq!(task(&world, "apt_1").await.task.state, TaskState::Approved);
    let denied: Vec<_> = world
        .record()
        .await
        .into_iter()
        .filter(|e| e.event.action == "approval:agree" && e.event.outcome == Outcome::Deny)
        .flat_map(|e| e.event.reasons)
        .collect();
    assert_eq!(denied, ["not_asked", "twice"], "who tried is on record");
}

#[tokio::test]
async fn a_refusal_ends_it_and_is_remembered_with_its_word() {
    let (world, alice) = world("").await;
    ask(&world, &alice, "apt_1", RAISE, quorum(&["hr"], 1)).await;
    let mut owner = signed_in(&world, "alice").await;
    let done = answer(&mut owner, "apt_1", "no").await;
    assert_eq!(done.location(), "/approve/apt_1?done=refused");
    let page = owner.follow(done).await;
    assert!(page.html.contains("as discussed") && page.html.contains("not kept any longer"));
    assert!(!page.html.contains("52000"));
    let stored = task(&world, "apt_1").await;
    assert_eq!((stored.task.state, stored.sealed.as_str()), (TaskState::Refused, ""));
    let mut bob = signed_in(&world, "bob").await;
    let page = bob.get("/approve/apt_1").await;
    assert!(!page.html.contains("value=\"once\""), "nobody agrees to what was refused");
}

#[tokio::test]
async fn an_agreement_may_need_a_surer_sign_in() {
    let (world, alice) = world("").await;
    let sure = Quorum { acr: Some(prokura_core::Acr::Mfa), ..quorum(&["subject"], 1) };
    ask(&world, &alice, "apt_1", RAISE, sure).await;
    let mut browser = signed_in(&world, "alice").await;
    let page = browser.get("/approve/apt_1").await;
    assert!(page.html.contains("/signin?sure=apt_1") && !page.html.contains("value=\"once\""));
    let form = page.form("/approve/apt_1").with("answer", "once");
    assert_eq!(browser.post(form).await.location(), "/approve/apt_1?done=weak");
    assert_eq!(task(&world, "apt_1").await.task.state, TaskState::Pending);
    assert_eq!(browser.get("/signin?sure=apt_1").await.status, StatusCode::OK, "they sign in once more");
}

/// Has Alice agree to so many raises of e7, each of another amount.
async fn agreed_before(world: &World, alice: &UserId, browser: &mut Browser<'_>) {
    for (i, salary) in [51_000, 51_500, 52_500].into_iter().enumerate() {
        let id = format!("apt_b{i}");
        let arguments = format!("{{\"id\":\"e7\",\"salary\":{salary}}}");
        ask(world, alice, &id, &arguments, quorum(&["subject"], 1)).await;
        assert_eq!(answer(browser, &id, "once").await.location(), format!("/approve/{id}?done=agreed"));
    }
}

#[tokio::test]
async fn who_agreed_often_may_agree_to_the_like_and_to_nothing_more_than_was_shown() {
    let (world, alice) = world("").await;
    let mut browser = signed_in(&world, "alice").await;
    ask(&world, &alice, "apt_0", RAISE, quorum(&["subject"], 1)).await;
    assert!(!browser.get("/approve/apt_0").await.html.contains("alike-7"), "not at once");
    agreed_before(&world, &alice, &mut browser).await;
    let page = browser.get("/approve/apt_0").await;
    assert!(page.html.contains("alike-7") && page.html.contains("from 0 up to"));
    let mark = page.html.split("name=\"offer\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = || page.form("/approve/apt_0");
    for (days, mark) in [("alike-7", "other"), ("alike-7", ""), ("alike-365", mark)] {
        let wider = browser.post(form().with("answer", days).with("offer", mark)).await;
        assert_eq!(wider.location(), "/approve/apt_0?done=over", "{days} {mark}");
    }
    let done = browser.post(form().with("answer", "alike-7").with("offer", mark)).await;
    assert_eq!(done.location(), "/approve/apt_0?done=alike");
    let (now, subject) = (world.clock_now(), Principal::User(alice.clone()));
    let read = |at| {
        let subject = subject.clone();
        let read = move |tx: &mut prokura_store::Tx<'_>| tx.approval_rules(Some(&subject), at);
        let store = world.store.clone();
        async move { store.read::<_, StoreError>(read).await.unwrap() }
    };
    let rules = read(now).await;
    let conditions = seal().open_conditions(&rules[0].id, &rules[0].sealed).unwrap();
    assert!(conditions.meets(&object(r#"{"id":"e7","salary":51999}"#)));
    assert!(!conditions.meets(&object(r#"{"id":"e7","salary":52001}"#)));
    assert!(!conditions.meets(&object(r#"{"id":"e8","salary":1}"#)));
    assert!(read(now.after(Duration::from_secs(7 * 86_400))).await.is_empty(), "it ends by itself");
    let list = browser.get("/account/approvals").await;
    assert!(list.html.contains("Agreed for a while") && list.html.contains("52000"));
    let mut dave = signed_in(&world, "dave").await;
    let action = format!("/account/approvals/rules/{}/end", rules[0].id);
    let stolen = dave.post(list.form(&action)).await;
    assert_eq!(stolen.status, StatusCode::FORBIDDEN);
    let ended = browser.post(list.form(&action)).await;
    assert_eq!(ended.location(), "/account/approvals?done=ended");
    assert!(read(now).await.is_empty());
    let actions = world.actions().await;
    assert!(actions.contains(&"approval:make_rule".into()) && actions.contains(&"approval:end_rule".into()));
}

#[tokio::test]
async fn what_is_agreed_to_is_used_once_for_exactly_that() {
    let (world, alice) = world("").await;
    let asked = asked(&world, &alice, "apt_1", RAISE, quorum(&["subject"], 1));
    ask(&world, &alice, "apt_1", RAISE, quorum(&["subject"], 1)).await;
    let mut browser = signed_in(&world, "alice").await;
    answer(&mut browser, "apt_1", "once").await;
    let (key, now) = (call_key(&asked.call, &asked.quorum), world.clock_now());
    let spend = |key: String| {
        let store = world.store.clone();
        let id = TaskId::parse("apt_1").unwrap();
        async move { store.transact::<_, StoreError>(move |tx| tx.use_task(&id, &key, now)).await.unwrap() }
    };
    assert!(spend("0".repeat(64)).await.is_err());
    assert!(spend(key.clone()).await.is_ok());
    assert!(spend(key).await.is_err());
    assert!(browser.get("/approve/apt_1").await.html.contains("Approved and done"));
}
