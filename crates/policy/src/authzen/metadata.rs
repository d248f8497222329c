//! Metadata of a decision point (§9), with the members of the profiles for obligations and for access requests.

use super::{Malformed, SUPPORTED};
use prokura_oauth::json::{Object, Value, obj};

/// Where metadata are, below the origin and before the path of a decision point (§9.2).
pub const WELL_KNOWN: &str = "/.well-known/authzen-configuration";

/// Where a decision point can be asked what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Its identifier (`policy_decision_point`).
    pub point: String,
    /// One question.
    pub evaluation: String,
    /// Several.
    pub evaluations: Option<String>,
    /// Subjects, resources, actions.
    pub search: [Option<String>; 3],
    /// Where a deny can be turned by an approval (AuthZEN access request and approval profile).
    pub access_request: Option<String>,
    /// What it can do besides, by URN.
    pub capabilities: Vec<String>,
}

const SEARCH: [&str; 3] = ["search_subject_endpoint", "search_resource_endpoint", "search_action_endpoint"];

impl Metadata {
    /// Those of a decision point with all endpoints at their usual paths.
    pub fn of(point: &str) -> Self {
        let at = |path: &str| format!("{point}/access/v1/{path}");
        Self {
            point: point.to_owned(),
            evaluation: at("evaluation"),
            evaluations: Some(at("evaluations")),
            search: ["subject", "resource", "action"].map(|what| Some(at(&format!("search/{what}")))),
            access_request: None,
            capabilities: Vec::new(),
        }
    }

    /// The document. What has no value is left out (§9.2.2).
    pub fn to_object(&self) -> Object {
        let mut object = obj([
            ("policy_decision_point", self.point.as_str().into()),
            ("access_evaluation_endpoint", self.evaluation.as_str().into()),
        ]);
        let search = SEARCH.iter().copied().zip(&self.search);
        let rest = [
            ("access_evaluations_endpoint", &self.evaluations),
            ("access_request_endpoint", &self.access_request),
        ];
        for (name, value) in rest.into_iter().chain(search) {
            if let Some(value) = value {
                object.insert(name, value.as_str().into());
            }
        }
        if !self.capabilities.is_empty() {
            object.insert("capabilities", self.capabilities.iter().collect::<Value>());
        }
        object.insert("supported_obligations", SUPPORTED.into_iter().collect::<Value>());
        object
    }

    /// Reads the metadata of `point`, which must name itself so (§9.2.3: else another decision point's were mixed in).
    /// Signed metadata are not read; whoever needs them must not be believed by what stands beside them.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(object: &Object, point: &str) -> Result<Self, Malformed> {
        if object.str("policy_decision_point") != Some(point) {
            return Err(Malformed::Type("policy_decision_point".to_owned(), "the address that was asked"));
        }
        let at = |name: &str| match object.get(name) {
            None => Ok(None),
            Some(Value::String(at)) => Ok(Some(at.clone())),
            Some(_) => Err(Malformed::Type(name.to_owned(), "a string")),
        };
        let evaluation = "access_evaluation_endpoint";
        let [subject, resource, action] = SEARCH.map(at);
        Ok(Self {
            point: point.to_owned(),
            evaluation: at(evaluation)?.ok_or_else(|| Malformed::Missing(evaluation.to_owned()))?,
            evaluations: at("access_evaluations_endpoint")?,
            search: [subject?, resource?, action?],
            access_request: at("access_request_endpoint")?,
            capabilities: capabilities(object)?,
        })
    }
}

fn capabilities(object: &Object) -> Result<Vec<String>, Malformed> {
    let bad = || Malformed::Type("capabilities".to_owned(), "an array of strings");
    let Some(list) = object.get("capabilities") else { return Ok(Vec::new()) };
    let texts = list.as_array().ok_or_else(bad)?.iter().map(|c| c.as_str().map(str::to_owned));
    texts.collect::<Option<_>>().ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_are_read_by_whoever_asked_for_them() {
        let mut own = Metadata::of("https://pdp.example/a");
        own.access_request = Some("https://pdp.example/a/access/v1/requests".into());
        own.capabilities = vec!["urn:openid:authzen:capability:access-request".into()];
        let object = own.to_object();
        assert_eq!(Metadata::read(&object, "https://pdp.example/a"), Ok(own));
        assert!(Metadata::read(&object, "https://pdp.example").is_err());
        let mut less = object.clone();
        less.remove("access_evaluation_endpoint");
        assert!(Metadata::read(&less, "https://pdp.example/a").is_err());
        assert_eq!(
            object.str("search_action_endpoint"),
            Some("https://pdp.example/a/access/v1/search/action")
        );
    }
}
