//! Holds: why something is stopped. What a cause stopped acts again when that cause is over and no other is left; what an
//! operator stopped stays so until an operator says otherwise.

use crate::driver::Row;
use crate::revoked::Kind;
use crate::tx::{Word, params};
use crate::{StoreError, Tx};
use prokura_core::{AgentId, ClientId, GrantId, Principal, Timestamp, UserId, WorkloadId};

/// The cause that stands for an operator, beside causes of others.
const OPERATOR: &str = "operator";

/// What can be stopped for a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// A grant, which is suspended.
    Grant(GrantId),
    /// A person.
    User(UserId),
    /// An agent.
    Agent(AgentId),
    /// A client.
    Client(ClientId),
    /// A workload.
    Workload(WorkloadId),
}

/// Something that is stopped for a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// What.
    pub held: Held,
    /// Why.
    pub cause: String,
    /// Since when.
    pub at: Timestamp,
}

/// By whom, why and when.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// By whom.
    pub by: &'a str,
    /// Why.
    pub why: &'a str,
    /// When.
    pub now: Timestamp,
}

/// How something stands.
#[derive(PartialEq, Eq)]
enum Standing {
    Active,
    Stopped,
    /// It is not there, or ended for ever.
    Gone,
}

impl Held {
    /// The word for what it is, and its id.
    pub fn named(&self) -> (&'static str, &str) {
        let (kind, id) = self.kind();
        (kind.as_str(), id)
    }

    fn kind(&self) -> (Kind, &str) {
        match self {
            Self::Grant(id) => (Kind::Grant, id.as_str()),
            Self::User(id) => (Kind::User, id.as_str()),
            Self::Agent(id) => (Kind::Agent, id.as_str()),
            Self::Client(id) => (Kind::Client, id.as_str()),
            Self::Workload(id) => (Kind::Workload, id.as_str()),
        }
    }

    fn of(kind: &str, id: String) -> Option<Self> {
        match Kind::parse(kind)? {
            Kind::Grant => GrantId::parse(id).ok().map(Self::Grant),
            Kind::User => UserId::parse(id).ok().map(Self::User),
            Kind::Agent => AgentId::parse(id).ok().map(Self::Agent),
            Kind::Client => ClientId::parse(id).ok().map(Self::Client),
            Kind::Workload => WorkloadId::parse(id).ok().map(Self::Workload),
            Kind::Issuer | Kind::Rules | Kind::Policies | Kind::Directory => None,
        }
    }
}

impl Tx<'_> {
    /// Stops something for a cause, at the next call everywhere; true if it acted until now. What is not there, or has
    /// ended, is not held.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn hold(&mut self, held: &Held, cause: &str, said: Said<'_>) -> Result<bool, StoreError> {
        let standing = self.standing(held)?;
        if standing == Standing::Gone {
            return Ok(false);
        }
        if standing == Standing::Stopped && !self.is_held(held)? {
            self.insert_hold(held, OPERATOR, said.now)?;
        }
        self.insert_hold(held, cause, said.now)?;
        if standing == Standing::Active {
            self.turn_standing(held, true, said)?;
        }
        Ok(standing == Standing::Active)
    }

    /// Says that a cause is over; true if what it stopped acts again now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn release(&mut self, held: &Held, cause: &str, said: Said<'_>) -> Result<bool, StoreError> {
        let (kind, id) = held.named();
        let sql = "DELETE FROM holds WHERE kind = ?1 AND id = ?2 AND cause = ?3";
        let over = self.execute(sql, params![kind, id, cause])? == 1;
        if !over || self.is_held(held)? || self.standing(held)? != Standing::Stopped {
            return Ok(false);
        }
        self.turn_standing(held, false, said)?;
        Ok(true)
    }

    /// Everything that is stopped for a cause, or for any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn holds(&mut self, cause: Option<&str>) -> Result<Vec<Hold>, StoreError> {
        let sql =
            "SELECT kind, id, cause, at FROM holds WHERE ?1 = '' OR cause = ?1 ORDER BY at, kind, id, cause
                   LIMIT 10000";
        self.rows(sql, params![cause.unwrap_or_default()], hold)
    }

    /// Why grants of somebody's authority are suspended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn holds_on_grants_of(&mut self, subject: &Principal) -> Result<Vec<Hold>, StoreError> {
        let sql = "SELECT h.kind, h.id, h.cause, h.at FROM holds h JOIN grants g ON g.id = h.id
                   WHERE h.kind = 'grant' AND g.subject = ?1 ORDER BY h.at, h.id, h.cause LIMIT 10000";
        self.rows(sql, params![subject.as_str()], hold)
    }

    /// The causes for which something is stopped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn causes(&mut self, held: &Held) -> Result<Vec<String>, StoreError> {
        let (kind, id) = held.named();
        let sql = "SELECT cause FROM holds WHERE kind = ?1 AND id = ?2 ORDER BY cause";
        self.rows(sql, params![kind, id], |row| row.get(0))
    }

    /// What an operator says goes before every cause: who is stopped stays so, and who is let act does. True if that
    /// changes why something is stopped.
    pub(crate) fn overrule(
        &mut self,
        (kind, id): (Kind, &str),
        stopped: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if !stopped {
            let sql = "DELETE FROM holds WHERE kind = ?1 AND id = ?2";
            return Ok(self.execute(sql, params![kind.as_str(), id])? > 0);
        }
        let added = self.execute(
            "INSERT INTO holds (kind, id, cause, at) SELECT kind, id, 'operator', CAST(?3 AS BIGINT) FROM holds
             WHERE kind = ?1 AND id = ?2 LIMIT 1 ON CONFLICT DO NOTHING",
            params![kind.as_str(), id, now],
        )?;
        Ok(added == 1)
    }

    fn insert_hold(&mut self, held: &Held, cause: &str, now: Timestamp) -> Result<(), StoreError> {
        let (kind, id) = held.named();
        let sql = "INSERT INTO holds (kind, id, cause, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
        self.execute(sql, params![kind, id, cause, now]).map(drop)
    }

    fn is_held(&mut self, held: &Held) -> Result<bool, StoreError> {
        Ok(!self.causes(held)?.is_empty())
    }

    fn standing(&mut self, held: &Held) -> Result<Standing, StoreError> {
        let disabled = match held {
            Held::Grant(id) => {
                let sql = "SELECT state FROM grants WHERE id = ?1";
                let state: Option<String> = self.row(sql, params![id.as_str()], |row| row.get(0))?;
                return Ok(match state.as_deref() {
                    Some(Word::ACTIVE) => Standing::Active,
                    Some(Word::SUSPENDED) => Standing::Stopped,
                    _ => Standing::Gone,
                });
            }
            Held::User(id) => self.user(id)?.map(|u| u.disabled),
            Held::Agent(id) => self.agent(id)?.map(|a| a.disabled),
            // Clients and workloads may be known by nothing but what is said of them.
            Held::Client(_) | Held::Workload(_) => Some(self.is_said_disabled(held.kind())?),
        };
        Ok(match disabled {
            Some(true) => Standing::Stopped,
            Some(false) => Standing::Active,
            None => Standing::Gone,
        })
    }

    fn is_said_disabled(&mut self, (kind, id): (Kind, &str)) -> Result<bool, StoreError> {
        let sql = "SELECT word FROM revocations WHERE kind = ?1 AND id = ?2";
        let word: Option<String> = self.row(sql, params![kind.as_str(), id], |row| row.get(0))?;
        Ok(word.as_deref() == Some(Word::DISABLED))
    }

    fn turn_standing(&mut self, held: &Held, stop: bool, said: Said<'_>) -> Result<(), StoreError> {
        let Said { by, why, now } = said;
        match held {
            Held::Grant(id) => self.turn_grant(id, stop, by, why, now).map(drop),
            Held::User(id) => self.turn_user(id, stop, by, why, now).map(drop),
            Held::Agent(id) => self.turn_agent(id, stop, by, why, now).map(drop),
            Held::Client(id) => self.turn_client(id, stop, by, why, now),
            Held::Workload(id) => self.say_disabled(Kind::Workload, id.as_str(), stop, by, why, now),
        }
    }
}

fn hold(row: &Row<'_>) -> Result<Hold, StoreError> {
    let kind: String = row.get(0)?;
    let held = row.parsed(1, "holds.id", |id| Held::of(&kind, id).ok_or("no such kind"))?;
    Ok(Hold { held, cause: row.get(2)?, at: row.time(3)? })
}
