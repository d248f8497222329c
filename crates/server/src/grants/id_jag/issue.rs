//! Made here: a token that a client holds is exchanged for an assertion to another authorization server (RFC 8693, ID-JAG
//! §4.3). Who may ask for what stands in the configuration, since no user is asked.

use super::subject::{Subject, subject};
use crate::clients::Client;
use crate::fault::{ExchangeFault, Fault};
use crate::possession::Possession;
use crate::record::About;
use crate::server::AppState;
use crate::wire::json;
use axum::response::Response;
use http::StatusCode;
use prokura_config::IdJagAudience;
use prokura_core::{Principal, ScopeSet, Timestamp, TraceId, random_id};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::access_token::act_claim;
use prokura_oauth::authentication::Authentication;
use prokura_oauth::client_metadata::AuthMethod;
use prokura_oauth::exchange::{Exchange, TokenType};
use prokura_oauth::id_jag::IdJag;
use prokura_oauth::json::obj;
use prokura_policy::access::{Situation, Stage, Verdict};

/// What an assertion is for.
struct Target {
    audience: String,
    resource: String,
    client: String,
    scope: ScopeSet,
}

/// Exchanges a token. The only exchange that is served is that for an ID-JAG.
pub(crate) async fn exchange(
    app: &AppState,
    client: &Client,
    asked: &Exchange,
    possession: Possession,
    trace: &TraceId,
    about: &mut About,
) -> Result<Response, Fault> {
    // Whoever cannot prove who it is could be anybody with a stolen token.
    if client.metadata.auth_method == AuthMethod::None {
        return Err(Fault::Secret);
    }
    if asked.requested != TokenType::IdJag || asked.actor.is_some() {
        return Err(Fault::Exchange(ExchangeFault::NotServed));
    }
    let target = target(&app.config.id_jag.audiences, client, asked)?;
    let subject = subject(app, client, asked, &possession).await?;
    about.subject = Some(Principal::User(subject.user.id.clone()));
    about.grant.clone_from(&subject.grant);
    let (target, until, verdict) = judged(app, client, target, &subject, &possession, trace)?;
    let mut assertion = assertion(app, &target, &subject);
    assertion.expires_at = until.map_or(assertion.expires_at, |until| assertion.expires_at.min(until));
    let (mut event, now) = (event(client, &target, &subject, &assertion, trace), app.clock.now());
    if let Some(verdict) = verdict {
        event.details.insert("access", verdict.to_object().into());
    }
    let (view, by, rests) = (app.store.revoked_view(), client.id.clone(), subject.rests_on());
    app.store
        .transact::<_, Fault>(move |tx| {
            rests.stands(tx, &view, &by, now)?;
            possession.spend(tx, now)?;
            tx.record(event.clone());
            Ok(())
        })
        .await?;
    respond(app, &assertion)
}

/// What conditional access leaves of it, and until when.
fn judged(
    app: &AppState,
    client: &Client,
    target: Target,
    subject: &Subject,
    possession: &Possession,
    trace: &TraceId,
) -> Result<(Target, Option<Timestamp>, Option<Verdict>), Fault> {
    let user = Principal::User(subject.user.id.clone());
    let situation = Situation {
        stage: Stage::Exchange,
        subject: Some(&user),
        agent: subject.actors.first().or(client.agent.as_ref()),
        client: Some(&client.id),
        workload: possession.workload().map(|w| &w.attested),
        resource: "",
        action: None,
        scopes: &target.scope,
        address: possession.address(),
        sign_in: subject.authentication.as_ref().map(Authentication::sign_in),
        now: app.clock.now(),
    };
    let (allowed, verdict) = app.judge.assertion(&situation, trace)?;
    Ok((Target { scope: allowed.scopes, ..target }, allowed.until, verdict))
}

/// What the configuration lets `client` ask for, and what of that it asks for.
fn target(audiences: &[IdJagAudience], client: &Client, asked: &Exchange) -> Result<Target, Fault> {
    let refused = |why| Fault::Exchange(why);
    let named = asked.audience.as_deref().ok_or(refused(ExchangeFault::Audience))?;
    let audience = audiences.iter().find(|a| a.issuer == named).ok_or(refused(ExchangeFault::Audience))?;
    let there = audience.clients.get(client.id.as_str()).ok_or(refused(ExchangeFault::Audience))?;
    let resource = match (asked.resource.as_deref(), audience.resources.as_slice()) {
        (Some(named), all) => all.iter().find(|r| *r == named),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let given = ScopeSet::parse(&audience.scopes.join(" "))?;
    let scope =
        asked.scope.as_ref().filter(|s| !s.is_empty()).map_or(given.clone(), |s| s.intersection(&given));
    if scope.is_empty() {
        return Err(Fault::ScopeTooWide(asked.scope.clone().unwrap_or_default()));
    }
    Ok(Target {
        audience: audience.issuer.clone(),
        resource: resource.ok_or(refused(ExchangeFault::Resource))?.clone(),
        client: there.clone(),
        scope,
    })
}

fn assertion(app: &AppState, target: &Target, subject: &Subject) -> IdJag {
    let issued_at = Timestamp::from_seconds(app.clock.now().seconds());
    IdJag {
        issuer: app.config.issuer.as_str().to_owned(),
        subject: subject.user.id.to_string(),
        audience: target.audience.clone(),
        client: target.client.clone(),
        id: random_id("ij_", &*app.rng),
        issued_at,
        expires_at: issued_at.after(app.config.id_jag.life.get()),
        resource: Some(target.resource.clone()),
        scope: Some(target.scope.clone()),
        // Only addresses that somebody trusted vouched for are kept with a user.
        email: subject.user.email.clone().map(|email| (email, true)),
        // A token that says who acts never leads to one that does not.
        actors: subject.actors.iter().map(ToString::to_string).collect(),
        authentication: subject.authentication.clone(),
    }
}

fn event(client: &Client, target: &Target, subject: &Subject, jag: &IdJag, trace: &TraceId) -> Event {
    let mut event =
        Event::new(EventKind::Issuance, "token:id_jag", Outcome::Permit, jag.issued_at, trace.clone());
    event.subject = Some(Principal::User(subject.user.id.clone()));
    event.actors.clone_from(&subject.actors);
    event.client = Some(client.id.clone());
    event.grant.clone_from(&subject.grant);
    for (name, value) in [
        ("audience", target.audience.as_str()),
        ("client_there", &target.client),
        ("jti", &jag.id),
        ("target", &target.resource),
    ] {
        event.details.insert(name, value.into());
    }
    event.details.insert("scope", target.scope.to_string().into());
    event.details.insert("expires_at", jag.expires_at.seconds().into());
    if let Some(act) = act_claim(&subject.actors) {
        event.details.insert("act", act.into());
    }
    event
}

/// The answer of RFC 8693 §2.2.1: what is no access token is called `N_A`.
fn respond(app: &AppState, assertion: &IdJag) -> Result<Response, Fault> {
    let key = app.keys.signer(app.clock.now());
    let key = key.ok_or_else(|| Fault::Broken("there is no signing key".to_owned()))?;
    let jwt = assertion.sign(&key).map_err(|e| Fault::Broken(e.to_string()))?;
    let life = assertion.expires_at.since(assertion.issued_at).as_secs();
    let mut body = obj([
        ("issued_token_type", TokenType::IdJag.as_str().into()),
        ("access_token", jwt.into()),
        ("token_type", "N_A".into()),
        ("expires_in", life.into()),
    ]);
    if let Some(scope) = &assertion.scope {
        body.insert("scope", scope.to_string().into());
    }
    Ok(json(StatusCode::OK, &body))
}
