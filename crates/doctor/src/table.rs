//! Every check there is, in one table: what it looks at, which section says so, how to mend it.

use crate::group::{Group, Level};
use std::fmt;

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// The name that stays the same: lower case, with hyphens.
    pub id: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What it belongs to.
    pub group: Group,
    /// Which section of which document says so.
    pub section: &'static str,
    /// What has to hold.
    pub holds: &'static str,
    /// How to mend it if it does not.
    pub mend: &'static str,
}

macro_rules! checks {
    ($($check:ident $level:ident $group:ident $id:literal $section:literal $holds:literal $mend:literal)*) => {
        /// A check, by its name in the code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "its row says what it is")]
        pub enum Check { $($check),* }

        impl Check {
            /// All checks, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$check),*];

            /// Its row.
            pub fn row(self) -> &'static Row {
                match self {
                    $(Self::$check => &Row {
                        id: $id, level: Level::$level, group: Group::$group,
                        section: $section, holds: $holds, mend: $mend,
                    }),*
                }
            }
        }
    };
}

checks! {
    Https Must Reach "https" "OAuth 2.1 §1.5"
        "the address of the MCP server is `https`, or of this machine"
        "serve it over TLS: a token that is sent in the clear belongs to everybody on the way"
    McpEndpoint Must Reach "mcp-endpoint" "MCP 2026-07-28, Streamable HTTP, Sending Messages"
        "a POST of a JSON-RPC request is answered by JSON-RPC or by 401"
        "give the address of the MCP endpoint itself, with its path; nothing else may answer there"

    ChallengeStatus Must Discovery "challenge-status" "MCP 2026-07-28, Authorization, Error Handling"
        "a request without a token, if one is needed, is answered with 401"
        "answer 401; 403 is for tokens that may too little, 400 for requests that are malformed"
    ChallengeHeader Must Discovery "challenge-header" "RFC 9110 §15.5.2"
        "a 401 has `WWW-Authenticate`"
        "add `WWW-Authenticate: Bearer resource_metadata=\"…\"`"
    ChallengeScheme Must Discovery "challenge-scheme" "OAuth 2.1 §5.3.1"
        "the challenge is of the scheme `Bearer` (or `DPoP`, RFC 9449 §7.1)"
        "write `Bearer`; no other scheme leads an MCP client to authorization"
    ChallengeForm Must Discovery "challenge-form" "RFC 9110 §11.6.1, OAuth 2.1 §5.3.1"
        "the challenge can be read, and names nothing twice"
        "write `Bearer name=\"value\", name=\"value\"`: quotation marks, commas between, each name once"
    ChallengeMetadata Should Discovery "challenge-metadata" "RFC 9728 §5.1; MCP 2025-06-18, Authorization Server Location"
        "the 401 says where the metadata of the resource are"
        "add `resource_metadata=\"…\"`: clients of 2025-06-18 look nowhere else"
    ChallengeMetadataUrl Must Discovery "challenge-metadata-url" "RFC 9728 §5.1"
        "`resource_metadata` is an absolute address where the metadata are"
        "name the full address, scheme and host too, and serve the document there"
    ChallengeScope Should Discovery "challenge-scope" "MCP 2026-07-28, Authorization, Scope Selection Strategy"
        "the 401 names the scopes to ask for"
        "add `scope=\"…\"`, else clients ask for everything in `scopes_supported`"
    ChallengeOffline Should Discovery "challenge-offline" "MCP 2026-07-28, Authorization, Refresh Tokens"
        "the 401 does not name `offline_access`"
        "leave it out: a refresh token is no need of a resource"
    ChallengeError Should Discovery "challenge-error" "OAuth 2.1 §5.3.2"
        "a request without a token is told of no error"
        "leave `error` out where no token came: some clients throw their login away when they read it"
    ResourceFound Must Discovery "resource-found" "MCP 2026-07-28, Protected Resource Metadata Discovery Requirements"
        "the metadata of the resource can be found, by the challenge or at a well-known address"
        "serve RFC 9728 metadata at `/.well-known/oauth-protected-resource` followed by the path of the server"
    ResourceWellKnown Should Discovery "resource-well-known" "RFC 9728 §3"
        "the metadata stand at the well-known address with the path inserted"
        "serve the document there too; clients without the challenge look there"
    ResourceSame Should Discovery "resource-same" "RFC 9728 §3.3"
        "the metadata say the same wherever they stand"
        "serve one document at all its addresses"
    ResourceForwarded Must Discovery "resource-forwarded" "RFC 9728 §3.3, §7.3"
        "what a request says in `X-Forwarded-Host` or `Forwarded` does not get into metadata and challenges"
        "take host and scheme from the configuration; whoever sends the header chooses the authorization server of others"

    ResourceStatus Must Metadata "resource-status" "RFC 9728 §3.2"
        "the metadata of the resource come with status 200, without a redirect"
        "serve the document at this very address"
    ResourceType Must Metadata "resource-type" "RFC 9728 §3.2"
        "they are `application/json`"
        "set `Content-Type: application/json`"
    ResourceJson Must Metadata "resource-json" "RFC 9728 §3.2, RFC 8259"
        "they are one JSON object"
        "write plain JSON in UTF-8, an object at the top"
    ResourceTwice Should Metadata "resource-twice" "RFC 8259 §4"
        "no member stands twice"
        "write every member once: readers differ in which of two they take"
    ResourceIdentity Must Metadata "resource-identity" "RFC 9728 §3.3"
        "`resource` is the address that the client uses, to the letter"
        "make them equal: path, port and trailing slash too; clients throw the document away otherwise"
    ResourceForm Must Metadata "resource-form" "RFC 9728 §1.2"
        "`resource` is an `https` address (or of this machine) without a fragment"
        "write the canonical address"
    ResourceServers Must Metadata "resource-servers" "MCP 2026-07-28, Authorization Server Location"
        "`authorization_servers` names at least one"
        "name the issuer of your authorization server in an array"
    ResourceServerForm Must Metadata "resource-server-form" "RFC 8414 §2"
        "each of them is an `https` address (or of this machine) without query and fragment"
        "write the issuer identifier as its own metadata write it"
    ResourceEmpty Must Metadata "resource-empty" "RFC 9728 §3.2"
        "no member is an empty list"
        "leave the member out"
    ResourceScopes Should Metadata "resource-scopes" "RFC 9728 §2"
        "`scopes_supported` says what to ask for"
        "list the few scopes that are needed at first"
    ResourceOffline Should Metadata "resource-offline" "MCP 2026-07-28, Authorization, Refresh Tokens"
        "`scopes_supported` is without `offline_access`"
        "leave it out here; it belongs into the metadata of the authorization server"
    ResourceMethods Must Metadata "resource-methods" "MCP 2026-07-28, Authorization, Token Requirements"
        "`bearer_methods_supported`, if it is there, has `header` and not `query`"
        "write `[\"header\"]`"
    ResourceAlgorithms Must Metadata "resource-algorithms" "RFC 9728 §2"
        "`resource_signing_alg_values_supported` is without `none`"
        "leave `none` out"
    ResourceCors Should Metadata "resource-cors" "Fetch, CORS protocol"
        "a web page may read the metadata of the resource"
        "add `Access-Control-Allow-Origin: *`, else clients in a browser cannot begin"
    ServerFound Must Metadata "server-found" "MCP 2026-07-28, Authorization, Overview 5"
        "the authorization server has metadata by RFC 8414 or OpenID Connect Discovery"
        "serve them where the issuer says: `/.well-known/oauth-authorization-server`, followed by the issuer's path"
    ServerFirst Should Metadata "server-first" "MCP 2025-06-18, Authorization, Overview 3"
        "the metadata are at the first address that clients try, that of RFC 8414"
        "serve them there too: clients of 2025-06-18 and before look nowhere else"
    ServerStatus Must Metadata "server-status" "RFC 8414 §3.2"
        "a document is served with 200, and where none is, the status says so"
        "serve no redirect and no page at the well-known addresses: 200 with the document, else 404"
    ServerType Must Metadata "server-type" "RFC 8414 §3.2"
        "the metadata of the server are `application/json`"
        "set `Content-Type: application/json`"
    ServerJson Must Metadata "server-json" "RFC 8414 §3.2, RFC 8259"
        "they are one JSON object"
        "write plain JSON in UTF-8, an object at the top"
    ServerTwice Should Metadata "server-twice" "RFC 8259 §4"
        "no member stands twice"
        "write every member once: readers differ in which of two they take"
    ServerIssuer Must Metadata "server-issuer" "RFC 8414 §3.3"
        "`issuer` is what the resource names in `authorization_servers`, to the letter"
        "make them equal, trailing slash too; clients must not use the document otherwise"
    ServerSame Should Metadata "server-same" "RFC 8414 §5"
        "both documents name the same endpoints and methods"
        "make them from one source"
    ServerEndpoints Must Metadata "server-endpoints" "RFC 8414 §2"
        "`authorization_endpoint` and `token_endpoint` are there"
        "name both"
    ServerHttps Must Metadata "server-https" "MCP 2026-07-28, Communication Security"
        "every endpoint is `https`, or of this machine"
        "serve it over TLS and write `https`"
    ServerFragment Must Metadata "server-fragment" "OAuth 2.1 §3.1, §3.2"
        "no endpoint has a fragment"
        "remove everything from `#` on"
    ServerResponseTypes Must Metadata "server-response-types" "RFC 8414 §2"
        "`response_types_supported` is there and has `code`"
        "write `[\"code\"]`"
    ServerPkce Must Metadata "server-pkce" "MCP 2026-07-28, Authorization Code Protection"
        "`code_challenge_methods_supported` is there, in the OpenID document too"
        "write `[\"S256\"]`: clients must refuse to go on without it"
    ServerS256 Must Metadata "server-s256" "OAuth 2.1 §4.1.1"
        "`S256` is among them"
        "support `S256` (RFC 7636 §4.2)"
    ServerPlain Should Metadata "server-plain" "RFC 9700 §2.1.1"
        "`plain` is not"
        "take `S256` only"
    ServerIss Should Metadata "server-iss" "MCP 2026-07-28, Authorization Response Validation; RFC 9207 §3"
        "`authorization_response_iss_parameter_supported` is true"
        "send `iss` in every authorization response and say so; it will become a must"
    ServerImplicit Should Metadata "server-implicit" "OAuth 2.1 §10, §10.1"
        "neither the implicit nor the password grant is offered"
        "take `implicit`, `password` and the response types with `token` out, and write `grant_types_supported`"
    ServerPublic Should Metadata "server-public" "MCP 2026-07-28, Authorization, Overview 1"
        "clients without a secret can redeem a code"
        "add `none` to `token_endpoint_auth_methods_supported`: agents on laptops keep no secret"
    ServerAlgorithms Must Metadata "server-algorithms" "RFC 8414 §2"
        "algorithms are named where clients sign their authentication, and `none` is not"
        "write `token_endpoint_auth_signing_alg_values_supported`, without `none`"
    ServerEmpty Must Metadata "server-empty" "RFC 8414 §3.2"
        "no member is an empty list"
        "leave the member out"
    ServerResources Should Metadata "server-resources" "RFC 9728 §4"
        "`protected_resources`, if it is there, names this resource"
        "add it, or leave the member out"
    ServerForwarded Must Metadata "server-forwarded" "RFC 8414 §3.3, §6.2"
        "what a request says in `X-Forwarded-Host` or `Forwarded` does not get into the metadata"
        "take host and scheme from the configuration"
    ServerCors Should Metadata "server-cors" "OAuth 2.1 §3.2"
        "a web page may read the metadata of the server"
        "add `Access-Control-Allow-Origin: *`, else clients in a browser cannot begin"
    KeysFound Must Metadata "keys-found" "RFC 8414 §2, RFC 7517 §5"
        "`jwks_uri`, if it is there, leads to a key set"
        "serve `{\"keys\": [...]}` there, as JSON with status 200"
    KeysPrivate Must Metadata "keys-private" "RFC 7517 §9.2"
        "no key in it is private or shared"
        "take it out at once, and replace the key: everybody can sign with it"
    KeysDistinct Should Metadata "keys-distinct" "RFC 7517 §4.5"
        "each key has a `kid` of its own"
        "give every key its own `kid`, for example its thumbprint (RFC 7638)"
    KeysShape Must Metadata "keys-shape" "RFC 7517 §4, RFC 7518 §3.1"
        "each key says its type, and its algorithm fits"
        "write `kty` and what belongs to it; no `none`, no HMAC"
    KeysWeak Must Metadata "keys-weak" "RFC 7518 §3.3"
        "RSA keys have 2048 bits or more"
        "make a new key"

    RegistrationWay Should Registration "registration-way" "MCP 2026-07-28, Client Registration"
        "a client that nobody registered by hand can become known"
        "take client metadata documents, or dynamic registration: every client has to be registered by hand otherwise"
    RegistrationDocuments Should Registration "registration-documents" "MCP 2026-07-28, Authorization, Overview 2"
        "client metadata documents are taken"
        "support them and say `client_id_metadata_document_supported`; dynamic registration is deprecated"
    RegistrationError Must Registration "registration-error" "RFC 7591 §3.2.2"
        "a registration that is wrong is refused in JSON, with 400 and a code of the document"
        "answer 400 with `invalid_redirect_uri` or `invalid_client_metadata`"
    RegistrationRedirect Must Registration "registration-redirect" "MCP 2026-07-28, Communication Security"
        "no redirect URI over plain http, loopback excepted, is registered"
        "refuse it with `invalid_redirect_uri`"
    RegistrationAnswer Must Registration "registration-answer" "RFC 7591 §3.2.1"
        "a registration is answered with 201, JSON and what was registered, and may not be kept"
        "answer 201 with `client_id` and all metadata, and `Cache-Control: no-store`"

    AuthorizeGet Must Authorization "authorize-get" "OAuth 2.1 §3.1"
        "the authorization endpoint takes GET"
        "serve it: a browser comes there by a link"
    AuthorizeCors Must Authorization "authorize-cors" "OAuth 2.1 §3.1"
        "the authorization endpoint cannot be read by web pages of others"
        "send no `Access-Control-Allow-Origin` there"
    AuthorizeUnknownClient Must Authorization "authorize-unknown-client" "OAuth 2.1 §4.1.2.1"
        "a client that nobody knows is not redirected to"
        "show an error page: else the server sends people wherever a link says (open redirect)"
    AuthorizeForeignRedirect Must Authorization "authorize-foreign-redirect" "OAuth 2.1 §4.1.2.1"
        "a redirect URI that the client did not register is not redirected to"
        "show an error page"
    AuthorizeExactRedirect Must Authorization "authorize-exact-redirect" "MCP 2026-07-28, Open Redirection"
        "redirect URIs are compared to the letter"
        "compare the whole text (only the port of a loopback address may differ, RFC 8252 §7.3)"
    AuthorizePkce Must Authorization "authorize-pkce" "OAuth 2.1 §4.1.1"
        "a request without `code_challenge` is refused"
        "answer `invalid_request`, before the user is asked"
    AuthorizePlain Must Authorization "authorize-plain" "OAuth 2.1 §4.1.1"
        "`code_challenge_method=plain`, where it is not offered, is refused"
        "answer `invalid_request`"
    AuthorizeImplicit Must Authorization "authorize-implicit" "OAuth 2.1 §4.1.2.1"
        "`response_type=token`, where it is not offered, is refused"
        "answer `unsupported_response_type`"
    AuthorizeResource Should Authorization "authorize-resource" "RFC 8707 §2"
        "a resource that does not exist is refused"
        "answer `invalid_target`; a server that ignores `resource` makes tokens that are good everywhere"
    AuthorizeState Must Authorization "authorize-state" "OAuth 2.1 §4.1.2.1"
        "an error that is redirected carries `state`"
        "return `state` as it came"
    AuthorizeIss Must Authorization "authorize-iss" "RFC 9207 §2"
        "if the metadata promise `iss`, every answer has it, errors too, and it is the issuer"
        "add `iss` to every redirect"
    AuthorizeIssSaid Must Authorization "authorize-iss-said" "RFC 9207 §2.3"
        "if answers have `iss`, the metadata say so"
        "write `authorization_response_iss_parameter_supported: true`"
    AuthorizeFrame Must Authorization "authorize-frame" "OAuth 2.1 §7.10"
        "the page for people cannot be framed"
        "add `Content-Security-Policy: frame-ancestors 'none'`"

    TokenError Must Tokens "token-error" "OAuth 2.1 §3.2.4"
        "the token endpoint refuses in JSON, with 400 or 401 and `error`"
        "answer `{\"error\": \"…\"}` as `application/json`"
    TokenErrorKept Should Tokens "token-error-kept" "OAuth 2.1 §3.2.4"
        "a refusal may not be kept"
        "add `Cache-Control: no-store`"
    TokenGet Should Tokens "token-get" "OAuth 2.1 §3.2"
        "the token endpoint takes POST only"
        "answer GET with 405: what stands in an address stands in logs"
    TokenClient Should Tokens "token-client" "OAuth 2.1 §3.2.4"
        "a client that nobody knows is refused as such"
        "look at the client first, and answer `invalid_client`"
    TokenAnswer Must Tokens "token-answer" "OAuth 2.1 §3.2.3"
        "a code is redeemed for `access_token` and `token_type` `Bearer`, in JSON"
        "answer with both members"
    TokenAnswerKept Must Tokens "token-answer-kept" "OAuth 2.1 §3.2.3"
        "an answer with a token may not be kept"
        "add `Cache-Control: no-store`"
    TokenLife Should Tokens "token-life" "MCP 2026-07-28, Token Theft"
        "access tokens live an hour at most, and say how long"
        "write `expires_in`, and let tokens end in minutes"
    TokenAudience Must Tokens "token-audience" "MCP 2026-07-28, Access Token Privilege Restriction"
        "the token is for this resource"
        "stamp `aud` with the `resource` that was asked for (RFC 8707 §2)"
    TokenWorks Must Tokens "token-works" "MCP 2026-07-28, Authorization, Token Handling"
        "a token for this resource is accepted"
        "accept the tokens of the authorization server that the metadata name"
    TokenScheme Should Tokens "token-scheme" "RFC 9110 §11.1"
        "the word `Bearer` is taken in any case"
        "compare it without regard to case"
    TokenQuery Must Tokens "token-query" "MCP 2026-07-28, Authorization, Token Requirements"
        "a token in the address is not taken"
        "look at the header only: addresses stand in logs"
    TokenGarbage Must Tokens "token-garbage" "MCP 2026-07-28, Authorization, Token Handling"
        "a token that is none is answered with 401"
        "answer 401 to every token that does not hold"
    TokenChallenge Should Tokens "token-challenge" "RFC 6750 §3.1"
        "that 401 says `invalid_token`"
        "add `error=\"invalid_token\"`: the client knows then that asking again helps"
    TokenEmpty Must Tokens "token-empty" "MCP 2026-07-28, Authorization, Error Handling"
        "`Authorization` without a token, or of another scheme, is answered with 400 or 401"
        "answer 401"
    TokenUnsigned Must Tokens "token-unsigned" "RFC 8725 §3.1, §3.2"
        "a token of the algorithm `none` is answered with 401"
        "name the algorithms that are taken; `none` is not one"
    TokenForged Must Tokens "token-forged" "RFC 8725 §3.1"
        "a token that somebody else signed under the issuer's `kid` is answered with 401"
        "verify the signature, with the key of the issuer's key set"
    TokenOwnKey Must Tokens "token-own-key" "RFC 8725 §3.10"
        "a token that brings its own key along is answered with 401"
        "never take a key from `jwk`, `jku` or `x5u` of the token"
    TokenConfused Must Tokens "token-confused" "RFC 8725 §2.1, §3.1"
        "a token whose HMAC has the public key as its secret is answered with 401"
        "pin the algorithm by the key, not by the token"
    TokenTampered Must Tokens "token-tampered" "MCP 2026-07-28, Authorization, Token Handling"
        "the token with another ending is answered with 401"
        "verify the whole token"
    TokenForeign Must Tokens "token-foreign" "MCP 2026-07-28, Access Token Privilege Restriction"
        "a token of the same issuer for another resource is answered with 401"
        "compare the audience with this resource"
    CodeReuse Must Tokens "code-reuse" "OAuth 2.1 §7.5.3"
        "a code is redeemed once"
        "consume it in one atomic step"
    RefreshRotation Must Tokens "refresh-rotation" "MCP 2026-07-28, Token Theft"
        "a client without a secret gets a new refresh token with every renewal"
        "rotate it (OAuth 2.1 §4.3.1)"
    RefreshReuse Must Tokens "refresh-reuse" "OAuth 2.1 §4.3.1"
        "a refresh token that was followed by two others is refused"
        "refuse it, and end its family"

    Origin Must Transport "origin" "MCP 2026-07-28, Streamable HTTP, Security & Endpoint"
        "a request of a foreign web page is answered with 403"
        "compare `Origin` with a list of those that may call"
    Host Should Transport "host" "MCP 2026-07-28, Streamable HTTP, Security & Endpoint"
        "a request for another host is refused (DNS rebinding)"
        "compare `Host` with the names of this server"
    CrossOrigin Must Transport "cross-origin" "Fetch, CORS protocol and credentials"
        "no foreign page may read answers with the credentials of its visitor"
        "do not return every `Origin` together with `Access-Control-Allow-Credentials`"
    AnswerType Must Transport "answer-type" "MCP 2026-07-28, Streamable HTTP, Sending Messages 6"
        "a request is answered as `application/json` or `text/event-stream`"
        "set `Content-Type`"
    AnswerForm Must Transport "answer-form" "JSON-RPC 2.0 §5"
        "the answer says `jsonrpc` 2.0 and has the id of the request"
        "return the id as it came"
    SimpleRequest Should Transport "simple-request" "RFC 9110 §15.5.16; Fetch, CORS-safelisted request-header"
        "a message of the type `text/plain` is not acted on"
        "take `application/json` only: pages of others can send everything else without asking"
    NotJson Must Transport "not-json" "JSON-RPC 2.0 §5.1"
        "what is no JSON is refused"
        "answer 400 with code -32700"
    Batch Must Transport "batch" "MCP 2026-07-28, Streamable HTTP, Sending Messages 4"
        "several messages in one body are refused"
        "answer 400: batches ended with 2025-06-18"
    Twice Should Transport "twice" "RFC 7493 §2.3"
        "a message with a member twice is refused"
        "answer 400: whoever stands before the server may have read the other one"
    Notification Must Transport "notification" "MCP 2026-07-28, Streamable HTTP, Sending Messages 5"
        "a notification is answered with 202 and nothing else, or with an error"
        "answer 202 without content"
    Get Must Transport "get" "MCP 2025-11-25, Listening for Messages from the Server 3; 2026-07-28, Earlier Streamable HTTP Revisions"
        "GET opens a stream of events or is answered with 405"
        "answer 405 if there is no stream"
    VersionUnknown Must Transport "version-unknown" "MCP 2025-11-25, Protocol Version Header; 2026-07-28, Protocol Version Header"
        "a protocol version that does not exist is answered with 400"
        "compare `MCP-Protocol-Version` with those that are served"
    VersionError Must Transport "version-error" "MCP 2026-07-28, Protocol Version Negotiation"
        "that answer has code -32022 and lists the versions that are served"
        "answer with `error.code` -32022 and `error.data.supported`"
    VersionMismatch Must Transport "version-mismatch" "MCP 2026-07-28, Protocol Version Header"
        "a version in the header that differs from the body's is refused with 400 and -32020"
        "compare them"
    MethodMismatch Must Transport "method-mismatch" "MCP 2026-07-28, Server Validation"
        "an `Mcp-Method` that differs from the body's is refused with 400 and -32020"
        "compare them"
    MethodMissing Must Transport "method-missing" "MCP 2026-07-28, Server Validation"
        "a missing `Mcp-Method` is refused with 400 and -32020"
        "require it"
    NameMismatch Must Transport "name-mismatch" "MCP 2026-07-28, Server Validation"
        "an `Mcp-Name` that differs from the body's is refused with 400 and -32020"
        "compare them, before the tool is looked up"
    NameEncoded Must Transport "name-encoded" "MCP 2026-07-28, Value Encoding"
        "an `Mcp-Name` in the Base64 form is decoded before it is compared"
        "decode `=?base64?…?=`"
    MetaMissing Must Transport "meta-missing" "MCP 2026-07-28, Overview, `_meta`"
        "a request without `_meta` is refused with 400"
        "answer 400 with -32602"
    MethodUnknown Must Transport "method-unknown" "MCP 2026-07-28, Protocol Version Header"
        "a method that does not exist is answered with 404 and -32601"
        "answer 404 with the JSON-RPC error in it"
    Discover Must Transport "discover" "MCP 2026-07-28, Discovery"
        "`server/discover` tells versions and capabilities"
        "implement it: `supportedVersions` and `capabilities`"
    StreamBuffering Should Transport "stream-buffering" "MCP 2026-07-28, Streamable HTTP, Receiving Messages"
        "a stream of events has `X-Accel-Buffering: no`"
        "add the header, else proxies hold events back"
    SessionMinted Should Transport "session-minted" "MCP 2026-07-28, Earlier Streamable HTTP Revisions"
        "a modern answer begins no session"
        "send no `Mcp-Session-Id`"
    InitializeRefusal Should Transport "initialize-refusal" "MCP 2026-07-28, Backward Compatibility with Initialization-Based Versions"
        "`initialize`, where it is not served, is told which versions are"
        "name them in the error: an old client can show its user nothing else"
    Initialize Must Transport "initialize" "MCP 2025-11-25, Lifecycle, Initialization"
        "`initialize` tells `protocolVersion`, `capabilities` and `serverInfo`"
        "answer with all three"
    InitializeVersion Must Transport "initialize-version" "MCP 2025-11-25, Lifecycle, Version Negotiation"
        "`initialize` with an unknown version is answered with one that is served"
        "answer with your newest"
    SessionId Must Transport "session-id" "MCP 2025-11-25, Session Management 1"
        "a session id is of visible ASCII characters"
        "make it of letters and digits"
    SessionMissing Should Transport "session-missing" "MCP 2025-11-25, Session Management 2"
        "where sessions are, a request without one is answered with 400"
        "answer 400"
    SessionEnded Must Transport "session-ended" "MCP 2025-11-25, Session Management 3"
        "a session that ended is answered with 404"
        "answer 404: the client begins anew"
    SessionToken Must Transport "session-token" "MCP 2026-07-28, Authorization, Token Requirements"
        "a session is no authorization: without a token it is answered with 401"
        "ask for the token on every request"
}

impl Check {
    /// Its name, which stays the same.
    pub fn id(self) -> &'static str {
        self.row().id
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_check_stands_in_the_documentation() {
        let mut lines = String::new();
        for check in Check::ALL {
            let Row { id, level, group, section, holds, mend } = check.row();
            lines += &format!("{} | `{id}` | {level} | {holds} | {section} | {mend}\n", group.title());
        }
        insta::assert_snapshot!(lines);
    }

    #[test]
    fn names_are_plain_and_stand_once_and_groups_in_their_order() {
        let names: BTreeSet<_> = Check::ALL.iter().map(|c| c.id()).collect();
        assert_eq!(names.len(), Check::ALL.len());
        assert!(
            names
                .iter()
                .all(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
        );
        assert!(Check::ALL.windows(2).all(|w| w[0].row().group <= w[1].row().group));
    }
}
