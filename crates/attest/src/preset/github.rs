//! GitHub Actions: the tokens of a job.
//!
//! Names of owners and repositories are given to others after they were deleted, and the shape of `sub` is the
//! organisation's choice. So rules rest on the numeric ids, and a `sub` that has ids in it has to have the same.

use crate::error::Refused;
use crate::reading::{Collected, Place, Said, is_digits};

pub(super) fn read(claims: Place<'_>) -> Result<Said, Refused> {
    let subject = claims.text("sub")?;
    let repository_id = claims.digits("repository_id")?;
    let owner_id = claims.digits("repository_owner_id")?;
    let repository = claims.text("repository")?;
    if let Some(named) = Named::parse(subject) {
        let same = named.owner_id.is_none_or(|id| id == owner_id)
            && named.repository_id.is_none_or(|id| id == repository_id)
            && repository == format!("{}/{}", named.owner, named.repository);
        if !same {
            return Err(claims.refuse("sub", "the repository that the other claims name"));
        }
    }
    let run = claims.digits("run_id")?;
    let attempt = claims.digits("run_attempt")?;
    let job = claims.maybe_digits("check_run_id")?;
    let instance = match job {
        Some(job) => format!("{run}.{attempt}.{job}"),
        None => format!("{run}.{attempt}"),
    };
    let mut all = Collected::default();
    all.text("subject", Some(subject));
    all.text("repository_id", Some(repository_id));
    all.text("repository_owner_id", Some(owner_id));
    all.text("repository", Some(repository));
    all.text("run_id", Some(run));
    all.text("run_attempt", Some(attempt));
    all.text("job_id", job);
    all.flag("ref_protected", claims.maybe_flag("ref_protected")?);
    for name in ["actor_id", "enterprise_id"] {
        all.text(name, claims.maybe_digits(name)?);
    }
    for name in TEXTS {
        all.text(name, claims.maybe_text(name)?);
    }
    Ok(Said::new(subject, Some(&instance), all))
}

/// Claims that are called here as they are there.
const TEXTS: [&str; 10] = [
    "repository_owner",
    "repository_visibility",
    "environment",
    "ref",
    "ref_type",
    "sha",
    "event_name",
    "job_workflow_ref",
    "workflow_ref",
    "runner_environment",
];

/// What a `sub` of the usual shape names: `repo:octo/demo:…`, and of repositories since July 2026
/// `repo:octo@123/demo@456:…`.
#[derive(Debug, PartialEq, Eq)]
struct Named<'a> {
    owner: &'a str,
    owner_id: Option<&'a str>,
    repository: &'a str,
    repository_id: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// `None` of a subject that an organisation shaped otherwise.
    fn parse(subject: &'a str) -> Option<Self> {
        let rest = subject.strip_prefix("repo:")?;
        let named = rest.split_once(':').map_or(rest, |(named, _)| named);
        let (owner, repository) = named.split_once('/')?;
        let ((owner, owner_id), (repository, repository_id)) = (with_id(owner)?, with_id(repository)?);
        Some(Self { owner, owner_id, repository, repository_id })
    }
}

/// A name, and the id after it if there is one. Neither owners nor repositories have an `@` in their names.
fn with_id(text: &str) -> Option<(&str, Option<&str>)> {
    let fine = |name: &str| !name.is_empty() && !name.contains(['/', '@']);
    match text.split_once('@') {
        None => fine(text).then_some((text, None)),
        Some((name, id)) => (fine(name) && is_digits(id)).then_some((name, Some(id))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_shapes_of_a_subject_are_read() {
        let old = Named::parse("repo:octo/demo:ref:refs/heads/main").unwrap();
        assert_eq!((old.owner, old.repository, old.owner_id), ("octo", "demo", None));
        let new = Named::parse("repo:octo@123456/my-repo@456789:environment:prod").unwrap();
        assert_eq!((new.owner_id, new.repository_id), (Some("123456"), Some("456789")));
        for other in [
            "repository_id:1",
            "repo:octo",
            "repo:octo@x/demo:ref",
            "repo:@1/demo",
            "repo:a/b/c",
            "repo:a@1@2/b",
        ] {
            assert_eq!(Named::parse(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn names_and_ids_come_back(owner in "[a-z-]{1,9}", id in "[0-9]{1,9}", repo in "[a-z._-]{1,9}", rest in ".{0,20}") {
            let subject = format!("repo:{owner}@{id}/{repo}:{rest}");
            let named = Named::parse(&subject).unwrap();
            prop_assert_eq!((named.owner, named.owner_id, named.repository), (&*owner, Some(&*id), &*repo));
            let _ = Named::parse(&rest);
            let _ = Named::parse(&format!("repo:{rest}"));
        }
    }
}
