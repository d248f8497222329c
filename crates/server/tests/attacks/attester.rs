//! Evidence that is no token: documents that were changed, requests that lead elsewhere, and who comes second.

use crate::world::attest::{Azure, Caller, Clouds, EC2, identity};
use crate::world::proof::Prover;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prokura_core::{AgentId, Clock as _};
use prokura_oauth::json::{Object, Value, obj};

const REFUSED: &str = "400 invalid_grant";

#[tokio::test]
async fn d06_one_changed_byte_of_a_document_is_refused() {
    let clouds = Clouds::new().await;
    let key = Prover::new();
    let mut ec2 = STANDARD.decode(EC2.split_whitespace().collect::<String>()).unwrap();
    let at = ec2.windows(19).position(|w| w == b"i-078517ca8a70a1dde").unwrap();
    ec2[at + 2] = b'1';
    let (challenge, nonce) = clouds.challenge().await;
    let evidence = obj([("pkcs7", STANDARD.encode(ec2).into())]);
    assert_eq!(clouds.attest("ec2", evidence, &key, &challenge).await.error(), REFUSED);
    let mut azure = clouds.azure.sign(&Azure::document(&nonce));
    let at = azure.windows(8).position(|w| w == b"990878d4").unwrap();
    azure[at] = b'8';
    let (challenge, _) = clouds.challenge().await;
    let evidence = obj([("document", STANDARD.encode(azure).into())]);
    assert_eq!(clouds.attest("azure_vm", evidence, &key, &challenge).await.error(), REFUSED);
}

#[tokio::test]
async fn d06_a_document_for_another_challenge_or_of_another_service_is_refused() {
    let clouds = Clouds::new().await;
    let key = Prover::new();
    let (challenge, nonce) = clouds.challenge().await;
    let (_, other) = clouds.challenge().await;
    let evidence = clouds.azure.evidence(&Azure::document(&other));
    assert_eq!(clouds.attest("azure_vm", evidence, &key, &challenge).await.error(), REFUSED);
    for name in ["metadata.azure.com.evil.example", "evilmetadata.azure.com"] {
        let (challenge, nonce) = clouds.challenge().await;
        let evil = Azure::named(name);
        std::fs::copy(evil.roots.path(), clouds.azure.roots.path()).unwrap();
        let evidence = evil.evidence(&Azure::document(&nonce));
        assert_eq!(clouds.attest("azure_vm", evidence, &key, &challenge).await.error(), REFUSED);
    }
    let (challenge, _) = (clouds.challenge().await, nonce);
    let stranger = Azure::new().evidence(&Azure::document(&challenge.1));
    assert_eq!(clouds.attest("azure_vm", stranger, &key, &challenge.0).await.error(), REFUSED);
}

#[tokio::test]
async fn d07_an_identity_that_was_forged_changed_or_is_anothers_is_refused() {
    let clouds = Clouds::new().await;
    let key = Prover::new();
    let show = async |change: fn(&mut Caller)| {
        let (challenge, _) = clouds.challenge().await;
        let mut caller = Caller::new(&challenge, &key);
        change(&mut caller);
        clouds.attest("aws_caller", caller.sign(), &key, &challenge).await.error()
    };
    assert_eq!(show(|_| {}).await, "200 ");
    assert_eq!(show(|c| c.secret = "another").await, REFUSED, "STS says no");
    assert_eq!(clouds.sts.calls(), 2);
    assert_eq!(show(|c| c.date = "20270115T075400Z").await, REFUSED, "six minutes old");
    assert_eq!(show(|c| c.challenge = "another".to_owned()).await, REFUSED);
    assert_eq!(show(|c| c.key = "another".to_owned()).await, REFUSED);
    assert_eq!(clouds.sts.calls(), 2, "nobody was asked");
    *clouds.sts.says.lock().unwrap() = Some((200, identity("210987654321")));
    assert_eq!(show(|_| {}).await, REFUSED, "a right signature of another account");
}

fn changed(mut shown: Object, name: &str, value: Value) -> Object {
    shown.insert(name, value);
    shown
}

#[tokio::test]
async fn cve_2020_16250_cve_2025_49827_d08_no_host_action_or_path_of_the_callers_choice_is_asked() {
    let clouds = Clouds::new().await;
    let key = Prover::new();
    for (member, value) in [
        ("url", format!("http://{}/", clouds.sts.address)),
        ("url", "https://sts.evil.example/".to_owned()),
        ("url", "https://sts.eu-west-1.amazonaws.com.evil.example/".to_owned()),
        ("url", "https://sts.eu-west-1.amazonaws.com/?Action=AssumeRole".to_owned()),
        ("body", "Action=AssumeRole&Version=2011-06-15".to_owned()),
        ("method", "PUT".to_owned()),
    ] {
        let (challenge, _) = clouds.challenge().await;
        let shown = changed(Caller::new(&challenge, &key).sign(), member, value.as_str().into());
        assert_eq!(clouds.attest("aws_caller", shown, &key, &challenge).await.error(), REFUSED, "{value}");
    }
    assert_eq!(clouds.sts.calls(), 0, "nobody was asked");
}

#[tokio::test]
async fn d08_an_answer_that_leads_elsewhere_or_never_ends_is_no_answer() {
    let clouds = Clouds::new().await;
    let key = Prover::new();
    for (status, text) in [(307, String::new()), (200, "<x/>".to_owned()), (200, "[".repeat(100_000))] {
        *clouds.sts.says.lock().unwrap() = Some((status, text));
        assert_eq!(clouds.as_caller(&key).await.error(), REFUSED, "{status}");
    }
    assert_eq!(clouds.sts.calls(), 3, "each asked once, and none followed");
    *clouds.sts.says.lock().unwrap() = Some((503, String::new()));
    assert_eq!(clouds.as_caller(&key).await.error(), "503 temporarily_unavailable");
}

#[tokio::test]
async fn d10_a_challenge_is_good_for_one_of_many() {
    let clouds = Clouds::new().await;
    let (challenge, _) = clouds.challenge().await;
    let keys: Vec<_> = (0..8).map(|_| Prover::new()).collect();
    let all = keys.iter().map(|key| clouds.attest("ec2", obj([("pkcs7", EC2.into())]), key, &challenge));
    let answers = futures_util::future::join_all(all).await;
    let won = answers.iter().filter(|a| a.status == 200).count();
    assert_eq!(won, 1);
    let lost = answers.iter().filter(|a| a.error() == "400 use_attestation_challenge").count();
    assert_eq!(lost, 7);
}

#[tokio::test]
async fn d10_an_instance_belongs_to_the_first_key_for_ever() {
    let clouds = Clouds::new().await;
    let keys: Vec<_> = (0..8).map(|_| Prover::new()).collect();
    let answers = futures_util::future::join_all(keys.iter().map(|key| clouds.as_instance(key))).await;
    let won: Vec<_> = (0..8).filter(|i| answers[*i].status == 200).collect();
    assert_eq!(won.len(), 1, "one winner");
    let lost = answers.iter().filter(|a| a.error() == REFUSED).count();
    assert_eq!(lost, 7);
    clouds.world.wait(400 * 86_400);
    let other = &keys[(won[0] + 1) % 8];
    assert_eq!(clouds.as_instance(other).await.error(), REFUSED, "a year later, too");
    assert_eq!(clouds.as_instance(&keys[won[0]]).await.status, 200);
    let machine = Clouds::new().await;
    assert_eq!(machine.as_machine(&keys[0]).await.status, 200);
    assert_eq!(machine.as_machine(&keys[1]).await.error(), REFUSED);
    assert_eq!(machine.as_machine(&keys[0]).await.status, 200);
}

#[tokio::test]
async fn d10_an_attestation_is_of_no_use_with_another_key() {
    let clouds = Clouds::new().await;
    let (key, thief) = (Prover::new(), Prover::new());
    let attestation = clouds.as_caller(&key).await.text("client_attestation");
    assert_eq!(clouds.token(&attestation, &thief, &[]).await.error(), "401 invalid_client");
    let shown = [("OAuth-Client-Attestation", attestation.as_str())];
    assert_eq!(clouds.token_with(&shown, &[]).await.error(), "401 invalid_client", "no proof at all");
    let twice = [shown[0], shown[0]];
    assert_eq!(clouds.token_with(&twice, &[]).await.error(), "401 invalid_client");
}

#[tokio::test]
async fn c02_a_proof_is_used_once() {
    let clouds = Clouds::new().await;
    let key = Prover::new();
    let attestation = clouds.as_caller(&key).await.text("client_attestation");
    let (challenge, _) = clouds.challenge().await;
    let proof = key.with_nonce(&clouds.world, "/token", Some(&challenge));
    let shown = [("OAuth-Client-Attestation", attestation.as_str()), ("DPoP", proof.as_str())];
    assert_eq!(clouds.token_with(&shown, &[]).await.status, 200);
    assert_eq!(clouds.token_with(&shown, &[]).await.error(), "400 invalid_dpop_proof");
}

#[tokio::test]
async fn c10_a_disabled_agent_gets_neither_attestation_nor_token() {
    let clouds = Clouds::new().await;
    let key = Prover::new();
    let attestation = clouds.as_caller(&key).await.text("client_attestation");
    let agent = AgentId::parse("agt_aws-agent").unwrap();
    let now = clouds.world.clock.now();
    clouds.world.write(move |tx| tx.disable_agent(&agent, true, "operator", "test", now)).await;
    assert_eq!(clouds.as_caller(&key).await.error(), REFUSED);
    assert_eq!(clouds.token(&attestation, &key, &[]).await.error(), REFUSED);
}
