//! GitLab CI/CD: the ID tokens of a job.
//!
//! In the pipeline of a merge request from a fork, `project_…` and `namespace_…` name the fork, also where it runs in the
//! target: so a rule with the target's `project_id` never matches it. `ref_protected` is false there.

use crate::error::Refused;
use crate::reading::{Collected, Place, Said};

pub(super) fn read(claims: Place<'_>) -> Result<Said, Refused> {
    let subject = claims.text("sub")?;
    let job = claims.digits("job_id")?;
    let mut all = Collected::default();
    all.text("subject", Some(subject));
    all.text("project_id", Some(claims.digits("project_id")?));
    all.text("namespace_id", Some(claims.digits("namespace_id")?));
    all.text("job_id", Some(job));
    all.number("runner_id", claims.maybe_number("runner_id")?);
    for name in ["ref_protected", "environment_protected"] {
        all.flag(name, claims.maybe_flag(name)?);
    }
    for name in ["pipeline_id", "user_id"] {
        all.text(name, claims.maybe_digits(name)?);
    }
    for name in TEXTS {
        all.text(name, claims.maybe_text(name)?);
    }
    Ok(Said::new(subject, Some(job), all))
}

/// Claims that are called here as they are there.
const TEXTS: [&str; 11] = [
    "project_path",
    "namespace_path",
    "ref",
    "ref_type",
    "ref_path",
    "environment",
    "deployment_tier",
    "pipeline_source",
    "runner_environment",
    "ci_config_ref_uri",
    "sha",
];
