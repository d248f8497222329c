//! Several questions at once (§7).

use super::malformed::optional;
use super::{Act, Evaluation, Malformed, Party};
use prokura_oauth::json::{Object, Value};
use std::sync::Arc;

/// So many are taken at once.
pub const MAX_EVALUATIONS: usize = 1000;

/// Which of several evaluations are executed (§7.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Semantic {
    /// All.
    #[default]
    ExecuteAll,
    /// Those up to the first that is denied, and that one.
    DenyOnFirstDeny,
    /// Those up to the first that is permitted, and that one.
    PermitOnFirstPermit,
}

/// What `/access/v1/evaluations` is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evaluations {
    /// One question: there were no `evaluations`, or none in it. It is answered as a single one.
    One(Evaluation),
    /// Each question, or why it is none: then it is denied, and says why.
    Many(Semantic, Vec<Result<Evaluation, Malformed>>),
}

impl Semantic {
    /// Whether nothing is executed after a decision like this.
    pub fn ends_with(self, permitted: bool) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !permitted,
            Self::PermitOnFirstPermit => permitted,
        }
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExecuteAll => "execute_all",
            Self::DenyOnFirstDeny => "deny_on_first_deny",
            Self::PermitOnFirstPermit => "permit_on_first_permit",
        }
    }

    fn take(from: &mut Object) -> Result<Self, Malformed> {
        let mut options = optional(from, "options")?.unwrap_or_default();
        match options.remove("evaluations_semantic") {
            None => Ok(Self::default()),
            Some(word) => [Self::ExecuteAll, Self::DenyOnFirstDeny, Self::PermitOnFirstPermit]
                .into_iter()
                .find(|s| word.as_str() == Some(s.as_str()))
                .ok_or(Malformed::Semantic),
        }
    }
}

/// What stands at the top, for whichever evaluation does not say it.
struct Defaults {
    subject: Option<Arc<Party>>,
    action: Option<Arc<Act>>,
    resource: Option<Arc<Party>>,
    context: Arc<Object>,
}

impl Evaluations {
    /// Reads a request.
    ///
    /// # Errors
    /// [`Malformed`] for what concerns the whole of it.
    pub fn read(mut object: Object) -> Result<Self, Malformed> {
        let asked = match object.remove("evaluations") {
            None => Vec::new(),
            Some(Value::Array(asked)) => asked,
            Some(_) => return Err(Malformed::Type("evaluations".to_owned(), "an array")),
        };
        let semantic = Semantic::take(&mut object)?;
        if asked.is_empty() {
            return Evaluation::read(object).map(Self::One);
        }
        if asked.len() > MAX_EVALUATIONS {
            return Err(Malformed::TooMany(MAX_EVALUATIONS));
        }
        let defaults = Defaults::take(&mut object)?;
        let read = |(at, value)| defaults.complete(at, value);
        Ok(Self::Many(semantic, asked.into_iter().enumerate().map(read).collect()))
    }
}

impl Defaults {
    fn take(from: &mut Object) -> Result<Self, Malformed> {
        let party = |from: &mut Object, name| {
            from.contains_key(name).then(|| Party::take(from, name).map(Arc::new)).transpose()
        };
        Ok(Self {
            subject: party(from, "subject")?,
            resource: party(from, "resource")?,
            action: from.contains_key("action").then(|| Act::take(from).map(Arc::new)).transpose()?,
            context: Arc::new(optional(from, "context")?.unwrap_or_default()),
        })
    }

    /// One of the questions, with what it does not say taken as a whole from the top (§7.1.1).
    fn complete(&self, at: usize, value: Value) -> Result<Evaluation, Malformed> {
        let Value::Object(mut own) = value else {
            return Err(Malformed::Type(format!("evaluations[{at}]"), "an object"));
        };
        let party = |own: &mut Object, name: &str, default: &Option<Arc<Party>>| match default {
            Some(default) if !own.contains_key(name) => Ok(Arc::clone(default)),
            _ => Party::take(own, name).map(Arc::new),
        };
        Ok(Evaluation {
            subject: party(&mut own, "subject", &self.subject)?,
            resource: party(&mut own, "resource", &self.resource)?,
            action: match &self.action {
                Some(default) if !own.contains_key("action") => Arc::clone(default),
                _ => Arc::new(Act::take(&mut own)?),
            },
            context: optional(&mut own, "context")?.map_or_else(|| Arc::clone(&self.context), Arc::new),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::{Limits, parse};

    fn read(text: &str) -> Result<Evaluations, String> {
        let object = parse(text.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap();
        Evaluations::read(object).map_err(|e| e.to_string())
    }

    fn many(text: &str) -> (Semantic, Vec<Result<Evaluation, Malformed>>) {
        match read(text).unwrap() {
            Evaluations::Many(semantic, items) => (semantic, items),
            Evaluations::One(_) => panic!("one"),
        }
    }

    const SUBJECT: &str = r#""subject":{"type":"user","id":"a","properties":{"role":"x"}}"#;
    const ACTION: &str = r#""action":{"name":"read"}"#;
    const RESOURCE: &str = r#""resource":{"type":"doc","id":"1"}"#;

    #[test]
    fn what_is_said_replaces_the_default_as_a_whole() {
        let other = r#"{"subject":{"type":"user","id":"b"},"context":{"t":2}}"#;
        let text =
            format!(r#"{{{SUBJECT},{ACTION},{RESOURCE},"context":{{"t":1}},"evaluations":[{{}},{other}]}}"#);
        let (semantic, items) = many(&text);
        assert_eq!(semantic, Semantic::ExecuteAll);
        let [first, second] = [0, 1].map(|i: usize| items[i].clone().unwrap());
        assert_eq!((first.subject.id.as_str(), first.subject.properties.len()), ("a", 1));
        assert_eq!((second.subject.id.as_str(), second.subject.properties.len()), ("b", 0));
        assert_eq!(second.context.get("t").and_then(Value::as_u64), Some(2));
    }

    #[test]
    fn one_that_is_malformed_concerns_nobody_else() {
        let (_, items) = many(&format!(r#"{{{SUBJECT},{ACTION},"evaluations":[{{{RESOURCE}}},{{}},7]}}"#));
        assert!(items[0].is_ok());
        assert_eq!(items[1].clone().unwrap_err().to_string(), "`resource` is missing");
        assert_eq!(items[2].clone().unwrap_err().to_string(), "`evaluations[2]` must be an object");
        let (_, items) =
            many(&format!(r#"{{{SUBJECT},{ACTION},{RESOURCE},"evaluations":[{{"subject":{{"id":"b"}}}}]}}"#));
        assert_eq!(items[0].clone().unwrap_err().to_string(), "`subject.type` is missing");
    }

    #[test]
    fn without_evaluations_it_is_one_question() {
        for rest in ["", r#","evaluations":[]"#] {
            let one = read(&format!("{{{SUBJECT},{ACTION},{RESOURCE}{rest}}}"));
            assert!(matches!(one, Ok(Evaluations::One(_))), "{rest}");
            let none = read(&format!("{{{SUBJECT},{ACTION}{rest}}}"));
            assert_eq!(none, Err("`resource` is missing".to_owned()), "{rest}");
        }
    }

    #[test]
    fn what_concerns_the_whole_refuses_the_whole() {
        for (rest, why) in [
            (r#""evaluations":{}"#, "`evaluations` must be an array"),
            (r#""evaluations":[{}],"options":7"#, "`options` must be an object"),
            (
                r#""evaluations":[{}],"options":{"evaluations_semantic":"first"}"#,
                "`options.evaluations_semantic`",
            ),
            (r#""evaluations":[{}],"subject":7"#, "`subject` must be an object"),
            (r#""evaluations":[{}],"context":7"#, "`context` must be an object"),
        ] {
            let refused = read(&format!("{{{rest}}}")).unwrap_err();
            assert!(refused.starts_with(why), "{rest}: {refused}");
        }
        let many = vec!["{}"; MAX_EVALUATIONS + 1].join(",");
        assert!(read(&format!(r#"{{"evaluations":[{many}]}}"#)).unwrap_err().contains("more than 1000"));
    }

    #[test]
    fn each_semantic_ends_where_the_standard_says() {
        use Semantic::{DenyOnFirstDeny, ExecuteAll, PermitOnFirstPermit};
        let ends = |s: Semantic| (s.ends_with(true), s.ends_with(false));
        assert_eq!(
            [ExecuteAll, DenyOnFirstDeny, PermitOnFirstPermit].map(ends),
            [(false, false), (false, true), (true, false)]
        );
        for semantic in [ExecuteAll, DenyOnFirstDeny, PermitOnFirstPermit] {
            let word = semantic.as_str();
            let text =
                format!(r#"{{"options":{{"evaluations_semantic":"{word}","x":1}},"evaluations":[{{}}]}}"#);
            assert_eq!(many(&text).0, semantic);
        }
    }
}
