//! A deny that an approval could turn: the AuthZEN Access Request and Approval Profile, draft of 2026-06-02
//! (openid/authzen, commit e287920), §"Requestable Denial Context".

use prokura_core::Timestamp;
use prokura_oauth::json::{Object, obj};

/// Where and until when an approval can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRequest {
    /// Which evaluation it was (`evaluation_id`).
    pub evaluation: String,
    /// When it was (`evaluated_at`).
    pub at: Timestamp,
    /// Where to ask.
    pub endpoint: String,
    /// Until when.
    pub expires_at: Timestamp,
    /// What has to be shown there, unread: it says which deny it was.
    pub binding: String,
    /// Which sort of approval it takes.
    pub template: Option<String>,
    /// Why, for people.
    pub because: String,
}

/// What is no requestable deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "`access_request` lacks `expires_at`, or `binding_token` and `evaluation_id`, or `endpoint` is no text"
)]
pub struct InvalidAccessRequest;

impl AccessRequest {
    /// Puts it into the context of a deny.
    pub fn put(&self, context: &mut Object) {
        context.insert("evaluation_id", self.evaluation.as_str().into());
        context.insert("evaluated_at", written(self.at).into());
        context.insert("reason", "approval_required".into());
        let display =
            obj([("title", "Ask for approval".into()), ("description", self.because.as_str().into())]);
        let mut request = obj([
            ("endpoint", self.endpoint.as_str().into()),
            ("expires_at", written(self.expires_at).into()),
            ("binding_token", self.binding.as_str().into()),
            ("display", display.into()),
        ]);
        if let Some(template) = &self.template {
            request.insert("template", template.as_str().into());
        }
        context.insert("access_request", request.into());
    }

    /// Whether another decision point's deny could be turned by an approval.
    ///
    /// # Errors
    /// [`InvalidAccessRequest`]: it says so, and not how.
    pub fn offered(context: &Object) -> Result<bool, InvalidAccessRequest> {
        let Some(request) = context.get("access_request") else { return Ok(false) };
        let request = request.as_object().ok_or(InvalidAccessRequest)?;
        let bound = request.str("binding_token").or_else(|| context.str("evaluation_id")).is_some();
        let endpoint = request.get("endpoint").is_none_or(|e| e.as_str().is_some());
        let whole = request.str("expires_at").is_some() && bound && endpoint;
        whole.then_some(true).ok_or(InvalidAccessRequest)
    }
}

/// As RFC 3339 writes it.
fn written(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.seconds()).map(|t| t.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deny_says_where_an_approval_is_asked_for() {
        let mut context = Object::new();
        assert_eq!(AccessRequest::offered(&context), Ok(false));
        let request = AccessRequest {
            evaluation: "tr_1".into(),
            at: Timestamp::from_seconds(0),
            endpoint: "https://as.example/access/v1/requests".into(),
            expires_at: Timestamp::from_seconds(600),
            binding: "sealed".into(),
            template: Some("hr".into()),
            because: "raises are agreed to".into(),
        };
        request.put(&mut context);
        assert_eq!(AccessRequest::offered(&context), Ok(true));
        assert_eq!(
            (context.str("reason"), context.str("evaluation_id")),
            (Some("approval_required"), Some("tr_1"))
        );
        assert_eq!(context.str("evaluated_at"), Some("1970-01-01T00:00:00Z"));
        context.get_mut("access_request").and_then(|r| r.as_object_mut()).unwrap().remove("expires_at");
        assert_eq!(AccessRequest::offered(&context), Err(InvalidAccessRequest));
    }
}
