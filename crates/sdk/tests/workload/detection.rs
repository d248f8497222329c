//! Which platform is recognized by what, and what is not.

use prokura_core::Platform;
use prokura_sdk::workload::{Detection, Options, SpeaksFor, Surroundings, detect};
use std::collections::HashMap;
use std::path::Path;

fn seen(variables: &[(&str, &str)], root: &Path) -> Detection {
    let all: HashMap<String, String> =
        variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    detect(&Surroundings::of(move |name| all.get(name).cloned(), root), &Options::default())
}

fn platform(variables: &[(&str, &str)]) -> Option<(Platform, SpeaksFor)> {
    let root = tempfile::tempdir().unwrap();
    seen(variables, root.path()).found.map(|f| (f.workload.platform(), f.speaks_for))
}

#[test]
fn what_a_platform_hands_to_a_process_is_recognized() {
    for (variables, is) in [
        (
            &[("ACTIONS_ID_TOKEN_REQUEST_URL", "u"), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t")][..],
            Platform::Github,
        ),
        (&[("GITLAB_CI", "true"), ("PROKURA_ID_TOKEN", "t")], Platform::Gitlab),
        (&[("PROKURA_ID_TOKEN", "t")], Platform::Oidc),
        (&[("PROKURA_EVIDENCE_FILE", "f")], Platform::Oidc),
        (&[("SPIFFE_ENDPOINT_SOCKET", "unix:///s")], Platform::Spiffe),
        (&[("PROKURA_KUBERNETES_TOKEN_FILE", "f")], Platform::Kubernetes),
        (&[("AZURE_FEDERATED_TOKEN_FILE", "f")], Platform::Azure),
        (&[("IDENTITY_ENDPOINT", "u"), ("IDENTITY_HEADER", "h")], Platform::Azure),
        (&[("AWS_WEB_IDENTITY_TOKEN_FILE", "f"), ("AWS_ROLE_ARN", "r")], Platform::Aws),
        (&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x")], Platform::Aws),
        (&[("AWS_LAMBDA_FUNCTION_NAME", "f")], Platform::Aws),
        (&[("K_SERVICE", "s"), ("K_REVISION", "r")], Platform::Gcp),
        (&[("CLOUD_RUN_JOB", "j")], Platform::Gcp),
    ] {
        assert_eq!(platform(variables), Some((is, SpeaksFor::Process)), "{variables:?}");
    }
}

#[test]
fn what_people_have_in_their_environment_too_is_no_platform() {
    for variables in [
        &[
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_REGION", "r"),
            ("AWS_PROFILE", "p"),
        ][..],
        &[("AZURE_CLIENT_ID", "c"), ("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_SECRET", "s")],
        &[
            ("GOOGLE_APPLICATION_CREDENTIALS", "f"),
            ("KUBECONFIG", "f"),
            ("GITHUB_TOKEN", "t"),
            ("CI", "true"),
        ],
        &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "u"), ("AWS_EXECUTION_ENV", "CloudShell")],
        &[("GITHUB_ACTIONS", "true"), ("ACTIONS_ID_TOKEN_REQUEST_URL", "")],
        &[],
    ] {
        assert_eq!(platform(variables), None, "{variables:?}");
    }
    let root = tempfile::tempdir().unwrap();
    let looked = seen(&[("AWS_ACCESS_KEY_ID", "AKID")], root.path()).looked;
    assert!(looked.iter().any(|l| l.note.is_some_and(|n| n.contains("--workload aws"))), "{looked:?}");
}

#[test]
fn a_machine_is_told_from_a_process_and_comes_last() {
    for (file, text, is) in [
        ("sys/class/dmi/id/sys_vendor", "Amazon EC2\n", Platform::Aws),
        ("sys/hypervisor/uuid", "ec2e1916-9099-7caf-fd21-012345abcdef\n", Platform::Aws),
        ("sys/class/dmi/id/chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77\n", Platform::Azure),
        ("sys/class/dmi/id/product_name", "Google Compute Engine\n", Platform::Gcp),
    ] {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        let found = seen(&[], root.path()).found.unwrap();
        assert_eq!((found.workload.platform(), found.speaks_for), (is, SpeaksFor::Machine), "{file}");
        let pod = seen(&[("PROKURA_KUBERNETES_TOKEN_FILE", "f")], root.path()).found.unwrap();
        assert_eq!(pod.workload.platform(), Platform::Kubernetes);
        std::fs::write(&path, "A laptop\n").unwrap();
        assert!(seen(&[], root.path()).found.is_none());
    }
}

#[test]
fn the_clusters_own_token_is_not_taken_and_that_is_said() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("var/run/secrets/kubernetes.io/serviceaccount");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("token"), "of the cluster").unwrap();
    let detection = seen(&[], root.path());
    assert!(detection.found.is_none());
    let kubernetes = detection.looked.iter().find(|l| l.platform == Platform::Kubernetes).unwrap();
    assert!(kubernetes.note.unwrap().contains("project one"), "{kubernetes:?}");
}
