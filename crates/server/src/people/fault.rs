//! Why a page cannot be shown, as the reader is told.

use super::{People, Visit};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use prokura_core::TraceId;
use prokura_store::StoreError;
use prokura_ui::{ENGLISH, Fault, Frame, Ident, RenderError, Shown, Template as _, Text};

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageFault {
    /// A form came without its mark, or from another site.
    #[error("the form did not carry its mark")]
    Crossed,
    /// Another browser started it.
    #[error("another browser started it")]
    Elsewhere,
    /// It was answered before, or its time is over.
    #[error("expired or answered before")]
    Expired,
    /// There is no such page, or none for this reader.
    #[error("nothing here")]
    Missing,
    /// The set-up link was used, or its time is over.
    #[error("the link was used before")]
    UsedLink,
    /// The form is larger than any of ours.
    #[error("the form is too large")]
    TooLarge,
    /// The software asked in a way that is not allowed, and its address cannot be trusted.
    #[error("{code}: {detail}")]
    Client {
        /// The protocol's error.
        code: &'static str,
        /// What exactly was refused.
        detail: String,
    },
    /// The fault is ours.
    #[error("{0}")]
    Ours(anyhow::Error),
}

impl From<StoreError> for PageFault {
    fn from(error: StoreError) -> Self {
        Self::Ours(error.into())
    }
}

impl From<crate::signin::HashError> for PageFault {
    fn from(error: crate::signin::HashError) -> Self {
        Self::Ours(error.into())
    }
}

impl From<RenderError> for PageFault {
    fn from(error: RenderError) -> Self {
        Self::Ours(error.into())
    }
}

impl PageFault {
    fn status(&self) -> StatusCode {
        match self {
            Self::Crossed | Self::Elsewhere => StatusCode::FORBIDDEN,
            Self::Expired | Self::UsedLink => StatusCode::GONE,
            Self::Missing => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Client { .. } => StatusCode::BAD_REQUEST,
            Self::Ours(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn texts(&self) -> (Text, Text) {
        let t = &ENGLISH;
        match self {
            Self::Crossed | Self::TooLarge => (t.crossed_title, t.crossed_lead),
            Self::Elsewhere => (t.elsewhere_title, t.elsewhere_lead),
            Self::Expired => (t.expired_title, t.expired_lead),
            Self::Missing => (t.missing_title, t.missing_lead),
            Self::UsedLink => (t.used_link_title, t.used_link_lead),
            Self::Client { .. } => (t.fault_title, t.fault_client),
            Self::Ours(_) => (t.ours_title, t.ours_lead),
        }
    }
}

impl People {
    /// The page that says why there is no other.
    pub(crate) fn fault(&self, fault: &PageFault, trace: &TraceId) -> Response {
        if let PageFault::Ours(error) = fault {
            tracing::error!(%trace, error = %format!("{error:#}"), "a page could not be shown");
        }
        let (title, lead) = fault.texts();
        let nonce = self.nonce();
        let page = Fault {
            frame: Frame::new(self.issuer().path(), self.issuer().authority(), &nonce, self.is_dev()),
            title,
            lead,
            detail: match fault {
                PageFault::Client { detail, .. } => Some(Shown::sentence(detail)),
                _ => None,
            },
            code: match fault {
                PageFault::Client { code, .. } => Some((*code).to_owned()),
                _ => None,
            },
            trace: Ident::new(trace.as_str()),
        };
        match page.render() {
            Ok(html) => self.leave(fault.status(), html, &nonce, None),
            Err(_) => fault.status().into_response(),
        }
    }

    /// A handler's answer as a response.
    pub(crate) fn answer(&self, visit: &Visit, result: Result<Response, PageFault>) -> Response {
        result.unwrap_or_else(|fault| self.fault(&fault, &visit.trace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_status() {
        let all = [
            (PageFault::Crossed, 403),
            (PageFault::Elsewhere, 403),
            (PageFault::Expired, 410),
            (PageFault::Missing, 404),
            (PageFault::UsedLink, 410),
            (PageFault::TooLarge, 413),
            (PageFault::Client { code: "invalid_request", detail: String::new() }, 400),
            (PageFault::Ours(anyhow::anyhow!("x")), 500),
        ];
        for (fault, status) in all {
            assert_eq!(fault.status().as_u16(), status, "{fault}");
        }
    }
}
