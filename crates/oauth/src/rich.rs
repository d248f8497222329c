//! Rich authorization requests (RFC 9396) with the type `mcp_tool`: which tools, with which arguments.
//!
//! ```json
//! [{"type":"mcp_tool","locations":["https://as.example/mcp/crm"],"actions":["generate_summary"],
//!   "constraints":[["<=",".days",30]]}]
//! ```
//!
//! Reading is strict: what is not understood is refused, since whatever is skipped is a condition that nobody keeps
//! (RFC 9396 §5).

mod budget;
mod constraint;

pub use budget::{Bounded, budget_value, parse_bounded, read_budget};
pub use constraint::{NO_ARGUMENTS, to_value as constraint_value};

use crate::json::{self, JsonError, Limits, Object, Value, obj};
use prokura_core::{Detail, Details, InvalidBudget, InvalidDetail, InvalidPath, ResourceUri};

/// The one type that is served.
pub const TYPE: &str = "mcp_tool";
/// How large the JSON may be: it travels in a token.
const LIMITS: Limits = Limits { max_bytes: 4096, max_depth: 6 };
/// The members of a detail.
const MEMBERS: [&str; 4] = ["type", "locations", "actions", "constraints"];

/// Details that are refused. The sentences are for the developer of the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RichError {
    /// No JSON that is accepted, or over 4,096 bytes.
    #[error("`authorization_details` is no JSON that is accepted here: {0}")]
    Json(#[from] JsonError),
    /// No list, or an empty one, or a member that is no object.
    #[error("`authorization_details` must be a list of at least one object")]
    List,
    /// A type that is not served, or none.
    #[error("the only authorization details type here is `mcp_tool`")]
    Type,
    /// A member that is not understood.
    #[error("`{0}` is no member of `mcp_tool`: it has `type`, `locations`, `actions` and `constraints`")]
    Member(String),
    /// `locations` is not the one resource that the request is for.
    #[error("`locations` must hold the resource of the request and nothing else")]
    Location,
    /// `actions` is missing, empty, or no list of names.
    #[error("`actions` must be a list of the names of tools, at least one")]
    Actions,
    /// `constraints` is no list, or empty.
    #[error("`constraints` must be a list of at least one constraint, or left out")]
    Constraints,
    /// A budget that cannot be read.
    #[error("`budget` cannot be kept: {0}")]
    Budget(&'static str),
    /// A budget that cannot be kept.
    #[error("{0}")]
    Bound(#[from] InvalidBudget),
    /// A constraint that cannot be read.
    #[error("a constraint is `[operator, path, value]`: {0}")]
    Constraint(&'static str),
    /// A path that cannot be read.
    #[error("{0}")]
    Path(#[from] InvalidPath),
    /// More than is kept.
    #[error("{0}")]
    Detail(#[from] InvalidDetail),
}

/// Reads the parameter `authorization_details` of a request for `resource`.
///
/// # Errors
/// [`RichError`]; all of them mean `invalid_authorization_details` (RFC 9396 §5).
pub fn parse(text: &str, resource: &ResourceUri) -> Result<Details, RichError> {
    read(&json::parse(text.as_bytes(), &LIMITS)?, resource)
}

/// The resource that all details of a parameter name in `locations`, if they name one and the same: what a request
/// without `resource` means.
pub fn location(text: &str) -> Option<String> {
    let value = json::parse(text.as_bytes(), &LIMITS).ok()?;
    let mut locations =
        value.as_array()?.iter().map(|d| match d.as_object()?.get("locations")?.as_array()? {
            [only] => only.as_str(),
            _ => None,
        });
    let first = locations.next()??;
    locations.all(|l| l == Some(first)).then(|| first.to_owned())
}

/// Reads details that were parsed already: of a claim, or of a request object.
///
/// # Errors
/// [`RichError`].
pub fn read(value: &Value, resource: &ResourceUri) -> Result<Details, RichError> {
    let list = value.as_array().filter(|l| !l.is_empty()).ok_or(RichError::List)?;
    let one = |v: &Value| detail(v.as_object().ok_or(RichError::List)?, resource);
    Ok(Details::new(list.iter().map(one).collect::<Result<Vec<_>, _>>()?)?)
}

/// The details of our type in the claims of a token of any server. Those of other types are none of ours; one of ours that
/// cannot be read is a limit that cannot be kept.
///
/// # Errors
/// [`RichError`]; the token must not be taken.
pub fn of_claims(claims: &Object, resource: &ResourceUri) -> Result<Details, RichError> {
    let Some(claim) = claims.get("authorization_details") else { return Ok(Details::default()) };
    let of_ours = |v: &&Value| v.as_object().is_none_or(|o| o.str("type").is_none_or(|t| t == TYPE));
    let ours: Vec<Value> = claim.as_array().ok_or(RichError::List)?.iter().filter(of_ours).cloned().collect();
    if ours.is_empty() { Ok(Details::default()) } else { read(&Value::Array(ours), resource) }
}

fn detail(o: &Object, resource: &ResourceUri) -> Result<Detail, RichError> {
    if o.str("type") != Some(TYPE) {
        return Err(RichError::Type);
    }
    if let Some(unknown) = o.keys().find(|k| !MEMBERS.contains(k)) {
        return Err(RichError::Member(unknown.chars().filter(char::is_ascii_graphic).take(64).collect()));
    }
    if let Some(locations) = o.get("locations") {
        match locations.as_array() {
            Some([only]) if names(only, resource) => {}
            _ => return Err(RichError::Location),
        }
    }
    let tools = o.get("actions").and_then(Value::as_array).filter(|a| !a.is_empty());
    let tools = tools.and_then(|t| t.iter().map(|n| Some(n.as_str()?.to_owned())).collect());
    let tools: Vec<String> = tools.ok_or(RichError::Actions)?;
    let constraints = match o.get("constraints").map(Value::as_array) {
        None => &[],
        Some(Some([])) | Some(None) => return Err(RichError::Constraints),
        Some(Some(constraints)) => constraints,
    };
    let constraints = constraints.iter().map(constraint::read).collect::<Result<Vec<_>, _>>()?;
    Ok(Detail::new(tools, constraints)?)
}

fn names(location: &Value, resource: &ResourceUri) -> bool {
    location.as_str().and_then(|l| ResourceUri::parse(l).ok()).is_some_and(|l| l == *resource)
}

/// Details on the wire: a claim, a member of an answer.
pub fn to_value(details: &Details, resource: &ResourceUri) -> Value {
    Value::Array(details.iter().map(|d| Value::Object(detail_object(d, resource))).collect())
}

fn detail_object(detail: &Detail, resource: &ResourceUri) -> Object {
    let mut o = obj([
        ("type", TYPE.into()),
        ("locations", [resource.as_str()].into_iter().collect()),
        ("actions", detail.tools().collect()),
    ]);
    if !detail.constraints().is_empty() {
        o.insert(
            "constraints",
            Value::Array(detail.constraints().iter().map(constraint::to_value).collect()),
        );
    }
    o
}

/// What would have to be asked for so that a tool may be called, without any constraint: the remedy of a refusal.
pub fn remedy(tool: &str, resource: &ResourceUri) -> Value {
    let detail = Detail::new([tool.to_owned()], []).ok();
    Value::Array(detail.iter().map(|d| Value::Object(detail_object(d, resource))).collect())
}

/// The text of details, as it is stored; empty if there are none.
pub fn to_text(details: &Details, resource: &ResourceUri) -> String {
    if details.is_empty() { String::new() } else { to_value(details, resource).to_string() }
}

/// Reads what [`to_text`] wrote.
///
/// # Errors
/// [`RichError`].
pub fn of_text(text: &str, resource: &ResourceUri) -> Result<Details, RichError> {
    if text.is_empty() {
        Ok(Details::default())
    } else {
        read(&json::parse(text.as_bytes(), &STORED)?, resource)
    }
}

/// Written out by this server, and so longer than what is taken: the conjunction of several, with their locations.
const STORED: Limits = Limits { max_bytes: 256 << 10, max_depth: 6 };

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::NotAllowed;

    fn resource() -> ResourceUri {
        ResourceUri::parse("https://as.example/mcp/crm").unwrap()
    }

    fn read(text: &str) -> Result<Details, RichError> {
        parse(&text.replace('\'', "\""), &resource())
    }

    const USUAL: &str = r#"[{"type":"mcp_tool","locations":["https://as.example/mcp/crm"],"actions":["generate_summary"],"constraints":[["<=",".days",30],["in",".region",["eu","us"]],["present",".to"]]}]"#;

    #[test]
    fn details_come_back_as_they_were_written() {
        let details = parse(USUAL, &resource()).unwrap();
        assert_eq!(to_value(&details, &resource()).to_string(), USUAL);
        assert_eq!(of_text(&to_text(&details, &resource()), &resource()), Ok(details));
        assert_eq!(of_text("", &resource()), Ok(Details::default()));
    }

    #[test]
    fn arguments_are_read_by_the_strict_reader_and_decided_exactly() {
        let details = parse(USUAL, &resource()).unwrap();
        let allows = |text: &str| {
            let arguments = json::parse(text.as_bytes(), &Limits::MESSAGE).unwrap();
            details.check("generate_summary", Some(&arguments)).is_ok()
        };
        assert!(allows(r#"{"days":30,"region":"eu","to":"a"}"#));
        assert!(allows(r#"{"days":3.0e1,"region":"us","to":""}"#));
        for refused in [
            r#"{"days":30.000000000000000001,"region":"eu","to":"a"}"#,
            r#"{"days":"30","region":"eu","to":"a"}"#,
            r#"{"days":30,"region":"EU","to":"a"}"#,
            r#"{"days":30,"region":"eu","to":null}"#,
            r#"{"days":30,"region":"eu"}"#,
            r#"{"days":30,"Days":99,"region":"eu","to":"a"}"#,
            r#"{"dayſ":99,"days":30,"region":"eu","to":"a"}"#,
            r#"{"da\u200bys":99,"days":30,"region":"eu","to":"a"}"#,
            "[]",
            "{}",
        ] {
            assert!(!allows(refused), "{refused}");
        }
        let other = json::parse(b"{}", &Limits::MESSAGE).unwrap();
        assert_eq!(details.check("Generate_summary", Some(&other)), Err(NotAllowed::Unnamed));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        use RichError as E;
        let usual = "'type':'mcp_tool','actions':['a']";
        for (text, error) in [
            ("{}".to_owned(), E::List),
            ("[]".to_owned(), E::List),
            ("[1]".to_owned(), E::List),
            ("[{'actions':['a']}]".to_owned(), E::Type),
            ("[{'type':'payment','actions':['a']}]".to_owned(), E::Type),
            ("[{'type':['mcp_tool'],'actions':['a']}]".to_owned(), E::Type),
            (format!("[{{{usual},'datatypes':['x']}}]"), E::Member("datatypes".into())),
            (format!("[{{{usual},'Constraints':[['<=','.a',1]]}}]"), E::Member("Constraints".into())),
            (format!("[{{{usual},'locations':[]}}]"), E::Location),
            (format!("[{{{usual},'locations':'https://as.example/mcp/crm'}}]"), E::Location),
            (format!("[{{{usual},'locations':['https://as.example/mcp/hr']}}]"), E::Location),
            (
                format!(
                    "[{{{usual},'locations':['https://as.example/mcp/crm','https://as.example/mcp/hr']}}]"
                ),
                E::Location,
            ),
            ("[{'type':'mcp_tool'}]".to_owned(), E::Actions),
            ("[{'type':'mcp_tool','actions':[]}]".to_owned(), E::Actions),
            ("[{'type':'mcp_tool','actions':[1]}]".to_owned(), E::Actions),
            ("[{'type':'mcp_tool','actions':['']}]".to_owned(), E::Detail(InvalidDetail::Name)),
            (format!("[{{{usual},'constraints':[]}}]"), E::Constraints),
            (format!("[{{{usual},'constraints':{{}}}}]"), E::Constraints),
        ] {
            assert_eq!(read(&text), Err(error), "{text}");
        }
        assert!(matches!(read(&format!("[{{{usual},'type':'x'}}]")), Err(E::Json(_))));
        assert!(matches!(read(&format!("[{{{usual}}}{}]", " ".repeat(4096))), Err(E::Json(_))));
    }

    #[test]
    fn a_limit_of_another_server_is_kept_or_the_token_refused() {
        let read = |text: &str| {
            let value = json::parse(text.as_bytes(), &Limits::TOKEN).unwrap();
            of_claims(&obj([("authorization_details", value)]), &resource()).ok()
        };
        let tools = |text: &str| Some(read(text)?.tools().into_iter().map(str::to_owned).collect::<Vec<_>>());
        let (pay, ours) = (r#"{"type":"pay","x":1}"#, r#"{"type":"mcp_tool","actions":["a"]}"#);
        assert_eq!(tools(&format!("[{pay},{ours}]")).unwrap(), ["a"]);
        assert!(tools(&format!("[{pay}]")).unwrap().is_empty());
        let odd = r#"{"type":"mcp_tool","actions":["a"],"limit":1}"#;
        for bad in [format!("[{ours},{odd}]"), "{}".into(), "[1]".into(), r#"[{"actions":["a"]}]"#.into()] {
            assert_eq!(tools(&bad), None, "{bad}");
        }
    }

    #[test]
    fn the_one_location_that_all_name() {
        let at = |l: &str| format!(r#"{{"type":"mcp_tool","locations":[{l}],"actions":["a"]}}"#);
        let (a, b) = (at("\"https://a\""), at("\"https://b\""));
        assert_eq!(location(&format!("[{a},{a}]")).as_deref(), Some("https://a"));
        for none in [format!("[{a},{b}]"), format!("[{}]", at("")), "[]".into(), "[{}]".into(), "x".into()] {
            assert_eq!(location(&none), None, "{none}");
        }
    }
}
