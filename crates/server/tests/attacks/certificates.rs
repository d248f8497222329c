//! Certificates of clients: RFC 8705, and what its §7 warns of.

use crate::world::pki::{self, WITH_CERTIFICATES, issued, issued_by, params};
use crate::world::*;
use prokura_oauth::certificate::Certificate;
use prokura_oauth::json::Value;
use rcgen::{DnType, ExtendedKeyUsagePurpose};
use std::sync::Arc;

async fn own(world: &World, client: &str, certificate: Option<&Arc<Certificate>>) -> Answer {
    let parameters = [("grant_type", "client_credentials"), ("client_id", client)];
    world.certified("/token", &parameters, certificate).await
}

#[tokio::test]
async fn a_client_authenticates_by_each_name_of_its_certificate_and_by_the_one_it_registered() {
    let world = World::and(WITH_CERTIFICATES).await;
    let batch = issued(&params("batch"));
    for client in ["by-subject", "by-dns", "by-uri"] {
        let answer = own(&world, client, Some(&batch)).await;
        assert_eq!(answer.status, 200, "{client}: {}", answer.body);
    }
    let answer = own(&world, "own-cert", Some(&pki::own().certificate)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let metadata = world.get("/.well-known/oauth-authorization-server").await;
    for word in
        ["\"tls_client_auth\"", "self_signed_tls_client_auth", "tls_client_certificate_bound_access_tokens"]
    {
        assert!(metadata.body.contains(word), "{word}");
    }
    let without = World::new().await.get("/.well-known/oauth-authorization-server").await;
    assert!(!without.body.contains("tls_client"), "what cannot work is not offered");
}

#[tokio::test]
async fn c24_another_certificate_does_not_authenticate() {
    let world = World::and(WITH_CERTIFICATES).await;
    let mut server = params("batch");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut over = params("batch");
    over.not_after = rcgen::date_time_ymd(2026, 1, 1);
    let mut more = params("batch");
    more.distinguished_name.push(DnType::OrganizationalUnitName, "More");
    let stranger = pki::new_authority("Authority");
    for (certificate, reason) in [
        (None, "certificate_none"),
        (Some(issued(&params("other"))), "certificate_name"),
        (Some(issued(&params("batch2"))), "certificate_name"),
        (Some(issued(&more)), "certificate_name"),
        (Some(issued(&server)), "certificate_untrusted"),
        (Some(issued(&over)), "certificate_untrusted"),
        (Some(issued_by(&params("batch"), &stranger)), "certificate_untrusted"),
        (Some(pki::own().certificate.clone()), "certificate_untrusted"),
        (Some(pki::shown(b"no certificate")), "certificate_untrusted"),
    ] {
        let answer = own(&world, "by-subject", certificate.as_ref()).await;
        assert_eq!(answer.error(), "401 invalid_client", "{reason}");
        world.refused_for(reason).await;
    }
    for client in ["by-dns", "by-uri"] {
        let answer = own(&world, client, Some(&issued(&params("other")))).await;
        assert_eq!(answer.error(), "401 invalid_client");
    }
    for certificate in [issued(&params("self")), pki::new_own().certificate] {
        assert_eq!(own(&world, "own-cert", Some(&certificate)).await.error(), "401 invalid_client");
        world.refused_for("certificate_unknown").await;
    }
    // A secret beside it, or instead of it, is another method.
    let with_secret =
        [("grant_type", "client_credentials"), ("client_id", "by-subject"), ("client_secret", SECRET)];
    let answer = world.certified("/token", &with_secret, Some(&issued(&params("batch")))).await;
    assert_eq!(answer.error(), "401 invalid_client");
    let basic = [("grant_type", "client_credentials"), ("client_id", "batch")];
    let answer = world.certified("/token", &basic, Some(&issued(&params("batch")))).await;
    assert_eq!(answer.error(), "401 invalid_client");
}

#[tokio::test]
async fn tokens_are_bound_to_the_certificate_of_those_who_asked_for_it() {
    let world = World::and(WITH_CERTIFICATES).await;
    let batch = issued(&params("batch"));
    let answer = own(&world, "by-uri", Some(&batch)).await;
    assert_eq!(answer.text("token_type"), "Bearer", "RFC 8705 §3");
    let token = answer.text("access_token");
    assert_eq!(world.verified(&token).cnf.certificate, Some(batch.thumbprint()));
    let heard = world.introspect("rs", &token).await;
    let cnf = heard.get("cnf").and_then(Value::as_object).unwrap();
    assert_eq!(cnf.str("x5t#S256"), Some(batch.thumbprint().to_string().as_str()));
    let unbound = own(&world, "by-subject", Some(&batch)).await;
    assert!(world.verified(&unbound.text("access_token")).cnf.is_bearer());
}

#[tokio::test]
async fn c24_a_public_clients_tokens_are_worth_nothing_without_its_certificate() {
    let world = World::and(WITH_CERTIFICATES).await;
    let code =
        || async { world.authorize(&[("client_id", "public-cert")]).await.redirect().1["code"].clone() };
    let redeem = async |code: &str, certificate: Option<&Arc<Certificate>>| {
        world.certified("/token", &redemption(code, &[("client_id", "public-cert")]), certificate).await
    };
    let code = code().await;
    assert_eq!(redeem(&code, None).await.error(), "400 invalid_request");
    world.refused_for("certificate_needed").await;
    let mine = pki::new_own().certificate;
    let first = redeem(&code, Some(&mine)).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let token = first.text("refresh_token");
    let refresh = async |certificate: Option<&Arc<Certificate>>| {
        let parameters = [
            ("grant_type", "refresh_token"),
            ("client_id", "public-cert"),
            ("refresh_token", token.as_str()),
        ];
        world.certified("/token", &parameters, certificate).await
    };
    let thief = pki::new_own().certificate;
    assert_eq!(refresh(Some(&thief)).await.error(), "400 invalid_grant");
    world.refused_for("refresh_key").await;
    assert_eq!(refresh(None).await.error(), "400 invalid_request");
    assert_eq!(refresh(Some(&mine)).await.status, 200);
}

#[tokio::test]
async fn who_could_never_authenticate_is_not_registered() {
    let asked = |more: &str| format!(r#"{{"redirect_uris":["https://app.example/cb"],{more}}}"#);
    let by_name =
        asked(r#""token_endpoint_auth_method":"tls_client_auth","tls_client_auth_san_dns":"a.example""#);
    let bound =
        asked(r#""token_endpoint_auth_method":"none","tls_client_certificate_bound_access_tokens":true"#);
    let jwks = Value::Object(pki::own().jwks.clone()).to_string();
    let own = asked(&format!(r#""token_endpoint_auth_method":"self_signed_tls_client_auth","jwks":{jwks}"#));
    let register =
        async |world: &World, body: &str| world.json(http::Method::POST, "/register", None, body).await;
    let without = World::and(OPEN_REGISTRATION).await;
    let with = World::and(&format!("{OPEN_REGISTRATION}{WITH_CERTIFICATES}")).await;
    for body in [&by_name, &bound, &own] {
        assert_eq!(register(&without, body).await.error(), "400 invalid_client_metadata", "{body}");
        let answer = register(&with, body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    for odd in [
        asked(r#""token_endpoint_auth_method":"tls_client_auth""#),
        asked(
            r#""token_endpoint_auth_method":"tls_client_auth","tls_client_auth_san_dns":"a","tls_client_auth_san_uri":"b""#,
        ),
        asked(r#""token_endpoint_auth_method":"self_signed_tls_client_auth""#),
        asked(r#""token_endpoint_auth_method":"none","tls_client_certificate_bound_access_tokens":"yes""#),
    ] {
        assert_eq!(register(&with, &odd).await.error(), "400 invalid_client_metadata", "{odd}");
    }
    let answer = register(&with, &own).await;
    let id = answer.text("client_id");
    let code = with.authorize(&[("client_id", &id)]).await.redirect().1["code"].clone();
    let parameters = redemption(&code, &[("client_id", &id)]);
    let stolen = with.certified("/token", &parameters, Some(&pki::new_own().certificate)).await;
    assert_eq!(stolen.error(), "401 invalid_client");
    let answer = with.certified("/token", &parameters, Some(&pki::own().certificate)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}
