//! D1: budgets that a user agrees to.

use crate::world::World;

const BOTH: [&str; 2] = ["read:report", "tools:generate_summary"];

/// How much of it there is stands on the page, and what has a bound is agreed to anew each time.
#[tokio::test]
async fn d01_a_budget_is_shown_kept_and_never_remembered() {
    let world = World::with_alice().await;
    let budget = || {
        let text = br#"{"calls":3,"sum":[{"tools":["read_report"],"argument":".days","most":90}]}"#;
        let value = prokura_oauth::json::parse(text, &prokura_oauth::json::Limits::DOCUMENT).unwrap();
        prokura_oauth::rich::read_budget(&value).unwrap()
    };
    world.ask(|a| a.budget = Some(budget()));
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    for shown in ["At most 3 calls in all", "In all calls of read_report, days comes to at most 90 together"]
    {
        assert!(page.html.contains(shown), "{shown} in {}", page.html);
    }
    let form = page.form("/interaction/").with("answer", "allow").with("seconds", "86400");
    let form = BOTH.iter().fold(form, |f, s| f.with("scope", s));
    assert!(browser.post(form).await.location().contains("code="));
    let alice = world.store.read(|tx| tx.user_by_name("alice")).await.unwrap().unwrap();
    let grants = world.store.read(move |tx| tx.grants_of_user(&alice.id)).await.unwrap();
    assert_eq!(grants[0].terms.budget, Some(budget()));
    assert!(browser.open("/authorize").await.html.contains("May Planner use Sales"), "asked again");
    world.ask(|a| a.budget = None);
    assert!(
        browser.open("/authorize").await.html.contains("May Planner use Sales"),
        "without a bound it is more"
    );
}
