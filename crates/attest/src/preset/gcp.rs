//! Google Cloud: identity tokens of the metadata server, in the full format, which says on which machine they were made.

use crate::error::Refused;
use crate::reading::{Collected, Place, Said, is_digits};

pub(super) fn read(claims: Place<'_>, require_instance: bool) -> Result<Said, Refused> {
    let subject = claims.digits("sub")?;
    let google = claims.object("google", "google")?;
    let machine = match google {
        Some(google) => google.object("compute_engine", "google.compute_engine")?,
        None => None,
    };
    let mut all = Collected::default();
    all.text("subject", Some(subject));
    // Anybody can make an address theirs that is not verified.
    if claims.maybe_flag("email_verified")? == Some(true) {
        all.text("email", claims.maybe_text("email")?);
    }
    let Some(machine) = machine else {
        // Whoever may impersonate the service account can have a token without it, from anywhere.
        let expected = "the machine it was made on: ask the metadata server with `format=full`";
        return match require_instance {
            true => Err(claims.wrong("google.compute_engine", expected, None)),
            false => Ok(Said::new(subject, None, all)),
        };
    };
    let instance = machine.text("instance_id")?;
    if !is_digits(instance) {
        return Err(machine.refuse("instance_id", "an id of digits"));
    }
    all.text("project_id", Some(machine.text("project_id")?));
    all.number("project_number", machine.maybe_number("project_number")?);
    all.text("zone", machine.maybe_text("zone")?);
    all.text("instance_id", Some(instance));
    all.text("instance_name", machine.maybe_text("instance_name")?);
    all.number("instance_created", machine.maybe_number("instance_creation_timestamp")?);
    Ok(Said::new(subject, Some(instance), all))
}
