//! Metadata services on loopback, as strict as the real ones, and what they were asked.

use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prokura_core::Platform;
use prokura_sdk::workload::{Options, Surroundings, Workload};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: HashMap<String, String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn form(&self) -> HashMap<String, String> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

pub(crate) struct Double {
    pub(crate) origin: String,
    pub(crate) asked: Mutex<Vec<Asked>>,
    /// If set, the token service refuses with this code.
    pub(crate) refuses: Mutex<Option<&'static str>>,
    /// Whether Google's server says that it is that.
    pub(crate) is_google: bool,
}

/// A token that nobody signed, for `audience`.
pub(crate) fn token(audience: &str) -> String {
    token_with(&format!(r#"{{"iss":"https://cloud.example","sub":"workload","aud":"{audience}"}}"#))
}

pub(crate) fn token_with(claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(claims), part("signature"))
}

impl Double {
    pub(crate) async fn start() -> Arc<Self> {
        Self::of(true).await
    }

    pub(crate) async fn of(is_google: bool) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let (asked, refuses) = (Mutex::default(), Mutex::default());
        let double = Arc::new(Self { origin, asked, refuses, is_google });
        let router = Router::new().fallback(answer).with_state(double.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        double
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// A workload with these variables; `{}` in a value is the double.
pub(crate) fn workload(
    platform: Platform,
    double: &Double,
    variables: &[(&str, &str)],
    options: &[&str],
) -> Workload {
    let options = Options::parse(options).unwrap();
    Workload::of(platform, surroundings(double, variables, PathBuf::from("/nonexistent")), options)
}

pub(crate) fn surroundings(double: &Double, variables: &[(&str, &str)], root: PathBuf) -> Surroundings {
    let all: HashMap<String, String> =
        variables.iter().map(|(n, v)| ((*n).to_owned(), v.replace("{}", &double.origin))).collect();
    Surroundings::of(move |name| all.get(name).cloned(), root)
}

async fn answer(
    State(double): State<Arc<Double>>,
    RawQuery(query): RawQuery,
    uri: Uri,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let query = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let asked = Asked {
        method: head.method,
        path: uri.path().to_owned(),
        query,
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    double.asked.lock().unwrap().push(asked.clone());
    double.respond(&asked).unwrap_or_else(|status| status.into_response())
}

const KEYS: &str = r#"{"Code":"Success","AccessKeyId":"AKID","SecretAccessKey":"secret/key","Token":"session==",
    "Expiration":"2027-01-15T08:00:00Z"}"#;

impl Double {
    fn respond(&self, asked: &Asked) -> Result<Response, StatusCode> {
        let path = asked.path.as_str();
        match path {
            "/latest/api/token" => self.session(asked),
            _ if path.starts_with("/latest/") => self.instance(asked),
            "/v2/credentials/task" if asked.header("authorization") == "Bearer task" => {
                Ok(KEYS.into_response())
            }
            "/" if asked.method == Method::POST => self.sts(asked),
            "/metadata/identity/oauth2/token" => {
                need(asked.header("metadata") == "true", StatusCode::BAD_REQUEST)?;
                need(
                    asked.query.get("api-version").is_some_and(|v| v == "2018-02-01"),
                    StatusCode::BAD_REQUEST,
                )?;
                Ok(managed(&asked.query["resource"]))
            }
            "/metadata/attested/document" => {
                need(asked.header("metadata") == "true", StatusCode::BAD_REQUEST)?;
                need(asked.query["nonce"].len() <= 10, StatusCode::BAD_REQUEST)?;
                Ok(r#"{"encoding":"pkcs7","signature":"c2lnbmVk"}"#.into_response())
            }
            "/msi/token" => {
                need(asked.header("x-identity-header") == "of this app", StatusCode::UNAUTHORIZED)?;
                Ok(managed(&asked.query["resource"]))
            }
            "/tenant/oauth2/v2.0/token" => {
                let form = asked.form();
                need(form["client_assertion"] == "cluster's token", StatusCode::UNAUTHORIZED)?;
                Ok(managed(form["scope"].strip_suffix("/.default").ok_or(StatusCode::BAD_REQUEST)?))
            }
            "/computeMetadata/v1/instance/service-accounts/default/identity" => self.google(asked),
            "/actions/token" => {
                need(asked.header("authorization") == "Bearer of the job", StatusCode::UNAUTHORIZED)?;
                Ok(format!(r#"{{"count":1,"value":"{}"}}"#, token(&asked.query["audience"])).into_response())
            }
            _ => Err(StatusCode::NOT_FOUND),
        }
    }

    fn session(&self, asked: &Asked) -> Result<Response, StatusCode> {
        need(asked.method == Method::PUT, StatusCode::METHOD_NOT_ALLOWED)?;
        let life = asked.header("x-aws-ec2-metadata-token-ttl-seconds").parse::<u32>();
        need(life.is_ok_and(|life| (1..=21_600).contains(&life)), StatusCode::BAD_REQUEST)?;
        Ok("imds-session".into_response())
    }

    fn instance(&self, asked: &Asked) -> Result<Response, StatusCode> {
        need(asked.header("x-aws-ec2-metadata-token") == "imds-session", StatusCode::UNAUTHORIZED)?;
        Ok(match asked.path.trim_start_matches("/latest/") {
            "meta-data/placement/region" => "eu-central-1".into_response(),
            "meta-data/iam/security-credentials/" => "agent-role".into_response(),
            "meta-data/iam/security-credentials/agent-role" => KEYS.into_response(),
            "dynamic/instance-identity/document" => r#"{"instanceId":"i-1"}"#.into_response(),
            "dynamic/instance-identity/rsa2048" => "cGtjczc=".into_response(),
            _ => return Err(StatusCode::NOT_FOUND),
        })
    }

    /// The signature is judged elsewhere; here, that there is one of the right scope.
    fn sts(&self, asked: &Asked) -> Result<Response, StatusCode> {
        let form = asked.form();
        if let Some(code) = *self.refuses.lock().unwrap() {
            let error = format!(
                "<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
            );
            return Ok((StatusCode::BAD_REQUEST, error).into_response());
        }
        if form["Action"] == "AssumeRoleWithWebIdentity" {
            need(form["WebIdentityToken"] == "cluster's token", StatusCode::BAD_REQUEST)?;
            need(asked.header("authorization").is_empty(), StatusCode::BAD_REQUEST)?;
            let keys = "<AccessKeyId>AKID</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>";
            return Ok(format!("<R><Credentials>{keys}</Credentials></R>").into_response());
        }
        need(form["Action"] == "GetWebIdentityToken", StatusCode::BAD_REQUEST)?;
        let signed = asked.header("authorization");
        need(signed.contains("/eu-central-1/sts/aws4_request, SignedHeaders="), StatusCode::FORBIDDEN)?;
        need(asked.header("host") == self.origin.trim_start_matches("http://"), StatusCode::FORBIDDEN)?;
        let token = token(&form["Audience.member.1"]);
        Ok(format!("<R><WebIdentityToken>{token}</WebIdentityToken></R>").into_response())
    }

    fn google(&self, asked: &Asked) -> Result<Response, StatusCode> {
        need(asked.header("metadata-flavor") == "Google", StatusCode::FORBIDDEN)?;
        need(asked.query.get("format").is_some_and(|f| f == "full"), StatusCode::BAD_REQUEST)?;
        let token = token(&asked.query["audience"]);
        let flavor = if self.is_google { "Google" } else { "Other" };
        Ok(([("metadata-flavor", flavor)], token).into_response())
    }
}

fn managed(resource: &str) -> Response {
    format!(r#"{{"access_token":"{}","expires_in":"3599","token_type":"Bearer"}}"#, token(resource))
        .into_response()
}

fn need(right: bool, otherwise: StatusCode) -> Result<(), StatusCode> {
    if right { Ok(()) } else { Err(otherwise) }
}
