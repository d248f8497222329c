//! The walk of a client, from the first refusal to the last call, with a look at everything on the way.

mod authorize;
mod bearer;
mod challenge;
mod document;
mod keys;
mod legacy;
mod login;
mod modern;
mod reach;
mod registration;
mod resource;
mod server;
mod token;
mod transport;

use crate::exam::{Exam, NEEDS_TOKEN};
use crate::group::Group;
use crate::report::{Protection, Report};
use crate::table::Check;
use prokura_oauth::json::Object;
use reach::Reached;
use resource::Resource;
use server::Server;

/// No more authorization servers are looked at.
const MOST_SERVERS: usize = 3;

/// A client to ask with.
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) redirect_uri: String,
    /// Goes to the issuer of this server only.
    pub(crate) secret: Option<String>,
    /// The answer to its registration, if it was registered for this.
    pub(crate) registration: Option<Object>,
    /// Where that was.
    pub(crate) registered_at: Option<String>,
}

/// The whole walk.
pub(crate) async fn walk(mut exam: Exam<'_>) -> Report {
    let trouble = match reach::look(&mut exam).await {
        Err(trouble) => Some(trouble),
        Ok(reached) => {
            go_on(&mut exam, reached).await;
            None
        }
    };
    exam.report(trouble)
}

async fn go_on(exam: &mut Exam<'_>, reached: Reached) {
    let hint = challenge::look(exam, &reached).await;
    let resource = resource::look(exam, hint).await;
    if exam.protection == Protection::Open && resource.is_none() {
        let beyond = |c: &&Check| (Group::Discovery..=Group::Tokens).contains(&c.row().group);
        let all: Vec<_> = Check::ALL.iter().filter(beyond).copied().collect();
        exam.unseen(&all, "the server asks for no token");
        return transport::look(exam).await;
    }
    let server = match &resource {
        Some(resource) => servers(exam, resource).await,
        None => None,
    };
    let keys = match &server {
        Some(server) => keys::look(exam, server).await,
        None => Vec::new(),
    };
    let visit = match (&server, &resource) {
        (Some(server), Some(resource)) => Some(with_server(exam, server, resource).await),
        _ => None,
    };
    let was_given = exam.token.is_some();
    bearer::look(exam, resource.as_ref(), server.as_ref(), &keys).await;
    if exam.protection == Protection::Open || exam.token.is_some() {
        transport::look(exam).await;
    } else {
        transport::look_from_outside(exam).await;
        let rest = |c: &&Check| c.row().group == Group::Transport;
        let all: Vec<_> = Check::ALL.iter().filter(rest).copied().collect();
        exam.unseen(&all, if was_given { "the token did not let the examination in" } else { NEEDS_TOKEN });
    }
    if let (Some(server), Some(visit)) = (&server, visit) {
        leave(exam, server, visit).await;
    }
}

/// What was begun at the authorization server.
struct Visit {
    client: Option<Client>,
    login: Option<login::Login>,
}

/// Looks at each authorization server; the first that can be used is the one to go on with.
async fn servers(exam: &mut Exam<'_>, resource: &Resource) -> Option<Server> {
    let mut first = None;
    for issuer in resource.servers.iter().take(MOST_SERVERS) {
        let found = server::look(exam, issuer, resource).await;
        first = first.or(found);
    }
    first
}

async fn with_server(exam: &mut Exam<'_>, server: &Server, resource: &Resource) -> Visit {
    let client = registration::look(exam, server).await;
    authorize::look(exam, server, client.as_ref(), resource).await;
    token::look(exam, server).await;
    let login = login::look(exam, server, client.as_ref(), resource).await;
    Visit { client, login }
}

/// Ends what was begun.
async fn leave(exam: &mut Exam<'_>, server: &Server, visit: Visit) {
    if let (Some(client), Some(login)) = (&visit.client, visit.login) {
        login::end(exam, server, client, login).await;
    }
    if let Some(client) = &visit.client {
        registration::forget(exam, client).await;
    }
}
