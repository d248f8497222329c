//! What the token endpoint gives: one file per grant type, and the one place where tokens are made.

mod ciba;
mod code;
mod device;
mod exchange;
mod id_jag;
mod mint;
mod own;
mod payload;
mod refresh;
mod root;
mod transaction;
mod waited;

pub(crate) use ciba::{Answered, answered};
pub(crate) use code::{CHALLENGE, CodeMaker, NONCE, Redemption, redeem};
pub(crate) use device::{Poll, poll};
pub(crate) use exchange::{Exchanges, exchange};
pub(crate) use id_jag::{Asserted, accept};
pub(crate) use mint::{Issued, Minting, in_force};
pub(crate) use own::{Own, own};
pub(crate) use payload::{KEY, RefreshPayload};
pub(crate) use refresh::{Renewal, refresh};
pub(crate) use root::{OwnGrants, Root, TRIES, root};
pub(crate) use transaction::transaction;
