//! The account.

use crate::world::{Browser, World};
use http::StatusCode;
use prokura_core::GrantId;

async fn agreed(browser: &mut Browser<'_>) -> GrantId {
    let page = browser.reach_consent().await;
    let page = browser.answer(&page, "allow", &["read:report"]).await;
    let code = page.location().split("code=").nth(1).unwrap();
    GrantId::parse(code.split('.').next().unwrap()).unwrap()
}

#[tokio::test]
async fn a_grant_is_listed_with_its_chain_and_revoked_at_once() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let grant = agreed(&mut browser).await;
    let page = browser.get("/account").await;
    for shown in ["Planner", "planner.example", "Read sales reports", "in 1 day", "→"] {
        assert!(page.html.contains(shown), "{shown} in {}", page.html);
    }
    assert!(!world.store.revoked().contains(&grant));
    let page = browser.post(page.form(&format!("/account/grants/{grant}/revoke"))).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert!(world.store.revoked().contains(&grant), "revoked before the browser is answered");
    let page = browser.follow(page).await;
    assert!(
        page.html.contains("Planner can no longer use Sales for you.")
            && page.html.contains("Nobody may act for you.")
    );
    let record = world.record().await;
    let last = &record.last().unwrap().event;
    assert_eq!((last.action.as_str(), last.grant.as_ref()), ("grant:revoke", Some(&grant)));
}

#[tokio::test]
async fn everything_is_revoked_at_once() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let one = agreed(&mut browser).await;
    world.ask(|a| a.redirect = "http://127.0.0.1:1/cb".into());
    let two = agreed(&mut browser).await;
    let page = browser.get("/account").await;
    let page = browser.post(page.form("/account/revoke-all")).await;
    assert!(browser.follow(page).await.html.contains("Nobody may act for you any more."));
    assert!(world.store.revoked().contains(&one) && world.store.revoked().contains(&two));
}

#[tokio::test]
async fn nobody_revokes_or_sees_what_is_anothers() {
    let world = World::with_alice().await;
    world.add("bob").await;
    let (mut alice, mut bob) = (world.browser(), world.browser());
    let grant = agreed(&mut alice).await;
    bob.sign_in("bob").await;
    assert!(!bob.get("/account").await.html.contains(grant.as_str()));
    let theirs = alice.get("/account").await.form(&format!("/account/grants/{grant}/revoke"));
    assert_eq!(bob.post(theirs).await.status, StatusCode::FORBIDDEN);
    assert!(!bob.get(&format!("/account?revoked={grant}")).await.html.contains("can no longer use"));
    assert!(!world.store.revoked().contains(&grant));
}

#[tokio::test]
async fn another_browser_is_signed_out_from_here() {
    let world = World::with_alice().await;
    let (mut here, mut there) = (world.browser(), world.browser());
    there.sign_in("alice").await;
    here.sign_in("alice").await;
    let page = here.get("/account/security").await;
    assert_eq!(page.html.matches("/account/sessions/").count(), 1, "not this one");
    here.post(page.form("/account/sessions/")).await;
    assert_eq!(there.get("/account").await.location(), "/signin");
    assert_eq!(here.get("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_their_content() {
    let world = World::new().await;
    let mut browser = world.browser();
    let page = browser.get(&prokura_ui::STYLE.path()).await;
    assert_eq!(page.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(browser.get("/assets/prokura.0000000000000000.css").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_link_to_sign_out_asks_first_and_its_way_back_cannot_be_changed() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    browser.sign_in("alice").await;
    let page = browser.log_out(None, Some("https://app.example/bye")).await;
    assert_eq!(page.status, StatusCode::OK);
    let form = page.form("/logout/confirm");
    let mut changed = page.form("/logout/confirm");
    changed.action = changed.action.replace("app.example", "evil.example");
    assert_eq!(browser.post(changed).await.status, StatusCode::FORBIDDEN);
    assert!(browser.get("/account").await.status == StatusCode::OK, "still signed in");
    let page = browser.post(form).await;
    assert_eq!(page.location(), "https://app.example/bye");
    assert_eq!(browser.get("/account").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_word_of_a_client_ends_the_session_of_the_one_it_names() {
    let world = World::with_alice().await;
    let bob = world.add("bob").await;
    let mut browser = world.browser();
    browser.sign_in("alice").await;
    assert_eq!(browser.log_out(Some(&bob), None).await.status, StatusCode::OK, "another's name asks first");
    let alice = world.record().await.iter().find_map(|e| e.event.subject.clone()).unwrap();
    let alice = prokura_core::UserId::parse(alice.as_str()).unwrap();
    let page = browser.log_out(Some(&alice), None).await;
    assert!(page.location().ends_with("/signed-out"), "{}", page.location());
    assert_eq!(browser.get("/account").await.status, StatusCode::SEE_OTHER);
}

async fn past(browser: &mut Browser<'_>) -> String {
    let page = browser.get("/account/history").await;
    assert_eq!(page.status, StatusCode::OK);
    page.html
}

#[tokio::test]
async fn what_was_allowed_refused_changed_and_ended_is_told_the_newest_first() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let grant = agreed(&mut browser).await;
    let page = browser.get(&format!("/account/grants/{grant}")).await;
    browser.post(page.form(&format!("/account/grants/{grant}/suspend"))).await;
    world.ask(|a| a.redirect = "http://127.0.0.1:1/cb".into());
    let page = browser.reach_consent().await;
    browser.answer(&page, "no", &[]).await;
    let page = browser.get("/account").await;
    assert!(page.html.contains("href=\"/account/history\""));
    browser.post(page.form(&format!("/account/grants/{grant}/revoke"))).await;
    let html = past(&mut browser).await;
    let place = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text} in {html}"));
    let told = ["Ended: ", "You said No", "Paused", "Allowed: Read sales reports"].map(place);
    assert!(told.is_sorted(), "{told:?} in {html}");
    assert_eq!(html.matches("Allowed: ").count(), 1);
    assert!(!html.contains(">Made<"), "one line for one word of the user: {html}");
    assert!(
        html.contains(&format!("<a href=\"/account/grants/{grant}\"><bdi>Planner at Sales</bdi></a>")),
        "{html}"
    );
    assert_eq!(html.matches("<bdi class=\"who-did\">you</bdi>").count(), 4, "{html}");
}

#[tokio::test]
async fn nobody_reads_what_another_allowed() {
    let world = World::with_alice().await;
    world.add("bob").await;
    agreed(&mut world.browser()).await;
    let mut bob = world.browser();
    assert_eq!(bob.get("/account/history").await.status, StatusCode::SEE_OTHER, "signed in first");
    bob.sign_in("bob").await;
    let html = past(&mut bob).await;
    assert!(html.contains("Nothing yet.") && !html.contains("Planner"), "{html}");
    let odd = bob.get("/account/history?before=-1&before=x").await;
    assert_eq!(odd.status, StatusCode::OK);
}

#[tokio::test]
async fn a_long_past_has_pages() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    browser.sign_in("alice").await;
    for _ in 0..70 {
        let page = browser.reach_consent().await;
        browser.answer(&page, "no", &[]).await;
    }
    let first = past(&mut browser).await;
    assert_eq!(first.matches("You said No").count(), 60);
    let older = first.split("href=\"/account/history?before=").nth(1).unwrap().split('"').next().unwrap();
    let rest = browser.get(&format!("/account/history?before={older}")).await.html;
    assert_eq!(rest.matches("You said No").count(), 10);
    assert!(!rest.contains("before="));
}
