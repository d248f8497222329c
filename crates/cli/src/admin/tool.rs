//! `prokura resource tools`: the tools of MCP servers, as they were described.

use super::{Opened, missing};
use crate::failure::Failure;
use crate::show::{Table, exact, json, plain, print, value};
use clap::Subcommand;
use prokura_mcp::tool::{Description, Difference, difference};
use prokura_store::{StoreError, StoredTool, ToolText};

/// Descriptions of tools
#[derive(Debug, Subcommand)]
pub(super) enum ToolsWhat {
    /// List tools: which are in force, which wait for an approval
    List {
        /// Only those of this resource
        resource: Option<String>,
    },
    /// Print the description of a tool that is in force, or the one that waits
    Show {
        /// The resource
        resource: String,
        /// The tool
        tool: String,
        /// The description that waits
        #[arg(long)]
        offered: bool,
    },
    /// Show what changed in a description: words, arguments, hints
    Diff {
        /// The resource
        resource: String,
        /// The tool
        tool: String,
    },
    /// Put the description that waits in force, or that with a hash
    Approve {
        /// The resource
        resource: String,
        /// The tool
        tool: String,
        /// The hash of the description, as `diff` shows it; the one that waits if none is given
        #[arg(long)]
        hash: Option<String>,
    },
}

impl Opened {
    pub(super) async fn tools(&self, what: ToolsWhat) -> Result<(), Failure> {
        match what {
            ToolsWhat::List { resource } => self.list_tools(resource).await,
            ToolsWhat::Show { resource, tool, offered } => {
                let found = self.tool(&resource, &tool).await?;
                let text = if offered { found.offered } else { found.pinned.or(found.offered) };
                let text = text.ok_or_else(|| Failure::refused("no other description waits"))?;
                print(text.text)
            }
            ToolsWhat::Diff { resource, tool } => self.show_difference(&self.tool(&resource, &tool).await?),
            ToolsWhat::Approve { resource, tool, hash } => {
                self.approve_tool(self.tool(&resource, &tool).await?, hash).await
            }
        }
    }

    async fn tool(&self, resource: &str, name: &str) -> Result<StoredTool, Failure> {
        let (of, named) = (resource.to_owned(), name.to_owned());
        let found = self.store.read::<_, StoreError>(move |tx| tx.tool(&of, &named)).await?;
        found.ok_or_else(|| missing("tool", &plain(name), "resource tools list"))
    }

    async fn list_tools(&self, resource: Option<String>) -> Result<(), Failure> {
        let tools = self.store.read::<_, StoreError>(move |tx| tx.tools(resource.as_deref())).await?;
        let mut table = Table::new(&["resource", "tool", "state", "since", "approved by"]);
        for tool in &tools {
            let newest = tool.offered.as_ref().or(tool.pinned.as_ref());
            let since = newest.map(|text| exact(text.at)).unwrap_or_default();
            let by = tool.approved_by.clone().unwrap_or_default();
            if self.json {
                let hash = |text: &Option<ToolText>| text.as_ref().map(|text| text.hash.clone());
                json(&serde_json::json!({
                    "resource": tool.resource, "tool": tool.name, "state": tool.state().as_str(), "since": since,
                    "approved_by": tool.approved_by, "pinned": hash(&tool.pinned), "offered": hash(&tool.offered),
                }))?;
            }
            table.row([
                plain(&tool.resource),
                plain(&tool.name),
                tool.state().as_str().into(),
                since,
                plain(&by),
            ]);
        }
        if self.json { Ok(()) } else { print(table) }
    }

    fn show_difference(&self, tool: &StoredTool) -> Result<(), Failure> {
        let (Some(offered), read) = (&tool.offered, |text: &ToolText| Description::read(&text.text).ok())
        else {
            return print("nothing changed");
        };
        let before = tool.pinned.as_ref().and_then(read);
        let (Some(before), Some(after)) = (before, read(offered)) else {
            return print(format!("new, hash {}\n{}", offered.hash, value(&offered.text)));
        };
        for Difference { place, before, after } in difference(&before, &after) {
            if self.json {
                json(&serde_json::json!({ "place": place, "before": before, "after": after }))?;
                continue;
            }
            let side = |sign: char, side: Option<String>| {
                side.map(|text| format!("\n  {sign} {}", value(&text))).unwrap_or_default()
            };
            print(format!("{}{}{}", plain(&place), side('-', before), side('+', after)))?;
        }
        if self.json { Ok(()) } else { print(format!("hash of what waits: {}", offered.hash)) }
    }

    async fn approve_tool(&self, tool: StoredTool, hash: Option<String>) -> Result<(), Failure> {
        let waits = tool.offered.as_ref().map(|text| text.hash.clone());
        let hash = hash.or(waits).ok_or_else(|| Failure::refused("no other description waits"))?;
        let mut event = self.event("tool:approve");
        event.details.insert("server", tool.resource.as_str().into());
        event.details.insert("tool", tool.name.as_str().into());
        event.details.insert("description", hash.as_str().into());
        let (now, name) = (self.clock.now(), tool.name.clone());
        let put = move |tx: &mut prokura_store::Tx<'_>| {
            let done = tx.approve_tool(&tool.resource, &tool.name, &hash, super::OPERATOR, now)?;
            if done {
                tx.record(event.clone());
            }
            Ok(done)
        };
        if !self.store.transact::<_, StoreError>(put).await? {
            return Err(Failure::refused(
                "no description of this tool that is in force or waits has this hash",
            ));
        }
        self.done("approved", &plain(&name), format!("`{}` may be used as it is described now", plain(&name)))
    }
}
