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
    /// The client may ask users who are elsewhere. Whoever asks about an approval is done.
    Elsewhere,
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
    /// The user is named, and the question is put before them.
    Call,
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
    /// `/bc-authorize`, where a client comes whose user is elsewhere (OpenID Connect CIBA Core §7).
    Backchannel,
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
    /// Whether `/bc-authorize` takes it.
    pub backchannel: bool,
    /// What it does, for the documentation.
    pub does: &'static str,
}

const fn row(step: Step, by: [bool; 4], does: &'static str) -> Row {
    let [authorize, par, device, backchannel] = by;
    Row { step, authorize, par, device, backchannel, does }
}

const ALL: [bool; 4] = [true, true, true, true];
const BROWSER: [bool; 4] = [true, false, false, false];
const WITH_CODE: [bool; 4] = [true, true, false, false];
const BY_CLIENT: [bool; 4] = [false, true, true, true];
const PUSHED: [bool; 4] = [false, true, false, false];
const DEVICE: [bool; 4] = [false, false, true, false];
const BACKCHANNEL: [bool; 4] = [false, false, false, true];

/// The table. Until `Redirect` has passed, no error leaves by way of a redirect (RFC 6749 §4.1.2.1).
pub const TABLE: [Row; 20] = [
    row(Step::Pushed, BROWSER, "a `request_uri` is spent and its parameters are taken (RFC 9126)"),
    row(Step::Client, BROWSER, "the client is found: configured, by its document, or registered"),
    row(Step::Authenticate, BY_CLIENT, "the client authenticates by the method it registered"),
    row(
        Step::Signed,
        [true, true, false, true],
        "a `request` is verified by the client's keys and its parameters alone are taken (RFC 9101)",
    ),
    row(Step::Device, DEVICE, "the client may ask from a device (RFC 8628)"),
    row(
        Step::Elsewhere,
        BACKCHANNEL,
        "the client may ask users who are elsewhere; who asks about an approval (`mcp_approval`) is done",
    ),
    row(
        Step::Redirect,
        WITH_CODE,
        "the redirect URI is the client's, to the byte but for the port of loopback",
    ),
    row(Step::Response, WITH_CODE, "`response_type=code`, `response_mode=query`"),
    row(Step::Pkce, WITH_CODE, "`code_challenge` by `S256` (RFC 7636)"),
    row(Step::Key, WITH_CODE, "the key by `dpop_jkt`; of a pushed request, also by its proof (RFC 9449 §10)"),
    row(Step::Resource, ALL, "one resource, known here (RFC 8707)"),
    row(Step::Scope, ALL, "scopes of that resource; its first scopes if none is named"),
    row(
        Step::Details,
        ALL,
        "`authorization_details` of type `mcp_tool`, for tools that those scopes bundle (RFC 9396)",
    ),
    row(
        Step::Management,
        WITH_CODE,
        "`grant_management_action` and `grant_id`: the grant is the client's, and in force",
    ),
    row(
        Step::Actors,
        ALL,
        "`requested_actor`: the agents that are to get a part of it are known here and may act",
    ),
    row(Step::Conversation, WITH_CODE, "`state`, `prompt` and `max_age` can be read"),
    row(Step::Push, PUSHED, "the request is kept and a `request_uri` made"),
    row(Step::Interaction, BROWSER, "sign-in, consent, grant, record, code"),
    row(Step::Wait, DEVICE, "a device code and a user code are made"),
    row(
        Step::Call,
        BACKCHANNEL,
        "the user is found by the hint, and the question is put before them (OpenID Connect CIBA Core §7.2)",
    ),
];

impl Row {
    /// Whether `endpoint` takes this step.
    pub fn is_taken_by(&self, endpoint: Endpoint) -> bool {
        match endpoint {
            Endpoint::Authorize => self.authorize,
            Endpoint::Par => self.par,
            Endpoint::Device => self.device,
            Endpoint::Backchannel => self.backchannel,
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
            let (authorize, par) = (mark(r.authorize), mark(r.par));
            let (device, backchannel) = (mark(r.device), mark(r.backchannel));
            format!("| {:?} | {authorize} | {par} | {device} | {backchannel} | {} |", r.step, r.does)
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
