//! One grant: looked at, narrowed, paused, put in force again.

use crate::world::{Browser, Form, Page, World};
use http::StatusCode;
use prokura_core::{
    AgentId, Evidence, Grant, GrantId, GrantState, Grantor, MayAct, Principal, ScopeSet, Timestamp,
};
use prokura_ledger::Outcome;
use prokura_store::{Held, Said};

const BOTH: [&str; 2] = ["read:report", "tools:generate_summary"];

async fn agreed(browser: &mut Browser<'_>) -> GrantId {
    let page = browser.reach_consent().await;
    let page = browser.answer(&page, "allow", &BOTH).await;
    let code = page.location().split("code=").nth(1).unwrap();
    GrantId::parse(code.split('.').next().unwrap()).unwrap()
}

async fn grant(world: &World, id: &GrantId) -> Grant {
    let id = id.clone();
    world.store.read(move |tx| tx.grant(&id)).await.unwrap().unwrap()
}

fn address(id: &GrantId, verb: &str) -> String {
    format!("/account/grants/{id}/{verb}")
}

/// The form that takes away, with what is kept.
fn keeping(page: &Page, id: &GrantId, scopes: &[&str]) -> Form {
    let revision = page.html.split("name=\"revision\" value=\"").nth(1).unwrap();
    let form = page.form(&address(id, "narrow")).with("revision", revision.split('"').next().unwrap());
    scopes.iter().fold(form, |form, scope| form.with("scope", scope))
}

/// A part of a grant, held by another agent.
async fn passed_on(world: &World, id: &GrantId, to: &str) -> GrantId {
    let parent = grant(world, id).await;
    let child = Grant {
        id: GrantId::parse(format!("g_{to}")).unwrap(),
        parents: vec![id.clone()],
        grantor: Grantor::Agent(parent.grantee.clone()),
        grantee: AgentId::parse(format!("agt_{to}")).unwrap(),
        depth_left: parent.depth_left - 1,
        evidence: Evidence::Exchange { by: "consent".into() },
        revision: 0,
        ..parent
    };
    let stored = child.clone();
    world.store.transact(move |tx| tx.insert_grant(&stored)).await.unwrap();
    child.id
}

#[tokio::test]
async fn a_permission_is_taken_away_at_once_and_for_what_came_of_it() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let id = agreed(&mut browser).await;
    let child = passed_on(&world, &id, "reporter").await;
    let page = browser.get(&format!("/account/grants/{id}")).await;
    for shown in
        ["Planner at Sales", "Read sales reports", "agt_reporter", "acts for Planner", "Passed on to"]
    {
        assert!(page.html.contains(shown), "{shown} in {}", page.html);
    }
    let before = grant(&world, &id).await;
    let chain = [(&id, before.revision), (&child, 0)];
    assert!(world.store.revoked().stands(chain));
    let page = browser.post(keeping(&page, &id, &["read:report"])).await;
    assert_eq!(page.location(), format!("/account/grants/{id}?done=narrowed"));
    assert!(!world.store.revoked().stands(chain), "tokens of before count no more, here and below");
    assert!(world.store.revoked().stands([(&id, before.revision + 1), (&child, 0)]));
    let after = grant(&world, &id).await;
    assert_eq!((after.actions.to_string().as_str(), after.revision), ("read:report", before.revision + 1));
    let page = browser.follow(page).await;
    assert!(
        page.html.contains("may do only what is listed below") && page.html.contains("Taken away: tools:")
    );
    let entry = world.record().await.pop().unwrap().event;
    assert_eq!(
        (entry.action.as_str(), entry.outcome, entry.grant),
        ("grant:narrow", Outcome::Permit, Some(id))
    );
}

#[tokio::test]
async fn f04_a_form_never_widens_and_who_tries_is_on_record() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let id = agreed(&mut browser).await;
    let page = browser.get(&format!("/account/grants/{id}")).await;
    browser.post(keeping(&page, &id, &["read:report"])).await;
    let narrowed = grant(&world, &id).await;
    let widenings: [&[(&str, &str)]; 5] = [
        &[("scope", "read:report"), ("scope", "tools:generate_summary")],
        &[("scope", "read:report"), ("scope", "admin")],
        &[("scope", "read:report"), ("detail", "0")],
        &[("scope", "read:report"), ("agent", "agt_evil")],
        &[("scope", "read:report"), ("pass", "rules"), ("seconds", "999999999")],
    ];
    for (tries, fields) in (1..).zip(widenings) {
        let page = browser.get(&format!("/account/grants/{id}")).await;
        let form = fields.iter().fold(keeping(&page, &id, &[]), |form, (n, v)| form.with(n, v));
        let answer = browser.post(form).await;
        assert_eq!(answer.location(), format!("/account/grants/{id}?done=wider"), "{fields:?}");
        assert_eq!(grant(&world, &id).await, narrowed);
        let denied = world
            .record()
            .await
            .into_iter()
            .filter(|e| e.event.action == "grant:narrow" && e.event.outcome == Outcome::Deny);
        assert_eq!(denied.count(), tries);
    }
    assert!(
        browser
            .get(&format!("/account/grants/{id}"))
            .await
            .html
            .contains("Refused to allow more than before")
    );
}

#[tokio::test]
async fn what_would_change_nothing_or_leave_nothing_or_is_old_is_told() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let id = agreed(&mut browser).await;
    let page = browser.get(&format!("/account/grants/{id}")).await;
    let mut done = async |form: Form| {
        let answer = browser.post(form).await;
        answer.location().rsplit('=').next().unwrap().to_owned()
    };
    assert_eq!(done(keeping(&page, &id, &BOTH).with("pass", "rules")).await, "nothing");
    assert_eq!(done(keeping(&page, &id, &[]).with("pass", "rules")).await, "all");
    let shorter = || keeping(&page, &id, &BOTH).with("pass", "rules").with("seconds", "3600");
    assert_eq!(done(shorter()).await, "narrowed");
    assert_eq!(done(shorter()).await, "changed", "the page was of an earlier revision");
    let now = world.clock_now();
    assert_eq!(grant(&world, &id).await.expires_at, Timestamp::from_seconds(now.seconds() + 3600));
    let page = browser.get(&format!("/account/grants/{id}")).await;
    browser.post(keeping(&page, &id, &BOTH)).await;
    assert_eq!(grant(&world, &id).await.terms.may_act, MayAct::Only([].into()), "passing on was unticked");
    assert!(browser.get(&format!("/account/grants/{id}")).await.html.contains("nobody"));
}

#[tokio::test]
async fn what_its_owner_paused_only_its_owner_puts_in_force_again() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let id = agreed(&mut browser).await;
    let page = browser.get("/account").await;
    let page = browser.post(page.form(&address(&id, "suspend"))).await;
    assert!(world.store.revoked().contains(&id), "before the browser is answered");
    let page = browser.follow(page).await;
    assert!(page.html.contains("Paused by you") && !page.html.contains(&address(&id, "suspend")));
    assert!(browser.get("/account").await.html.contains("Paused by you"), "it is listed still");
    let page = browser.post(page.form(&address(&id, "resume"))).await;
    assert_eq!(page.location(), format!("/account/grants/{id}?done=resumed"));
    assert!(!world.store.revoked().contains(&id));
    assert_eq!(grant(&world, &id).await.state, GrantState::Active);
}

#[tokio::test]
async fn what_was_stopped_for_another_cause_its_owner_cannot_put_in_force_again() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let id = agreed(&mut browser).await;
    let page = browser.get(&format!("/account/grants/{id}")).await;
    let paused = browser.post(page.form(&address(&id, "suspend"))).await;
    let paused = browser.follow(paused).await;
    let resume = || paused.form(&address(&id, "resume"));
    let (now, held) = (world.clock_now(), Held::Grant(id.clone()));
    let said = move |why: &'static str| Said { by: "signals", why, now };
    let hold = held.clone();
    world.store.transact(move |tx| tx.hold(&hold, "signal:okta:risk", said("risk"))).await.unwrap();
    let page = browser.post(resume()).await;
    assert_eq!(page.location(), format!("/account/grants/{id}?done=not-yet"));
    assert!(world.store.revoked().contains(&id));
    let again = browser.post(resume()).await;
    assert_eq!(again.location(), format!("/account/grants/{id}?done=cause"));
    assert!(world.store.revoked().contains(&id), "who paused nothing puts nothing in force");
    let page = browser.follow(page).await;
    assert!(page.html.contains("not by you") && !page.html.contains(&address(&id, "resume")));
    let mut forged = page.form(&address(&id, "revoke"));
    forged.action = address(&id, "resume");
    assert_eq!(browser.post(forged).await.status, StatusCode::FORBIDDEN, "each form has a mark of its own");
    world.store.transact(move |tx| tx.release(&held, "signal:okta:risk", said("over"))).await.unwrap();
    assert!(!world.store.revoked().contains(&id));
}

#[tokio::test]
async fn f03_nobody_looks_at_or_changes_anothers_grant() {
    let world = World::with_alice().await;
    world.add("bob").await;
    let (mut alice, mut bob) = (world.browser(), world.browser());
    let theirs = agreed(&mut alice).await;
    bob.sign_in("bob").await;
    let own = agreed(&mut bob).await;
    let missing = bob.get("/account/grants/g_none").await;
    let anothers = bob.get(&format!("/account/grants/{theirs}")).await;
    assert_eq!((missing.status, anothers.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    assert!(!anothers.html.contains("Planner"));
    // Even with a mark of his own for that very address, which no page of his has.
    let page = alice.get(&format!("/account/grants/{theirs}")).await;
    for verb in ["narrow", "suspend", "revoke"] {
        let form = page.form(&address(&theirs, verb));
        assert_eq!(bob.post(form).await.status, StatusCode::FORBIDDEN, "{verb}");
    }
    let (at, here) = (address(&own, "narrow"), [("sec-fetch-site", "same-origin")]);
    let unmarked = bob.post_raw(&at, &here, "revision=0".into()).await;
    assert_eq!(unmarked.status, StatusCode::FORBIDDEN);
    assert_eq!(grant(&world, &theirs).await.state, GrantState::Active);
    assert_eq!(grant(&world, &theirs).await.revision, 0);
}

#[tokio::test]
async fn a22_a_narrowing_posted_from_another_site_does_nothing() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let id = agreed(&mut browser).await;
    let page = browser.get(&format!("/account/grants/{id}")).await;
    let body = keeping(&page, &id, &["read:report"]).body();
    for headers in [&[("sec-fetch-site", "cross-site")][..], &[("origin", "https://evil.example")]] {
        let answer = browser.post_raw(&address(&id, "narrow"), headers, body.clone()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    let unmarked = body.replace("form_token=", "form_token=x");
    let here = [("sec-fetch-site", "same-origin")];
    assert_eq!(
        browser.post_raw(&address(&id, "narrow"), &here, unmarked).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(grant(&world, &id).await.revision, 0);
    assert_eq!(browser.post_raw(&address(&id, "narrow"), &here, body).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_thousand_parts_come_in_pages() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let id = agreed(&mut browser).await;
    let parent = grant(&world, &id).await;
    world
        .store
        .transact(move |tx| {
            for i in 0..1000 {
                tx.insert_grant(&Grant {
                    id: GrantId::parse(format!("g_c{i:04}")).unwrap(),
                    parents: vec![parent.id.clone()],
                    grantee: AgentId::parse(format!("agt_{i:04}")).unwrap(),
                    evidence: Evidence::Exchange { by: "consent".into() },
                    ..parent.clone()
                })?;
            }
            Ok::<_, prokura_store::StoreError>(())
        })
        .await
        .unwrap();
    let page = browser.get("/account").await;
    assert!(
        page.html.contains("Passed on to 1000 agents") && page.html.len() < 100_000,
        "{}",
        page.html.len()
    );
    let page = browser.get(&format!("/account/grants/{id}?skip=950")).await;
    assert!(
        page.html.contains("agt_0999") && !page.html.contains("agt_0949") && !page.html.contains("skip=1000")
    );
    let page = browser.get(&format!("/account/grants/{id}")).await;
    assert!(
        page.html.contains("skip=50") && page.html.contains("agt_0049") && !page.html.contains("agt_0050")
    );
}

#[tokio::test]
async fn a_part_shows_the_chain_above_it_and_ends_alone() {
    let world = World::with_alice().await;
    let mut browser = world.browser();
    let id = agreed(&mut browser).await;
    let child = passed_on(&world, &id, "reporter").await;
    let page = browser.get(&format!("/account/grants/{child}")).await;
    assert!(page.html.contains("Passed on by Planner") && page.html.contains("2 permissions at Sales"));
    browser.post(page.form(&address(&child, "revoke"))).await;
    let user = Principal::parse(grant(&world, &id).await.subject.as_str()).unwrap();
    assert!(matches!(grant(&world, &child).await.state, GrantState::Revoked(end) if end.by == user.as_str()));
    assert_eq!(grant(&world, &id).await.state, GrantState::Active);
    let page = browser.get(&format!("/account/grants/{child}")).await;
    assert!(page.html.contains("Ended") && !page.html.contains(&address(&child, "narrow")));
    assert_eq!(ScopeSet::parse(&BOTH.join(" ")).unwrap(), grant(&world, &id).await.actions);
}
