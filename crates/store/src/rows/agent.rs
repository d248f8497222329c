//! Agents: software actors, and which clients are theirs.

use crate::driver::Row;
use crate::revoked::Kind;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{AgentId, ClientId, Timestamp};

/// A registered software actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The id.
    pub id: AgentId,
    /// The name to show.
    pub name: String,
    /// Whether it may do nothing for now. Set by [`Tx::disable_agent`] only.
    pub disabled: bool,
    /// When the row was made.
    pub created_at: Timestamp,
}

const COLUMNS: &str = "id, name, disabled, created_at";

impl Tx<'_> {
    /// Adds an agent; false if there is one with that id, which stays as it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_agent(&mut self, agent: &Agent) -> Result<bool, StoreError> {
        let added = self.execute(
            "INSERT INTO agents (id, name, disabled, created_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO NOTHING",
            params![agent.id.as_str(), &agent.name, agent.disabled, agent.created_at],
        )?;
        if added == 1 {
            self.say_directory()?;
        }
        Ok(added == 1)
    }

    /// The agent with that id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn agent(&mut self, id: &AgentId) -> Result<Option<Agent>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM agents WHERE id = ?1");
        self.row(&sql, params![id.as_str()], agent)
    }

    /// At most `limit` agents by id, after `after` if it is given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn agents(&mut self, after: Option<&AgentId>, limit: u32) -> Result<Vec<Agent>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM agents WHERE id > ?1 ORDER BY id LIMIT ?2");
        self.rows(&sql, params![after.map_or("", AgentId::as_str), limit], agent)
    }

    /// Renames an agent; false if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rename_agent(&mut self, id: &AgentId, name: &str) -> Result<bool, StoreError> {
        let sql = "UPDATE agents SET name = ?2 WHERE id = ?1";
        let renamed = self.execute(sql, params![id.as_str(), name])? == 1;
        if renamed {
            self.say_directory()?;
        }
        Ok(renamed)
    }

    /// Disables or enables an agent, at the next call everywhere; false if nothing changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn disable_agent(
        &mut self,
        id: &AgentId,
        disabled: bool,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let overruled = self.overrule((Kind::Agent, id.as_str()), disabled, now)?;
        Ok(self.turn_agent(id, disabled, by, why, now)? || overruled)
    }

    pub(super) fn turn_agent(
        &mut self,
        id: &AgentId,
        disabled: bool,
        by: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE agents SET disabled = ?2 WHERE id = ?1 AND disabled <> ?2",
            params![id.as_str(), disabled],
        )?;
        if changed == 1 {
            self.say_disabled(Kind::Agent, id.as_str(), disabled, by, why, now)?;
            self.say_directory()?;
        }
        Ok(changed == 1)
    }

    /// The agent of a client, if the client was seen before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn agent_of_client(&mut self, client: &ClientId) -> Result<Option<Agent>, StoreError> {
        let sql = "SELECT a.id, a.name, a.disabled, a.created_at FROM agents a
                   JOIN client_agents c ON c.agent = a.id WHERE c.client = ?1";
        self.row(sql, params![client.as_str()], agent)
    }

    /// The agent of a client; on first sight `fresh` becomes it. Of any number of simultaneous first sights one
    /// makes the agent and all get it. `fresh` may be an agent that exists already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn agent_for_client(&mut self, client: &ClientId, fresh: &Agent) -> Result<Agent, StoreError> {
        if let Some(agent) = self.agent_of_client(client)? {
            return Ok(agent);
        }
        self.insert_agent(fresh)?;
        self.execute(
            "INSERT INTO client_agents (client, agent) VALUES (?1, ?2)",
            params![client.as_str(), fresh.id.as_str()],
        )?;
        Ok(self.agent(&fresh.id)?.unwrap_or_else(|| fresh.clone()))
    }

    /// The clients of an agent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn clients_of_agent(&mut self, agent: &AgentId) -> Result<Vec<ClientId>, StoreError> {
        let sql = "SELECT client FROM client_agents WHERE agent = ?1 ORDER BY client LIMIT 1000";
        self.rows(sql, params![agent.as_str()], |row| row.parsed(0, "client_agents.client", ClientId::parse))
    }
}

fn agent(row: &Row<'_>) -> Result<Agent, StoreError> {
    Ok(Agent {
        id: row.parsed(0, "agents.id", AgentId::parse)?,
        name: row.get(1)?,
        disabled: row.flag(2)?,
        created_at: row.time(3)?,
    })
}
