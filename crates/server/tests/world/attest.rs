//! Clouds that vouch for workloads by what is no token: an STS that looks at signatures as strictly as AWS's own, a
//! metadata service of Azure, and genuine documents of EC2.

use super::proof::Prover;
use super::{Answer, USUAL, World, encode};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use prokura_core::Clock as _;
use prokura_oauth::json::{Object, Value, obj};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

pub const ACCOUNT: &str = "123456789012";
pub const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
pub const HOST: &str = "sts.eu-west-1.amazonaws.com";
const KEY: &str = "AKIDEXAMPLEEXAMPLE00";
const AWS_SECRET: &str = "a-secret-of-aws";
/// The time of the world in the words of AWS: 1,800,000,000 seconds since 1970.
pub const DATE: &str = "20270115T080000Z";
pub const SUBSCRIPTION: &str = "0afbfffa-5df9-4a3b-987e-fe7577624272";
pub const MACHINE: &str = "990878d4-068a-4ac4-9ee9-1231d2218ef2";
pub const EC2: &str = include_str!("../../../attest/tests/data/ec2-us-west-2.pkcs7.b64");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut all, byte| {
        write!(all, "{byte:02x}").unwrap();
        all
    })
}

fn sha256(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

/// SigV4 of a `POST` to `/`: `headers` are the signed ones, in order.
fn signature(secret: &str, region: &str, date: &str, headers: &[(String, String)], body: &str) -> String {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let canonical = format!("POST\n/\n\n{lines}\n{}\n{}", names(headers), sha256(body));
    let scope = format!("{}/{region}/sts/aws4_request", &date[..8]);
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256(&canonical));
    let mac = |key: &[u8], text: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
    };
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [&date[..8], region, "sts", "aws4_request"] {
        key = mac(&key, part);
    }
    hex(&mac(&key, &text))
}

fn names(headers: &[(String, String)]) -> String {
    headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";")
}

/// A signed request that a workload makes; what is to be wrong about it is changed before it signs.
pub struct Caller {
    pub secret: &'static str,
    pub date: &'static str,
    pub challenge: String,
    pub key: String,
}

impl Caller {
    pub fn new(challenge: &str, key: &Prover) -> Self {
        Self { secret: AWS_SECRET, date: DATE, challenge: challenge.to_owned(), key: key.thumbprint() }
    }

    pub fn sign(&self) -> Object {
        let signed: Vec<_> = [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", HOST),
            ("x-amz-date", self.date),
            ("x-prokura-challenge", &self.challenge),
            ("x-prokura-key", &self.key),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let signature = signature(self.secret, "eu-west-1", self.date, &signed, BODY);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={KEY}/{}/eu-west-1/sts/aws4_request, SignedHeaders={}, Signature={signature}",
            &self.date[..8],
            names(&signed)
        );
        let mut headers = Object::default();
        for (name, value) in &signed {
            headers.insert(name.clone(), value.as_str().into());
        }
        headers.insert("Authorization", authorization.into());
        obj([
            ("method", "POST".into()),
            ("url", format!("https://{HOST}/").into()),
            ("headers", Value::Object(headers)),
            ("body", BODY.into()),
        ])
    }
}

/// An STS on loopback. It believes one secret, and says whose it is.
pub struct Sts {
    pub address: String,
    pub calls: Arc<AtomicU32>,
    /// What it answers to a right signature, if not the usual.
    pub says: Arc<Mutex<Option<(u16, String)>>>,
}

#[derive(Clone)]
struct Saying {
    calls: Arc<AtomicU32>,
    says: Arc<Mutex<Option<(u16, String)>>>,
}

impl Sts {
    pub async fn start() -> Self {
        let saying = Saying { calls: Arc::default(), says: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = axum::Router::new().fallback(answer).with_state(saying.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, calls: saying.calls, says: saying.says }
    }

    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }
}

pub fn identity(account: &str) -> String {
    format!(
        r#"{{"GetCallerIdentityResponse":{{"GetCallerIdentityResult":{{"Account":"{account}","Arn":"arn:aws:sts::{account}:assumed-role/Planner/i-1","UserId":"AROAEXAMPLE:i-1"}}}}}}"#
    )
}

async fn answer(State(saying): State<Saying>, request: Request) -> Response {
    saying.calls.fetch_add(1, Ordering::SeqCst);
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let header = |name: &str| parts.headers.get(name).map_or("", |v| v.to_str().unwrap()).to_owned();
    let authorization = header("authorization");
    let part =
        |name: &str| authorization.split(name).nth(1).unwrap_or("").split(',').next().unwrap().to_owned();
    let list = part("SignedHeaders=");
    let signed: Vec<_> = list.split(';').map(|name| (name.to_owned(), header(name))).collect();
    let expected = signature(AWS_SECRET, "eu-west-1", &header("x-amz-date"), &signed, &body);
    let right = parts.method == Method::POST && parts.uri == "/" && part("Signature=") == expected;
    if !right || header("accept") != "application/json" {
        return (StatusCode::FORBIDDEN, [(CONTENT_TYPE, "application/json")], "{}").into_response();
    }
    let (status, text) = saying.says.lock().unwrap().clone().unwrap_or((200, identity(ACCOUNT)));
    let to = [("content-type", "application/json"), ("location", "http://127.0.0.1:1/")];
    (StatusCode::from_u16(status).unwrap(), to, text).into_response()
}

/// A metadata service of Azure with an authority of its own.
pub struct Azure {
    authority: CertifiedIssuer<'static, KeyPair>,
    certificate: Vec<u8>,
    key: KeyPair,
    pub roots: tempfile::NamedTempFile,
}

impl Azure {
    pub fn new() -> Self {
        Self::named("eastus.metadata.azure.com")
    }

    pub fn named(name: &str) -> Self {
        let authority = super::pki::new_authority("Azure of the tests");
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &authority).unwrap().der().to_vec();
        let roots = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(roots.path(), authority.pem()).unwrap();
        Self { authority, certificate, key, roots }
    }

    /// An attested document with this nonce, good for six hours around the time of the world.
    pub fn document(nonce: &str) -> String {
        format!(
            r#"{{"licenseType":"","nonce":"{nonce}","plan":{{"name":"","product":"","publisher":""}},"sku":"22_04-lts","subscriptionId":"{SUBSCRIPTION}","timeStamp":{{"createdOn":"01/15/27 07:59:00 -0000","expiresOn":"01/15/27 13:59:00 -0000"}},"vmId":"{MACHINE}"}}"#
        )
    }

    /// The message that carries it: its own certificate last, after one that signed nothing.
    pub fn sign(&self, document: &str) -> Vec<u8> {
        let key = aws_lc_rs::rsa::KeyPair::from_pkcs8(&self.key.serialize_der()).unwrap();
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), document.as_bytes(), &mut signature).unwrap();
        let (_, parsed) = x509_parser::parse_x509_certificate(&self.certificate).unwrap();
        let sha256 = tlv(0x30, &[&[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1], &[5, 0]]);
        let rsa = tlv(0x30, &[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1], &[5, 0]]);
        let serial = tlv(2, &[parsed.raw_serial()]);
        let named = tlv(0x30, &[parsed.issuer().as_raw(), &serial]);
        let signer = tlv(0x30, &[&[2, 1, 1], &named, &sha256, &rsa, &tlv(4, &[&signature])]);
        let content = tlv(0xa0, &[&tlv(4, &[document.as_bytes()])]);
        let content = tlv(0x30, &[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 7, 1], &content]);
        let bag = tlv(0xa0, &[self.authority.der(), &self.certificate]);
        let (digests, signers) = (tlv(0x31, &[&sha256]), tlv(0x31, &[&signer]));
        let signed = tlv(0x30, &[&[2, 1, 1], &digests, &content, &bag, &signers]);
        let wrapped = tlv(0xa0, &[&signed]);
        tlv(0x30, &[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 7, 2], &wrapped])
    }

    pub fn evidence(&self, document: &str) -> Object {
        obj([("document", STANDARD.encode(self.sign(document)).into())])
    }
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = body.len();
    let mut out = vec![tag];
    match length {
        0..=0x7f => out.push(u8::try_from(length).unwrap()),
        0x80..=0xff => out.extend([0x81, u8::try_from(length).unwrap()]),
        _ => out.extend([0x82, u8::try_from(length >> 8).unwrap(), u8::try_from(length & 0xff).unwrap()]),
    }
    out.extend(body);
    out
}

/// A server that believes all three.
pub struct Clouds {
    pub world: World,
    pub sts: Sts,
    pub azure: Azure,
}

impl Clouds {
    pub async fn new() -> Self {
        Self::with("").await
    }

    pub async fn with(more: &str) -> Self {
        let (sts, azure) = (Sts::start().await, Azure::new());
        let config = config(&sts, &azure, more);
        let world = World::that_reaches(&sts.address, &config, "sqlite::memory:", "pep_test").await;
        Self { world, sts, azure }
    }

    pub async fn challenge(&self) -> (String, String) {
        let answer = self.world.json(Method::POST, "/challenge", None, "").await;
        assert_eq!(answer.header("cache-control"), "no-store");
        (answer.text("attestation_challenge"), answer.text("azure_nonce"))
    }

    /// Shows evidence with a proof for `challenge`.
    pub async fn attest(&self, platform: &str, evidence: Object, key: &Prover, challenge: &str) -> Answer {
        let proof = key.with_nonce(&self.world, "/attest", Some(challenge));
        let body = obj([("platform", platform.into()), ("evidence", Value::Object(evidence))]);
        self.post_attest(&Value::Object(body).to_string(), &[&proof]).await
    }

    pub async fn post_attest(&self, body: &str, proofs: &[&str]) -> Answer {
        let mut request = Request::builder().method(Method::POST).uri("/attest");
        request = request.header(CONTENT_TYPE, "application/json");
        for proof in proofs {
            request = request.header("DPoP", *proof);
        }
        self.world.send(request, body.to_owned()).await
    }

    /// As a role of the account.
    pub async fn as_caller(&self, key: &Prover) -> Answer {
        let (challenge, _) = self.challenge().await;
        self.attest("aws_caller", Caller::new(&challenge, key).sign(), key, &challenge).await
    }

    /// As the genuine instance.
    pub async fn as_instance(&self, key: &Prover) -> Answer {
        let (challenge, _) = self.challenge().await;
        self.attest("ec2", obj([("pkcs7", EC2.into())]), key, &challenge).await
    }

    /// As a virtual machine.
    pub async fn as_machine(&self, key: &Prover) -> Answer {
        let (challenge, nonce) = self.challenge().await;
        self.attest("azure_vm", self.azure.evidence(&Azure::document(&nonce)), key, &challenge).await
    }

    /// Asks for a token with an attestation, by a DPoP proof for a fresh challenge.
    pub async fn token(&self, attestation: &str, key: &Prover, more: &[(&str, &str)]) -> Answer {
        let (challenge, _) = self.challenge().await;
        let proof = key.with_nonce(&self.world, "/token", Some(&challenge));
        self.token_with(&[("OAuth-Client-Attestation", attestation), ("DPoP", &proof)], more).await
    }

    pub async fn token_with(&self, headers: &[(&str, &str)], more: &[(&str, &str)]) -> Answer {
        let mut all = vec![("grant_type", "client_credentials")];
        all.extend(more);
        let mut request = Request::builder().method(Method::POST).uri("/token");
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.world.send(request, encode(&all)).await
    }

    pub fn now(&self) -> i64 {
        self.world.clock.now().seconds()
    }
}

pub fn config(sts: &Sts, azure: &Azure, more: &str) -> String {
    let roots = azure.roots.path().display();
    let rules =
        [("aws", "account", ACCOUNT), ("fleet", "account", "278576220453"), ("vms", "vm_id", MACHINE)];
    let rules = rules.iter().fold(String::new(), |all, (provider, claim, value)| {
        format!(
            r#"{all}
            [[workload.rule]]
            name = "of-{provider}"
            provider = "{provider}"
            agent = "{provider}-agent"
            when = {{ {claim} = "{value}" }}
            [[workload.rule.grant]]
            resource = "sales"
            scopes = ["read"]
            "#
        )
    });
    format!(
        r#"{USUAL}
        [[workload.provider]]
        name = "aws"
        platform = "aws_caller"
        accounts = ["{ACCOUNT}"]
        sts_endpoint = "http://{}"
        [[workload.provider]]
        name = "fleet"
        platform = "ec2"
        accounts = ["278576220453"]
        [[workload.provider]]
        name = "vms"
        platform = "azure_vm"
        subscriptions = ["{SUBSCRIPTION}"]
        root_files = ["{roots}"]
        {rules}
        {more}"#,
        sts.address
    )
}
