//! An OpenID provider on loopback that says whatever a test wants.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use prokura_egress::{AllowList, Egress, EgressConfig};
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_oauth::json::{self, Limits, Object, Value};
use prokura_oauth::pkce::CodeVerifier;
use prokura_oauth::secret::sha256_base64url;
use serde_json::{Value as Json_, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What it will say next.
pub struct Says {
    /// Claims of the next ID token, beside those of the protocol.
    pub claims: Json_,
    /// Claims that are put in the place of the protocol's, or removed by `null`.
    pub odd: Json_,
    pub userinfo: Json_,
    /// Members of the metadata that are changed.
    pub metadata: Json_,
    pub names_itself: bool,
}

struct Code {
    nonce: String,
    challenge: String,
    redirect: String,
}

pub struct Idp {
    pub issuer: String,
    pub says: Mutex<Says>,
    pub key: SigningKey,
    codes: Mutex<BTreeMap<String, Code>>,
    /// What came to the token endpoint: `Authorization`, then the form.
    pub asked: Mutex<Vec<(String, BTreeMap<String, String>)>>,
}

pub const CLIENT: &str = "prokura:corp";
pub const SECRET: &str = "s3cret/+ of corp";

impl Idp {
    pub async fn start() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let says = Says {
            claims: json!({}),
            odd: json!({}),
            userinfo: json!({}),
            metadata: json!({}),
            names_itself: true,
        };
        let idp = Arc::new(Self {
            issuer,
            says: Mutex::new(says),
            key: SigningKey::generate(Algorithm::Es256).unwrap(),
            codes: Mutex::default(),
            asked: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(idp.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        idp
    }

    pub fn authority(&self) -> &str {
        self.issuer.trim_start_matches("http://")
    }

    pub fn egress(&self) -> Egress {
        let allow = AllowList::parse(&[self.authority()]).unwrap();
        Egress::system(EgressConfig { allow, ..EgressConfig::default() })
    }

    /// The configuration of this provider.
    pub fn config(&self, more: &str) -> String {
        format!(
            "[[identity_provider]]\nname = \"corp\"\ntitle = \"Corp\"\nissuer = \"{}\"\nclient_id = \"{CLIENT}\"\n\
             client_secret = {{ env = \"CORP\" }}\nid_token_algorithm = \"ES256\"\n{more}\n",
            self.issuer
        )
    }

    pub fn says(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.says.lock().unwrap());
    }

    /// What a person's browser would do at `/authorize`: gives the parameters to come back with.
    pub fn authorize(&self, address: &str) -> Vec<(String, String)> {
        let url = url::Url::parse(address).unwrap();
        assert_eq!(url.path(), "/authorize");
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!((query["client_id"].as_str(), query["code_challenge_method"].as_str()), (CLIENT, "S256"));
        let mut codes = self.codes.lock().unwrap();
        let code = format!("code-{}", codes.len());
        codes.insert(
            code.clone(),
            Code {
                nonce: query["nonce"].clone(),
                challenge: query["code_challenge"].clone(),
                redirect: query["redirect_uri"].clone(),
            },
        );
        let mut back = vec![("code".to_owned(), code), ("state".to_owned(), query["state"].clone())];
        if self.says.lock().unwrap().names_itself {
            back.push(("iss".into(), self.issuer.clone()));
        }
        back
    }

    fn metadata(&self) -> Json_ {
        let (i, says) = (&self.issuer, self.says.lock().unwrap());
        let mut document = json!({
            "issuer": i, "authorization_endpoint": format!("{i}/authorize"), "token_endpoint": format!("{i}/token"),
            "jwks_uri": format!("{i}/jwks"), "userinfo_endpoint": format!("{i}/userinfo"),
            "authorization_response_iss_parameter_supported": says.names_itself,
        });
        merge(&mut document, &says.metadata);
        document
    }

    fn token(&self, headers: &HeaderMap, body: &str) -> Json_ {
        let form: BTreeMap<String, String> =
            url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let authorization = headers.get("authorization").map_or("", |v| v.to_str().unwrap());
        self.asked.lock().unwrap().push((authorization.to_owned(), form.clone()));
        let Some(code) = self.codes.lock().unwrap().remove(&form["code"]) else {
            return json!({ "error": "invalid_grant" });
        };
        let verifier = CodeVerifier::parse(form["code_verifier"].as_str()).unwrap();
        if verifier.challenge().as_str() != code.challenge || form["redirect_uri"] != code.redirect {
            return json!({ "error": "invalid_grant" });
        }
        let says = self.says.lock().unwrap();
        let half = sha256_base64url(b"access");
        let mut claims = json!({
            "iss": self.issuer, "sub": "u1", "aud": CLIENT, "nonce": code.nonce,
            "iat": 1_795_255_200, "exp": 1_795_255_260, "azp": CLIENT,
        });
        assert_eq!(half.len(), 43);
        merge(&mut claims, &says.claims);
        merge(&mut claims, &says.odd);
        json!({ "token_type": "Bearer", "access_token": "access", "id_token": self.sign(&claims) })
    }

    fn sign(&self, claims: &Json_) -> String {
        self.key.sign("JWT", &object(claims)).unwrap()
    }
}

fn object(value: &Json_) -> Object {
    let text = serde_json::to_vec(value).unwrap();
    match json::parse(&text, &Limits::DOCUMENT).unwrap() {
        Value::Object(o) => o,
        other => panic!("{other}"),
    }
}

fn merge(into: &mut Json_, changes: &Json_) {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Json_::Null => drop(into.as_object_mut().unwrap().remove(name)),
            value => into[name] = value.clone(),
        }
    }
}

async fn answer(
    State(idp): State<Arc<Idp>>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> (axum::http::StatusCode, [(&'static str, &'static str); 1], String) {
    let json = match uri.path() {
        "/.well-known/openid-configuration" => idp.metadata(),
        "/jwks" => {
            let jwks = serde_json::from_slice(
                &prokura_oauth::jose::KeySet::of(vec![idp.key.public()]).unwrap().to_jwks().to_vec(),
            );
            jwks.unwrap()
        }
        "/token" => idp.token(&headers, &body),
        "/userinfo" => {
            assert_eq!(headers["authorization"], "Bearer access");
            let mut claims = json!({ "sub": "u1" });
            merge(&mut claims, &idp.says.lock().unwrap().userinfo);
            claims
        }
        other => panic!("{other}"),
    };
    let status = if json.get("error").is_some() { 400 } else { 200 };
    (
        axum::http::StatusCode::from_u16(status).unwrap(),
        [("content-type", "application/json")],
        json.to_string(),
    )
}
