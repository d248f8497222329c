//! An agent that knows one address and the MCP authorization specification (revision 2026-07-28), and nothing of
//! Prokura.

use crate::http::{Answer, Broken, Http};
use crate::narrator::{Did, Narrator};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use prokura_core::{Clock, Rng, random_id};
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::pkce::CodeVerifier;
use std::sync::Arc;
use url::Url;
use url::form_urlencoded::Serializer;

/// The revision that it speaks.
const VERSION: &str = "2026-07-28";

/// A client that proves itself by a signature (RFC 7523 §2.2).
pub(crate) const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long such a proof is good, in seconds.
const PROOF: i64 = 60;

/// Who the agent is.
#[derive(Debug, Clone)]
pub struct Software {
    /// The address of its metadata document, which is its `client_id`.
    pub client_id: String,
    /// Where users are sent back to.
    pub redirect_uri: String,
    /// What it proves itself by.
    pub key: AgentKey,
}

/// A private key of this run, whose public half stands in the agent's metadata document.
#[derive(Clone)]
pub struct AgentKey(Arc<SigningKey>);

impl AgentKey {
    /// A key.
    ///
    /// # Errors
    /// [`Broken`] if none can be made.
    pub fn new() -> Result<Self, Broken> {
        let key = SigningKey::generate(Algorithm::Es256).map_err(|e| Broken::because(e.to_string()))?;
        Ok(Self(Arc::new(key)))
    }

    /// Its public half as a JWK (RFC 7517), as it stands in a document.
    pub fn to_jwk(&self) -> Vec<u8> {
        self.0.public().to_jwk().to_vec()
    }
}

impl std::fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AgentKey(…)")
    }
}

/// What discovery told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Discovered {
    pub(crate) issuer: String,
    pub(crate) authorization_endpoint: String,
    pub(crate) token_endpoint: String,
}

/// One try to be authorized: what has to be the same when the answer comes.
pub(crate) struct Attempt {
    pub(crate) url: String,
    state: String,
    verifier: CodeVerifier,
}

/// What the agent holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) scope: String,
    seconds: u64,
}

/// The agent.
pub(crate) struct Agent<'a> {
    http: Http,
    software: Software,
    resource: String,
    rng: &'a dyn Rng,
    clock: &'a dyn Clock,
    pub(crate) found: Discovered,
    pub(crate) tokens: Tokens,
}

/// What a call came to.
pub(crate) struct Called {
    answer: Answer,
    message: Object,
}

impl<'a> Agent<'a> {
    pub(crate) fn new(
        http: Http,
        software: Software,
        resource: &str,
        rng: &'a dyn Rng,
        clock: &'a dyn Clock,
    ) -> Self {
        let (found, tokens) = (Discovered::default(), Tokens::default());
        Self { http, software, resource: resource.to_owned(), rng, clock, found, tokens }
    }

    /// What it is known by.
    pub(crate) fn client_id(&self) -> &str {
        &self.software.client_id
    }

    /// The address of the MCP server.
    pub(crate) fn resource(&self) -> &str {
        &self.resource
    }

    /// Calls a method of the MCP server with the token that it holds, if any.
    pub(crate) async fn call(
        &self,
        tell: &mut Narrator<'_>,
        method: &str,
        params: Object,
        must: StatusCode,
        note: impl FnOnce(&Called) -> String,
    ) -> Result<Called, Broken> {
        self.call_with(tell, "Planner", &self.tokens.access, method, params, must, note).await
    }

    /// As [`call`](Self::call), with any token and by anybody.
    #[allow(clippy::too_many_arguments, reason = "a request has these parts")]
    pub(crate) async fn call_with(
        &self,
        tell: &mut Narrator<'_>,
        from: &'static str,
        token: &str,
        method: &str,
        params: Object,
        must: StatusCode,
        note: impl FnOnce(&Called) -> String,
    ) -> Result<Called, Broken> {
        let name = params.str("name").map(str::to_owned);
        let mut request = Request::post(&self.resource)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header("mcp-protocol-version", VERSION)
            .header("mcp-method", method);
        if let Some(name) = &name {
            request = request.header("mcp-name", name);
        }
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = finish(request, message(method, params))?;
        let answer = self.http.send(request).await?;
        let called = Called { message: answer.object()?, answer };
        let what = name.map_or_else(|| method.to_owned(), |name| format!("{method} {name}"));
        let did = Did::new(from, "gateway", &Method::POST, &self.resource).of(&called.answer);
        tell.step(did.what(what).must(must).noting(note(&called))).await?;
        Ok(called)
    }

    /// Learns from the refusal who grants access (RFC 9728), and from there how (RFC 8414).
    pub(crate) async fn discover(&mut self, tell: &mut Narrator<'_>, refused: &Called) -> Result<(), Broken> {
        let metadata = refused.challenge("resource_metadata")?;
        let told = self.get(tell, "gateway", &metadata, |o| {
            format!("ask {}", first(o, "authorization_servers").unwrap_or_default())
        });
        let told = told.await?;
        if told.str("resource") != Some(&self.resource) {
            return Err(Broken::because("the metadata is another resource's (RFC 9728 section 3.3)"));
        }
        let issuer = first(&told, "authorization_servers").unwrap_or_default();
        let url = well_known(&issuer)?;
        let told = self.get(tell, "server", &url, |_| "PKCE S256, client metadata documents".into()).await?;
        self.found = read_server(&told, issuer)?;
        Ok(())
    }

    /// Where the user's browser has to go (RFC 6749 §4.1.1, 7636, 8707).
    /// `through` is an agent that it wants to pass a part on to (`requested_actor`, of Prokura).
    pub(crate) fn attempt(&self, scope: &str, through: Option<&str>) -> Result<Attempt, Broken> {
        let verifier = random_id(&random_id("", self.rng), self.rng);
        let verifier = CodeVerifier::parse(verifier).map_err(|e| Broken::because(e.to_string()))?;
        let state = random_id("", self.rng);
        let mut url = Url::parse(&self.found.authorization_endpoint)
            .map_err(|e| Broken::because(format!("the authorization endpoint: {e}")))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.software.client_id)
            .append_pair("redirect_uri", &self.software.redirect_uri)
            .append_pair("scope", scope)
            .append_pair("state", &state)
            .append_pair("resource", &self.resource)
            .append_pair("code_challenge", verifier.challenge().as_str())
            .append_pair("code_challenge_method", "S256");
        if let Some(agent) = through {
            url.query_pairs_mut().append_pair("requested_actor", agent);
        }
        Ok(Attempt { url: url.into(), state, verifier })
    }

    /// Takes what the browser brings back, and asks for tokens.
    pub(crate) async fn redeem(
        &mut self,
        tell: &mut Narrator<'_>,
        attempt: Attempt,
        location: &str,
    ) -> Result<(), Broken> {
        let code = self.code(&attempt, location)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", self.software.client_id.as_str()),
            ("redirect_uri", self.software.redirect_uri.as_str()),
            ("resource", self.resource.as_str()),
            ("code", code.as_str()),
            ("code_verifier", attempt.verifier.reveal()),
        ];
        self.tokens = self.proved(tell, &form, StatusCode::OK).await?;
        Ok(())
    }

    /// The code of an answer that is to this attempt (`state`) and from this issuer (RFC 9207 §2.4).
    fn code(&self, attempt: &Attempt, location: &str) -> Result<String, Broken> {
        let url = Url::parse(location).map_err(|e| Broken::because(format!("the redirect: {e}")))?;
        let value = |name: &str| url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned());
        if !location.starts_with(&self.software.redirect_uri)
            || value("state").as_ref() != Some(&attempt.state)
        {
            return Err(Broken::because("the answer is not to this attempt"));
        }
        if value("iss").as_ref() != Some(&self.found.issuer) {
            return Err(Broken::because("the answer is from another issuer (RFC 9207)"));
        }
        let refused = value("error").unwrap_or_else(|| "no code came back".to_owned());
        value("code").ok_or_else(|| Broken::because(refused))
    }

    /// Renews the tokens (RFC 6749 §6).
    pub(crate) async fn refresh(&mut self, tell: &mut Narrator<'_>) -> Result<(), Broken> {
        let fresh = self.renewal(tell, StatusCode::OK).await?;
        if fresh.refresh == self.tokens.refresh {
            return Err(Broken::because("the refresh token did not rotate"));
        }
        self.tokens = fresh;
        Ok(())
    }

    /// Asks for a renewal; what it has stays as it is.
    pub(crate) async fn renewal(&self, tell: &mut Narrator<'_>, must: StatusCode) -> Result<Tokens, Broken> {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", self.software.client_id.as_str()),
            ("resource", self.resource.as_str()),
            ("refresh_token", self.tokens.refresh.as_str()),
        ];
        self.proved(tell, &form, must).await
    }

    /// Asks the token endpoint as itself: each time with a proof of its own, for that server alone (RFC 7523 §3,
    /// RFC 10070).
    pub(crate) async fn proved(
        &self,
        tell: &mut Narrator<'_>,
        form: &[(&str, &str)],
        must: StatusCode,
    ) -> Result<Tokens, Broken> {
        let (id, now) = (self.software.client_id.as_str(), self.clock.now().seconds());
        let claims = obj([
            ("iss", id.into()),
            ("sub", id.into()),
            ("aud", self.found.issuer.as_str().into()),
            ("jti", random_id("", self.rng).into()),
            ("iat", now.into()),
            ("exp", (now + PROOF).into()),
        ]);
        let proof = self.software.key.0.sign("JWT", &claims);
        let proof = proof.map_err(|e| Broken::because(e.to_string()))?;
        let mut form = form.to_vec();
        form.extend([("client_assertion_type", ASSERTION), ("client_assertion", proof.as_str())]);
        self.token(tell, "Planner", &form, must).await
    }

    /// Asks the token endpoint, as whoever it is.
    pub(crate) async fn token(
        &self,
        tell: &mut Narrator<'_>,
        from: &'static str,
        form: &[(&str, &str)],
        must: StatusCode,
    ) -> Result<Tokens, Broken> {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(&self.found.token_endpoint)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        let answer = self.http.send(finish(request, body.into_bytes())?).await?;
        let told = answer.object()?;
        let tokens = Tokens {
            access: told.str("access_token").unwrap_or_default().to_owned(),
            refresh: told.str("refresh_token").unwrap_or_default().to_owned(),
            scope: told.str("scope").unwrap_or_default().to_owned(),
            seconds: told.get("expires_in").and_then(Value::as_u64).unwrap_or_default(),
        };
        let note = match told.str("error") {
            Some(error) => error.to_owned(),
            None => format!("{} for {} min", tokens.scope, tokens.seconds / 60),
        };
        let did = Did::new(from, "server", &Method::POST, &self.found.token_endpoint).of(&answer);
        let grant = form
            .first()
            .map_or("", |(_, grant)| grant.trim_start_matches("urn:ietf:params:oauth:grant-type:"));
        tell.step(did.what(grant).must(must).noting(note)).await?;
        Ok(tokens)
    }

    async fn get(
        &self,
        tell: &mut Narrator<'_>,
        to: &'static str,
        url: &str,
        note: impl FnOnce(&Object) -> String,
    ) -> Result<Object, Broken> {
        let request = Request::get(url).header(header::ACCEPT, "application/json");
        let answer = self.http.send(finish(request, Vec::new())?).await?;
        let told = answer.object()?;
        tell.step(Did::new("Planner", to, &Method::GET, url).of(&answer).noting(note(&told))).await?;
        Ok(told)
    }
}

impl Called {
    /// A parameter of the challenge (RFC 6750 §3).
    pub(crate) fn challenge(&self, name: &str) -> Result<String, Broken> {
        let challenge = self.answer.header(header::WWW_AUTHENTICATE);
        let value = challenge.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
        value.map(str::to_owned).ok_or_else(|| Broken::because(format!("the refusal names no `{name}`")))
    }

    pub(crate) fn result(&self) -> Option<&Object> {
        self.message.get("result")?.as_object()
    }

    /// The text of a tool's answer, on one line.
    pub(crate) fn text(&self) -> String {
        let content = self.result().and_then(|r| r.get("content")?.as_array()?.first()?.as_object());
        content.and_then(|c| c.str("text")).unwrap_or_default().lines().collect::<Vec<_>>().join("; ")
    }

    /// The names of the tools that are shown.
    pub(crate) fn tools(&self) -> Vec<String> {
        let tools = self.result().and_then(|r| r.get("tools")?.as_array()).unwrap_or_default();
        tools.iter().filter_map(|t| t.as_object()?.str("name").map(str::to_owned)).collect()
    }

    /// What the refusal says to a person.
    pub(crate) fn refusal(&self) -> String {
        let error = self.message.get("error").and_then(Value::as_object);
        error.and_then(|e| e.str("message")).unwrap_or_default().to_owned()
    }
}

fn message(method: &str, mut params: Object) -> Vec<u8> {
    let software = obj([("name", "demo-agent".into()), ("version", env!("CARGO_PKG_VERSION").into())]);
    let meta = obj([
        ("io.modelcontextprotocol/protocolVersion", VERSION.into()),
        ("io.modelcontextprotocol/clientInfo", Value::Object(software)),
        ("io.modelcontextprotocol/clientCapabilities", Value::Object(Object::default())),
    ]);
    params.insert("_meta", Value::Object(meta));
    let id = Value::from(1_i64);
    obj([("jsonrpc", "2.0".into()), ("id", id), ("method", method.into()), ("params", Value::Object(params))])
        .to_vec()
}

pub(crate) fn finish(request: http::request::Builder, body: Vec<u8>) -> Result<Request<Full<Bytes>>, Broken> {
    request.body(Full::new(Bytes::from(body))).map_err(|e| Broken::because(e.to_string()))
}

fn first(object: &Object, member: &str) -> Option<String> {
    object.get(member)?.as_array()?.first()?.as_str().map(str::to_owned)
}

/// The metadata address of an issuer: the well-known part goes between host and path (RFC 8414 §3.1).
fn well_known(issuer: &str) -> Result<String, Broken> {
    let mut url = Url::parse(issuer).map_err(|e| Broken::because(format!("the issuer: {e}")))?;
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    Ok(url.into())
}

/// What the agent needs of the metadata; it goes no further with a server that lacks it (MCP authorization).
fn read_server(told: &Object, issuer: String) -> Result<Discovered, Broken> {
    let holds = |member: &str, word: &str| {
        told.get(member).and_then(Value::as_array).is_some_and(|a| a.iter().any(|v| v.as_str() == Some(word)))
    };
    if told.str("issuer") != Some(&issuer) {
        return Err(Broken::because("the metadata is another issuer's (RFC 8414 section 3.3)"));
    }
    if !holds("code_challenge_methods_supported", "S256") {
        return Err(Broken::because("the server does not say that it knows PKCE"));
    }
    let documents = told.get("client_id_metadata_document_supported").and_then(Value::as_bool);
    if documents != Some(true) {
        return Err(Broken::because("the server takes no client metadata documents"));
    }
    let endpoint = |name: &str| {
        let missing = || Broken::because(format!("the metadata lacks `{name}`"));
        told.str(name).map(str::to_owned).ok_or_else(missing)
    };
    Ok(Discovered {
        authorization_endpoint: endpoint("authorization_endpoint")?,
        token_endpoint: endpoint("token_endpoint")?,
        issuer,
    })
}
