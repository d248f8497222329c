//! What a client looks like now beside what it looked like when somebody let it in.

use super::{ConsentFault, enterprise};
use crate::clients::{Client, ClientKind};
use crate::fault::Fault;
use prokura_config::Config;
use prokura_core::{Chain, ClientId, GrantId, Timestamp};
use prokura_oauth::client_metadata::{Difference, Likeness};
use prokura_store::{GrantClient, StoreError, Tx};

/// What a client looks like; `None` where the operator wrote it down and answers for it.
pub(crate) fn likeness_of(client: &Client) -> Option<Likeness> {
    match client.kind {
        ClientKind::Configured => None,
        ClientKind::Published(_) | ClientKind::Registered => {
            Some(Likeness::of(&client.metadata, client.id.as_str()))
        }
    }
}

/// What is different about a client since a grant was made for it; nothing if nobody noted what it looked like then.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn differences(
    tx: &mut Tx<'_>,
    grant: &GrantId,
    client: &ClientId,
    now: Option<&Likeness>,
) -> Result<Vec<Difference>, StoreError> {
    let Some(now) = now else { return Ok(Vec::new()) };
    let before = tx.grant_clients(grant)?.into_iter().find(|c| c.client == *client);
    let before = before.and_then(|c| Likeness::of_text(&c.likeness));
    Ok(before.map(|before| before.differences(now)).unwrap_or_default())
}

/// Notes what a client looks like to whoever lets it have a grant.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn note(
    tx: &mut Tx<'_>,
    grant: &GrantId,
    client: &ClientId,
    (likeness, redirect): (Option<&Likeness>, &str),
    at: Timestamp,
) -> Result<(), StoreError> {
    let likeness = likeness.map(Likeness::to_text).unwrap_or_default();
    let (grant, client, redirect) = (grant.clone(), client.clone(), redirect.to_owned());
    tx.note_grant_client(&GrantClient { grant, client, likeness, redirect, at })
}

/// Refuses a client that is not the one that was let in any more, and a grant below one whose reason is gone: the rule of
/// an administrator, the membership in a group. To be asked in the transaction in which the grant is used.
///
/// # Errors
/// [`Fault::Consent`], [`Fault::Store`].
pub(crate) fn carries(
    tx: &mut Tx<'_>,
    config: &Config,
    chain: &Chain,
    client: &Client,
    now: Timestamp,
) -> Result<(), Fault> {
    if !differences(tx, &chain.leaf().id, &client.id, likeness_of(client).as_ref())?.is_empty() {
        return Err(Fault::Consent(ConsentFault::Changed));
    }
    for root in chain.roots() {
        if !enterprise::stands(tx, config, root, now)? {
            return Err(Fault::Consent(ConsentFault::Withdrawn));
        }
    }
    Ok(())
}
