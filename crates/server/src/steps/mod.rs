//! The steps of an authorization request, in one table. All endpoints that take one walk down the same rows.

mod signed;
mod walk;

pub(crate) use walk::{Stop, Walk};

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A pushed request takes the place of the parameters.
    Pushed,
    /// The client is found.
    Client,
    /// The client proves who it is.
    Authenticate,
    /// A signed request takes the place of the parameters.
    Signed,
    /// The client may ask from a device without a browser.
    Device,
    /// The redirect URI is one of the client's.
    Redirect,
    /// The client may use codes, and asks for one in the query.
    Response,
    /// The proof key is there.
    Pkce,
    /// The key that the code will be bound to.
    Key,
    /// The resource is known, and is the only one.
    Resource,
    /// The scopes are the resource's.
    Scope,
    /// The authorization details are of tools that those scopes bundle.
    Details,
    /// The grant that the client names is its own, and in force.
    Management,
    /// The agents that the client names besides are known, and may act.
    Actors,
    /// `state`, `prompt` and `max_age` can be read.
    Conversation,
    /// The request is kept for the browser to bring.
    Push,
    /// The user signs in and agrees; then policy, grant, record and code.
    Interaction,
    /// The device waits until its person has brought the code.
    Wait,
}

/// An endpoint that takes authorization requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/authorize`, where a browser comes.
    Authorize,
    /// `/par`, where the client comes (RFC 9126).
    Par,
    /// `/device_authorization`, where a device comes (RFC 8628).
    Device,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The step.
    pub step: Step,
    /// Whether `/authorize` takes it.
    pub authorize: bool,
    /// Whether `/par` takes it.
    pub par: bool,
    /// Whether `/device_authorization` takes it.
    pub device: bool,
    /// What it does, for the documentation.
    pub does: &'static str,
}

const fn row(step: Step, authorize: bool, par: bool, device: bool, does: &'static str) -> Row {
    Row { step, authorize, par, device, does }
}

/// The table. Until `Redirect` has passed, no error leaves by way of a redirect (RFC 6749 §4.1.2.1).
pub const TABLE: [Row; 18] = [
    row(Step::Pushed, true, false, false, "a `request_uri` is spent and its parameters are taken (RFC 9126)"),
    row(Step::Client, true, false, false, "the client is found: configured, by its document, or registered"),
    row(Step::Authenticate, false, true, true, "the client authenticates by the method it registered"),
    row(
        Step::Signed,
        true,
        true,
        false,
        "a `request` is verified by the client's keys and its parameters alone are taken (RFC 9101)",
    ),
    row(Step::Device, false, false, true, "the client may ask from a device (RFC 8628)"),
    row(
        Step::Redirect,
        true,
        true,
        false,
        "the redirect URI is the client's, to the byte but for the port of loopback",
    ),
    row(Step::Response, true, true, false, "`response_type=code`, `response_mode=query`"),
    row(Step::Pkce, true, true, false, "`code_challenge` by `S256` (RFC 7636)"),
    row(
        Step::Key,
        true,
        true,
        false,
        "the key by `dpop_jkt`; of a pushed request, also by its proof (RFC 9449 §10)",
    ),
    row(Step::Resource, true, true, true, "one resource, known here (RFC 8707)"),
    row(Step::Scope, true, true, true, "scopes of that resource; its first scopes if none is named"),
    row(
        Step::Details,
        true,
        true,
        true,
        "`authorization_details` of type `mcp_tool`, for tools that those scopes bundle (RFC 9396)",
    ),
    row(
        Step::Management,
        true,
        true,
        false,
        "`grant_management_action` and `grant_id`: the grant is the client's, and in force",
    ),
    row(
        Step::Actors,
        true,
        true,
        true,
        "`requested_actor`: the agents that are to get a part of it are known here and may act",
    ),
    row(Step::Conversation, true, true, false, "`state`, `prompt` and `max_age` can be read"),
    row(Step::Push, false, true, false, "the request is kept and a `request_uri` made"),
    row(Step::Interaction, true, false, false, "sign-in, consent, grant, record, code"),
    row(Step::Wait, false, false, true, "a device code and a user code are made"),
];

impl Row {
    /// Whether `endpoint` takes this step.
    pub fn is_taken_by(&self, endpoint: Endpoint) -> bool {
        match endpoint {
            Endpoint::Authorize => self.authorize,
            Endpoint::Par => self.par,
            Endpoint::Device => self.device,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_what_the_documentation_shows() {
        let mark = |yes| if yes { "x" } else { " " };
        let line = |r: &Row| {
            let (authorize, par, device) = (mark(r.authorize), mark(r.par), mark(r.device));
            format!("| {:?} | {authorize} | {par} | {device} | {} |", r.step, r.does)
        };
        insta::assert_snapshot!(TABLE.iter().map(line).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn what_is_pushed_has_passed_every_check_of_a_request() {
        let checks = [
            Step::Signed,
            Step::Redirect,
            Step::Response,
            Step::Pkce,
            Step::Key,
            Step::Resource,
            Step::Scope,
            Step::Details,
            Step::Management,
            Step::Actors,
            Step::Conversation,
        ];
        assert!(TABLE.iter().filter(|r| checks.contains(&r.step)).all(|r| r.authorize && r.par));
    }
}
