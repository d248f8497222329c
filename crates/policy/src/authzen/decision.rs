//! The answer (§5.5).

use prokura_oauth::json::{Object, obj};

/// A decision, and what who enforces it must or may know besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is permitted.
    pub permitted: bool,
    /// Reasons, obligations; empty if there is nothing to say.
    pub context: Object,
}

/// An answer that is none. Whoever gets one must deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    /// There is no boolean `decision`.
    #[error("`decision` is missing, or no boolean")]
    Decision,
    /// The context has another type.
    #[error("`context` must be an object")]
    Context,
}

impl Decision {
    /// A decision of which nothing else is said.
    pub fn bare(permitted: bool) -> Self {
        Self { permitted, context: Object::new() }
    }

    /// Denied, since the question cannot be answered: a status of HTTP that fits, and a sentence (§7.2.1).
    pub fn error(status: u16, message: &str) -> Self {
        let error = obj([("status", u32::from(status).into()), ("message", message.into())]);
        Self { permitted: false, context: obj([("error", error.into())]) }
    }

    /// As it is written.
    pub fn to_object(&self) -> Object {
        let mut object = obj([("decision", self.permitted.into())]);
        if !self.context.is_empty() {
            object.insert("context", self.context.clone().into());
        }
        object
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// [`DecisionError`].
    pub fn read(mut object: Object) -> Result<Self, DecisionError> {
        let permitted = object.get("decision").and_then(|d| d.as_bool()).ok_or(DecisionError::Decision)?;
        let context = match object.remove("context") {
            None => Object::new(),
            Some(context) => context.into_object().ok_or(DecisionError::Context)?,
        };
        Ok(Self { permitted, context })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::{Limits, parse};

    #[test]
    fn what_is_written_is_read_and_nothing_else_is_a_decision() {
        for decision in [Decision::bare(true), Decision::bare(false), Decision::error(404, "unknown")] {
            assert_eq!(Decision::read(decision.to_object()), Ok(decision));
        }
        for bad in
            [r#"{}"#, r#"{"decision":"true"}"#, r#"{"decision":1}"#, r#"{"decision":true,"context":[]}"#]
        {
            let object = parse(bad.as_bytes(), &Limits::TOKEN).unwrap().into_object().unwrap();
            assert!(Decision::read(object).is_err(), "{bad}");
        }
    }
}
