//! The MCP server behind the gateway: built with `rmcp`, it knows nothing of tokens.

use crate::{DataError, SalesData};
use rmcp::handler::server::router::prompt::PromptRouter;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolResult, ContentBlock, ErrorData, ListResourcesResult, PaginatedRequestParams, PromptMessage,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, Role,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{
    RoleServer, ServerHandler, prompt, prompt_handler, prompt_router, tool, tool_handler, tool_router,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt::Write as _;
use std::sync::Arc;

/// The MCP server over the sales and staff data.
#[derive(Debug, Clone)]
pub struct Sales {
    data: Arc<SalesData>,
    tool_router: ToolRouter<Self>,
    prompt_router: PromptRouter<Self>,
}

/// A quarter of a year.
#[derive(Debug, Deserialize, JsonSchema)]
struct Quarter {
    /// Written like `2026-Q3`.
    quarter: String,
}

/// What changes for someone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// The number in the personnel file.
    id: i64,
    /// What they do from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    /// Their pay a year from now on, in euros.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salary: Option<i64>,
}

/// Someone on the staff.
#[derive(Debug, Deserialize, JsonSchema)]
struct Person {
    /// The number in the personnel file.
    id: i64,
}

fn internal(e: &DataError) -> ErrorData {
    ErrorData::internal_error(e.to_string(), None)
}

fn said(text: impl Into<String>) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text.into())])
}

/// A value, and the same as text for clients that do not read values.
fn told(value: serde_json::Value) -> CallToolResult {
    let mut result = said(value.to_string());
    result.structured_content = Some(value);
    result
}

fn found(name: Option<String>, id: i64, done: &str) -> CallToolResult {
    match name {
        Some(name) => said(format!("{name} {done}.")),
        None => CallToolResult::error(vec![ContentBlock::text(format!("There is no employee {id}."))]),
    }
}

#[tool_router]
impl Sales {
    /// A server over `data`.
    pub fn new(data: Arc<SalesData>) -> Self {
        Self { data, tool_router: Self::tool_router(), prompt_router: Self::prompt_router() }
    }

    #[tool(description = "Sum up a quarter's sales in a sentence", annotations(read_only_hint = true))]
    async fn generate_summary(
        &self,
        Parameters(q): Parameters<Quarter>,
    ) -> Result<CallToolResult, ErrorData> {
        self.summary(&q.quarter).map(said).map_err(|e| internal(&e))
    }

    #[tool(description = "A quarter's sales by region", annotations(read_only_hint = true))]
    async fn read_report(&self, Parameters(q): Parameters<Quarter>) -> Result<CallToolResult, ErrorData> {
        self.report(&q.quarter).map(said).map_err(|e| internal(&e))
    }

    #[tool(description = "Everyone on the staff", annotations(read_only_hint = true))]
    async fn list_employees(&self) -> Result<CallToolResult, ErrorData> {
        let staff = self.data.employees().map_err(|e| internal(&e))?;
        Ok(told(serde_json::json!({ "employees": staff })))
    }

    #[tool(description = "Give someone another role or other pay")]
    async fn modify_employee(&self, Parameters(p): Parameters<Change>) -> Result<CallToolResult, ErrorData> {
        let name = self.data.change(p.id, p.role.as_deref(), p.salary).map_err(|e| internal(&e))?;
        let done = match (p.role, p.salary) {
            (Some(role), Some(salary)) => format!("is now {role}, for {salary} EUR a year"),
            (Some(role), None) => format!("is now {role}"),
            (None, Some(salary)) => format!("now gets {salary} EUR a year"),
            (None, None) => "stays as is".to_owned(),
        };
        Ok(found(name, p.id, &done))
    }

    #[tool(description = "Remove someone from the staff", annotations(destructive_hint = true))]
    async fn delete_employee(&self, Parameters(p): Parameters<Person>) -> Result<CallToolResult, ErrorData> {
        let name = self.data.remove(p.id).map_err(|e| internal(&e))?;
        Ok(found(name, p.id, "was removed"))
    }

    #[tool(description = "The whole personnel file, with personal data", annotations(read_only_hint = true))]
    async fn export_employees(&self) -> Result<CallToolResult, ErrorData> {
        let staff = self.data.employees().map_err(|e| internal(&e))?;
        Ok(told(serde_json::json!({ "exported": staff })))
    }
}

impl Sales {
    fn report(&self, quarter: &str) -> Result<String, DataError> {
        let regions = self.data.sales(quarter)?;
        let mut report = format!("Sales {quarter}\n");
        for (region, euros) in &regions {
            let _ = writeln!(report, "{region}: {euros} EUR");
        }
        let _ = write!(report, "Total: {} EUR", regions.iter().map(|(_, euros)| euros).sum::<i64>());
        Ok(report)
    }

    fn summary(&self, quarter: &str) -> Result<String, DataError> {
        let total =
            |q: &str| Ok::<_, DataError>(self.data.sales(q)?.iter().map(|(_, euros)| euros).sum::<i64>());
        let now = total(quarter)?;
        let quarters = self.data.quarters()?;
        let before = quarters.iter().rfind(|q| q.as_str() < quarter);
        let Some(before) = before else { return Ok(format!("{quarter} sales were {now} EUR.")) };
        let then = total(before)?;
        let change = (now - then) * 1000 / then.max(1);
        let word = if change < 0 { "fell" } else { "rose" };
        Ok(format!("{quarter} sales {word} {}.{} % to {now} EUR.", change.abs() / 10, change.abs() % 10))
    }
}

#[prompt_router]
#[allow(missing_docs, reason = "the macro makes an associated function without a comment")]
impl Sales {
    #[prompt(name = "quarter_review", description = "Prepare the review of a quarter")]
    async fn quarter_review(&self, Parameters(q): Parameters<Quarter>) -> Vec<PromptMessage> {
        let text = format!("Read the sales report of {} and write three sentences for the board.", q.quarter);
        vec![PromptMessage::new_text(Role::User, text)]
    }
}

#[tool_handler(router = self.tool_router)]
#[prompt_handler(router = self.prompt_router)]
impl ServerHandler for Sales {
    fn get_info(&self) -> ServerConfig {
        let capabilities =
            ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts().build();
        ServerConfig::new(capabilities)
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let quarters = self.data.quarters().map_err(|e| internal(&e))?;
        let resources = quarters.iter().map(|q| Resource::new(format!("report/{q}"), format!("Sales {q}")));
        Ok(ListResourcesResult::with_all_items(resources.collect()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let quarter = request
            .uri
            .strip_prefix("report/")
            .filter(|q| self.data.quarters().is_ok_and(|known| known.iter().any(|k| k == q)));
        let Some(quarter) = quarter else {
            return Err(ErrorData::invalid_params(format!("there is no resource `{}`", request.uri), None));
        };
        let text = self.report(quarter).map_err(|e| internal(&e))?;
        Ok(ReadResourceResult::new(vec![ResourceContents::text(text, request.uri)]).into())
    }
}

/// The server as an HTTP service for both protocol eras, to be mounted at `/mcp` of a loopback address.
pub fn service(data: Arc<SalesData>) -> StreamableHttpService<Sales, LocalSessionManager> {
    StreamableHttpService::new(
        move || Ok(Sales::new(data.clone())),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    )
}
