//! Kubernetes: projected service account tokens, bound to a pod.

use crate::error::Refused;
use crate::reading::{Collected, Place, Said};

/// The names and ids of an object that a token is bound to.
type Bound<'a> = (Option<&'a str>, Option<&'a str>);

pub(super) fn read(claims: Place<'_>, require_pod: bool) -> Result<Said, Refused> {
    const PLACE: &str = "kubernetes.io";
    let subject = claims.text("sub")?;
    let private = claims.object(PLACE, PLACE)?;
    let private = private.ok_or_else(|| {
        claims.wrong(PLACE, "what the cluster says of pod and service account: a projected token", None)
    })?;
    let namespace = private.text("namespace")?;
    let account = private.object("serviceaccount", "kubernetes.io.serviceaccount")?;
    let account = account.ok_or_else(|| private.wrong("serviceaccount", "an object", None))?;
    let name = account.text("name")?;
    let expected = format!("system:serviceaccount:{namespace}:{name}");
    if subject != expected {
        return Err(claims.refuse("sub", format!("`{expected}`, as the rest of the token says")));
    }
    let pod = bound(private, "pod", "kubernetes.io.pod")?;
    if require_pod && pod.1.is_none() {
        let expected =
            "a token that is bound to a pod: mount it by a projected volume (`serviceAccountToken`)";
        return Err(private.wrong("pod", expected, None));
    }
    let node = bound(private, "node", "kubernetes.io.node")?;
    let mut all = Collected::default();
    all.text("subject", Some(subject));
    all.text("namespace", Some(namespace));
    all.text("service_account", Some(name));
    all.text("service_account_uid", account.maybe_text("uid")?);
    all.text("pod", pod.0);
    all.text("pod_uid", pod.1);
    all.text("node", node.0);
    all.text("node_uid", node.1);
    Ok(Said::new(subject, pod.1, all))
}

fn bound<'a>(private: Place<'a>, name: &str, path: &'static str) -> Result<Bound<'a>, Refused> {
    match private.object(name, path)? {
        Some(object) => Ok((object.maybe_text("name")?, object.maybe_text("uid")?)),
        None => Ok((None, None)),
    }
}
