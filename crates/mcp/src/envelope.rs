//! The JSON-RPC envelope, read strictly (JSON-RPC 2.0 §4; MCP 2026-07-28, "Messages").
//!
//! What is read here is a typed message; what is forwarded is that message written out again. The bytes that
//! came in are never sent on, so a decision and its execution cannot differ.

use prokura_oauth::json::{self, Limits, Object, Value};

/// A request's id: a string or an integer (MCP forbids `null` and fractions).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Id {
    /// An integer.
    Integer(i64),
    /// A string.
    Text(String),
}

impl Id {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) if text.len() <= MAX_ID => Some(Self::Text(text.clone())),
            Value::Number(n) => n.as_i64().map(Self::Integer),
            _ => None,
        }
    }

    /// The id as it stands in a message.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Integer(n) => (*n).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }
}

/// The longest id that is a string, and the longest method, in bytes.
const MAX_ID: usize = 1024;
const MAX_METHOD: usize = 256;

/// A method and its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The method's name, exactly as sent.
    pub method: String,
    /// The parameters; MCP knows them by name only.
    pub params: Option<Object>,
}

/// One JSON-RPC message.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Asks for an answer.
    Request(Id, Call),
    /// Asks for none.
    Notification(Call),
    /// The answer to a request: a result, or an error object.
    Response(Option<Id>, Result<Object, Object>),
}

/// Bytes that are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Malformed {
    /// The JSON-RPC error code: -32700 if it is no JSON, -32600 if it is no message.
    pub code: i64,
    /// What is wrong, without repeating what was sent.
    pub reason: String,
    /// The request's id, if it could be read.
    pub id: Option<Id>,
}

/// The members of an envelope.
const MEMBERS: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

impl Message {
    /// Reads one message. A batch, a repeated member, an unknown member or one that differs from a known one
    /// only in case is refused.
    ///
    /// # Errors
    /// [`Malformed`] with the code and the sentence of the refusal.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Malformed> {
        let value = json::parse(bytes, limits).map_err(|e| Malformed {
            code: -32700,
            reason: format!("the body is no JSON that is accepted here: {e}"),
            id: None,
        })?;
        let Value::Object(envelope) = value else {
            return Err(invalid(None, "the body is not one JSON-RPC message; batches are not accepted"));
        };
        Self::read(envelope)
    }

    fn read(mut envelope: Object) -> Result<Self, Malformed> {
        let id_value = envelope.remove("id");
        let id = id_value.as_ref().and_then(Id::read);
        check_members(&envelope, id.as_ref())?;
        if envelope.str("jsonrpc") != Some("2.0") {
            return Err(invalid(id, "`jsonrpc` is not \"2.0\""));
        }
        match envelope.remove("method") {
            Some(method) => Self::read_call(id_value.is_some(), id, method, envelope),
            None => Self::read_response(id_value.as_ref(), id, envelope),
        }
    }

    fn read_call(
        has_id: bool,
        id: Option<Id>,
        method: Value,
        mut envelope: Object,
    ) -> Result<Self, Malformed> {
        let method = match method {
            Value::String(method) if !method.is_empty() && method.len() <= MAX_METHOD => method,
            _ => return Err(invalid(id, "`method` is no name")),
        };
        if envelope.contains_key("result") || envelope.contains_key("error") {
            return Err(invalid(id, "a message has either a method or a result, not both"));
        }
        let params = match envelope.remove("params") {
            None => None,
            Some(Value::Object(params)) => Some(params),
            Some(_) => return Err(invalid(id, "`params` is no object")),
        };
        let call = Call { method, params };
        match (has_id, id) {
            (true, Some(id)) => Ok(Self::Request(id, call)),
            (true, None) => Err(invalid(None, "`id` is neither a string nor an integer")),
            (false, _) => Ok(Self::Notification(call)),
        }
    }

    fn read_response(
        id_value: Option<&Value>,
        id: Option<Id>,
        mut envelope: Object,
    ) -> Result<Self, Malformed> {
        if id.is_none() && !matches!(id_value, None | Some(Value::Null)) {
            return Err(invalid(None, "`id` is neither a string nor an integer"));
        }
        if envelope.contains_key("params") {
            return Err(invalid(id, "a message with `params` has a `method`"));
        }
        match (envelope.remove("result"), envelope.remove("error")) {
            (Some(Value::Object(result)), None) if id.is_some() => Ok(Self::Response(id, Ok(result))),
            (None, Some(Value::Object(error))) if is_error(&error) => Ok(Self::Response(id, Err(error))),
            _ => Err(invalid(id, "the message is no request, no notification and no response")),
        }
    }

    /// The message as a JSON value.
    pub fn into_value(self) -> Value {
        let mut envelope = Object::default();
        envelope.insert("jsonrpc", "2.0".into());
        match self {
            Self::Request(id, call) => {
                envelope.insert("id", id.to_value());
                put_call(&mut envelope, call);
            }
            Self::Notification(call) => put_call(&mut envelope, call),
            Self::Response(id, outcome) => {
                if let Some(id) = id {
                    envelope.insert("id", id.to_value());
                }
                match outcome {
                    Ok(result) => envelope.insert("result", Value::Object(result)),
                    Err(error) => envelope.insert("error", Value::Object(error)),
                };
            }
        }
        Value::Object(envelope)
    }

    /// The message as compact JSON.
    pub fn into_bytes(self) -> Vec<u8> {
        self.into_value().to_vec()
    }

    /// The id of a request.
    pub fn request_id(&self) -> Option<&Id> {
        match self {
            Self::Request(id, _) => Some(id),
            _ => None,
        }
    }

    /// The method and parameters, unless it is a response.
    pub fn call(&self) -> Option<&Call> {
        match self {
            Self::Request(_, call) | Self::Notification(call) => Some(call),
            Self::Response(..) => None,
        }
    }
}

fn put_call(envelope: &mut Object, call: Call) {
    envelope.insert("method", call.method.into());
    if let Some(params) = call.params {
        envelope.insert("params", Value::Object(params));
    }
}

fn invalid(id: Option<Id>, reason: &str) -> Malformed {
    Malformed { code: -32600, reason: reason.to_owned(), id }
}

fn check_members(envelope: &Object, id: Option<&Id>) -> Result<(), Malformed> {
    if json::case_variant(envelope, &MEMBERS).is_some() {
        return Err(invalid(id.cloned(), "a member differs from one of JSON-RPC's only in case"));
    }
    if envelope.iter().any(|(name, _)| !MEMBERS.contains(&name)) {
        return Err(invalid(id.cloned(), "a member is none of JSON-RPC's"));
    }
    Ok(())
}

fn is_error(error: &Object) -> bool {
    error.get("code").and_then(Value::as_i64).is_some() && error.str("message").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Message, Malformed> {
        Message::parse(text.as_bytes(), &Limits::MESSAGE)
    }

    #[test]
    fn a_message_comes_back_as_it_was_meant() {
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"n":1.50}}}"#,
            r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":{}}"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"no"}}"#,
        ] {
            assert_eq!(String::from_utf8(parse(text).unwrap().into_bytes()).unwrap(), text);
        }
    }

    #[test]
    fn what_is_no_message_is_refused_with_its_code() {
        for (code, text) in [
            (-32700, "{"),
            (-32700, r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#),
            (-32600, r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#),
            (-32600, r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#),
            (-32600, r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#),
            (-32600, r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#),
            (-32600, r#"{"jsonrpc":"2.0","id":1,"method":"ping","Params":{}}"#),
            (-32600, r#"{"jsonrpc":"2.0","id":1,"method":"ping","paramſ":{}}"#),
            (-32600, r#"{"jsonrpc":"2.0","id":1,"method":"ping","extra":{}}"#),
            (-32600, r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#),
            (-32600, r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#),
            (-32600, r#"{"jsonrpc":"2.0","id":1}"#),
            (-32600, r#"{"jsonrpc":"2.0","result":{}}"#),
            (-32600, r#"{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":"y"}}"#),
        ] {
            assert_eq!(parse(text).map_err(|e| e.code), Err(code), "{text}");
        }
    }

    #[test]
    fn the_id_is_kept_where_it_can_be_read() {
        let refused = parse(r#"{"jsonrpc":"2.0","id":9,"method":"ping","METHOD":"x"}"#).unwrap_err();
        assert_eq!(refused.id, Some(Id::Integer(9)));
    }
}
