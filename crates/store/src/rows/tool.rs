//! Tools of MCP servers: the description in force, and one that differs and waits for somebody to look at it.

use crate::driver::Row;
use crate::revoked::Kind;
use crate::tx::{Word, params};
use crate::{StoreError, Tx};
use prokura_core::Timestamp;

/// A description, as it was pinned or offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolText {
    /// The canonical description.
    pub text: String,
    /// Its hash.
    pub hash: String,
    /// When it was first seen, or approved.
    pub at: Timestamp,
}

/// A tool, as it was described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTool {
    /// The name of the resource that has it.
    pub resource: String,
    /// Its name, byte for byte.
    pub name: String,
    /// The description in force, if there is one.
    pub pinned: Option<ToolText>,
    /// Who approved it; nobody if it was taken on first use.
    pub approved_by: Option<String>,
    /// A description that differs from it, if one was seen since.
    pub offered: Option<ToolText>,
}

/// What a tool may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolState {
    /// Its description is the one in force.
    InForce,
    /// Nobody approved it yet.
    New,
    /// It was described otherwise than by the description in force.
    Changed,
}

impl ToolState {
    /// Its word in lists and the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InForce => "in_force",
            Self::New => "new",
            Self::Changed => "changed",
        }
    }
}

impl StoredTool {
    /// What it may be used for.
    pub fn state(&self) -> ToolState {
        match (&self.pinned, &self.offered) {
            (Some(_), None) => ToolState::InForce,
            (Some(_), Some(_)) => ToolState::Changed,
            (None, _) => ToolState::New,
        }
    }
}

/// What came of seeing a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenTool {
    /// What the tool may be used for from now on.
    pub state: ToolState,
    /// Whether this description is the one in force.
    pub is_pinned: bool,
    /// Whether it is the first time that it was seen: then it goes into the record.
    pub is_news: bool,
}

/// The one word about descriptions: its number grows with every change.
const TOOLS: &str = "tools";
const COLUMNS: &str =
    "resource, name, pinned, pinned_hash, pinned_at, approved_by, offered, offered_hash, offered_at";

impl Tx<'_> {
    /// Notes how a tool is described. The first description is in force at once where `first_use` says so; one that differs
    /// from that in force puts the tool aside until somebody approved one of them ([`approve_tool`](Self::approve_tool)),
    /// also if the old one is seen again meanwhile: who changes what it offers back and forth is not trusted more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn see_tool(
        &mut self,
        resource: &str,
        name: &str,
        seen: &ToolText,
        first_use: bool,
    ) -> Result<SeenTool, StoreError> {
        let (pinned, offered) = if first_use { (seen, &ToolText::none()) } else { (&ToolText::none(), seen) };
        let first = self.execute(
            "INSERT INTO tools (resource, name, pinned, pinned_hash, pinned_at, approved_by, offered, offered_hash,
             offered_at) VALUES (?1, ?2, ?3, ?4, ?5, '', ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            params![
                resource, name, &pinned.text, &pinned.hash, pinned.at, &offered.text, &offered.hash, offered.at
            ],
        )?;
        // Whoever was faster, this is what holds: also where others write at the same time.
        let differs = self.execute(
            "UPDATE tools SET offered = ?3, offered_hash = ?4, offered_at = ?5
             WHERE resource = ?1 AND name = ?2 AND pinned_hash <> ?4 AND offered_hash <> ?4",
            params![resource, name, &seen.text, &seen.hash, seen.at],
        )?;
        let is_news = first + differs > 0;
        if is_news {
            self.say_tools("", seen.at)?;
        }
        let Some(tool) = self.tool(resource, name)? else {
            return self.fail(StoreError::Conflict(format!("the tool `{name}` is gone")));
        };
        let is_pinned = tool.pinned.as_ref().is_some_and(|pinned| pinned.hash == seen.hash);
        Ok(SeenTool { state: tool.state(), is_pinned, is_news })
    }

    /// From now on the description with this hash is in force: the one that was offered, or again the one that was. False
    /// if it is neither, as when another one was seen since somebody looked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn approve_tool(
        &mut self,
        resource: &str,
        name: &str,
        hash: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let done = self.execute(
            "UPDATE tools SET
               pinned = CASE WHEN offered_hash = ?3 THEN offered ELSE pinned END,
               pinned_hash = ?3, pinned_at = ?4, approved_by = ?5,
               offered = '', offered_hash = '', offered_at = 0
             WHERE resource = ?1 AND name = ?2 AND ?3 <> '' AND (offered_hash = ?3 OR pinned_hash = ?3)",
            params![resource, name, hash, now, by],
        )?;
        if done > 0 {
            self.say_tools(by, now)?;
        }
        Ok(done > 0)
    }

    /// A tool.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tool(&mut self, resource: &str, name: &str) -> Result<Option<StoredTool>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tools WHERE resource = ?1 AND name = ?2");
        self.row(&sql, params![resource, name], tool)
    }

    /// All tools, of one resource if it is named.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tools(&mut self, resource: Option<&str>) -> Result<Vec<StoredTool>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM tools WHERE resource = ?1 OR ?1 = '' ORDER BY resource, name");
        self.rows(&sql, params![resource.unwrap_or_default()], tool)
    }

    fn say_tools(&mut self, by: &str, at: Timestamp) -> Result<(), StoreError> {
        self.say(Word {
            kind: Kind::Rules,
            id: TOOLS,
            word: Word::ACTIVE,
            at,
            by,
            why: "descriptions of tools",
            until: Timestamp::FOR_EVER,
            floor: 0,
        })
    }
}

impl ToolText {
    fn none() -> Self {
        Self { text: String::new(), hash: String::new(), at: Timestamp::from_micros(0) }
    }

    fn read(row: &Row<'_>, at: usize) -> Result<Option<Self>, StoreError> {
        let text = Self { text: row.get(at)?, hash: row.get(at + 1)?, at: row.time(at + 2)? };
        Ok(Some(text).filter(|text| !text.hash.is_empty()))
    }
}

fn tool(row: &Row<'_>) -> Result<StoredTool, StoreError> {
    let by: String = row.get(5)?;
    Ok(StoredTool {
        resource: row.get(0)?,
        name: row.get(1)?,
        pinned: ToolText::read(row, 2)?,
        approved_by: Some(by).filter(|by| !by.is_empty()),
        offered: ToolText::read(row, 6)?,
    })
}
