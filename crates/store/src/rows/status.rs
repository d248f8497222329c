//! Places in Token Status Lists (draft-ietf-oauth-status-list): what a token rests on has one, drawn at random and never used again.

use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{GrantId, Rng, Timestamp};

/// How many places a list has.
pub const STATUS_PLACES: u64 = 1 << 17;
/// After so many taken places in a row, a list counts as full: it is at about four fifths then.
const TRIES: usize = 16;

/// A place that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenPlace {
    /// Which, counted over all lists: list times [`STATUS_PLACES`] plus index.
    pub place: u64,
    /// What the tokens with this place rest on, as it was said when it was given; `None` if their grant is revoked, has
    /// expired or is no more.
    pub about: Option<String>,
}

impl Tx<'_> {
    /// The place of what `about` says, whose hash is `name`: given now, at random, if it has none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn status_place(
        &mut self,
        name: &str,
        grant: &GrantId,
        about: &str,
        rng: &dyn Rng,
    ) -> Result<u64, StoreError> {
        let sql = "SELECT place FROM token_status WHERE name = ?1";
        if let Some(place) = self.row(sql, params![name], |row| row.count(0))? {
            return Ok(place);
        }
        let sql = "INSERT INTO token_status (place, name, grant_id, about) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO NOTHING";
        let newest = self.status_lists()?.saturating_sub(1);
        for list in newest.. {
            for _ in 0..TRIES {
                let place = list * STATUS_PLACES + random(rng);
                if self.execute(sql, params![place, name, grant.as_str(), about])? == 1 {
                    return Ok(place);
                }
            }
        }
        self.fail(StoreError::Conflict("every status list is full".to_owned()))
    }

    /// How many lists there are; the first is there before anything has a place in it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn status_lists(&mut self) -> Result<u64, StoreError> {
        let sql = "SELECT place FROM token_status ORDER BY place DESC LIMIT 1";
        let last = self.row(sql, &[], |row| row.count(0))?;
        Ok(last.map_or(1, |place| place / STATUS_PLACES + 1))
    }

    /// The places of a list that were given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn status_list(&mut self, list: u64, now: Timestamp) -> Result<Vec<GivenPlace>, StoreError> {
        let first = list.saturating_mul(STATUS_PLACES);
        let sql = "SELECT s.place, CASE WHEN g.state <> 'revoked' AND g.expires_at > ?3 THEN s.about END
                   FROM token_status s LEFT JOIN grants g ON g.id = s.grant_id
                   WHERE s.place >= ?1 AND s.place < ?2";
        self.rows(sql, params![first, first.saturating_add(STATUS_PLACES), now], |row| {
            Ok(GivenPlace { place: row.count(0)?, about: row.get(1)? })
        })
    }
}

/// An index; every one as likely as any other, for their number is a power of two.
fn random(rng: &dyn Rng) -> u64 {
    let mut bytes = [0; 8];
    rng.fill(&mut bytes);
    u64::from_le_bytes(bytes) % STATUS_PLACES
}
