//! The metadata of the resource (RFC 9728): where they stand, and what they say.

use super::document::Kind;
use crate::exam::Exam;
use crate::net::is_secure;
use crate::report::Protection;
use crate::seen::{empty_lists, texts};
use crate::table::Check;
use crate::words::quoted;
use prokura_oauth::json::{Object, Value};

const KIND: Kind = Kind {
    status: Check::ResourceStatus,
    media_type: Check::ResourceType,
    json: Check::ResourceJson,
    twice: Check::ResourceTwice,
    cors: Check::ResourceCors,
    forwarded: Check::ResourceForwarded,
};

/// What the resource says of itself.
pub(crate) struct Resource {
    /// Its identifier: what the metadata say, or else its address.
    pub(crate) identifier: String,
    /// The issuers of its authorization servers.
    pub(crate) servers: Vec<String>,
    /// What to ask for.
    pub(crate) scopes: Vec<String>,
}

/// A document and where it stands.
struct Found {
    at: String,
    document: Object,
}

/// Looks at all places; `hint` is what the challenge said.
pub(crate) async fn look(exam: &mut Exam<'_>, hint: Option<String>) -> Option<Resource> {
    exam.watch("the metadata of the resource");
    let mut found = Vec::new();
    if let Some(hint) = &hint {
        found.extend(hinted(exam, hint).await);
    }
    let (own, root) = well_known(exam);
    if hint.as_deref() != Some(own.as_str()) {
        found.extend(at(exam, &own).await);
    }
    if exam.protection == Protection::Token {
        let there = found.iter().any(|f| f.at == own);
        exam.judge(Check::ResourceWellKnown, &own, there, "the metadata of the resource", "none");
    }
    // Of a server that asks for no token, the host's own document says nothing: it may be of a neighbour.
    let root_too =
        exam.protection == Protection::Token && root != own && hint.as_deref() != Some(root.as_str());
    if found.is_empty() && root_too {
        found.extend(at(exam, &root).await);
    }
    if exam.protection == Protection::Token {
        let place = exam.at();
        exam.judge(
            Check::ResourceFound,
            &place,
            !found.is_empty(),
            "metadata of the resource",
            "none at any place",
        );
    }
    same(exam, &found);
    let first = found.first()?;
    KIND.ask_otherwise(exam, &first.at).await;
    for found in &found {
        judge(exam, found);
    }
    Some(resource(exam, &found.first()?.document))
}

/// The document at the address of the challenge.
async fn hinted(exam: &mut Exam<'_>, hint: &str) -> Option<Found> {
    let place = exam.at();
    let expected = "an absolute address with the metadata";
    let absolute = url::Url::parse(hint).is_ok_and(|u| u.has_host()) && is_secure(hint);
    exam.judge(Check::ChallengeMetadataUrl, &place, absolute, expected, quoted(hint));
    if !absolute {
        return None;
    }
    let found = at(exam, hint).await;
    let got = format!("{}, and no metadata there", quoted(hint));
    exam.judge(Check::ChallengeMetadataUrl, &place, found.is_some(), expected, got);
    found
}

async fn at(exam: &mut Exam<'_>, at: &str) -> Option<Found> {
    match exam.net.get(at).await {
        Ok(answer) => {
            let document = KIND.read(exam, at, &answer)?;
            Some(Found { at: at.to_owned(), document })
        }
        Err(why) => {
            exam.unseen(&[Check::ResourceStatus], why);
            None
        }
    }
}

/// The well-known address with the path inserted, and the one of the host.
fn well_known(exam: &Exam<'_>) -> (String, String) {
    let url = exam.url.as_url();
    let root = format!("{}/.well-known/oauth-protected-resource", url.origin().ascii_serialization());
    let path = if url.path() == "/" { "" } else { url.path() };
    let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
    (format!("{root}{path}{query}"), root)
}

/// Whether all places say the same.
fn same(exam: &mut Exam<'_>, found: &[Found]) {
    let [first, rest @ ..] = found else { return };
    exam.judge(Check::ResourceSame, &first.at, true, "", "");
    for other in rest {
        for name in ["resource", "authorization_servers"] {
            let (a, b) = (first.document.get(name), other.document.get(name));
            let said = |v: Option<&Value>| v.map_or_else(|| "nothing".to_owned(), |v| quoted(&v.to_string()));
            exam.judge(
                Check::ResourceSame,
                &other.at,
                a == b,
                format!("`{name}` is {}, as at {}", said(a), first.at),
                said(b),
            );
        }
    }
}

fn judge(exam: &mut Exam<'_>, found: &Found) {
    let Found { at, document } = found;
    identity(exam, at, document);
    servers(exam, at, document);
    let empty = empty_lists(document).join("`, `");
    exam.judge(Check::ResourceEmpty, at, empty.is_empty(), "no empty list", format!("`{empty}` is one"));
    let scopes = texts(document, "scopes_supported");
    let some = scopes.as_ref().is_some_and(|s| !s.is_empty());
    exam.judge(Check::ResourceScopes, at, some, "`scopes_supported`", "none");
    let offline = scopes.unwrap_or_default().contains(&"offline_access");
    exam.judge(Check::ResourceOffline, at, !offline, "no `offline_access`", "`offline_access`");
    if let Some(methods) = texts(document, "bearer_methods_supported") {
        let right = methods.contains(&"header") && !methods.contains(&"query");
        exam.judge(
            Check::ResourceMethods,
            at,
            right,
            "`header`, and not `query`",
            quoted(&methods.join(", ")),
        );
    } else {
        exam.judge(Check::ResourceMethods, at, true, "", "");
    }
    let algorithms = texts(document, "resource_signing_alg_values_supported").unwrap_or_default();
    exam.judge(Check::ResourceAlgorithms, at, !algorithms.contains(&"none"), "no `none`", "`none`");
}

fn identity(exam: &mut Exam<'_>, at: &str, document: &Object) {
    let own = exam.at();
    let got = document.str("resource");
    let shown = got.map_or_else(|| "none".to_owned(), quoted);
    // An address with an empty path is the same with and without its slash (RFC 3986 §6.2.3).
    let bare = exam.url.as_url().path() == "/" && exam.url.as_url().query().is_none();
    let same = |r: &str| r == own || (bare && own.strip_suffix('/') == Some(r));
    exam.judge(Check::ResourceIdentity, at, got.is_some_and(same), format!("`{own}`"), &shown);
    if let Some(got) = got {
        let right = is_secure(got) && !got.contains('#');
        exam.judge(Check::ResourceForm, at, right, "`https`, no fragment", &shown);
    }
}

fn servers(exam: &mut Exam<'_>, at: &str, document: &Object) {
    let listed = texts(document, "authorization_servers");
    let some = listed.as_ref().is_some_and(|s| !s.is_empty());
    let got =
        document.get("authorization_servers").map_or_else(|| "none".to_owned(), |v| quoted(&v.to_string()));
    exam.judge(Check::ResourceServers, at, some, "an array of at least one address", got);
    for issuer in listed.unwrap_or_default() {
        let right = is_secure(issuer) && !issuer.contains(['?', '#']);
        exam.judge(Check::ResourceServerForm, at, right, "`https`, no query, no fragment", quoted(issuer));
    }
}

fn resource(exam: &mut Exam<'_>, document: &Object) -> Resource {
    let owned =
        |name| texts(document, name).unwrap_or_default().into_iter().map(str::to_owned).collect::<Vec<_>>();
    let servers = owned("authorization_servers");
    exam.issuers = servers.iter().map(|s| s.chars().filter(|c| c.is_ascii_graphic()).collect()).collect();
    Resource {
        identifier: document.str("resource").map_or_else(|| exam.at(), str::to_owned),
        servers,
        scopes: owned("scopes_supported"),
    }
}
