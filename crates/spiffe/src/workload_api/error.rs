//! Why the Workload API gave nothing.

/// Why nothing came of a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkloadApiError {
    /// The address is none of the Workload API's.
    #[error("`{0}` is no address of a Workload API: write it like `unix:///run/spire/sockets/agent.sock`")]
    Address(String),
    /// The agent is not there.
    #[error(
        "the Workload API at `{socket}` cannot be reached: {cause}. Is the agent running, and may this user open its socket?"
    )]
    Unreachable {
        /// The socket.
        socket: String,
        /// What the system says.
        cause: String,
    },
    /// It did not answer in time.
    #[error("the Workload API at `{0}` did not answer in time")]
    Late(String),
    /// It answered with something else than gRPC.
    #[error("what answers at `{socket}` is no Workload API: {cause}")]
    Protocol {
        /// The socket.
        socket: String,
        /// What was wrong.
        cause: String,
    },
    /// The agent knows this process and has no identity for it (gRPC status 7).
    #[error(
        "the agent has no identity for this process: no registration entry fits it. Register one whose selectors fit (the user, the path, the pod)"
    )]
    NoIdentity,
    /// Any other refusal of the agent.
    #[error("the agent refuses `{method}`: status {status}, `{message}`")]
    Refused {
        /// What was asked.
        method: &'static str,
        /// The status of gRPC.
        status: u32,
        /// What it says.
        message: String,
    },
    /// A message that cannot be read.
    #[error("the agent's answer cannot be read")]
    Malformed,
    /// This system has no Unix sockets.
    #[error("the Workload API is spoken over a Unix socket, which this system does not have")]
    Unsupported,
}
