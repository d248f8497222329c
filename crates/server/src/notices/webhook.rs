//! The operator's webhook (Standard Webhooks): what is asked of people, and what they decided.

use super::tell::Told;
use crate::approvals;
use crate::server::AppState;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use prokura_core::TaskId;
use prokura_egress::{Ask, FetchUrl};
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::webhook::{ID, SIGNATURE, TIMESTAMP};
use prokura_store::Notice;
use prokura_ui::{ENGLISH, When};

/// The request that tells it, and where it goes. It is signed anew each time; the id stays.
pub(super) async fn request(app: &AppState, notice: &Notice) -> Result<(FetchUrl, Ask), Told> {
    let Some((url, secret)) = &app.notices.webhook else {
        return Err(Told::Never("there is no webhook any more".to_owned()));
    };
    let data = data(app, notice).await?;
    let now = app.clock.now().seconds();
    let body = obj([
        ("type", notice.event.as_str().into()),
        ("timestamp", When::at(notice.made_at.seconds(), now, &ENGLISH).machine.into()),
        ("data", Value::Object(data)),
    ])
    .to_vec();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let signature = secret.sign(&notice.id, now, &body);
    for (name, value) in [(ID, notice.id.clone()), (TIMESTAMP, now.to_string()), (SIGNATURE, signature)] {
        let value = HeaderValue::try_from(value).map_err(|e| Told::Never(e.to_string()))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok((url.clone(), Ask { method: Method::POST, headers, body: Bytes::from(body) }))
}

/// What is told of an approval: what its page shows, and no more.
async fn data(app: &AppState, notice: &Notice) -> Result<Object, Told> {
    let id = TaskId::parse(notice.about.as_str()).map_err(|e| Told::Never(e.to_string()))?;
    let told = approvals::told(&app.people, &id).await;
    let told = told.map_err(|e| Told::Again(format!("the approval cannot be read: {e}")))?;
    told.ok_or_else(|| Told::Never("the approval is no longer known".to_owned()))
}
