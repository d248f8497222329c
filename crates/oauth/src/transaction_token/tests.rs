use super::*;
use crate::access_token::View;
use crate::confirmation::Confirmation;
use crate::form::Form;
use crate::jose::{Algorithm, KeySet};
use prokura_core::{GrantId, TokenId};

const ISSUER: &str = "https://as.example";

fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

fn domain() -> TrustDomain {
    TrustDomain::parse("tools.example").unwrap()
}

fn token(view: View) -> AccessToken {
    let agent = |a: &str| AgentId::parse(a).unwrap();
    let resource = ResourceUri::parse("https://as.example/mcp/crm").unwrap();
    let holder = (view == View::Impersonation).then(|| agent("agt_planner"));
    AccessToken {
        issuer: ISSUER.into(),
        subject: Principal::parse("usr_alice").unwrap(),
        view,
        client: ClientId::parse("planner").unwrap(),
        actors: match view {
            View::Impersonation => vec![agent("agt_planner")],
            _ => vec![agent("agt_planner"), agent("agt_front")],
        },
        may_act: None,
        scopes: ScopeSet::parse("read write").unwrap(),
        details: rich::parse(r#"[{"type":"mcp_tool","actions":["a"]}]"#, &resource).unwrap(),
        audience: resource,
        id: TokenId::parse("t_1").unwrap(),
        issued_at: now(),
        expires_at: now().after(Duration::from_secs(300)),
        grant: GrantClaim {
            ancestors: vec![GrantId::parse("g_1").unwrap()],
            holder,
            ..GrantClaim::of_root(GrantId::parse("g_2").unwrap())
        },
        authentication: None,
        cnf: Confirmation::default(),
        workload: None,
        status: None,
    }
}

fn made(view: View) -> TransactionToken {
    let (domain, txn) = (domain(), TraceId::parse("tr_1").unwrap());
    let life = Duration::from_secs(30);
    let making =
        Making { issuer: ISSUER, domain: &domain, txn: &txn, requester: "gateway", life, now: now() };
    TransactionToken::of(&token(view), &making)
}

struct Keys {
    signer: SigningKey,
    keys: KeySet,
}

fn keys() -> Keys {
    let signer = SigningKey::generate(Algorithm::Es256).unwrap();
    let keys = KeySet::of(vec![signer.public()]).unwrap();
    Keys { signer, keys }
}

#[test]
fn what_a_transaction_says_comes_back_whichever_view_the_call_had() {
    let Keys { signer, keys } = keys();
    for view in [View::User, View::Agent, View::Impersonation] {
        let more = obj([("action", "tool:a".into())]);
        let made = made(view).saying(&more, &Object::default()).unwrap();
        let compact = made.sign(&signer).unwrap();
        let read = TransactionToken::verify(&compact, &keys, ISSUER, &domain(), now()).unwrap();
        assert_eq!(read, made);
        assert!(read.claims().contains_key("act"), "{view:?}: who acts is told");
    }
}

#[test]
fn c22_a_transaction_token_is_no_access_token_and_an_access_token_is_no_transaction_token() {
    let Keys { signer, keys } = keys();
    let transaction = made(View::User).sign(&signer).unwrap();
    assert!(AccessToken::verify_any_resource(&transaction, &keys, ISSUER, now()).is_err());
    let access = token(View::User).sign(&signer).unwrap();
    assert!(TransactionToken::verify(&access, &keys, ISSUER, &domain(), now()).is_err());
    // Not even with each other's claims: the type alone decides.
    let typed = signer.sign(crate::access_token::TYP, &made(View::User).claims()).unwrap();
    assert!(matches!(
        TransactionToken::verify(&typed, &keys, ISSUER, &domain(), now()),
        Err(InvalidTransaction::Jose(JoseError::Type))
    ));
    let typed = signer.sign(TYP, &token(View::User).claims()).unwrap();
    assert!(AccessToken::verify_any_resource(&typed, &keys, ISSUER, now()).is_err());
}

#[test]
fn a_transaction_token_is_worth_nothing_elsewhere_or_later() {
    let Keys { signer, keys } = keys();
    let compact = made(View::User).sign(&signer).unwrap();
    let read = |issuer: &str, domain: &str, at: i64| {
        let domain = TrustDomain::parse(domain).unwrap();
        let at = Timestamp::from_seconds(now().seconds() + at);
        TransactionToken::verify(&compact, &keys, issuer, &domain, at).is_ok()
    };
    assert!(read(ISSUER, "tools.example", 29));
    assert!(!read(ISSUER, "tools.example", 41), "30 seconds and the leeway");
    assert!(!read(ISSUER, "other.example", 0));
    assert!(!read("https://evil.example", "tools.example", 0));
    let mut long = made(View::User);
    long.expires_at = now().after(Duration::from_secs(3600));
    let long = long.sign(&signer).unwrap();
    assert!(TransactionToken::verify(&long, &keys, ISSUER, &domain(), now()).is_err());
}

#[test]
fn what_is_missing_or_mistyped_makes_it_worthless() {
    let Keys { signer, keys } = keys();
    let read = |claims: &Object| {
        let compact = signer.sign(TYP, claims).unwrap();
        TransactionToken::verify(&compact, &keys, ISSUER, &domain(), now()).is_ok()
    };
    let whole = made(View::User).claims();
    assert!(read(&whole));
    for name in ["txn", "sub", "client_id", "scope", "req_wl", "iat", "exp", "tctx", "rctx", "grant", "act"] {
        let mut claims = whole.clone();
        claims.remove(name);
        assert!(!read(&claims), "without {name}");
        claims.insert(name, true.into());
        assert!(!read(&claims), "{name} mistyped");
    }
}

#[test]
fn a_replacement_stays_what_it_was_and_never_grows() {
    let first = made(View::User).saying(&obj([("action", "tool:a".into())]), &Object::default()).unwrap();
    let later = now().after(Duration::from_secs(10));
    let second = first.clone().replaced("api", later).unwrap();
    assert_eq!(
        (&second.txn, &second.subject, &second.domain, &second.actors, second.expires_at),
        (&first.txn, &first.subject, &first.domain, &first.actors, first.expires_at)
    );
    assert_eq!(second.requesters().collect::<Vec<_>>(), ["gateway", "api"]);
    let less = second.clone().narrowed(ScopeSet::parse("read").unwrap()).unwrap();
    let more = ScopeSet::parse("read write").unwrap();
    assert!(matches!(less.narrowed(more), Err(Widening::Scope(_))));
    let change = obj([("action", "tool:b".into())]);
    assert_eq!(second.clone().saying(&change, &Object::default()), Err(Widening::Context("action".into())));
    let forged = obj([("req_wl_before", Value::Array(vec![]))]);
    assert!(second.clone().saying(&Object::default(), &forged).is_err());
    assert_eq!(second.replaced("api", first.expires_at), Err(Widening::Expired));
}

#[test]
fn replacements_end() {
    let mut token = made(View::User);
    for n in 0..8 {
        token = token.replaced(&format!("w{n}"), now()).unwrap();
    }
    assert_eq!(token.replaced("w8", now()), Err(Widening::TooOften));
}

#[test]
fn a_request_is_read_whole_or_not_at_all() {
    let read = |changes: &[(&str, &str)]| {
        let usual = [
            ("subject_token", "x.y.z"),
            ("subject_token_type", crate::exchange::TokenType::Access.as_str()),
            ("audience", "tools.example"),
            ("scope", "read"),
            ("request_details", r#"{"order":7}"#),
        ];
        let kept = usual.iter().filter(|(n, _)| !changes.iter().any(|(c, _)| c == n));
        TransactionRequest::read(&kept.chain(changes).copied().collect::<Form>())
    };
    let asked = read(&[]).unwrap();
    assert_eq!(asked.details.get("order").and_then(Value::as_u64), Some(7));
    assert!(!format!("{asked:?}").contains("x.y.z"));
    for (change, error) in [
        (("subject_token", ""), BadTransaction::Missing("subject_token")),
        (("audience", ""), BadTransaction::Missing("audience")),
        (("scope", ""), BadTransaction::Missing("scope")),
        (("actor_token", "x"), BadTransaction::Parameter("actor_token")),
        (("request_details", "[]"), BadTransaction::Context("request_details")),
        (("request_context", r#"{"a":1,"a":2}"#), BadTransaction::Context("request_context")),
        (("subject_token_type", "urn:ietf:params:oauth:token-type:unsigned_json"), BadTransaction::Subject),
        (("subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), BadTransaction::Subject),
    ] {
        assert_eq!(read(&[change]), Err(error), "{change:?}");
    }
}
