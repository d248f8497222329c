//! Azure: tokens of managed identities, version 1 and version 2, for the application that stands for this server.

use super::arm::{ArmId, is_guid};
use crate::error::Refused;
use crate::reading::{Collected, Place, Said};

pub(super) fn read(claims: Place<'_>, tenant: &str) -> Result<Said, Refused> {
    // The keys of all tenants are the same, so the issuer's name alone keeps them apart; this is the second lock.
    if claims.text("tid")? != tenant || !is_guid(tenant) {
        return Err(claims.refuse("tid", format!("`{tenant}`")));
    }
    let subject = claims.text("sub")?;
    let object = claims.text("oid")?;
    software_only(claims, subject, object)?;
    // Version 1 says `appid`, version 2 `azp`.
    let client = match claims.maybe_text("azp")? {
        Some(azp) => azp,
        None => claims.text("appid")?,
    };
    let identity = arm(claims, "xms_mirid")?;
    let on = arm(claims, "xms_az_rid")?;
    let Some(identity) = identity else {
        let expected = "the managed identity: other software may hold a secret for this application";
        return Err(claims.wrong("xms_mirid", expected, None));
    };
    let assigned = identity.kind == "microsoft.managedidentity/userassignedidentities";
    // A system-assigned identity is the resource itself; a user-assigned one is on a resource, where Azure says so.
    let resource = if assigned { on } else { Some(identity.clone()) };
    let mut all = Collected::default();
    all.text("subject", Some(subject));
    all.text("tenant", Some(tenant));
    all.text("object_id", Some(object));
    all.text("client_id", Some(client));
    all.text("identity", assigned.then(|| identity.id.clone()));
    if let Some(resource) = &resource {
        all.text("resource", Some(resource.id.clone()));
        all.text("subscription", Some(resource.subscription.clone()));
        all.text("resource_group", Some(resource.resource_group.clone()));
        all.text("resource_type", Some(resource.kind.clone()));
        all.text("resource_name", Some(resource.name.clone()));
    }
    let instance = resource.map(|r| r.id);
    Ok(Said::new(subject, instance.as_deref(), all))
}

/// No person is behind it: the token says so, or its subject is the service principal itself and it has no scope.
fn software_only(claims: Place<'_>, subject: &str, object: &str) -> Result<(), Refused> {
    match claims.maybe_text("idtyp")? {
        Some("app") => Ok(()),
        Some(_) => Err(claims.refuse("idtyp", "`app`")),
        None if subject == object && claims.maybe_text("scp")?.is_none() => Ok(()),
        None => Err(claims.wrong("idtyp", "`app`, or `sub` the same as `oid` and no `scp`", None)),
    }
}

fn arm(claims: Place<'_>, name: &str) -> Result<Option<ArmId>, Refused> {
    let Some(text) = claims.maybe_text(name)? else { return Ok(None) };
    ArmId::parse(text).map(Some).ok_or_else(|| claims.refuse(name, "the ARM id of a resource"))
}
