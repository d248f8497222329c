//! The second factor, the password page, and sessions.

use crate::world::{Browser, PASSWORD, Page, World};
use http::StatusCode;
use prokura_core::{Acr, Clock as _};
use prokura_oauth::totp::{STEP, TotpSecret, step};
use std::time::Duration;

const SESSION: &str = "__Host-prokura";

/// The secret that a page shows as text.
fn secret(page: &Page) -> TotpSecret {
    let at = page.html.find("<code class=\"strong\">").unwrap_or_else(|| panic!("{}", page.html)) + 21;
    let text: String = page.html[at..].split("</code>").next().unwrap().split_whitespace().collect();
    let (mut bytes, mut held, mut bits) = (vec![], 0_u32, 0);
    for c in text.bytes() {
        let value = if c.is_ascii_uppercase() { c - b'A' } else { c - b'2' + 26 };
        held = held << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 255).unwrap());
        }
    }
    TotpSecret::from_bytes(&bytes).unwrap()
}

fn recovery_codes(page: &Page) -> Vec<String> {
    page.html
        .split("<code class=\"strong\">")
        .skip(1)
        .map(|c| c.split('<').next().unwrap().to_owned())
        .collect()
}

impl World {
    fn code(&self, secret: &TotpSecret) -> String {
        secret.code(step(self.clock.now()))
    }

    fn next_step(&self) {
        self.clock.advance(Duration::from_secs(STEP));
    }
}

/// Signs in by password alone and enrols; the secret and the recovery codes.
async fn enrol(world: &World, browser: &mut Browser<'_>) -> (TotpSecret, Vec<String>) {
    browser.sign_in("alice").await;
    let page = browser.get("/account/totp").await;
    assert!(page.html.contains("<svg class=\"qr\"") && page.html.contains("Set up one-time codes"));
    let secret = secret(&page);
    let page = browser.post(page.form("/account/totp").with("code", &world.code(&secret))).await;
    assert!(page.html.contains("Your recovery codes"), "{}", page.html);
    (secret, recovery_codes(&page))
}

/// Types the password; the page that asks for the code.
async fn password(browser: &mut Browser<'_>) -> Page {
    let page = browser.open("/signin").await;
    browser.password(&page, "alice", PASSWORD).await
}

async fn code(browser: &mut Browser<'_>, page: &Page, code: &str) -> Page {
    browser.post(page.form("/signin/code").with("code", code)).await
}

#[tokio::test]
async fn a_password_and_a_code_sign_in_where_one_is_enrolled() {
    let world = World::with_alice().await;
    let (secret, codes) = enrol(&world, &mut world.browser()).await;
    assert_eq!(codes.len(), 10);
    world.next_step();
    let mut browser = world.browser();
    let page = password(&mut browser).await;
    assert!(page.status == StatusCode::OK && !browser.cookies.contains_key(SESSION), "{}", page.html);
    let page = code(&mut browser, &page, &world.code(&secret)).await;
    assert_eq!(page.location(), "/account", "{}", page.html);
    let (cookie, now) = (browser.cookies[SESSION].clone(), world.clock.now());
    let session = world.store.read(move |tx| tx.session(&cookie, now)).await.unwrap().unwrap();
    assert_eq!((session.acr, session.amr.as_str()), (Acr::Mfa, "pwd otp mfa"));
    assert!(browser.open("/account/security").await.html.contains("password and one-time code"));
    let actions = world.actions().await;
    assert_eq!(actions, ["user:add", "sign_in:password", "totp:add", "sign_in:code"]);
}

#[tokio::test]
async fn a31_a_code_is_accepted_once_in_any_number_of_browsers() {
    let world = World::with_alice().await;
    let (secret, _) = enrol(&world, &mut world.browser()).await;
    // The code that enrolled it is spent too.
    let mut browser = world.browser();
    let page = password(&mut browser).await;
    assert_eq!(code(&mut browser, &page, &world.code(&secret)).await.status, StatusCode::UNAUTHORIZED);
    world.next_step();
    let typed = world.code(&secret);
    let mut browsers: Vec<_> = (0..20).map(|_| world.browser()).collect();
    let tries = browsers.iter_mut().enumerate().map(|(i, browser)| {
        let typed = typed.clone();
        async move {
            // Each from its own place, so that none is paused.
            browser.from = format!("192.0.2.{i}");
            let page = password(browser).await;
            code(browser, &page, &typed).await.status
        }
    });
    let all = futures_util::future::join_all(tries).await;
    assert_eq!(all.iter().filter(|s| **s == StatusCode::SEE_OTHER).count(), 1, "{all:?}");
}

#[tokio::test]
async fn a31_codes_are_guessed_more_slowly_than_passwords_and_from_nowhere_faster() {
    let world = World::with_alice().await;
    let (secret, _) = enrol(&world, &mut world.browser()).await;
    world.next_step();
    let mut looked_at = 0;
    for i in 0..40 {
        let mut browser = world.browser();
        browser.from = format!("198.51.100.{i}");
        let page = password(&mut browser).await;
        let page = code(&mut browser, &page, "000000").await;
        looked_at += usize::from(page.status == StatusCode::UNAUTHORIZED);
    }
    assert_eq!(looked_at, 5);
    // The right code is not looked at now, and is when the pause is over.
    let mut browser = world.browser();
    let page = password(&mut browser).await;
    let paused = code(&mut browser, &page, &world.code(&secret)).await;
    assert_eq!(paused.status, StatusCode::TOO_MANY_REQUESTS);
    world.clock.advance(Duration::from_secs(16 * 60));
    let page = password(&mut browser).await;
    assert_eq!(code(&mut browser, &page, &world.code(&secret)).await.location(), "/account");
}

#[tokio::test]
async fn one_step_early_or_late_is_in_time_and_two_are_not() {
    let world = World::with_alice().await;
    let (secret, _) = enrol(&world, &mut world.browser()).await;
    world.clock.advance(Duration::from_secs(600));
    for (off, fits) in [(-2_i64, false), (2, false), (-1, true), (1, true), (0, true)] {
        let mut browser = world.browser();
        let page = password(&mut browser).await;
        let at = step(world.clock.now()).checked_add_signed(off).unwrap();
        let page = code(&mut browser, &page, &secret.code(at)).await;
        assert_eq!(page.status == StatusCode::SEE_OTHER, fits, "{off}");
    }
}

#[tokio::test]
async fn a_recovery_code_stands_in_once_and_only_hashes_are_kept() {
    let world = World::with_alice().await;
    let (_, codes) = enrol(&world, &mut world.browser()).await;
    let mut browser = world.browser();
    let page = password(&mut browser).await;
    let typed = codes[3].to_uppercase().replace('-', " ");
    let page = code(&mut browser, &page, &typed).await;
    assert_eq!(page.location(), "/account", "{}", page.html);
    let page = browser.open("/account/security").await;
    assert!(page.html.contains("<dd>9</dd>") && page.html.contains("password and recovery code"));
    let mut again = world.browser();
    let page = password(&mut again).await;
    assert_eq!(code(&mut again, &page, &codes[3]).await.status, StatusCode::UNAUTHORIZED);
    let record = format!("{:?}", world.record().await);
    assert!(!record.contains(&codes[3]) && !record.contains(&codes[3].replace('-', "")));
    // New ones take the place of the old.
    let page = browser.open("/account/security").await;
    let page = browser.post(page.form("/account/totp/codes")).await;
    let fresh = recovery_codes(&page);
    assert!(fresh.len() == 10 && !fresh.contains(&codes[4]));
    let page = password(&mut again).await;
    assert_eq!(code(&mut again, &page, &codes[4]).await.status, StatusCode::UNAUTHORIZED);
    let page = password(&mut again).await;
    assert_eq!(code(&mut again, &page, &fresh[4]).await.location(), "/account");
}

#[tokio::test]
async fn a17_the_second_step_belongs_to_the_browser_of_the_first_and_ends_soon() {
    let world = World::with_alice().await;
    let (secret, _) = enrol(&world, &mut world.browser()).await;
    world.next_step();
    let (mut mine, mut theirs) = (world.browser(), world.browser());
    let page = password(&mut mine).await;
    let state = page.form("/signin/code").fields.into_iter().find(|(n, _)| n == "state").unwrap().1;
    let mut form = password(&mut theirs).await.form("/signin/code");
    form.fields.retain(|(n, _)| n == "form_token");
    let form = form.with("state", &state).with("code", &world.code(&secret));
    assert_eq!(theirs.post(form).await.status, StatusCode::GONE);
    world.clock.advance(Duration::from_secs(301));
    assert_eq!(code(&mut mine, &page, &world.code(&secret)).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn where_it_is_required_nobody_comes_in_by_a_password_alone() {
    let world = World::with("https://as.example", "[sign_in]\ntotp = \"required\"").await;
    world.add("alice").await;
    let mut browser = world.browser();
    let page = browser.open("/account").await;
    let page = browser.password(&page, "alice", PASSWORD).await;
    assert!(
        page.html.contains("This server asks for a second factor") && !browser.cookies.contains_key(SESSION)
    );
    let secret = secret(&page);
    let again = browser.post(page.form("/signin/enrol").with("code", "000000")).await;
    assert!(again.status == StatusCode::UNPROCESSABLE_ENTITY && !browser.cookies.contains_key(SESSION));
    let page = browser.post(again.form("/signin/enrol").with("code", &world.code(&secret))).await;
    assert!(
        page.html.contains("Your recovery codes") && page.html.contains("href=\"/account\""),
        "{}",
        page.html
    );
    let page = browser.open("/account/security").await;
    assert_eq!(page.status, StatusCode::OK);
    let page = browser.post(page.form("/account/totp/remove")).await;
    assert!(browser.follow(page).await.html.contains("so it stays on"));
    world.next_step();
    let mut other = world.browser();
    let page = password(&mut other).await;
    assert_eq!(code(&mut other, &page, &world.code(&secret)).await.location(), "/account");
}

#[tokio::test]
async fn it_is_turned_off_after_a_sign_in_of_a_moment_ago() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let (secret, _) = enrol(&world, &mut browser).await;
    let page = browser.open("/account/security").await;
    world.clock.advance(Duration::from_secs(601));
    for action in ["/account/totp/remove", "/account/totp/codes"] {
        assert_eq!(browser.post(page.form(action)).await.location(), "/signin?again", "{action}");
    }
    let page = browser.open("/signin?again").await;
    let page = browser.password(&page, "alice", PASSWORD).await;
    let page = code(&mut browser, &page, &world.code(&secret)).await;
    assert_eq!(page.location(), "/account/security");
    let page = browser.open("/account/security").await;
    let page = browser.post(page.form("/account/totp/remove")).await;
    assert!(browser.follow(page).await.html.contains("One-time codes are off."));
    assert_eq!(password(&mut world.browser()).await.location(), "/account");
}

#[tokio::test]
async fn a_passkey_needs_no_code_and_off_asks_nobody() {
    let world = World::with("https://as.example", "[sign_in]\ntotp = \"off\"").await;
    world.add("alice").await;
    let mut browser = world.browser();
    browser.sign_in("alice").await;
    assert_eq!(browser.get("/account/totp").await.status, StatusCode::NOT_FOUND);
    assert!(!browser.get("/account/security").await.html.contains("One-time codes"));
}

#[tokio::test]
async fn a_password_is_changed_after_the_old_one_and_signs_everybody_else_out() {
    let world = World::with_alice().await;
    let (mut here, mut there) = (world.browser(), world.browser());
    there.sign_in("alice").await;
    here.sign_in("alice").await;
    let page = here.get("/account/password").await;
    let change = |old: &str, new: &str| page.form("/account/password").with("old", old).with("new", new);
    assert_eq!(here.post(change("wrong", "another horse battery")).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(here.post(change(PASSWORD, "short")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(there.get("/account").await.status, StatusCode::OK);
    let done = here.post(change(PASSWORD, "another horse battery")).await;
    assert!(here.follow(done).await.html.contains("The password was changed"));
    assert_eq!(there.get("/account").await.location(), "/signin");
    let page = there.open("/signin").await;
    assert_eq!(there.password(&page, "alice", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(there.password(&page, "alice", "another horse battery").await.location(), "/account");
}

#[tokio::test]
async fn a31_the_old_password_is_guessed_at_the_pace_of_the_sign_in_page() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    browser.sign_in("alice").await;
    let page = browser.get("/account/password").await;
    let mut paused = 0;
    for _ in 0..7 {
        let form = page.form("/account/password").with("old", "wrong").with("new", "another horse battery");
        paused += usize::from(browser.post(form).await.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(paused, 2);
}

#[tokio::test]
async fn every_other_browser_is_signed_out_at_once() {
    let world = World::with_alice().await;
    let (mut here, mut one, mut two) = (world.browser(), world.browser(), world.browser());
    for browser in [&mut one, &mut two, &mut here] {
        browser.sign_in("alice").await;
    }
    let page = here.get("/account/security").await;
    let page = here.post(page.form("/account/end-others")).await;
    assert!(here.follow(page).await.html.contains("Every other browser was signed out."));
    assert_eq!(one.get("/account").await.location(), "/signin");
    assert_eq!(two.get("/account").await.location(), "/signin");
    assert_eq!(here.get("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn c10_who_is_disabled_is_signed_out_everywhere_at_the_next_call() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let (secret, _) = enrol(&world, &mut browser).await;
    world.next_step();
    let mut half = world.browser();
    let page = password(&mut half).await;
    let user = world.store.read(|tx| tx.user_by_name("alice")).await.unwrap().unwrap().id;
    let now = world.clock.now();
    world.store.transact(move |tx| tx.disable_user(&user, true, "operator", "left", now)).await.unwrap();
    assert_eq!(browser.get("/account").await.location(), "/signin");
    // Also who was between the password and the code.
    assert_eq!(code(&mut half, &page, &world.code(&secret)).await.status, StatusCode::UNAUTHORIZED);
    assert!(!half.cookies.contains_key(SESSION));
}

#[tokio::test]
async fn when_a_session_was_last_used_is_seen_to_within_minutes() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    browser.sign_in("alice").await;
    world.clock.advance(Duration::from_secs(3 * 3600));
    browser.get("/account").await;
    let (cookie, now) = (browser.cookies[SESSION].clone(), world.clock.now());
    let session = world.store.read(move |tx| tx.session(&cookie, now)).await.unwrap().unwrap();
    assert_eq!(session.last_used_at, world.clock.now());
}
