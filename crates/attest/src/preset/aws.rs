//! AWS: tokens of STS (`GetWebIdentityToken`, "outbound identity federation"). Each account has an issuer of its own.
//!
//! `request_tags` are the caller's own words and are never read.

use super::arn::{Arn, is_account};
use crate::error::Refused;
use crate::reading::{Collected, Place, Said, is_plain};

const NAMESPACE: &str = "https://sts.amazonaws.com/";
/// The most tags of a principal that are read; a role can have 50.
const MAX_TAGS: usize = 64;

pub(super) fn read(claims: Place<'_>) -> Result<Said, Refused> {
    let subject = claims.text("sub")?;
    let arn = Arn::parse(subject).ok_or_else(|| claims.refuse("sub", "the ARN of a role or user"))?;
    let said = claims.object(NAMESPACE, NAMESPACE)?;
    let said = said.ok_or_else(|| claims.wrong(NAMESPACE, "what STS says of the caller", None))?;
    let account = said.text("aws_account")?;
    if !is_account(account) || account != arn.account {
        return Err(said.refuse("aws_account", format!("`{}`, the account in `sub`", arn.account)));
    }
    let ec2 = arn_claim(said, "ec2_source_instance_arn", "ec2", account)?;
    let lambda = arn_claim(said, "lambda_source_function_arn", "lambda", account)?;
    let mut all = Collected::default();
    all.text("subject", Some(subject));
    all.text("account", Some(account));
    all.text("role", arn.role());
    all.text("org_id", said.maybe_text("org_id")?);
    all.list("ou_path", said.maybe_list("ou_path")?);
    all.text("region", said.maybe_text("source_region")?);
    all.text("source_identity", said.maybe_text("source_identity")?);
    all.text("ec2_instance", ec2);
    all.text("ec2_vpc", said.maybe_text("ec2_instance_source_vpc")?);
    all.text("ec2_address", said.maybe_text("ec2_instance_source_private_ipv4")?);
    all.text("ec2_role_delivery", said.maybe_text("ec2_role_delivery")?);
    all.text("lambda_function", lambda);
    tags(said, &mut all)?;
    Ok(Said::new(subject, ec2.or(lambda), all))
}

/// The ARN of where the caller runs, in the caller's own account.
fn arn_claim<'a>(
    said: Place<'a>,
    name: &str,
    service: &str,
    account: &str,
) -> Result<Option<&'a str>, Refused> {
    let Some(text) = said.maybe_text(name)? else { return Ok(None) };
    let fits = Arn::parse(text).is_some_and(|arn| arn.service == service && arn.account == account);
    if fits {
        Ok(Some(text))
    } else {
        Err(said.refuse(name, format!("an ARN of {service} in account {account}")))
    }
}

/// The tags of the role: `principal_tags.NAME`.
fn tags(said: Place<'_>, all: &mut Collected) -> Result<(), Refused> {
    const TAGS: &str = "principal_tags";
    let Some(tags) = said.object(TAGS, "https://sts.amazonaws.com/.principal_tags")? else { return Ok(()) };
    if tags.members().count() > MAX_TAGS {
        return Err(said.wrong(TAGS, "at most 64 tags", None));
    }
    for (name, _) in tags.members() {
        if !is_plain(name) || name.len() > 128 {
            return Err(said.wrong(TAGS, "names of at most 128 bytes", None));
        }
        all.text(&format!("{TAGS}.{name}"), tags.maybe_text(name)?);
    }
    Ok(())
}
