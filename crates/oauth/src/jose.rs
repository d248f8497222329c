//! JSON Web Signatures, keys and tokens (RFC 7515, 7517, 7518, 7519, 7638, 8037; RFC 8725 throughout),
//! directly on aws-lc-rs.
//!
//! Only the compact serialisation is read. What a token says about itself never widens what is trusted: the
//! algorithm is pinned by the key, keys come from a [`KeySet`] and never from a header, no critical header
//! parameter is understood, and every registered claim has its type or the token is refused.
//!
//! Signing draws its randomness inside aws-lc-rs, from the operating system; a `prokura_core::Rng` cannot be
//! passed in there, so signatures and generated keys do not repeat under a seed.

mod algorithm;
mod encoding;
mod jwk;
mod jws;
mod key;
mod peek;
mod roca;
mod set;
mod sign;
mod verify;

pub use algorithm::Algorithm;
pub(crate) use encoding::{decode, encode};
pub use jws::{JoseError, Jws, verify_jws};
pub(crate) use jws::{verify_jws_by_its_own_key, verify_jws_up_to};
pub use key::{KeyError, VerifyingKey};
pub use peek::{Peek, peek};
pub use set::KeySet;
pub use sign::SigningKey;
pub(crate) use verify::numeric_date;
pub use verify::{Audience, Claims, Expected, NO_TYP, verify};
