//! What is kept while a client waits for a user who is elsewhere.

use prokura_core::{AskId, ClientId, ResourceUri, TaskId, Timestamp, TraceId, UserId};
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use prokura_store::StoreError;
use std::time::Duration;

/// The question that a client put before a user who is elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// Its id, as in its address. It is no secret: nobody answers it but the user.
    pub id: AskId,
    /// Who is asked, and nobody else.
    pub user: UserId,
    /// When the client asked.
    pub at: Timestamp,
    /// The question is over from then on.
    pub until: Timestamp,
    /// The address that the client asked from, as it is shown.
    pub from: String,
    /// What client and user compare.
    pub message: Option<String>,
}

/// What a client waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The answer to a question, at this resource.
    Ask(AskId, ResourceUri),
    /// What becomes of an approval.
    Task(TaskId),
}

/// What an `auth_req_id` is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Polling {
    pub(crate) client: ClientId,
    pub(crate) subject: Subject,
    pub(crate) until: Timestamp,
    pub(crate) interval: Duration,
    /// When the client last asked.
    pub(crate) last: Timestamp,
    pub(crate) trace: TraceId,
}

impl Called {
    pub(crate) fn to_object(&self) -> Object {
        let mut o = obj([
            ("id", self.id.as_str().into()),
            ("user", self.user.as_str().into()),
            ("at", self.at.micros().into()),
            ("until", self.until.micros().into()),
            ("from", self.from.as_str().into()),
        ]);
        if let Some(message) = &self.message {
            o.insert("message", message.as_str().into());
        }
        o
    }

    pub(crate) fn read(o: &Object) -> Option<Self> {
        Some(Self {
            id: AskId::parse(o.str("id")?).ok()?,
            user: UserId::parse(o.str("user")?).ok()?,
            at: time(o, "at")?,
            until: time(o, "until")?,
            from: o.str("from")?.to_owned(),
            message: o.str("message").map(str::to_owned),
        })
    }
}

impl Polling {
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut o = obj([
            ("client", self.client.as_str().into()),
            ("until", self.until.micros().into()),
            ("interval", self.interval.as_secs().into()),
            ("last", self.last.micros().into()),
            ("trace", self.trace.as_str().into()),
        ]);
        match &self.subject {
            Subject::Ask(ask, resource) => {
                o.insert("ask", ask.as_str().into());
                o.insert("resource", resource.as_str().into());
            }
            Subject::Task(task) => o.insert("task", task.as_str().into()),
        }
        o.to_vec()
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let o = json::parse(bytes, &Limits::DOCUMENT).ok()?.into_object()?;
            let subject = match o.str("task") {
                Some(task) => Subject::Task(TaskId::parse(task).ok()?),
                None => {
                    let resource = ResourceUri::parse_exact(o.str("resource")?).ok()?;
                    Subject::Ask(AskId::parse(o.str("ask")?).ok()?, resource)
                }
            };
            Some(Self {
                client: ClientId::parse(o.str("client")?).ok()?,
                subject,
                until: time(&o, "until")?,
                interval: Duration::from_secs(o.get("interval")?.as_u64()?),
                last: time(&o, "last")?,
                trace: TraceId::parse(o.str("trace")?).ok()?,
            })
        };
        let detail = "it cannot be read back".to_owned();
        read().ok_or(StoreError::Corrupt { column: "artifacts.payload", detail })
    }
}

fn time(o: &Object, name: &str) -> Option<Timestamp> {
    o.get(name).and_then(Value::as_i64).map(Timestamp::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_comes_back() {
        let resource = ResourceUri::parse("https://as.example/mcp/x").unwrap();
        let ask = Subject::Ask(AskId::parse("ask_1").unwrap(), resource);
        for subject in [ask, Subject::Task(TaskId::parse("apt_1").unwrap())] {
            let polling = Polling {
                client: ClientId::parse("desk").unwrap(),
                subject,
                until: Timestamp::from_micros(7),
                interval: Duration::from_secs(10),
                last: Timestamp::from_micros(-3),
                trace: TraceId::parse("tr_1").unwrap(),
            };
            assert_eq!(Polling::read(&polling.to_vec()).unwrap(), polling);
        }
        assert!(Polling::read(b"{}").is_err() && Polling::read(b"x").is_err());
        let called = Called {
            id: AskId::parse("ask_1").unwrap(),
            user: UserId::parse("usr_alice").unwrap(),
            at: Timestamp::from_seconds(1),
            until: Timestamp::from_seconds(2),
            from: "2001:db8::1".into(),
            message: Some("W4SCT".into()),
        };
        assert_eq!(Called::read(&called.to_object()), Some(called.clone()));
        let silent = Called { message: None, ..called };
        assert_eq!(Called::read(&silent.to_object()), Some(silent));
    }
}
