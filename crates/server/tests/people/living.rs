//! Consent that lives: what administrators allow, what is added, what has changed, through whom.

use crate::world::{Browser, Page, World, asked};
use http::StatusCode;
use prokura_core::{
    AgentId, ClientId, Details, Evidence, Grant, GrantState, Grantor, MayAct, ScopeSet, Timestamp,
};
use prokura_oauth::client_metadata::{ClientMetadata, Likeness};
use prokura_oauth::json::{self, Limits};
use prokura_server::interaction::Prompt;
use prokura_store::{Agent, StoreError, Tx};
use std::time::Duration;

const BOTH: &[&str] = &["read:report", "tools:generate_summary"];
const GROUPS: &str = r#"
    [[group]]
    name = "staff"
    members = ["alice"]
    [[enterprise_consent]]
    name = "planner"
    groups = ["staff"]
    clients = ["https://planner.example/client.json"]
    resource = "sales"
    scopes = ["read:report", "tools:generate_summary"]
    lasts = "7d"
"#;
const ORGANISATION: &str = r#"
    [consent]
    mode = "enterprise"
    contact = "the IT desk, it@example.com"
    [[enterprise_consent]]
    name = "readers"
    resource = "sales"
    users_may_allow = ["read:report"]
"#;

async fn world(more: &str) -> World {
    let world = World::with("https://as.example", more).await;
    world.add("alice").await;
    world
}

async fn grants(world: &World, login: &'static str) -> Vec<Grant> {
    let user = world.store.read(move |tx| tx.user_by_name(login)).await.unwrap().unwrap();
    world.store.read(move |tx| tx.grants_of_user(&user.id)).await.unwrap()
}

fn only(grants: Vec<Grant>) -> Grant {
    assert_eq!(grants.len(), 1, "{grants:?}");
    grants.into_iter().next().unwrap()
}

fn has_code(page: &Page) -> bool {
    page.location().contains("cb?code=")
}

fn error(page: &Page) -> String {
    let url = url::Url::parse(page.location()).unwrap();
    url.query_pairs().find(|(k, _)| k == "error").map(|(_, v)| v.into_owned()).unwrap_or_default()
}

fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

async fn agent(world: &World, id: &str, name: &str) -> AgentId {
    let id = AgentId::parse(id).unwrap();
    let row =
        Agent { id: id.clone(), name: name.into(), disabled: false, created_at: Timestamp::from_seconds(1) };
    world.store.transact::<_, StoreError>(move |tx| tx.insert_agent(&row).map(drop)).await.unwrap();
    id
}

#[tokio::test]
async fn c11_what_an_administrator_allows_reaches_its_group_and_nobody_else() {
    let world = world(GROUPS).await;
    let mut browser = world.browser();
    browser.sign_in("alice").await;
    assert!(has_code(&browser.open("/authorize").await), "nothing is asked");
    let grant = only(grants(&world, "alice").await);
    assert_eq!(grant.evidence, Evidence::Administrator { consent: "planner".into() });
    assert_eq!((grant.grantor.clone(), grant.terms.may_act.clone()), (Grantor::Operator, MayAct::ByRule));
    assert_eq!(grant.expires_at.since(grant.not_before).as_secs(), 7 * 86_400);
    world.ask(|a| a.prompt = Prompt::None);
    assert!(has_code(&browser.open("/authorize").await));
    assert_eq!(only(grants(&world, "alice").await).id, grant.id, "one grant, made when it was first used");
    // More than the rule gives is asked; so is another client, and everybody who is not in the group.
    world.ask(|a| a.client = ClientId::parse("https://other.example/client.json").unwrap());
    assert_eq!(error(&browser.open("/authorize").await), "interaction_required");
    world.add("bob").await;
    world.ask(|a| *a = asked("https://as.example"));
    let mut other = world.browser();
    other.sign_in("bob").await;
    let page = other.open("/authorize").await;
    assert!(page.html.contains("May Planner use Sales for you?"), "{}", page.location());
    assert!(grants(&world, "bob").await.is_empty());
    let actions = world.actions().await;
    assert_eq!(actions.iter().filter(|a| *a == "consent:organisation").count(), 2, "{actions:?}");
}

#[tokio::test]
async fn a24_an_organisations_yes_is_not_silent_where_another_program_could_listen() {
    let world = world(GROUPS).await;
    let mut browser = world.browser();
    world.ask(|a| a.redirect = "http://127.0.0.1:5000/cb".into());
    let page = browser.reach_consent().await;
    assert!(page.html.contains("Your organisation allows this") && page.html.contains("Continue"));
    assert!(!page.html.contains("type=\"checkbox\""), "there is nothing to choose");
    world.ask(|a| a.prompt = Prompt::None);
    assert_eq!(error(&browser.get("/authorize").await), "interaction_required");
    assert!(has_code(&browser.answer(&page, "allow", &[]).await));
    assert!(matches!(only(grants(&world, "alice").await).evidence, Evidence::Administrator { .. }));
}

#[tokio::test]
async fn what_a_user_ended_is_not_given_again_unasked() {
    let world = world(GROUPS).await;
    let mut browser = world.browser();
    browser.sign_in("alice").await;
    browser.open("/authorize").await;
    let first = only(grants(&world, "alice").await);
    let id = first.id.clone();
    let now = prokura_core::Clock::now(&*world.clock);
    let user = first.subject.as_str().to_owned();
    world.store.transact(move |tx| tx.revoke_grant(&id, &user, "its owner revoked it", now)).await.unwrap();
    let page = browser.open("/authorize").await;
    assert!(page.html.contains("Your organisation allows this"), "{}", page.location());
    assert!(has_code(&browser.answer(&page, "allow", &[]).await), "who wants it again gets it");
    let all = grants(&world, "alice").await;
    assert_eq!(all.iter().filter(|g| g.state == GrantState::Active).count(), 1);
}

#[tokio::test]
async fn c11_in_an_organisation_nobody_allows_what_they_may_not() {
    let world = world(ORGANISATION).await;
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    assert!(page.html.contains("Left out: your organisation has not allowed it"), "{}", page.html);
    assert!(page.html.contains("the IT desk, it@example.com"));
    assert!(!page.html.contains("value=\"tools:generate_summary\""), "it is no choice");
    // What is no choice is none in a posted form either.
    assert!(has_code(&browser.answer(&page, "allow", BOTH).await));
    assert_eq!(only(grants(&world, "alice").await).actions, scopes("read:report"));
    // Where nothing is left there is nothing to allow.
    world.ask(|a| a.scope = scopes("tools:generate_summary"));
    let page = browser.reach_consent().await;
    assert!(page.html.contains("Your organisation decides about this"), "{}", page.html);
    let again = browser.open(&page.form("/interaction/").action).await;
    assert!(again.html.contains("Your organisation decides about this"));
    let smuggled = page.form("/interaction/").with("answer", "allow").with("seconds", "3600");
    let smuggled = browser.post(smuggled.with("scope", "tools:generate_summary")).await;
    assert!(!has_code(&smuggled), "{}", smuggled.location());
    assert_eq!(error(&browser.answer(&page, "no", &[]).await), "access_denied");
    let actions = world.actions().await;
    let noted = actions.iter().filter(|a| *a == "consent:withheld").count();
    assert_eq!(noted, 2, "once an interaction: {actions:?}");
    assert_eq!(grants(&world, "alice").await.len(), 1);
}

#[tokio::test]
async fn tools_whose_scopes_are_withheld_are_withheld_too() {
    let world = world(ORGANISATION).await;
    let details =
        |text: &str| prokura_oauth::rich::parse(text, &asked("https://as.example").resource).unwrap();
    let both = r#"[{"type":"mcp_tool","actions":["read_report"]},{"type":"mcp_tool","actions":["generate_summary"]}]"#;
    world.ask(|a| (a.details, a.scope) = (details(both), ScopeSet::default()));
    let mut browser = world.browser();
    let page = browser.reach_consent().await;
    assert!(
        page.html.contains("name=\"detail\" value=\"0\"")
            && !page.html.contains("name=\"detail\" value=\"1\"")
    );
    let form = page.form("/interaction/").with("answer", "allow").with("seconds", "3600");
    browser.post(form.with("detail", "0").with("detail", "1")).await;
    let grant = only(grants(&world, "alice").await);
    assert_eq!(grant.details.tools().into_iter().collect::<Vec<_>>(), ["read_report"]);
    // All scopes withheld and some details not: the details alone would allow more than with them.
    world.ask(|a| (a.details, a.scope) = (details(both), scopes("tools:generate_summary")));
    assert!(browser.open("/authorize").await.html.contains("Your organisation decides about this"));
}

#[tokio::test]
async fn a23_an_agent_that_is_to_get_a_part_is_always_on_the_page() {
    let world = world("").await;
    let reporter = agent(&world, "agt_reporter", "Reporter").await;
    let hostile = agent(
        &world,
        "agt_x",
        "\u{202e}Alice\u{200b} <b>and a name that goes on and on and on and on and on and on</b>",
    )
    .await;
    let mut browser = world.browser();
    // Consent without an agent is none for one with it.
    let page = browser.reach_consent().await;
    browser.answer(&page, "allow", BOTH).await;
    assert!(has_code(&browser.open("/authorize").await));
    world.ask(|a| a.through = vec![reporter.clone(), hostile.clone()]);
    world.ask(|a| a.prompt = Prompt::None);
    assert_eq!(error(&browser.open("/authorize").await), "interaction_required");
    world.ask(|a| a.prompt = Prompt::Needed);
    let page = browser.open("/authorize").await;
    assert!(page.html.contains("Through whom") && page.html.contains("value=\"agt_reporter\" checked"));
    assert!(!page.html.contains('\u{202e}') && !page.html.contains('\u{200b}') && !page.html.contains("<b>"));
    let chain = page.html.split("class=\"chain\"").nth(1).unwrap().split("</ol>").next().unwrap();
    let at = |name: &str| chain.find(name).unwrap_or_else(|| panic!("{name} in {chain}"));
    assert!(at("Planner") < at("Reporter") && at("Reporter") < at("sales"), "{chain}");
    // Who was switched off is not named, nor is anybody whom the page did not name.
    let form = page.form("/interaction/").with("answer", "allow").with("seconds", "86400");
    let form = BOTH.iter().fold(form, |f, s| f.with("scope", s));
    browser.post(form.with("through", "agt_reporter").with("through", "agt_evil")).await;
    let all = grants(&world, "alice").await;
    let active: Vec<_> = all.iter().filter(|g| g.state == GrantState::Active).collect();
    let [grant] = active.as_slice() else { panic!("{all:?}") };
    assert_eq!(grant.terms.may_act, MayAct::Only([reporter.clone()].into()));
    // The same again is remembered; with whom was switched off it is asked.
    world.ask(|a| a.through = vec![reporter.clone()]);
    assert!(has_code(&browser.open("/authorize").await));
    world.ask(|a| a.through = vec![reporter, hostile]);
    assert!(browser.open("/authorize").await.html.contains("Through whom"));
}

async fn agreed(browser: &mut Browser<'_>, left: &[&str]) -> Page {
    let page = browser.reach_consent().await;
    browser.answer(&page, "allow", left).await
}

#[tokio::test]
async fn a_step_up_asks_for_what_is_new_and_leaves_one_grant() {
    let world = world("").await;
    let mut browser = world.browser();
    world.ask(|a| a.scope = scopes("read:report"));
    agreed(&mut browser, BOTH).await;
    let first = only(grants(&world, "alice").await);
    world.ask(|a| a.scope = scopes("read:report tools:generate_summary"));
    let page = browser.reach_consent().await;
    assert!(page.html.contains("You allowed this software something here before"), "{}", page.html);
    assert!(page.html.contains("value=\"tools:generate_summary\" checked"));
    assert!(!page.html.contains("value=\"read:report\""), "what stands is no question");
    assert!(has_code(&browser.answer(&page, "allow", &["tools:generate_summary"]).await));
    let grant = only(grants(&world, "alice").await);
    assert_eq!((grant.id.clone(), grant.revision), (first.id.clone(), first.revision + 1));
    assert_eq!(grant.actions, scopes("read:report tools:generate_summary"));
    assert!(has_code(&browser.open("/authorize").await), "all of it is remembered");
    assert!(world.actions().await.contains(&"grant:change".to_owned()));
    // Who asks again and leaves less has less: the grant that held more ends.
    world.ask(|a| a.prompt = Prompt::Consent);
    agreed(&mut browser, &["read:report"]).await;
    let all = grants(&world, "alice").await;
    let active: Vec<_> = all.iter().filter(|g| g.state == GrantState::Active).collect();
    let [grant] = active.as_slice() else { panic!("{all:?}") };
    assert_eq!((grant.actions.clone(), grant.id != first.id), (scopes("read:report"), true));
}

#[tokio::test]
async fn a27_a_step_up_of_who_could_be_another_asks_for_all_of_it() {
    let world = world("").await;
    let mut browser = world.browser();
    world.ask(|a| (a.redirect, a.scope) = ("http://127.0.0.1:5000/cb".into(), scopes("read:report")));
    agreed(&mut browser, BOTH).await;
    // The same again is another program, for all that anybody knows: it gets a grant of its own.
    agreed(&mut browser, BOTH).await;
    assert_eq!(grants(&world, "alice").await.len(), 2);
    world.ask(|a| a.scope = scopes("read:report tools:generate_summary"));
    let page = browser.reach_consent().await;
    assert!(page.html.contains("so all of it is asked again"), "{}", page.html);
    assert!(page.html.contains("value=\"read:report\" checked"));
    browser.answer(&page, "allow", BOTH).await;
    assert_eq!(grants(&world, "alice").await.len(), 2, "one of them holds more now");
}

#[tokio::test]
async fn details_are_added_to_details_and_never_lifted() {
    let world = world("").await;
    let details = |tool: &str| {
        let text = format!(r#"[{{"type":"mcp_tool","actions":["{tool}"]}}]"#);
        prokura_oauth::rich::parse(&text, &asked("https://as.example").resource).unwrap()
    };
    let mut browser = world.browser();
    world.ask(|a| (a.scope, a.details) = (scopes("read:report"), details("read_report")));
    let with_detail = async |browser: &mut Browser<'_>, scope: &str| {
        let page = browser.reach_consent().await;
        let form = page.form("/interaction/").with("answer", "allow").with("seconds", "86400");
        assert!(has_code(&browser.post(form.with("scope", scope).with("detail", "0")).await));
    };
    with_detail(&mut browser, "read:report").await;
    let scope = "tools:generate_summary";
    world.ask(|a| (a.scope, a.details) = (scopes(scope), details("generate_summary")));
    with_detail(&mut browser, scope).await;
    let grant = only(grants(&world, "alice").await);
    assert_eq!(grant.details.tools().into_iter().collect::<Vec<_>>(), ["generate_summary", "read_report"]);
    assert_eq!(grant.actions, scopes("read:report tools:generate_summary"));
    // Whole scopes beside bounded ones are two grants: no one grant says both.
    world.ask(|a| (a.scope, a.details) = (scopes("read:report"), Details::default()));
    agreed(&mut browser, &["read:report"]).await;
    let all = grants(&world, "alice").await;
    assert_eq!(all.len(), 2);
    assert!(all.iter().any(|g| g.details.is_empty() && g.actions == scopes("read:report")));
}

fn likeness(name: &str, redirect: &str) -> Option<Likeness> {
    let text = format!(r#"{{"client_name":"{name}","redirect_uris":["{redirect}"]}}"#);
    let object = json::parse(text.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap();
    Some(Likeness::of(&ClientMetadata::from_registration(&object).unwrap(), "x"))
}

#[tokio::test]
async fn b13_who_looks_otherwise_is_asked_about_again() {
    let world = world("").await;
    let mut browser = world.browser();
    let cb = "https://planner.example/cb";
    world.ask(|a| a.likeness = likeness("Planner", cb));
    agreed(&mut browser, BOTH).await;
    assert!(has_code(&browser.open("/authorize").await));
    world.ask(|a| (a.likeness, a.name) = (likeness("Your Bank", cb), "Your Bank".into()));
    world.ask(|a| a.prompt = Prompt::None);
    assert_eq!(error(&browser.open("/authorize").await), "interaction_required");
    world.ask(|a| a.prompt = Prompt::Needed);
    let page = browser.open("/authorize").await;
    assert!(page.html.contains("This software is not what it was"), "{}", page.html);
    let changed = page.html.split("id=\"changed\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(changed.contains("<del><bdi>Planner") && changed.contains("<ins><bdi>Your Bank"), "{changed}");
    assert!(page.html.contains("value=\"read:report\" checked"), "all of it is asked");
    assert_eq!(browser.answer(&page, "no", &[]).await.status, StatusCode::SEE_OTHER);
    assert!(browser.open("/authorize").await.html.contains("not what it was"), "a No changes nothing");
    agreed(&mut browser, BOTH).await;
    assert!(has_code(&browser.open("/authorize").await), "whom the user knows needs no question");
    assert_eq!(only(grants(&world, "alice").await).state, GrantState::Active);
}

/// Somebody is disabled, or signed out elsewhere, between the moment at which the page knows them and the one at which their
/// answer counts.
#[tokio::test]
async fn c10_who_is_signed_out_while_they_answer_has_agreed_to_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::in_file(&folder.path().join("people.db")).await;
    let user = world.add("alice").await;
    let mut browser = world.browser();
    for disables in [true, false] {
        browser.cookies.clear();
        let page = browser.reach_consent().await;
        let (user, now) = (user.clone(), world.clock_now());
        let last = {
            let user = user.clone();
            move |tx: &mut Tx<'_>| match disables {
                true => tx.disable_user(&user, true, "operator", "left", now).map(drop),
                false => tx.end_sessions_of(&user).map(drop),
            }
        };
        // The writer is held up until the page has seen who answers.
        let held = world.hold_writer_and(Duration::from_millis(500), last).await;
        let answer = browser.answer(&page, "allow", BOTH).await;
        held.await.unwrap();
        assert_ne!(answer.status, StatusCode::SEE_OTHER, "disables: {disables}");
        let of = user.clone();
        assert!(world.store.read(move |tx| tx.grants_of_user(&of)).await.unwrap().is_empty());
        let enable = move |tx: &mut Tx<'_>| tx.disable_user(&user, false, "operator", "back", now);
        world.store.transact::<_, StoreError>(enable).await.unwrap();
    }
}
