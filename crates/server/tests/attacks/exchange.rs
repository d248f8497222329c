//! Token exchange: nothing wider, nobody forgotten, nothing combined that does not belong together.

use crate::world::exchange::*;
use crate::world::proof::Prover;
use crate::world::*;
use prokura_oauth::access_token::View;
use prokura_oauth::json::{Value, obj};

#[tokio::test]
async fn d01_a_user_an_agent_and_a_server_make_a_chain_in_which_each_has_less() {
    let world = World::chained().await;
    let user = world.planned().await;
    let answer = world.pass("sales-api", &user, &[("resource", CRM), ("scope", "crm:read")]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.text("issued_token_type"), ACCESS);
    assert!(!answer.json().contains_key("refresh_token"), "never from an exchange");
    let token = answer.text("access_token");
    let first = read(&token);
    assert_eq!((first.audience.as_str(), first.scopes.to_string().as_str()), (CRM, "crm:read"));
    assert_eq!(
        (first.subject.as_str(), actors(&token)),
        ("usr_alice", vec!["agt_reporter".into(), "agt_planner".into()])
    );
    assert_eq!(first.grant.ancestors, [read(&user).grant.id]);
    let second = world.pass("keeper", &token, &[("audience", "vault")]).await;
    assert_eq!(second.status, 200, "{}", second.body);
    let deep = second.text("access_token");
    assert_eq!(read(&deep).view, View::Agent, "as the resource wants it");
    assert_eq!(said(&deep).str("sub"), Some("agt_keeper"));
    let behalf = said(&deep).get("on_behalf_of").and_then(Value::as_object).unwrap().clone();
    assert_eq!(behalf.str("sub"), Some("usr_alice"));
    assert_eq!(actors(&deep), ["agt_keeper", "agt_reporter", "agt_planner"]);
    assert_eq!(read(&deep).grant.ancestors.len(), 2);
    let event = world.record().await.remove(0);
    assert_eq!((event.action.as_str(), event.actors.len()), ("token:token_exchange", 3));
    let metadata = world.get("/.well-known/oauth-authorization-server").await.body;
    assert!(metadata.contains("token-exchange"));
}

#[tokio::test]
async fn d01_nothing_is_widened_by_exchange() {
    let world = World::chained().await;
    let answer = world.allowed("planner", &[("scope", "read")]).await;
    let user = answer.text("access_token");
    for (changes, error) in [
        (vec![("resource", CRM), ("scope", "crm:write")], "400 invalid_scope"),
        (vec![("resource", CRM), ("scope", "crm:read crm:write")], "400 invalid_scope"),
        (vec![("resource", CRM), ("scope", "read")], "400 invalid_scope"),
        (vec![("resource", VAULT)], "400 invalid_target"),
        (vec![("resource", "http://localhost:9400/mcp/hr")], "400 invalid_target"),
        (vec![("resource", "http://localhost:9400/grants")], "400 invalid_target"),
        (vec![("resource", CRM), ("audience", "vault")], "400 invalid_target"),
    ] {
        assert_eq!(world.pass("sales-api", &user, &changes).await.error(), error, "{changes:?}");
    }
    let all = world.pass("sales-api", &user, &[("resource", CRM), ("audience", "crm")]).await;
    assert_eq!(all.text("scope"), "crm:read", "what the token has, not what the grant could have");
    let several =
        encode(&[("grant_type", EXCHANGE), ("subject_token", &user), ("subject_token_type", ACCESS)]);
    let several = format!("{several}&audience=crm&audience=vault");
    let answer = world.raw_form("/token", Some(&format!("sales-api:{SECRET}")), &several).await;
    assert_eq!(answer.error(), "400 invalid_target");
    // Downscoping: less for the holder, never more, and never longer.
    let wide = world.planned().await;
    world.wait(200);
    let less = world.exchange("planner", &wide, &[("scope", "read")]).await;
    assert_eq!((less.status.as_u16(), less.text("scope").as_str()), (200, "read"), "{}", less.body);
    let less = less.text("access_token");
    assert_eq!((read(&less).expires_at, read(&less).grant), (read(&wide).expires_at, read(&wide).grant));
    assert_eq!(actors(&less), ["agt_planner"]);
    assert_eq!(world.exchange("planner", &less, &[("scope", "write")]).await.error(), "400 invalid_scope");
    assert_eq!(world.exchange("planner", &less, &[("resource", CRM)]).await.error(), "400 invalid_grant");
    let tool = r#"[{"type":"mcp_tool","actions":["read"]}]"#;
    let tools =
        world.exchange("planner", &less, &[("authorization_details", tool)]).await.text("access_token");
    let more = r#"[{"type":"mcp_tool","actions":["write"]}]"#;
    let more = world.exchange("planner", &tools, &[("authorization_details", more)]).await;
    assert_eq!(more.error(), "400 invalid_authorization_details");
    // An authority that is bounded by tools is worth nothing elsewhere while no rule says what they are worth there.
    assert_eq!(world.pass("sales-api", &tools, &[("resource", CRM)]).await.error(), "400 invalid_target");
}

#[tokio::test]
async fn d02_no_token_that_says_who_acts_leaves_without_an_actor() {
    let world = World::chained().await;
    let user = world.planned().await;
    let none = world.exchange("sales-api", &user, &[("resource", CRM)]).await;
    assert_eq!(none.error(), "400 invalid_request");
    world.refused_for("exchange_actor_missing").await;
    let child = world.pass("sales-api", &user, &[("resource", CRM)]).await.text("access_token");
    // Re-exchange without an actor, by whoever could: the one who acts stays in it.
    for client in ["sales-api", "keeper", "planner"] {
        let answer = world.exchange(client, &child, &[]).await;
        if answer.status == 200 {
            assert_eq!(actors(&answer.text("access_token")), actors(&child), "{client}");
        } else {
            assert!(answer.error().starts_with("400 invalid_"), "{}", answer.body);
        }
    }
    for view in ["user", "agent"] {
        let again = world.exchange("sales-api", &child, &[("token_view", view)]).await.text("access_token");
        assert_eq!(actors(&again), actors(&child), "{view}");
    }
    let hidden = world.exchange("sales-api", &child, &[("token_view", "impersonation")]).await;
    assert_eq!(hidden.error(), "400 invalid_request");
    world.refused_for("exchange_act_stays").await;
    let hidden = world.pass("keeper", &child, &[("resource", VAULT), ("token_view", "impersonation")]).await;
    assert_eq!(hidden.error(), "400 invalid_request");
    let jag = "urn:ietf:params:oauth:token-type:id-jag";
    let served = world.exchange("sales-api", &child, &[("requested_token_type", jag)]).await;
    assert_eq!(served.error(), "400 invalid_request", "not served here at all");
    // Nor does who looks at it lose somebody (introspection that drops `act`).
    let seen = world.introspect("keeper", &child).await;
    assert_eq!(seen.get("act").map(Value::to_vec), said(&child).get("act").map(Value::to_vec));
}

#[tokio::test]
async fn d02_a_refresh_token_or_an_id_token_washes_nobody_off() {
    let world = World::chained().await;
    let answer = world.allowed("planner", &[("scope", "openid read")]).await;
    let (refresh, id) = (answer.text("refresh_token"), answer.text("id_token"));
    let by_refresh = world.exchange("planner", &refresh, &[("subject_token_type", REFRESH)]).await;
    assert_eq!(by_refresh.error(), "400 invalid_request");
    let by_id = [("subject_token_type", ID), ("resource", SALES)];
    let token = world.exchange("planner", &id, &by_id).await;
    assert_eq!(token.status, 200, "{}", token.body);
    assert_eq!(actors(&token.text("access_token")), ["agt_planner"]);
    assert_eq!(read(&token.text("access_token")).grant.id, read(&answer.text("access_token")).grant.id);
    let hidden = [by_id[0], by_id[1], ("token_view", "impersonation")];
    assert_eq!(world.exchange("planner", &id, &hidden).await.error(), "400 unauthorized_client");
    // The ID token of one client is nothing in the hands of another, and says nothing of what it may do.
    assert_eq!(world.exchange("sales-api", &id, &by_id).await.error(), "400 invalid_request");
    let theirs = world.allowed("sales-api", &[("scope", "openid read")]).await;
    let elsewhere = [("subject_token_type", ID), ("resource", CRM)];
    let nothing = world.exchange("sales-api", &theirs.text("id_token"), &elsewhere).await;
    assert_eq!(nothing.error(), "400 invalid_grant");
    world.refused_for("exchange_no_grant").await;
    // Access tokens are no ID tokens, and nothing lives longer than what it came of.
    let access = answer.text("access_token");
    assert_eq!(world.exchange("planner", &access, &by_id).await.error(), "400 invalid_request");
    assert_eq!(world.exchange("planner", &id, &[("resource", SALES)]).await.error(), "400 invalid_request");
    world.wait(250);
    let late = world.exchange("planner", &id, &by_id).await.text("access_token");
    assert!(read(&late).expires_at.seconds() <= said(&id).get("exp").and_then(Value::as_i64).unwrap());
    world.wait(3600);
    assert_eq!(world.exchange("planner", &id, &by_id).await.error(), "400 invalid_request");
}

#[tokio::test]
async fn d03_the_actor_is_the_agent_of_the_client_that_authenticates() {
    let world = World::chained().await;
    let user = world.planned().await;
    let (writers, planners) = (world.own("writer").await, world.own("planner").await);
    for (actor, kind, reason) in [
        (writers.as_str(), ACCESS, "exchange_actor_other"),
        (&planners, ACCESS, "exchange_actor_other"),
        (&user, ACCESS, "exchange_actor_other"),
        ("x.y.z", ACCESS, "exchange_actor"),
        (&writers, ID, "exchange_actor"),
        (&writers, REFRESH, "exchange_actor"),
        (&writers, JWT, "exchange_actor"),
    ] {
        let shown = [("resource", CRM), ("actor_token", actor), ("actor_token_type", kind)];
        assert_eq!(world.exchange("sales-api", &user, &shown).await.error(), "400 invalid_request", "{kind}");
        world.refused_for(reason).await;
    }
    let old = world.own("sales-api").await;
    world.wait(301);
    let fresh = world.planned().await;
    let shown = [("resource", CRM), ("actor_token", old.as_str()), ("actor_token_type", ACCESS)];
    assert_eq!(world.exchange("sales-api", &fresh, &shown).await.error(), "400 invalid_request");
    assert_eq!(world.count("token:token_exchange").await, 0);
}

#[tokio::test]
async fn d03_whoever_is_neither_its_holder_nor_named_nor_let_by_a_rule_gets_nothing() {
    let world = World::chained().await;
    let user = world.planned().await;
    for (client, changes) in [
        ("stranger", vec![]),
        ("stranger", vec![("resource", CRM)]),
        ("stranger", vec![("resource", SALES), ("scope", "read")]),
        // The server of another resource, to which the token does not belong (confusion of audiences).
        ("keeper", vec![("resource", VAULT)]),
        // A rule leads from whom it names, and not back.
        ("planner", vec![("resource", CRM)]),
    ] {
        let answer = world.pass(client, &user, &changes).await;
        assert_eq!(answer.error(), "400 invalid_grant", "{client} {changes:?}");
        world.refused_for("exchange_not_yours").await;
    }
    let reporters = world.allowed("sales-api", &[("scope", "read")]).await.text("access_token");
    // `helpers` is about what planner holds.
    assert_eq!(world.pass("writer", &reporters, &[]).await.error(), "400 invalid_grant");
    let answer = world.pass("writer", &user, &[]).await;
    assert_eq!((answer.status.as_u16(), answer.text("scope").as_str()), (200, "read"), "{}", answer.body);
    let token = answer.text("access_token");
    assert_eq!(actors(&token), ["agt_writer", "agt_planner"]);
    assert_eq!(world.pass("writer", &user, &[("scope", "write")]).await.error(), "400 invalid_scope");
}

#[tokio::test]
async fn d02_tokens_of_different_flows_are_not_spliced() {
    let world = World::chained().await;
    let first = world.planned().await;
    // The server acts for the same user in another flow of its own.
    let other = world.allowed("sales-api", &[("scope", "read")]).await.text("access_token");
    let shown = [("resource", CRM), ("actor_token", other.as_str()), ("actor_token_type", ACCESS)];
    assert_eq!(world.exchange("sales-api", &first, &shown).await.error(), "400 invalid_grant");
    world.refused_for("exchange_spliced").await;
    // Of the same flow it is good: what it got by the one exchange says who acts at the next.
    let child = world.pass("sales-api", &first, &[("resource", CRM)]).await.text("access_token");
    let shown = [("resource", CRM), ("actor_token", child.as_str()), ("actor_token_type", ACCESS)];
    assert_eq!(world.exchange("sales-api", &first, &shown).await.status, 200);
    // A second consent of the same user is another flow.
    let second = world.allowed("planner", &[("scope", "read"), ("prompt", "consent")]).await;
    let second = second.text("access_token");
    if read(&second).grant.id != read(&first).grant.id {
        assert_eq!(world.exchange("sales-api", &second, &shown).await.error(), "400 invalid_grant");
    }
}

#[tokio::test]
async fn d02_a_token_that_is_bound_to_a_key_is_nothing_without_it() {
    let world = World::chained().await;
    let (prover, thief) = (Prover::new(), Prover::new());
    let asked =
        [("client_id", "planner"), ("redirect_uri", CB), ("resource", SALES), ("scope", "read write")];
    let code = world.authorize(&asked).await.redirect().1["code"].clone();
    let form = redemption(&code, &[("client_id", "")]);
    let basic = |client: &str| format!("{client}:{SECRET}");
    let proof = prover.proof(&world, "/token");
    let bound = world.proven("/token", Some(&basic("planner")), &form, &[&proof]).await.text("access_token");
    // Its holder, without the key or with another.
    assert_eq!(world.exchange("planner", &bound, &[("scope", "read")]).await.error(), "400 invalid_request");
    world.refused_for("exchange_subject_key").await;
    let narrow = [
        ("grant_type", EXCHANGE),
        ("subject_token", &*bound),
        ("subject_token_type", ACCESS),
        ("scope", "read"),
    ];
    let stolen = thief.proof(&world, "/token");
    let answer = world.proven("/token", Some(&basic("planner")), &narrow, &[&stolen]).await;
    assert_eq!(answer.error(), "400 invalid_request");
    // Somebody whom a rule names, but who has not the key and is not named in the token.
    assert_eq!(world.pass("writer", &bound, &[]).await.error(), "400 invalid_request");
    world.refused_for("exchange_subject_key").await;
    // The resource's own server, which was called with it.
    assert_eq!(world.pass("sales-api", &bound, &[("resource", CRM)]).await.status, 200);
    // With the key it is narrowed, and stays bound; prepared for somebody, that somebody may.
    let again = prover.proof(&world, "/token");
    let less = world.proven("/token", Some(&basic("planner")), &narrow, &[&again]).await;
    assert_eq!(less.text("token_type"), "DPoP", "{}", less.body);
    let replay = world.proven("/token", Some(&basic("planner")), &narrow, &[&again]).await;
    assert_eq!(replay.error(), "400 invalid_dpop_proof");
    let mut prepare = narrow.to_vec();
    prepare.push(("requested_actor", "agt_writer"));
    let third = prover.proof(&world, "/token");
    let prepared = world.proven("/token", Some(&basic("planner")), &prepare, &[&third]).await;
    let prepared = prepared.text("access_token");
    assert_eq!(said(&prepared).get("may_act").unwrap().as_object().unwrap().str("sub"), Some("agt_writer"));
    let answer = world.pass("writer", &prepared, &[]).await;
    assert_eq!((answer.status.as_u16(), actors(&answer.text("access_token")).len()), (200, 2));
    // Prepared for one, it is for nobody else but who it was made of.
    assert_eq!(world.pass("sales-api", &prepared, &[("resource", CRM)]).await.error(), "400 invalid_grant");
}

#[tokio::test]
async fn d03_a_token_is_prepared_only_for_who_may_have_a_part() {
    let world = World::chained().await;
    let user = world.planned().await;
    for other in ["agt_stranger", "agt_nobody", "agt_keeper", "agt_planner"] {
        let answer = world.exchange("planner", &user, &[("requested_actor", other)]).await;
        assert_eq!(answer.error(), "400 invalid_request", "{other}");
        world.refused_for("exchange_requested_actor").await;
    }
    assert_eq!(
        world.exchange("planner", &user, &[("requested_actor", "usr_alice")]).await.error(),
        "400 invalid_request"
    );
    let prepared =
        world.exchange("planner", &user, &[("requested_actor", "agt_writer"), ("scope", "read")]).await;
    let prepared = prepared.text("access_token");
    // Without an actor token the one that is named gets nothing either.
    assert_eq!(world.exchange("writer", &prepared, &[]).await.error(), "400 invalid_request");
    world.refused_for("exchange_actor_missing").await;
    let kept = world.exchange("planner", &prepared, &[]).await.text("access_token");
    assert!(said(&kept).contains_key("may_act"), "what it is for stays in it");
}

#[tokio::test]
async fn d04_what_is_malformed_or_too_deep_is_refused() {
    let world = World::chained().await;
    let key = prokura_oauth::jose::SigningKey::generate(prokura_oauth::jose::Algorithm::Es256).unwrap();
    let user = world.planned().await;
    let mut claims = said(&user);
    for (name, value) in [
        ("act", Value::from("x")),
        ("act", Value::Array(vec!["agt_planner".into()])),
        ("act", obj([("sub", 1.into())]).into()),
        ("may_act", "agt_writer".into()),
        ("may_act", Value::Array(vec![obj([("sub", "agt_writer".into())]).into()])),
        (
            "act",
            (0..50).fold(Value::Null, |inner, _| {
                let mut o = obj([("sub", "agt_planner".into())]);
                if !inner.is_null() {
                    o.insert("act", inner);
                }
                o.into()
            }),
        ),
    ] {
        claims.remove(name);
        claims.insert(name, value);
        assert!(prokura_oauth::access_token::AccessToken::from_claims(&claims).is_err());
        let forged = key.sign("at+jwt", &claims).unwrap();
        let answer = world.pass("sales-api", &forged, &[("resource", CRM)]).await;
        assert_eq!(answer.error(), "400 invalid_request");
    }
    for changes in [
        vec![("subject_token_type", "")],
        vec![("subject_token_type", "urn:ietf:params:oauth:token-type:saml2")],
        vec![("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")],
        vec![("token_view", "root")],
        vec![("actor_token_type", "")],
        vec![("actor_token", "")],
        vec![("subject_token_type", JWT)],
    ] {
        let answer = world.pass("sales-api", &user, &changes).await;
        assert_eq!(answer.error(), "400 invalid_request", "{changes:?}");
    }
}
