//! Signing in.

use crate::softkey::SoftKey;
use crate::world::{PASSWORD, World};
use http::StatusCode;
use prokura_core::SystemRng;
use prokura_server::signin::first_user_link;
use std::time::Duration;

const COOKIE: &str = "__Host-prokura";

#[tokio::test]
async fn a_password_signs_in_without_a_script() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let page = browser.sign_in("alice").await;
    assert!(page.html.contains("What I allowed") && page.html.contains("Nobody may act for you."));
    assert_eq!(world.actions().await, ["user:add", "sign_in:password"]);
}

#[tokio::test]
async fn a_passkey_is_added_and_signs_in_once_per_challenge() {
    let world = World::with_alice().await;
    let (mut browser, mut key) = (world.browser(), SoftKey::new("https://as.example"));
    browser.sign_in("alice").await;
    let form = browser.get("/account/security").await.form("/account/passkeys");
    let credential = key.create(&form.options).await;
    let page = browser.post(form.with("credential", &credential).with("label", "Laptop")).await;
    let page = browser.follow(page).await;
    assert!(page.html.contains("The passkey was added.") && page.html.contains("Laptop"), "{}", page.html);

    let mut other = world.browser();
    let form = other.open("/account").await.form("/signin/passkey");
    let credential = key.get(&form.options).await;
    let form = form.with("credential", &credential);
    let (action, body) = (form.action.clone(), form.body());
    let page = other.post(form).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/account"), "{}", page.html);

    // The same answer again, from the same browser, is worth nothing.
    other.cookies.remove(COOKIE);
    let page = other.post_raw(&action, &[], body).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert!(!other.cookies.contains_key(COOKIE));
}

#[tokio::test]
async fn a_passkeys_answer_to_another_browsers_challenge_is_refused() {
    let world = World::with_alice().await;
    let (mut browser, mut key) = (world.browser(), SoftKey::new("https://as.example"));
    browser.sign_in("alice").await;
    let form = browser.get("/account/security").await.form("/account/passkeys");
    let credential = key.create(&form.options).await;
    browser.post(form.with("credential", &credential).with("label", "Laptop")).await;

    let (mut one, mut two) = (world.browser(), world.browser());
    let theirs = one.open("/account").await.form("/signin/passkey");
    let credential = key.get(&theirs.options).await;
    let mut form = two.open("/account").await.form("/signin/passkey");
    form.fields.retain(|(n, _)| n != "state");
    let state = theirs.fields.iter().find(|(n, _)| n == "state").unwrap().1.clone();
    let page = two.post(form.with("state", &state).with("credential", &credential)).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a19_a_login_is_answered_with_303() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let page = browser.open("/authorize").await;
    let page = browser.password(&page, "alice", PASSWORD).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    let page = browser.follow(page).await;
    let page = browser.answer(&page, "allow", &["read:report"]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a20_session_fixation() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    browser.sign_in("alice").await;
    let first = browser.cookies[COOKIE].clone();

    // A new secret at the next sign-in, and the old session is over.
    let page = browser.get("/signin").await;
    browser.password(&page, "alice", PASSWORD).await;
    assert_ne!(browser.cookies[COOKIE], first);
    let mut planted = world.browser();
    planted.cookies.insert(COOKIE.into(), first);
    assert_eq!(planted.get("/account").await.location(), "/signin");

    // Signing out ends it on the server, not in the browser alone.
    let kept = browser.clone();
    let page = browser.get("/account").await;
    browser.post(page.form("/account/sign-out")).await;
    assert!(browser.cookies.is_empty());
    let mut kept = kept;
    assert_eq!(kept.get("/account").await.location(), "/signin");
}

#[tokio::test]
async fn a20_cookies_are_bound_to_the_host() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let page = browser.open("/account").await;
    let page = browser.password(&page, "alice", PASSWORD).await;
    let cookie = page.header("set-cookie");
    for part in ["__Host-prokura=s_", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Domain"));
}

#[tokio::test]
async fn a21_no_page_can_be_framed() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    for path in ["/signin", "/account", "/authorize", "/nowhere/at/all", "/setup/l_1", "/signed-out"] {
        let page = browser.open(path).await;
        if page.html.is_empty() {
            continue;
        }
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("cache-control"), "no-store");
        let nonce = policy.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        assert!(page.html.contains(&format!("nonce=\"{nonce}\"")) && nonce.len() >= 20);
    }
}

#[tokio::test]
async fn a22_a_form_without_its_mark_does_nothing() {
    let world = World::with_alice().await;
    let (mut browser, mut other) = (world.browser(), world.browser());
    let page = browser.open("/account").await;
    let theirs = other.open("/account").await;
    let body = |token: &str| format!("form_token={token}&login=alice&password=correct+horse+battery");
    let token = page.form("/signin/password").fields[0].1.clone();
    let foreign = theirs.form("/signin/password").fields[0].1.clone();
    let passkey = page.form("/signin/passkey").fields[0].1.clone();
    for (token, headers) in [
        ("", &[][..]),
        (&foreign, &[]),
        (&passkey, &[]),
        (&token, &[("sec-fetch-site", "cross-site")]),
        (&token, &[("sec-fetch-site", "same-site")]),
        (&token, &[("origin", "https://evil.example")]),
    ] {
        let page = browser.post_raw("/signin/password", headers, body(token)).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{token} {headers:?}");
    }
    let text = [("content-type", "text/plain")];
    assert_eq!(browser.post_raw("/signin/password", &text, body(&token)).await.status, StatusCode::FORBIDDEN);
    let page = browser.post_raw("/signin/password", &[("origin", "https://as.example")], body(&token)).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a30_nobody_learns_who_has_an_account() {
    let world = World::with_alice().await;
    let mut pages = vec![];
    for login in ["alice", "mallory"] {
        let mut browser = world.browser();
        let page = browser.open("/account").await;
        let page = browser.password(&page, login, "not the password").await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED);
        pages.push(page.html.replace(login, "…"));
    }
    // Nonce, marks and challenge differ from page to page; the words do not.
    let words = |html: &str| -> Vec<String> {
        let text: Vec<_> =
            html.split('<').filter_map(|t| t.split_once('>')).map(|(_, t)| t.to_owned()).collect();
        text
    };
    assert_eq!(words(&pages[0]), words(&pages[1]));
    let record = world.record().await;
    let refused: Vec<_> = record.iter().filter(|e| e.event.action == "sign_in:password").collect();
    assert_eq!(refused.len(), 2);
    assert!(refused.iter().all(|e| e.event.subject.is_none() && e.event.reasons == ["wrong_credentials"]));
}

#[tokio::test]
async fn a30_an_unknown_user_costs_a_hash_too() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let page = browser.open("/account").await;
    let mut checked = vec![];
    for login in ["alice", "mallory", ""] {
        let before = world.people.passwords_checked();
        browser.password(&page, login, "not the password").await;
        checked.push(world.people.passwords_checked() - before);
    }
    assert_eq!(checked, [1, 1, 1]);
}

#[tokio::test]
async fn a31_guesses_come_ever_slower_and_variants_count_as_one() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let page = browser.open("/account").await;
    for login in ["alice", "Alice", " alice ", "ALICE", "alice"] {
        assert_eq!(
            browser.password(&page, login, "wrong").await.status,
            StatusCode::UNAUTHORIZED,
            "{login:?}"
        );
    }
    // Even the right password is not looked at now.
    let paused = browser.password(&page, "aLICE ", PASSWORD).await;
    assert_eq!(paused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(paused.html.contains("Try again in"));
    // From elsewhere its owner gets in: a stranger cannot lock anybody out.
    let mut owner = world.browser();
    owner.from = "198.51.100.1".into();
    owner.sign_in("alice").await;
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(browser.password(&page, "alice", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a31_one_place_cannot_try_every_account() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let page = browser.open("/account").await;
    let mut paused = 0;
    for i in 0..70 {
        let page = browser.password(&page, &format!("user{i}"), "wrong").await;
        paused += usize::from(page.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(paused >= 5, "{paused}");
}

/// Behind a proxy, or in an office, everybody comes from one place.
#[tokio::test]
async fn a31_a_place_where_all_sign_in_rightly_is_not_paused() {
    let world = World::with_alice().await;
    let (mut browser, mut own) = (world.browser(), world.browser());
    let own_page = own.open("/signin").await;
    for _ in 0..65 {
        assert_eq!(own.password(&own_page, "alice", PASSWORD).await.status, StatusCode::SEE_OTHER);
    }
    // Own sign-ins between guesses at others buy none of them.
    let page = browser.open("/account").await;
    let mut looked_at = 0;
    for i in 0..65 {
        let guess = browser.password(&page, &format!("user{i}"), "wrong").await;
        looked_at += usize::from(guess.status == StatusCode::UNAUTHORIZED);
        own.password(&own_page, "alice", PASSWORD).await;
    }
    assert_eq!(looked_at, 60);
    // One is forgotten every five minutes.
    world.clock.advance(Duration::from_secs(20 * 300));
    let guess = browser.password(&page, "user", "wrong").await;
    assert_eq!(guess.status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.password(&page, "other", "wrong").await.status, StatusCode::UNAUTHORIZED);
}

/// Whoever posts nonsense must not fill the disk.
#[tokio::test]
async fn refused_sign_ins_are_on_record_within_bounds() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let form = browser.open("/account").await.form("/signin/passkey");
    for _ in 0..520 {
        let page = browser.post_raw(&form.action, &[], form.body()).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    }
    let refused = async || world.actions().await.iter().filter(|a| *a == "sign_in:passkey").count();
    assert_eq!(refused().await, 500);
    world.clock.advance(Duration::from_secs(1));
    browser.post_raw(&form.action, &[], form.body()).await;
    assert_eq!(refused().await, 501);
    let last = world.record().await.pop().unwrap().event;
    assert_eq!(last.details.get("refusals_not_recorded").and_then(|v| v.as_u64()), Some(20));
}

#[tokio::test]
async fn what_no_database_keeps_is_no_user_name() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let page = browser.open("/account").await;
    for login in ["\0", "alice\0", "alice\n"] {
        assert_eq!(
            browser.password(&page, login, PASSWORD).await.status,
            StatusCode::UNAUTHORIZED,
            "{login:?}"
        );
    }
}

#[tokio::test]
async fn a32_a_long_password_costs_nothing() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let page = browser.open("/account").await;
    for _ in 0..200 {
        let page = browser.password(&page, "alice", &"x".repeat(129)).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    }
    // It was refused before it was counted, so nobody is locked out by it.
    assert_eq!(browser.password(&page, "alice", PASSWORD).await.status, StatusCode::SEE_OTHER);
    let huge = "x".repeat(1_000_000);
    let page = browser.post_raw("/signin/password", &[], format!("password={huge}")).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn no_secret_is_kept_in_the_record_or_shown() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let page = browser.open("/account").await;
    let page = browser.password(&page, "my-secret-in-the-wrong-field", "canary-secret").await;
    assert!(!page.html.contains("canary-secret"));
    browser.sign_in("alice").await;
    let record = format!("{:?}", world.record().await);
    for secret in ["canary-secret", "my-secret", PASSWORD, &browser.cookies[COOKIE]] {
        assert!(!record.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn the_first_user_is_made_once_by_whoever_has_the_link() {
    let world = World::new().await;
    let link = first_user_link(&world.store, &*world.clock, &SystemRng).await.unwrap().unwrap();
    let (mut one, mut two) = (world.browser(), world.browser());
    let fill = |form: crate::world::Form, login: &str, password: &str| {
        form.with("login", login).with("name", "Alice").with("password", password)
    };
    let (first, second) = (one.get(&link).await, two.get(&link).await);
    let page = one.post(fill(first.form("/setup/"), "Al ice", "short")).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = one.post(fill(page.form("/setup/"), "alice", PASSWORD)).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/account/security"), "{}", page.html);
    let page = two.post(fill(second.form("/setup/"), "eve", PASSWORD)).await;
    assert_eq!(page.status, StatusCode::GONE);
    assert_eq!(first_user_link(&world.store, &*world.clock, &SystemRng).await.unwrap(), None);
    assert_eq!(world.actions().await, ["user:add", "sign_in:link"]);
    one.cookies.clear();
    one.sign_in("alice").await;
}

#[tokio::test]
async fn without_passwords_the_first_user_needs_none_and_no_page_speaks_of_one() {
    let world = World::with("https://as.example", "[sign_in]\npassword = false").await;
    let link = first_user_link(&world.store, &*world.clock, &SystemRng).await.unwrap().unwrap();
    let mut browser = world.browser();
    let page = browser.get(&link).await;
    assert!(!page.html.contains("type=\"password\"") && page.html.contains("takes no passwords"));
    let form = page.form("/setup/").with("login", "alice").with("name", "Alice");
    assert_eq!(browser.post(form).await.location(), "/account/security");
    browser.cookies.clear();
    let page = browser.open("/account").await;
    assert!(!page.html.to_lowercase().contains("password"), "{}", page.html);
    // A password that is posted all the same is not looked at.
    let mut form = page.form("/signin/passkey");
    form.action = "/signin/password".into();
    assert_eq!(browser.post(form.with("login", "alice").with("password", PASSWORD)).await.status, 403);
}

#[tokio::test]
async fn a_link_signs_its_user_in_once_and_not_after_an_hour() {
    let world = World::with_alice().await;
    let alice = world.add("bob").await;
    let link = || prokura_server::signin::sign_in_link(&world.store, &*world.clock, &SystemRng, &alice);
    let (path, late) = (link().await.unwrap(), link().await.unwrap());
    let mut browser = world.browser();
    let page = browser.get(&path).await;
    let form = page.form("/setup/");
    let (action, body) = (form.action.clone(), form.body());
    assert_eq!(browser.post(form).await.location(), "/account/security");
    assert_eq!(browser.post_raw(&action, &[], body).await.status, StatusCode::GONE);
    world.clock.advance(Duration::from_secs(3601));
    assert_eq!(browser.get(&late).await.status, StatusCode::GONE);
}
