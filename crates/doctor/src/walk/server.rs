//! The metadata of an authorization server (RFC 8414, OpenID Connect Discovery 1.0).

use super::document::Kind;
use super::resource::Resource;
use crate::exam::Exam;
use crate::net::is_secure;
use crate::seen::{empty_lists, texts};
use crate::table::Check;
use crate::words::quoted;
use prokura_oauth::json::{Object, Value};

const KIND: Kind = Kind {
    status: Check::ServerStatus,
    media_type: Check::ServerType,
    json: Check::ServerJson,
    twice: Check::ServerTwice,
    cors: Check::ServerCors,
    forwarded: Check::ServerForwarded,
};

/// What both documents of a server say, if there are two.
const COMMON: [&str; 7] = [
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "registration_endpoint",
    "code_challenge_methods_supported",
    "authorization_response_iss_parameter_supported",
    "client_id_metadata_document_supported",
];

/// An authorization server that a client could use.
pub(crate) struct Server {
    pub(crate) issuer: String,
    pub(crate) document: Object,
}

impl Server {
    /// The address of an endpoint.
    pub(crate) fn endpoint(&self, name: &str) -> Option<&str> {
        self.document.str(name)
    }

    /// Whether a list of the metadata has a word in it.
    pub(crate) fn lists(&self, name: &str, word: &str) -> bool {
        texts(&self.document, name).is_some_and(|l| l.contains(&word))
    }

    /// Whether something is promised.
    pub(crate) fn says(&self, name: &str) -> bool {
        self.document.get(name).and_then(Value::as_bool).unwrap_or_default()
    }
}

/// The addresses where a client looks, in its order (MCP 2026-07-28, "Authorization Server Metadata Discovery").
fn addresses(issuer: &str) -> Vec<String> {
    let Ok(url) = url::Url::parse(issuer) else { return Vec::new() };
    let origin = url.origin().ascii_serialization();
    let path = url.path().trim_end_matches('/');
    let mut all = vec![
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{origin}/.well-known/openid-configuration{path}"),
    ];
    if !path.is_empty() {
        all.push(format!("{origin}{path}/.well-known/openid-configuration"));
    }
    all
}

pub(crate) async fn look(exam: &mut Exam<'_>, issuer: &str, resource: &Resource) -> Option<Server> {
    exam.watch("the metadata of the authorization server");
    let mut found: Vec<(String, Object)> = Vec::new();
    let mut failed = None;
    for at in addresses(issuer) {
        match exam.net.get(&at).await {
            Ok(answer) => found.extend(KIND.read(exam, &at, &answer).map(|d| (at, d))),
            Err(why) => failed = Some(why),
        }
    }
    if let (true, Some(why)) = (found.is_empty(), failed) {
        exam.unseen(&[Check::ServerFound], why);
        return None;
    }
    exam.judge(Check::ServerFound, issuer, !found.is_empty(), "metadata of the server", "none at any place");
    let (first, document) = found.first()?.clone();
    let wanted = addresses(issuer).into_iter().next().unwrap_or_default();
    exam.judge(
        Check::ServerFirst,
        issuer,
        first == wanted,
        format!("a document at {wanted}"),
        format!("one at {first}"),
    );
    KIND.ask_otherwise(exam, &first).await;
    for (at, document) in &found {
        judge(exam, at, document, issuer, resource);
    }
    same(exam, &found);
    Some(Server { issuer: issuer.to_owned(), document })
}

fn judge(exam: &mut Exam<'_>, at: &str, document: &Object, issuer: &str, resource: &Resource) {
    let own = document.str("issuer");
    let got = own.map_or_else(|| "none".to_owned(), quoted);
    exam.judge(Check::ServerIssuer, at, own == Some(issuer), quoted(issuer), got);
    endpoints(exam, at, document);
    flows(exam, at, document);
    let methods = texts(document, "code_challenge_methods_supported");
    exam.judge(Check::ServerPkce, at, methods.is_some(), "`code_challenge_methods_supported`", "none");
    if let Some(methods) = methods {
        let shown = quoted(&methods.join(", "));
        exam.judge(Check::ServerS256, at, methods.contains(&"S256"), "`S256`", &shown);
        exam.judge(Check::ServerPlain, at, !methods.contains(&"plain"), "no `plain`", &shown);
    }
    let iss = document.get("authorization_response_iss_parameter_supported").and_then(Value::as_bool);
    exam.judge(
        Check::ServerIss,
        at,
        iss == Some(true),
        "true",
        iss.map_or_else(|| "none".into(), |i| i.to_string()),
    );
    algorithms(exam, at, document);
    let empty = empty_lists(document).join("`, `");
    exam.judge(Check::ServerEmpty, at, empty.is_empty(), "no empty list", format!("`{empty}` is one"));
    if let Some(resources) = texts(document, "protected_resources") {
        let own = exam.at();
        let named = resources.contains(&resource.identifier.as_str()) || resources.contains(&own.as_str());
        let expected = quoted(&resource.identifier);
        exam.judge(Check::ServerResources, at, named, expected, format!("{} others", resources.len()));
    }
}

fn endpoints(exam: &mut Exam<'_>, at: &str, document: &Object) {
    for name in ["authorization_endpoint", "token_endpoint"] {
        let there = document.str(name).is_some();
        exam.judge(Check::ServerEndpoints, at, there, format!("`{name}`"), "none");
    }
    for (name, value) in document.iter().filter(|(n, _)| n.ends_with("_endpoint") || *n == "jwks_uri") {
        let Some(address) = value.as_str() else { continue };
        let shown = format!("`{name}`: {}", quoted(address));
        exam.judge(Check::ServerHttps, at, is_secure(address), "`https`", &shown);
        exam.judge(Check::ServerFragment, at, !address.contains('#'), "no fragment", &shown);
    }
}

fn flows(exam: &mut Exam<'_>, at: &str, document: &Object) {
    let kinds = texts(document, "response_types_supported");
    let shown = kinds.as_ref().map_or_else(|| "none".to_owned(), |k| quoted(&k.join(", ")));
    let code = kinds.as_ref().is_some_and(|k| k.contains(&"code"));
    exam.judge(Check::ServerResponseTypes, at, code, "`code`", &shown);
    let implicit = kinds.unwrap_or_default().iter().any(|k| k.split(' ').any(|k| k == "token"));
    // Without the member, the document says that there is an implicit grant (RFC 8414 §2).
    let grants =
        texts(document, "grant_types_supported").unwrap_or_else(|| vec!["authorization_code", "implicit"]);
    let old = implicit || grants.iter().any(|g| ["implicit", "password"].contains(g));
    let got = format!("grants {}, response types {shown}", quoted(&grants.join(", ")));
    exam.judge(Check::ServerImplicit, at, !old, "neither", got);
    // Without the member, it is `client_secret_basic` alone (RFC 8414 §2).
    let methods = texts(document, "token_endpoint_auth_methods_supported")
        .unwrap_or_else(|| vec!["client_secret_basic"]);
    let public = methods.contains(&"none");
    exam.judge(Check::ServerPublic, at, public, "`none`", quoted(&methods.join(", ")));
}

fn algorithms(exam: &mut Exam<'_>, at: &str, document: &Object) {
    for endpoint in ["token", "revocation", "introspection"] {
        let methods =
            texts(document, &format!("{endpoint}_endpoint_auth_methods_supported")).unwrap_or_default();
        let name = format!("{endpoint}_endpoint_auth_signing_alg_values_supported");
        let listed = texts(document, &name);
        let signed = methods.iter().any(|m| ["private_key_jwt", "client_secret_jwt"].contains(m));
        exam.judge(
            Check::ServerAlgorithms,
            at,
            !signed || listed.is_some(),
            format!("`{name}`, for clients sign there"),
            "none",
        );
        let none = listed.unwrap_or_default().contains(&"none");
        exam.judge(Check::ServerAlgorithms, at, !none, format!("no `none` in `{name}`"), "`none`");
    }
}

fn same(exam: &mut Exam<'_>, found: &[(String, Object)]) {
    let [(first, a), rest @ ..] = found else { return };
    exam.judge(Check::ServerSame, first, true, "", "");
    for (at, b) in rest {
        for name in COMMON {
            // That S256 is missing from the other document is told by a check of its own.
            let (a, b) = (a.get(name), b.get(name));
            let told = name == "code_challenge_methods_supported" && b.is_none();
            let said = |v: Option<&Value>| v.map_or_else(|| "nothing".to_owned(), |v| quoted(&v.to_string()));
            let expected = format!("`{name}` is {}, as at {first}", said(a));
            exam.judge(Check::ServerSame, at, a == b || told, expected, said(b));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_of_the_specification_in_its_order() {
        assert_eq!(
            addresses("https://auth.example.com/tenant1"),
            [
                "https://auth.example.com/.well-known/oauth-authorization-server/tenant1",
                "https://auth.example.com/.well-known/openid-configuration/tenant1",
                "https://auth.example.com/tenant1/.well-known/openid-configuration",
            ]
        );
        assert_eq!(
            addresses("https://auth.example.com/"),
            [
                "https://auth.example.com/.well-known/oauth-authorization-server",
                "https://auth.example.com/.well-known/openid-configuration",
            ]
        );
    }
}
