//! A token of each of the servers as it writes them, and what must not pass for one.

use super::*;
use crate::jose::SigningKey;
use prokura_core::Scope;

const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_seconds(NOW)
}

fn object(text: &str) -> Object {
    json::parse(text.as_bytes(), &Limits::TOKEN).unwrap().into_object().unwrap()
}

/// The claims, with times that hold.
fn timed(text: &str) -> Object {
    let mut claims = object(text);
    claims.insert("iat", NOW.into());
    claims.insert("exp", (NOW + 300).into());
    claims
}

struct Issuer {
    key: SigningKey,
    rules: Rules,
}

impl Issuer {
    fn new(profile: Profile, issuer: &str) -> Self {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let mut rules = Rules::new(issuer, profile);
        rules.algorithms = vec![Algorithm::Es256];
        Self { key, rules }
    }

    fn reads(&self, typ: &str, claims: &Object, audience: &str) -> Result<ForeignToken, ForeignError> {
        let keys = KeySet::of(vec![self.key.public()]).unwrap();
        let token = self.key.sign(typ, claims).unwrap();
        self.rules.verify(&token, &keys, &[audience.to_owned()], now())
    }
}

fn summary(token: &ForeignToken) -> String {
    let roles: Vec<_> = token.roles.iter().map(String::as_str).collect();
    format!("{:?} {} by {} [{}] ({})", token.kind, token.subject, token.client, token.scopes, roles.join(","))
}

#[test]
fn keycloak_a_person_and_a_service_account() {
    let kc = Issuer::new(Profile::Keycloak, "https://kc.example/realms/x");
    let person = timed(
        r#"{"iss":"https://kc.example/realms/x","aud":["sales-api","account"],"sub":"8a1f","typ":"Bearer","azp":"desk",
        "sid":"s","preferred_username":"alice","scope":"profile sales.read","realm_access":{"roles":["clerk"]},
        "resource_access":{"sales-api":{"roles":["editor"]},"account":{"roles":["manage-account"]}}}"#,
    );
    let token = kc.reads("JWT", &person, "sales-api").unwrap();
    assert_eq!(summary(&token), "Person 8a1f by desk [profile sales.read] (clerk,editor)");
    let mut service = person.clone();
    service.insert("preferred_username", "service-account-desk".into());
    assert_eq!(kc.reads("JWT", &service, "sales-api").unwrap().kind, Subject::Person, "by name alone");
    service.insert("client_id", "desk".into());
    let token = kc.reads("JWT", &service, "sales-api").unwrap();
    assert_eq!((token.kind, token.subject.as_str()), (Subject::Software, "desk"));
    for other in ["ID", "Refresh", "Offline", "bearer"] {
        let mut claims = person.clone();
        claims.insert("typ", other.into());
        assert!(matches!(kc.reads("JWT", &claims, "sales-api"), Err(ForeignError::Class(_))), "{other}");
    }
}

#[test]
fn entra_roles_of_a_person_never_widen_what_the_client_was_allowed() {
    let v2 = "https://login.microsoftonline.com/tid/v2.0";
    let entra = Issuer::new(Profile::Entra, v2);
    let person = timed(
        r#"{"iss":"https://login.microsoftonline.com/tid/v2.0","aud":"6f1c","sub":"pairwise","oid":"o1","azp":"c1",
        "scp":"Sales.Read User","roles":["Sales.Admin"],"ver":"2.0","tid":"tid"}"#,
    );
    assert_eq!(
        summary(&entra.reads("JWT", &person, "6f1c").unwrap()),
        "Person o1 by c1 [Sales.Read User] ()"
    );
    let mut app = person.clone();
    app.remove("scp");
    assert_eq!(summary(&entra.reads("JWT", &app, "6f1c").unwrap()), "Software c1 by c1 [] (Sales.Admin)");
    let v1 = Issuer::new(Profile::Entra, "https://sts.windows.net/tid/");
    let old = timed(
        r#"{"iss":"https://sts.windows.net/tid/","aud":"api://sales","oid":"o1","appid":"c1","scp":"Sales.Read","ver":"1.0"}"#,
    );
    assert_eq!(summary(&v1.reads("JWT", &old, "api://sales").unwrap()), "Person o1 by c1 [Sales.Read] ()");
    let mut id_token = person;
    id_token.remove("azp");
    assert_eq!(entra.reads("JWT", &id_token, "6f1c"), Err(ForeignError::Claim("azp".into())));
}

#[test]
fn okta_has_lists_and_names_that_last() {
    let okta = Issuer::new(Profile::Okta, "https://o.example/oauth2/default");
    let person = timed(
        r#"{"iss":"https://o.example/oauth2/default","aud":"api://default","sub":"alice@o.example","uid":"00u1",
        "cid":"0oa1","scp":["sales.read","openid"],"ver":1,"jti":"AT.x"}"#,
    );
    let token = okta.reads("JWT", &person, "api://default").unwrap();
    assert_eq!(summary(&token), "Person 00u1 by 0oa1 [openid sales.read] ()");
    let mut own = person.clone();
    own.remove("uid");
    own.insert("sub", "0oa1".into());
    assert_eq!(okta.reads("JWT", &own, "api://default").unwrap().kind, Subject::Software);
    let mut id_token = person;
    id_token.insert("jti", "ID.x".into());
    assert!(matches!(okta.reads("JWT", &id_token, "api://default"), Err(ForeignError::Class(_))));
}

#[test]
fn auth0_in_both_profiles() {
    let auth0 = Issuer::new(Profile::Auth0, "https://t.example/");
    let person = timed(
        r#"{"iss":"https://t.example/","aud":["https://sales.example","https://t.example/userinfo"],"sub":"auth0|12",
        "azp":"c1","scope":"openid sales.read","permissions":["sales.read","sales.write"]}"#,
    );
    let token = auth0.reads("JWT", &person, "https://sales.example").unwrap();
    assert_eq!(summary(&token), "Person auth0|12 by c1 [openid sales.read] (sales.read,sales.write)");
    let own = timed(
        r#"{"iss":"https://t.example/","aud":"https://sales.example","sub":"c1@clients","client_id":"c1","jti":"j",
        "scope":"sales.read"}"#,
    );
    assert_eq!(auth0.reads("at+jwt", &own, "https://sales.example").unwrap().kind, Subject::Software);
}

const STANDARD: &str = r#"{"iss":"https://as.example","aud":"https://rs.example/mcp","sub":"alice","client_id":"c1",
    "scope":"read","jti":"j1","act":{"sub":"planner","act":{"sub":"front"}}}"#;

#[test]
fn rfc_9068_with_actors() {
    let standard = Issuer::new(Profile::Rfc9068, "https://as.example");
    let token = standard.reads("at+jwt", &timed(STANDARD), "https://rs.example/mcp").unwrap();
    assert_eq!(summary(&token), "Person alice by c1 [read] ()");
    assert_eq!(token.actors, ["planner", "front"]);
    assert_eq!(token.expires_at, Timestamp::from_seconds(NOW + 300));
}

#[test]
fn c22_id_token_as_access_token() {
    let standard = Issuer::new(Profile::Rfc9068, "https://as.example");
    let audience = "https://rs.example/mcp";
    for typ in ["JWT", "id_token+jwt", "logout+jwt"] {
        assert_eq!(standard.reads(typ, &timed(STANDARD), audience), Err(JoseError::Type.into()), "{typ}");
    }
    for profile in [Profile::Entra, Profile::Okta, Profile::Auth0] {
        let mut issuer = Issuer::new(profile, "https://as.example");
        issuer.rules.client = ClaimPath::parse("client_id");
        assert!(issuer.reads("JWT", &timed(STANDARD), audience).is_ok(), "{profile:?}");
        for of_id in ["nonce", "at_hash", "c_hash"] {
            let mut claims = timed(STANDARD);
            claims.insert(of_id, "x".into());
            let refused = issuer.reads("JWT", &claims, audience);
            assert!(matches!(refused, Err(ForeignError::Class(_))), "{profile:?} {of_id}");
        }
    }
}

#[test]
fn c20_audience_is_one_of_those_expected_to_the_byte() {
    let standard = Issuer::new(Profile::Rfc9068, "https://as.example");
    let with = |aud: Option<Value>| {
        let mut claims = timed(STANDARD);
        claims.remove("aud");
        if let Some(aud) = aud {
            claims.insert("aud", aud);
        }
        standard.reads("at+jwt", &claims, "https://rs.example/mcp")
    };
    assert!(with(Some("https://rs.example/mcp".into())).is_ok());
    assert!(with(Some(Value::Array(vec!["x".into(), "https://rs.example/mcp".into()]))).is_ok());
    for near in [
        "https://rs.example/mcp/",
        "https://rs.example/mc",
        "https://rs.example",
        "HTTPS://rs.example/mcp",
        "",
    ] {
        assert_eq!(with(Some(near.into())), Err(ForeignError::Audience), "{near}");
    }
    assert_eq!(with(None), Err(ForeignError::Audience));
    assert_eq!(with(Some(Value::Array(vec![]))), Err(ForeignError::Audience));
    assert!(with(Some(7_i64.into())).is_err());
    assert!(with(Some(Value::Array(vec![7_i64.into(), "https://rs.example/mcp".into()]))).is_err());
    let keys = KeySet::of(vec![standard.key.public()]).unwrap();
    let token = standard.key.sign("at+jwt", &timed(STANDARD)).unwrap();
    assert_eq!(
        standard.rules.verify(&token, &keys, &[], now()),
        Err(ForeignError::Audience),
        "none expected"
    );
}

#[test]
fn c04_algorithm_is_pinned_and_key_is_the_issuers() {
    let mut standard = Issuer::new(Profile::Rfc9068, "https://as.example");
    let (claims, audience) = (timed(STANDARD), "https://rs.example/mcp");
    standard.rules.algorithms = vec![Algorithm::Rs256];
    assert_eq!(standard.reads("at+jwt", &claims, audience), Err(JoseError::Algorithm.into()));
    standard.rules.algorithms = vec![Algorithm::Es256];
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let keys = KeySet::of(vec![standard.key.public()]).unwrap();
    let forged = stranger.sign("at+jwt", &claims).unwrap();
    assert!(standard.rules.verify(&forged, &keys, &[audience.into()], now()).is_err());
}

#[test]
fn what_the_issuer_answers_is_checked_like_a_token() {
    let rules = Rules::new("https://as.example", Profile::Rfc9068);
    let again = now().after(Duration::from_secs(30));
    let read = |answer: Object| rules.introspected(answer, &["https://rs.example/mcp".into()], now(), again);
    let mut answer = object(STANDARD);
    answer.insert("active", true.into());
    assert_eq!(read(answer.clone()).unwrap().expires_at, again, "nothing is said of its end");
    answer.insert("exp", (NOW + 7).into());
    assert_eq!(read(answer.clone()).unwrap().expires_at, Timestamp::from_seconds(NOW + 7));
    let with = |name: &str, value: Value| {
        let mut changed = answer.clone();
        changed.insert(name, value);
        read(changed).unwrap_err()
    };
    assert_eq!(with("active", false.into()), ForeignError::Inactive);
    assert_eq!(with("active", "true".into()), ForeignError::Inactive);
    assert_eq!(with("iss", "https://b.example".into()), JoseError::Issuer.into());
    assert_eq!(with("aud", "https://other.example".into()), ForeignError::Audience);
    assert_eq!(with("exp", (NOW - 60).into()), JoseError::Expired.into());
    assert_eq!(with("exp", "never".into()), ForeignError::Claim("exp".into()));
    assert_eq!(with("nbf", (NOW + 60).into()), JoseError::NotYet.into());
    let mut silent = answer.clone();
    silent.remove("aud");
    assert_eq!(read(silent), Err(ForeignError::Audience));
}

#[test]
fn words_are_translated_both_ways_and_nothing_else_passes() {
    let set = |s: &str| ScopeSet::parse(s).unwrap();
    let scope = |s: &str| Scope::parse(s).unwrap();
    let words = Words::new(vec![
        Word {
            scope: scope("read:report"),
            scopes: set("Sales.Read Sales.All"),
            roles: vec![],
            ask: Some(scope("api://6f1c/Sales.Read")),
        },
        Word {
            scope: scope("write:report"),
            scopes: set("Sales.All"),
            roles: vec!["editor".into()],
            ask: None,
        },
    ]);
    let standard = Issuer::new(Profile::Rfc9068, "https://as.example");
    let token = |scopes: &str, roles: &[&str]| ForeignToken {
        scopes: set(scopes),
        roles: roles.iter().map(|r| (*r).to_owned()).collect(),
        ..standard.reads("at+jwt", &timed(STANDARD), "https://rs.example/mcp").unwrap()
    };
    assert_eq!(words.ours(&token("Sales.Read", &[])).to_string(), "read:report");
    assert_eq!(words.ours(&token("Sales.All", &[])).to_string(), "read:report write:report");
    assert_eq!(words.ours(&token("", &["editor"])).to_string(), "write:report");
    assert!(words.ours(&token("read:report sales.read", &["Editor"])).is_empty());
    assert_eq!(words.asked(&set("read:report write:report")).to_string(), "Sales.All api://6f1c/Sales.Read");
    assert!(words.asked(&set("other")).is_empty());
    let same = Words::default();
    assert_eq!(same.ours(&token("read", &["read:report"])).to_string(), "read");
    assert_eq!(same.asked(&set("read")).to_string(), "read");
}

#[test]
fn what_a_token_claims_is_read_before_it_is_verified_and_an_opaque_one_claims_nothing() {
    let standard = Issuer::new(Profile::Rfc9068, "https://as.example");
    let token = standard.key.sign("at+jwt", &timed(STANDARD)).unwrap();
    assert_eq!(claimed(&token).unwrap().0.as_deref(), Some("https://as.example"));
    for opaque in ["abc", "a.b", "a.b.c", "", "e30.e30", &format!("{token}.x")] {
        assert_eq!(claimed(opaque), None, "{opaque}");
    }
    assert_eq!(ClaimPath::parse("realm_access.roles").unwrap().to_string(), "realm_access.roles");
    assert!(ClaimPath::parse("a..b").is_none() && ClaimPath::parse("a.b.c.d.e").is_none());
    assert_eq!(
        ClaimPath::parse("https://x.example/roles"),
        Some(ClaimPath::of(&["https://x.example/roles"]))
    );
}
