//! In which groups a user is: by the configuration, and by what identity providers said at the last sign-in.

use prokura_config::{Config, Group, IdentityProvider};
use prokura_core::{Timestamp, UserId};
use prokura_store::{Identity, StoreError, Tx, User, fold_name};
use std::collections::BTreeSet;

/// The groups of a user; none of one who is disabled or unknown. What a provider says counts only while that provider is
/// configured, names the group among its own, and said it recently: nobody else's word makes anybody a member.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn groups_of(
    tx: &mut Tx<'_>,
    config: &Config,
    user: &UserId,
    now: Timestamp,
) -> Result<BTreeSet<String>, StoreError> {
    let Some(user) = tx.user(user)?.filter(|u| !u.disabled) else { return Ok(BTreeSet::new()) };
    let identities = tx.identities_of(&user.id)?;
    let said = identities.iter().flat_map(|i| said(config, i, now));
    let named = config.groups.iter().filter(|g| is_member(g, &user)).map(|g| g.name.clone());
    Ok(named.chain(said).collect())
}

fn is_member(group: &Group, user: &User) -> bool {
    let login = fold_name(&user.name);
    group.members.iter().any(|m| m == user.id.as_str() || fold_name(m) == login)
}

/// The groups that an identity still vouches for.
fn said(config: &Config, identity: &Identity, now: Timestamp) -> Vec<String> {
    let provider = config.identity_providers.iter().find(|p| p.issuer() == identity.issuer);
    let fresh =
        |p: &&IdentityProvider| identity.last_used_at.is_some_and(|at| now < at.after(p.groups_last.get()));
    let Some(provider) = provider.filter(fresh) else { return Vec::new() };
    let ours = |g: &&String| provider.groups.values().any(|known| known == *g);
    identity.groups.iter().filter(ours).cloned().collect()
}
