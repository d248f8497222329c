//! The command line as types. What parses here is asked correctly; the help is written here.

use crate::admin::config::ConfigCommand;
use crate::admin::{
    AccessCommand, AgentCommand, ApprovalCommand, AuditCommand, ClientCommand, FactCommand, GrantCommand,
    IssuerCommand, KeyCommand, PolicyCommand, RelationCommand, ResourceCommand, SignalsCommand, UserCommand,
};
use crate::bridge::{ConnectArgs, TokenArgs};
use crate::demo::DemoArgs;
use crate::doctor::DoctorArgs;
use crate::gateway::GatewayArgs;
use crate::manual::ManArgs;
use crate::serve::ServeArgs;
use crate::serve::log::LogForm;
use crate::workload::WorkloadCommand;
use clap::{Parser, Subcommand};
use clap_complete::Shell;

/// Decides, enforces and proves what an AI agent may do on someone's behalf.
#[derive(Debug, Parser)]
#[command(name = "prokura", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Prokura {
    /// How the log on standard error is written; PROKURA_LOG says how much (`warn`, `info`, `debug`)
    #[arg(long, value_enum, global = true, default_value_t, env = "PROKURA_LOG_FORM", hide_env = true)]
    pub(crate) log: LogForm,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell the whole story on this machine, with a real MCP server and a real agent
    Demo(DemoArgs),
    /// Run the authorization server, its pages and the gateway
    Serve(ServeArgs),
    Doctor(DoctorArgs),
    /// Run the gateway alone, before authorization servers of others
    Gateway(GatewayArgs),
    /// Be an MCP server on standard input and output that is a protected server somewhere else: for an agent's host
    Connect(ConnectArgs),
    /// Print an access token for an MCP server
    Token(TokenArgs),
    User(UserCommand),
    Access(AccessCommand),
    Approval(ApprovalCommand),
    Agent(AgentCommand),
    Client(ClientCommand),
    Resource(ResourceCommand),
    Workload(WorkloadCommand),
    Issuer(IssuerCommand),
    Grant(GrantCommand),
    Fact(FactCommand),
    Relation(RelationCommand),
    Key(KeyCommand),
    Policy(PolicyCommand),
    Signals(SignalsCommand),
    Audit(AuditCommand),
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Print the manual page, or write one for every command into a folder
    Man(ManArgs),
}
