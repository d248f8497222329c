//! The client's half: from the address of an MCP server to requests that it answers.
//!
//! # How it is used
//! ```text
//! let client = Client::to("https://mcp.example.com/mcp")?        // the address that a person named
//!     .software(Software::named("My agent").document(url))       // who the agent is (CIMD), else it registers (DCR)
//!     .way(Way::Browser(Arc::new(Loopback::default())))          // or Device, Own, Workload, Enterprise, Exchange, Stored
//!     .store(Arc::new(FileStore::at(folder)?))                   // or MemoryStore; shared with other processes
//!     .dpop(Dpop::IfServed)                                      // or Never, Always
//!     .build();
//!
//! let response = client.send(http_request).await?;               // does everything, retries what may be retried
//!
//! let mut call = client.call(Method::POST, &url);                // the same for another HTTP client
//! loop {
//!     let response = other.send(call.headers().await?).await?;   // Authorization and DPoP
//!     if call.heed(response.status(), response.headers()).await? == Heeded::Done { break }
//! }
//!
//! client.token().await?;                                         // a token in force, for `prokura token`
//! client.discover().await?;                                      // what the servers say, without authorizing
//! client.sign_out().await?;                                      // revokes and forgets
//! ```
//!
//! What is kept (tokens, the key they are bound to, what was registered where) goes through one trait, [`Store`].

mod store;

pub use store::{Held, Store, StoreError};
