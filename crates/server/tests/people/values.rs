//! What a user takes away of a permission argument by argument, in a browser without script.

use crate::world::{Form, Page, World};
use http::StatusCode;
use prokura_core::{Details, Grant, GrantState, ResourceUri, ScopeSet};
use prokura_ledger::{Entry, Outcome};
use prokura_oauth::rich;

const PAY: &str = r#"[{"type":"mcp_tool","actions":["pay"],"constraints":[
    ["in",".to",["ann","bob"]],["<=",".amount",100],["like",".file","/home/*"],["==",".currency","EUR"]]},
    {"type":"mcp_tool","actions":["read_report"],"constraints":[["subset",".fields",["name","team"]],["length<=",".ids",5]]}]"#;

fn details(text: &str) -> Details {
    rich::parse(text, &ResourceUri::parse("https://as.example/mcp/sales").unwrap()).unwrap()
}

async fn asking(text: &str) -> World {
    let world = World::with_alice().await;
    let details = details(text);
    world.ask(|a| (a.scope, a.details) = (ScopeSet::default(), details));
    world
}

async fn grants(world: &World) -> Vec<Grant> {
    let alice = world.store.read(|tx| tx.user_by_name("alice")).await.unwrap().unwrap();
    let all = world.store.read(move |tx| tx.grants_of_user(&alice.id)).await.unwrap();
    all.into_iter().filter(|g| g.state == GrantState::Active).collect()
}

/// The form as it stands, with a yes.
fn yes(page: &Page) -> Form {
    page.filled("/interaction/").with("answer", "allow")
}

#[tokio::test]
async fn an_untouched_page_allows_what_was_asked_for_and_no_less() {
    let world = asking(PAY).await;
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    for shown in [
        "Use pay, only where currency is “EUR”, and<",
        "to is one of<",
        "“ann”<",
        "amount is at most<",
        "file is like (* stands for anything)<",
        "Use read_report, only where<",
        "fields holds nothing but<",
        "ids is no longer than<",
    ] {
        assert!(page.html.contains(shown), "{shown} in {}", page.html);
    }
    assert!(browser.post(yes(&page)).await.location().contains("code="));
    assert_eq!(grants(&world).await[0].details, details(PAY));
    assert!(browser.open("/authorize").await.location().contains("code="), "remembered as it was asked");
}

#[tokio::test]
async fn values_go_bounds_fall_and_shapes_get_narrower() {
    let world = asking(PAY).await;
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    let form = yes(&page).without("value", "0.0.0").without("value", "1.0.1");
    let form = form.typed("bound.0.1", " 50.5 ").typed("bound.0.2", "/home/ann/*").typed("bound.1.1", "2");
    assert!(browser.post(form).await.location().contains("code="));
    let left = details(
        r#"[{"type":"mcp_tool","actions":["pay"],"constraints":[
        ["in",".to",["bob"]],["<=",".amount",50.5],["like",".file","/home/ann/*"],["==",".currency","EUR"]]},
        {"type":"mcp_tool","actions":["read_report"],"constraints":[["subset",".fields",["name"]],["length<=",".ids",2]]}]"#,
    );
    assert_eq!(grants(&world).await[0].details, left);
    let allowed = world.record().await.into_iter().find(|e| e.event.action == "consent:allow").unwrap();
    let recorded = allowed.event.details.get("authorization_details").unwrap().to_string();
    assert!(recorded.contains("50.5") && !recorded.contains("ann\",\"bob"), "{recorded}");
    let account = browser.get("/account").await;
    let said = "Use pay, only where to is “bob”, amount is at most 50.5, file is like “/home/ann/*”";
    assert!(account.html.contains(said), "{}", account.html);
}

#[tokio::test]
async fn a29_a_tampered_form_never_widens_what_was_asked_for() {
    let world = asking(PAY).await;
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    let form = || yes(&page);
    for (why, form) in [
        ("more", form().typed("bound.0.1", "101")),
        ("much more", form().typed("bound.0.1", "1e400")),
        ("no number", form().typed("bound.0.1", "unlimited")),
        ("nothing", form().typed("bound.0.1", "")),
        ("not sent", form().without("bound.0.1", "100")),
        ("twice", form().with("bound.0.1", "100")),
        ("another sort", form().typed("bound.0.1", "[100]")),
        ("another shape", form().typed("bound.0.2", "*")),
        ("another folder", form().typed("bound.0.2", "/etc/*")),
        (
            "values that nobody asked for",
            form().without("value", "0.0.0").without("value", "0.0.1").with("value", "0.0.9"),
        ),
        ("no value", form().without("value", "0.0.0").without("value", "0.0.1")),
        ("a longer list", form().typed("bound.1.1", "6")),
        ("half of an element", form().typed("bound.1.1", "2.5")),
    ] {
        let again = browser.post(form).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "{why}");
        assert!(again.html.contains("What is marked below cannot be."), "{why}");
        assert!(again.html.contains("argument wrong"), "{why}");
    }
    assert_eq!(grants(&world).await, []);
    // What is locked, what is not on the page and what nobody asked for change nothing, even beside what is left.
    let beside =
        form().with("bound.0.3", "USD").with("value", "0.3.0").with("value", "7.7.7").with("detail", "9");
    assert!(
        browser.post(beside.with("value", "x").with("most.0.1", "999")).await.location().contains("code=")
    );
    assert_eq!(grants(&world).await[0].details, details(PAY));
}

#[tokio::test]
async fn what_cannot_be_is_asked_again_as_it_was_answered() {
    let world = asking(PAY).await;
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    let form = yes(&page).without("value", "0.0.0").without("detail", "1").typed("bound.0.1", "\"><b>9");
    let again = browser.post(form).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.html.contains("value=\"&#34;&#62;&#60;b&#62;9\""), "{}", again.html);
    assert!(again.html.contains("It was 100. Write a number that allows no more than that."));
    let form = again.filled("/interaction/");
    let posted = |name: &str| {
        form.fields.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect::<Vec<_>>()
    };
    assert_eq!((posted("value"), posted("detail")), (vec!["0.0.1", "1.0.0", "1.0.1"], vec!["0"]));
    assert!(browser.post(yes(&again).typed("bound.0.1", "9")).await.location().contains("code="));
    let grants = grants(&world).await;
    assert_eq!(grants[0].details.tools().into_iter().collect::<Vec<_>>(), ["pay"]);
}

#[tokio::test]
async fn a25_values_are_shown_exactly_and_never_as_markup() {
    let hostile = r#"[{"type":"mcp_tool","actions":["pay"],"constraints":[
        ["in",".to",["<img src=x onerror=alert(1)>","bob","bob\u200b","\u202egnp.exe"]],
        ["subset","[\"a\u202eb\"]",["“x” and anything"]]]}]"#;
    let world = asking(hostile).await;
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    for shown in [
        "“&#60;img src=x onerror=alert(1)&#62;”",
        "“bob”<",
        "“bob\\u{200b}”<",
        "“\\u{202e}gnp.exe”",
        "[&#34;a\\u{202e}b&#34;] holds nothing but",
    ] {
        assert!(page.html.contains(shown), "{shown} in {}", page.html);
    }
    assert!(
        !page.html.contains("<img src=x")
            && !page.html.contains('\u{202e}')
            && !page.html.contains('\u{200b}')
    );
    assert!(browser.post(yes(&page).without("value", "0.0.2")).await.location().contains("code="));
    let left = rich::to_text(&grants(&world).await[0].details, &grants(&world).await[0].resource);
    assert!(left.contains("\"bob\"") && !left.contains("bob\u{200b}"), "{left}");
}

#[tokio::test]
async fn whoever_took_a_value_away_is_asked_again_and_may_take_away_more() {
    let world = asking(PAY).await;
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    browser.post(yes(&page).typed("bound.0.1", "50")).await;
    let first = grants(&world).await.remove(0);
    let page = browser.open("/authorize").await;
    assert!(page.html.contains("amount is at most 50"), "what was allowed is said: {}", page.html);
    browser.post(yes(&page).without("value", "0.0.0").typed("bound.0.1", "20")).await;
    let now = grants(&world).await;
    assert_eq!(now.len(), 1, "one grant for one software at one place");
    assert_ne!(now[0].id, first.id, "what was issued of the wider one ends");
    let left = rich::to_text(&now[0].details, &now[0].resource);
    assert!(left.contains("20") && !left.contains("50") && !left.contains("ann"), "{left}");
}

/// Alice allowed everything; the page of her grant.
async fn allowed(browser: &mut crate::world::Browser<'_>, world: &World) -> (Grant, Page) {
    let page = browser.reach_consent().await;
    browser.post(yes(&page)).await;
    let grant = grants(world).await.remove(0);
    let page = browser.get(&format!("/account/grants/{}", grant.id)).await;
    (grant, page)
}

/// The form that takes away, as it stands.
fn narrowing(page: &Page, grant: &Grant) -> Form {
    page.filled(&format!("/account/grants/{}/narrow", grant.id))
}

async fn narrowings(world: &World) -> Vec<Entry> {
    world.record().await.into_iter().filter(|e| e.event.action == "grant:narrow").collect()
}

#[tokio::test]
async fn of_what_was_allowed_values_go_bounds_fall_and_shapes_get_narrower() {
    let world = asking(PAY).await;
    let mut browser = world.browser();
    let (before, page) = allowed(&mut browser, &world).await;
    let form = narrowing(&page, &before).without("value", "0.0.0").without("value", "1.0.1");
    let form = form.typed("bound.0.1", " 50.5 ").typed("bound.0.2", "/home/ann/*").typed("bound.1.1", "2");
    assert!(world.store.revoked().stands([(&before.id, before.revision)]));
    let page = browser.post(form).await;
    assert_eq!(page.location(), format!("/account/grants/{}?done=narrowed", before.id));
    assert!(!world.store.revoked().stands([(&before.id, before.revision)]), "tokens of before count no more");
    let left = details(
        r#"[{"type":"mcp_tool","actions":["pay"],"constraints":[
        ["in",".to",["bob"]],["<=",".amount",50.5],["like",".file","/home/ann/*"],["==",".currency","EUR"]]},
        {"type":"mcp_tool","actions":["read_report"],"constraints":[["subset",".fields",["name"]],["length<=",".ids",2]]}]"#,
    );
    let now = grants(&world).await.remove(0);
    let expected = Grant { details: left, revision: before.revision + 1, ..before.clone() };
    assert_eq!(now, expected, "nothing else changed");
    let entry = narrowings(&world).await.remove(0).event;
    assert_eq!((entry.outcome, entry.grant), (Outcome::Permit, Some(before.id.clone())));
    assert_eq!(entry.details.get("without").unwrap().to_string(), r#"{"values":[0,1]}"#);
    assert_eq!(
        entry.details.get("authorization_details").unwrap(),
        &rich::to_value(&now.details, &now.resource)
    );
    let page = browser.follow(page).await;
    for shown in [
        "to is “bob”, amount is at most 50.5, file is like “/home/ann/*” (* stands for anything) and",
        "Taken away: single values",
        "Allowed: Use pay, only where to is one of “ann” and “bob”",
    ] {
        assert!(page.html.contains(shown), "{shown} in {}", page.html);
    }
    // What was taken away is on the page no more, and what is left gets smaller still.
    let form = narrowing(&page, &now).without("detail", "1").typed("bound.0.1", "10");
    browser.post(form).await;
    let least = grants(&world).await.remove(0);
    assert_eq!(least.details.tools().into_iter().collect::<Vec<_>>(), ["pay"]);
    assert!(rich::to_text(&least.details, &least.resource).contains(r#"["<=",".amount",10]"#));
    let page = browser.open("/authorize").await;
    assert_eq!(page.status, StatusCode::OK, "who asks for all of it again is put to the user again");
}

#[tokio::test]
async fn f04_a_form_never_widens_a_value_and_who_tries_is_on_record() {
    let world = asking(PAY).await;
    let mut browser = world.browser();
    let (before, page) = allowed(&mut browser, &world).await;
    let form = || narrowing(&page, &before);
    let mut on_record = 0;
    for (why, form, recorded) in [
        ("more", form().typed("bound.0.1", "100.01"), true),
        ("another shape", form().typed("bound.0.2", "*"), true),
        ("a longer list", form().typed("bound.1.1", "6"), true),
        ("more beside less", form().without("value", "0.0.0").typed("bound.0.1", "1e400"), true),
        ("no number", form().typed("bound.0.1", "unlimited"), false),
        ("nothing", form().typed("bound.0.1", ""), false),
        ("not sent", form().without("bound.0.1", "100"), false),
        ("twice", form().with("bound.0.1", "1"), false),
        ("half of an element", form().typed("bound.1.1", "2.5"), false),
        ("no value", form().without("value", "0.0.0").without("value", "0.0.1"), false),
        (
            "values that are not there",
            form().without("value", "0.0.0").without("value", "0.0.1").with("value", "0.0.9"),
            false,
        ),
    ] {
        let again = browser.post(form).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "{why}");
        assert!(again.html.contains("What is marked below cannot be."), "{why}");
        assert!(again.html.contains("argument wrong"), "{why}");
        assert_eq!(grants(&world).await, std::slice::from_ref(&before), "{why}");
        on_record += usize::from(recorded);
        let entries = narrowings(&world).await;
        assert!(entries.iter().all(|e| e.event.outcome == Outcome::Deny), "{why}");
        assert_eq!(entries.len(), on_record, "{why}");
    }
    // What is locked, what is not on the page and what is not in the grant change nothing.
    let beside =
        form().with("bound.0.3", "USD").with("value", "0.3.0").with("value", "7.7.7").with("most.0.1", "999");
    assert!(browser.post(beside).await.location().ends_with("done=nothing"));
    assert!(browser.post(form().with("detail", "9")).await.location().ends_with("done=wider"));
    assert_eq!(grants(&world).await, [before]);
}

#[tokio::test]
async fn of_a_grant_what_cannot_be_is_asked_again_as_it_was_answered() {
    let world = asking(PAY).await;
    let mut browser = world.browser();
    let (before, page) = allowed(&mut browser, &world).await;
    let form = narrowing(&page, &before).without("value", "0.0.0").without("detail", "1");
    let form = form.without("pass", "rules").typed("bound.0.1", "\"><b>9").typed("bound.1.1", "77");
    let again = browser.post(form.without("seconds", "").with("seconds", "3600")).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.html.contains("value=\"&#34;&#62;&#60;b&#62;9\""), "{}", again.html);
    assert!(again.html.contains("It was 100. Write a number that allows no more than that."));
    assert_eq!(again.html.matches("argument wrong").count(), 1, "of what is taken away nothing is wrong");
    let form = narrowing(&again, &before);
    let posted = |name: &str| {
        form.fields.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect::<Vec<_>>()
    };
    assert_eq!((posted("value"), posted("detail")), (vec!["0.0.1", "1.0.0", "1.0.1"], vec!["0"]));
    assert_eq!((posted("pass"), posted("seconds")), (vec![], vec!["3600"]));
    assert!(
        browser
            .post(narrowing(&again, &before).typed("bound.0.1", "9"))
            .await
            .location()
            .ends_with("narrowed")
    );
    let now = grants(&world).await.remove(0);
    assert_eq!(now.details.tools().into_iter().collect::<Vec<_>>(), ["pay"]);
    // The same form again is of an earlier revision: its places mean something else now, so nothing is asked of them.
    let late = browser.post(narrowing(&again, &before).typed("bound.0.1", "999")).await;
    assert!(late.location().ends_with("done=changed"));
    assert_eq!(grants(&world).await, [now]);
    assert_eq!(narrowings(&world).await.len(), 1);
}
