//! What clients call their grants: a name that stays when the grant behind it is replaced.

use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{ClientId, Grant, GrantId, GrantName};

impl Tx<'_> {
    /// Gives `client` a name for a grant.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the name is taken or there is no such grant.
    pub fn name_grant(
        &mut self,
        name: &GrantName,
        client: &ClientId,
        grant: &GrantId,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO grant_names (name, client, grant_id) VALUES (?1, ?2, ?3)",
            params![name.as_str(), client.as_str(), grant.as_str()],
        )
        .map(drop)
    }

    /// Lets a name of `client` stand for another grant; false if the client has no such name.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is no such grant.
    pub fn rename_grant(
        &mut self,
        name: &GrantName,
        client: &ClientId,
        grant: &GrantId,
    ) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE grant_names SET grant_id = ?3 WHERE name = ?1 AND client = ?2",
            params![name.as_str(), client.as_str(), grant.as_str()],
        )?;
        Ok(changed == 1)
    }

    /// The grant that `client` calls so, whatever its state. What another client calls so is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn named_grant(&mut self, name: &GrantName, client: &ClientId) -> Result<Option<Grant>, StoreError> {
        let found = self.row(
            "SELECT grant_id FROM grant_names WHERE name = ?1 AND client = ?2",
            params![name.as_str(), client.as_str()],
            |row| row.parsed(0, "grant_names.grant_id", GrantId::parse),
        )?;
        match found {
            Some(id) => self.grant(&id),
            None => Ok(None),
        }
    }
}
