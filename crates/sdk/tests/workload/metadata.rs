//! Each platform's own service, asked as it wants to be asked.

use crate::doubles::{Double, surroundings, token, workload};
use prokura_core::Platform;
use prokura_sdk::workload::{EvidenceError, Options, Workload};

const ISSUER: &str = "https://as.example";

async fn told(workload: &Workload) -> Result<String, EvidenceError> {
    workload.evidence(ISSUER).await.map(|e| e.token.reveal().to_owned())
}

const STS: (&str, &str) = ("AWS_ENDPOINT_URL_STS", "{}");
const IMDS: (&str, &str) = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "{}");
const REGION: (&str, &str) = ("AWS_REGION", "eu-central-1");

#[tokio::test]
async fn a_machine_of_aws_asks_in_version_two_and_signs_with_its_role() {
    let double = Double::start().await;
    let machine = workload(Platform::Aws, &double, &[STS, IMDS], &["life=120"]);
    assert_eq!(told(&machine).await.unwrap(), token(ISSUER));
    let asked = double.asked();
    let sts = asked.last().unwrap();
    assert_eq!(sts.header("x-amz-security-token"), "session==");
    assert!(sts.header("authorization").contains("content-type;host;x-amz-date;x-amz-security-token"));
    let form = sts.form();
    assert_eq!((form["DurationSeconds"].as_str(), form["SigningAlgorithm"].as_str()), ("120", "RS256"));
    assert!(asked.iter().any(|a| a.path == "/latest/api/token" && a.method == "PUT"));
}

#[tokio::test]
async fn a_function_of_aws_has_its_credentials_in_the_environment() {
    let double = Double::start().await;
    let keys = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_SESSION_TOKEN", "t")];
    let function = workload(Platform::Aws, &double, &[&[STS, REGION], &keys[..]].concat(), &[]);
    assert_eq!(told(&function).await.unwrap(), token(ISSUER));
    assert_eq!(double.asked().len(), 1, "nobody else is asked");
    assert_eq!(double.asked()[0].form()["DurationSeconds"], "300");
}

#[tokio::test]
async fn a_container_of_aws_shows_its_token_which_is_read_anew() {
    let (double, folder) = (Double::start().await, tempfile::tempdir().unwrap());
    let file = folder.path().join("token");
    let variables = [
        STS,
        REGION,
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "{}/v2/credentials/task"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.to_str().unwrap()),
    ];
    let container = workload(Platform::Aws, &double, &variables, &[]);
    std::fs::write(&file, "Bearer stale").unwrap();
    assert!(matches!(told(&container).await, Err(EvidenceError::Refused { status: 404, .. })));
    std::fs::write(&file, "Bearer task\n").unwrap();
    assert_eq!(told(&container).await.unwrap(), token(ISSUER));
}

#[tokio::test]
async fn a_service_account_of_eks_assumes_its_role_first() {
    let (double, folder) = (Double::start().await, tempfile::tempdir().unwrap());
    let file = folder.path().join("token");
    std::fs::write(&file, "cluster's token").unwrap();
    let variables = [
        STS,
        REGION,
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/agent"),
    ];
    assert_eq!(told(&workload(Platform::Aws, &double, &variables, &[])).await.unwrap(), token(ISSUER));
    let without = workload(Platform::Aws, &double, &variables[..3], &[]);
    assert!(told(&without).await.unwrap_err().to_string().contains("role-arn"));
}

#[tokio::test]
async fn what_the_token_service_refuses_is_explained() {
    let double = Double::start().await;
    let machine = workload(Platform::Aws, &double, &[STS, IMDS], &[]);
    for (code, says) in [
        ("OutboundWebIdentityFederationDisabledException", "enable-outbound-web-identity-federation"),
        ("AccessDenied", "sts:GetWebIdentityToken"),
        ("SignatureDoesNotMatch", "clock"),
        ("Unheard", "policy"),
    ] {
        *double.refuses.lock().unwrap() = Some(code);
        let said = told(&machine).await.unwrap_err().to_string();
        assert!(said.contains(says) && said.contains(code), "{said}");
    }
}

#[tokio::test]
async fn credentials_are_fetched_over_no_plain_way() {
    let double = Double::start().await;
    for (name, address) in [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.7/x"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://credentials.example/x"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://10.0.0.7"),
    ] {
        let machine = workload(Platform::Aws, &double, &[STS, REGION, (name, address)], &[]);
        assert!(matches!(told(&machine).await, Err(EvidenceError::Address { .. })), "{address}");
    }
    assert!(double.asked().is_empty());
}

#[tokio::test]
async fn each_service_of_azure_is_asked_in_its_way() {
    let (double, folder) = (Double::start().await, tempfile::tempdir().unwrap());
    let file = folder.path().join("token");
    std::fs::write(&file, "cluster's token").unwrap();
    let options = ["audience=api://prokura", "issuer=https://as.example"];
    let machine = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", "{}")];
    let app = [("IDENTITY_ENDPOINT", "{}/msi/token"), ("IDENTITY_HEADER", "of this app")];
    let pod = [
        ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
        ("AZURE_AUTHORITY_HOST", "{}/"),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "identity"),
    ];
    for variables in [&machine[..], &app[..], &pod[..]] {
        let workload = workload(Platform::Azure, &double, variables, &options);
        assert_eq!(told(&workload).await.unwrap(), token("api://prokura"), "{variables:?}");
    }
    let one = workload(Platform::Azure, &double, &machine, &[&options[..], &["client_id=of two"]].concat());
    told(&one).await.unwrap();
    assert_eq!(double.asked().last().unwrap().query["client_id"], "of two");
    let stranger = workload(Platform::Azure, &double, &[app[0], ("IDENTITY_HEADER", "of another")], &options);
    assert!(matches!(told(&stranger).await, Err(EvidenceError::Refused { status: 401, .. })));
}

#[tokio::test]
async fn google_is_asked_in_full_and_must_be_google() {
    let (google, other) = (Double::start().await, Double::of(false).await);
    let at = |double: &Double| {
        let host = double.origin.trim_start_matches("http://").to_owned();
        workload(Platform::Gcp, double, &[("GCE_METADATA_HOST", host.as_str())], &[])
    };
    assert_eq!(told(&at(&google)).await.unwrap(), token(ISSUER));
    assert!(matches!(told(&at(&other)).await, Err(EvidenceError::Malformed { .. })));
}

#[tokio::test]
async fn github_is_asked_for_this_audience_and_no_other() {
    let double = Double::start().await;
    let variables = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "{}/actions/token?api-version=2.0&audience=https://evil.example"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of the job"),
    ];
    assert_eq!(told(&workload(Platform::Github, &double, &variables, &[])).await.unwrap(), token(ISSUER));
    assert_eq!(double.asked()[0].query["api-version"], "2.0");
    let without = workload(Platform::Github, &double, &variables[..1], &[]);
    assert!(told(&without).await.unwrap_err().to_string().contains("id-token: write"));
}

#[tokio::test]
async fn a_projected_token_is_read_at_each_use() {
    let (double, root) = (Double::start().await, tempfile::tempdir().unwrap());
    let folder = root.path().join("var/run/secrets/prokura");
    std::fs::create_dir_all(&folder).unwrap();
    let around = surroundings(&double, &[], root.path().to_owned());
    let pod = Workload::of(Platform::Kubernetes, around, Options::default());
    assert!(matches!(told(&pod).await, Err(EvidenceError::Unreadable { .. })));
    for text in ["first\n", "second"] {
        std::fs::write(folder.join("token"), text).unwrap();
        assert_eq!(told(&pod).await.unwrap(), text.trim());
    }
}

#[tokio::test]
async fn a_pipeline_puts_its_token_into_a_variable() {
    let double = Double::start().await;
    let variables = [("PROKURA_ID_TOKEN", "usual"), ("OTHER", "named")];
    assert_eq!(told(&workload(Platform::Gitlab, &double, &variables, &[])).await.unwrap(), "usual");
    let named = workload(Platform::Gitlab, &double, &variables, &["variable=OTHER"]);
    assert_eq!(told(&named).await.unwrap(), "named");
    let none = workload(Platform::Gitlab, &double, &[], &[]);
    assert!(told(&none).await.unwrap_err().to_string().contains("id_tokens"));
}
