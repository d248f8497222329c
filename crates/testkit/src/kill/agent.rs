//! What a client does: authorize, redeem, refresh, revoke, call. It knows the wire and nothing else.

use super::dice::Dice;
use super::house::{House, ROBOT_SECRET};
use super::http::{Answer, Http};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use prokura_core::GrantId;
use prokura_oauth::pkce::CodeVerifier;
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::Serializer;

const VERSION: &str = "2026-07-28";
const BACK: &str = "http://127.0.0.1/back";

/// What came of a request.
#[derive(Debug, Clone)]
pub(crate) enum Heard<T> {
    /// It was done.
    Yes(T),
    /// It was refused, for this reason.
    No(String),
    /// No whole answer, or one that says that it is not known (a `5xx`): it may have been done or not.
    Silence,
}

/// What a token answer holds.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) jti: String,
    pub(crate) grant: GrantId,
}

/// An authorization code and what proves that it is ours.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) code: String,
    pub(crate) verifier: String,
}

pub(crate) struct Agent {
    http: Http,
    issuer: String,
    resource: String,
}

impl Agent {
    pub(crate) fn new(house: &House) -> Self {
        Self { http: Http::new(), issuer: house.issuer(), resource: house.resource() }
    }

    /// Has the user agree (who does so by itself here) and takes the code.
    pub(crate) async fn authorize(&self, dice: &Dice) -> Heard<Code> {
        let verifier = dice.secret();
        let Ok(proof) = CodeVerifier::parse(verifier.clone()) else { return Heard::No("no verifier".into()) };
        let query = Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", "walker")
            .append_pair("redirect_uri", BACK)
            .append_pair("scope", "work")
            .append_pair("resource", &self.resource)
            .append_pair("state", "s")
            .append_pair("code_challenge", proof.challenge().as_str())
            .append_pair("code_challenge_method", "S256")
            .finish();
        let request = Request::get(format!("{}/authorize?{query}", self.issuer)).body(Full::default());
        let answer = match self.send(request).await {
            Heard::Yes(answer) => answer,
            Heard::No(why) => return Heard::No(why),
            Heard::Silence => return Heard::Silence,
        };
        match code_in(answer.location()) {
            Some(code) if answer.status == StatusCode::SEE_OTHER => Heard::Yes(Code { code, verifier }),
            _ => Heard::No(answer.told()),
        }
    }

    pub(crate) async fn redeem(&self, code: &Code) -> Heard<Tokens> {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", "walker"),
            ("redirect_uri", BACK),
            ("code", &code.code),
            ("code_verifier", &code.verifier),
        ])
        .await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Heard<Tokens> {
        self.token(&[("grant_type", "refresh_token"), ("client_id", "walker"), ("refresh_token", token)])
            .await
    }

    /// A token of a client's own authority.
    pub(crate) async fn own(&self) -> Heard<Tokens> {
        self.token(&[
            ("grant_type", "client_credentials"),
            ("client_id", "robot"),
            ("client_secret", ROBOT_SECRET),
            ("resource", &self.resource),
        ])
        .await
    }

    pub(crate) async fn revoke(&self, token: &str) -> Heard<()> {
        match self.form("/revoke", &[("client_id", "walker"), ("token", token)]).await {
            Heard::Yes(answer) if answer.status == StatusCode::OK => Heard::Yes(()),
            Heard::Yes(answer) => Heard::No(answer.told()),
            Heard::No(why) => Heard::No(why),
            Heard::Silence => Heard::Silence,
        }
    }

    /// Calls a tool. A refusal is told by its status and its trace.
    pub(crate) async fn call(&self, access: &str, tool: &str) -> Heard<()> {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": VERSION,
            "io.modelcontextprotocol/clientInfo": { "name": "kill", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let params = json!({ "name": tool, "arguments": {}, "_meta": meta });
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let request = Request::post(&self.resource)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header(header::AUTHORIZATION, format!("Bearer {access}"))
            .header("mcp-protocol-version", VERSION)
            .header("mcp-method", "tools/call")
            .header("mcp-name", tool)
            .body(Full::new(Bytes::from(message.to_string())));
        match self.send(request).await {
            Heard::Yes(a) if a.status == StatusCode::OK && a.json()["result"].is_object() => Heard::Yes(()),
            Heard::Yes(a) => {
                let trace = a.json()["error"]["data"]["trace"].as_str().unwrap_or_default().to_owned();
                Heard::No(format!("{} {trace}", a.status.as_u16()))
            }
            Heard::No(why) => Heard::No(why),
            Heard::Silence => Heard::Silence,
        }
    }

    async fn token(&self, form: &[(&str, &str)]) -> Heard<Tokens> {
        match self.form("/token", form).await {
            Heard::Yes(answer) if answer.status == StatusCode::OK => match tokens(&answer.json()) {
                Some(tokens) => Heard::Yes(tokens),
                None => Heard::No(format!("an answer without tokens: {}", answer.told())),
            },
            Heard::Yes(answer) => Heard::No(answer.told()),
            Heard::No(why) => Heard::No(why),
            Heard::Silence => Heard::Silence,
        }
    }

    async fn form(&self, path: &str, form: &[(&str, &str)]) -> Heard<Answer> {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(format!("{}{path}", self.issuer))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(body)));
        self.send(request).await
    }

    async fn send(&self, request: http::Result<Request<Full<Bytes>>>) -> Heard<Answer> {
        let request = match request {
            Ok(request) => request,
            Err(error) => return Heard::No(error.to_string()),
        };
        match self.http.send(request).await {
            Some(answer) if answer.status.is_server_error() => Heard::Silence,
            Some(answer) => Heard::Yes(answer),
            None => Heard::Silence,
        }
    }
}

fn code_in(location: &str) -> Option<String> {
    let url = Url::parse(location).ok()?;
    url.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned())
}

fn tokens(body: &Value) -> Option<Tokens> {
    let access = body["access_token"].as_str()?.to_owned();
    let claims = URL_SAFE_NO_PAD.decode(access.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some(Tokens {
        refresh: body["refresh_token"].as_str().unwrap_or_default().to_owned(),
        jti: claims["jti"].as_str()?.to_owned(),
        grant: GrantId::parse(claims["grant"]["id"].as_str()?).ok()?,
        access,
    })
}
