//! The shapes of results, and what of each is released where something is due.
//!
//! Under an obligation that changes results only what can be looked into is released, and only under names that are known:
//! - `structuredContent` is rewritten, and the text is written anew from it, whatever the text was;
//! - without it, texts that are JSON objects or lists are rewritten; other texts, images, sounds, links and embedded
//!   resources are not released;
//! - `resources/read` and `prompts/get` likewise; `_meta`, annotations, descriptions and messages of errors are not released;
//! - of tasks, what says how far they are, and their result as that of a call.

use super::document::{Means, block, of_block, read, text_block};
use super::due::{Done, Withheld};
use prokura_oauth::json::{self, Object, Value, obj};

/// Of a task, what says how far it is.
const TASK: [&str; 10] = [
    "taskId",
    "status",
    "createdAt",
    "lastUpdatedAt",
    "ttl",
    "ttlMs",
    "pollInterval",
    "pollIntervalMs",
    "resultType",
    "error",
];

/// What a method's result may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Of a tool, or a task that a tool made.
    Tool,
    /// Of a resource.
    Contents,
    /// Of a prompt.
    Messages,
    /// Of anything else.
    Other,
}

impl Shape {
    pub(super) fn of_method(method: &str) -> Self {
        match method {
            "tools/call" | "tasks/result" | "tasks/get" | "tasks/cancel" | "tasks/update" => Self::Tool,
            "resources/read" => Self::Contents,
            "prompts/get" => Self::Messages,
            _ => Self::Other,
        }
    }
}

/// What of a result is released.
pub(super) fn release(
    shape: Shape,
    result: &mut Object,
    means: &Means<'_>,
    done: &mut Done,
) -> Result<(), Withheld> {
    if result.contains_key("inputRequests") || result.str("resultType") == Some("input_required") {
        return Err(Withheld::Asks);
    }
    match shape {
        Shape::Tool => tool(result, means, done),
        Shape::Contents => contents(result, means, done),
        Shape::Messages => messages(result, means, done),
        Shape::Other => {
            without_meta(result);
            let says = result.keys().any(|name| !matches!(name, "resultType" | "_meta"));
            if says { Err(Withheld::Opaque) } else { Ok(()) }
        }
    }
}

fn without_meta(result: &mut Object) {
    let related = |meta: &Object| meta.get(prokura_mcp::meta::RELATED_TASK).cloned();
    let kept = result.remove("_meta").and_then(|meta| related(meta.as_object()?));
    if let Some(Value::Object(mut task)) = kept {
        task.retain(|name, _| name == "taskId");
        result.insert("_meta", Value::Object(obj([(prokura_mcp::meta::RELATED_TASK, Value::Object(task))])));
    }
}

fn tool(result: &mut Object, means: &Means<'_>, done: &mut Done) -> Result<(), Withheld> {
    if json::case_variant(result, &["content", "structuredContent", "isError", "task", "taskId"]).is_some() {
        return Err(Withheld::Shape);
    }
    if result.contains_key("taskId") {
        return task(result, means, done);
    }
    if let Some(Value::Object(mut made)) = result.remove("task") {
        task(&mut made, means, done)?;
        result.retain(|name, _| matches!(name, "resultType" | "_meta"));
        without_meta(result);
        result.insert("task", Value::Object(made));
        return Ok(());
    }
    let content = result.remove("content");
    let structured = result.remove("structuredContent").filter(|v| !v.is_null());
    let failed = result.get("isError").and_then(Value::as_bool) == Some(true);
    result.retain(|name, _| matches!(name, "resultType" | "_meta"));
    without_meta(result);
    if let Some(mut structured) = structured {
        means.document(&mut structured, done)?;
        result.insert("content", Value::Array(vec![block(Some(&structured))]));
        result.insert("structuredContent", structured);
    } else {
        let blocks = content.as_ref().and_then(Value::as_array).ok_or(Withheld::Shape)?;
        let mut texts: Vec<_> = blocks.iter().map(of_block).collect();
        means.texts(&mut texts, done)?;
        result.insert("content", texts.iter().map(|text| block(text.as_ref())).collect::<Vec<_>>().into());
    }
    if failed {
        result.insert("isError", true.into());
    }
    Ok(())
}

/// How far a task is, and what came of it.
pub(super) fn task(task: &mut Object, means: &Means<'_>, done: &mut Done) -> Result<(), Withheld> {
    let result = task.remove("result");
    task.retain(|name, _| TASK.contains(&name));
    match task.get_mut("error") {
        Some(Value::Object(error)) => hush(error),
        Some(_) => drop(task.remove("error")),
        None => {}
    }
    match result {
        Some(Value::Object(mut result)) => {
            if let Err(why) = tool(&mut result, means, done) {
                instead(&mut result, &why, done);
            }
            task.insert("result", Value::Object(result));
            Ok(())
        }
        Some(_) => Err(Withheld::Shape),
        None => Ok(()),
    }
}

fn contents(result: &mut Object, means: &Means<'_>, done: &mut Done) -> Result<(), Withheld> {
    let contents = list(result, "contents")?;
    let text = |content: &Value| {
        let content = content.as_object().filter(|c| json::case_variant(c, &["text", "blob"]).is_none())?;
        read(content.str("text").filter(|_| !content.contains_key("blob"))?)
    };
    let mut texts: Vec<_> = contents.iter().map(text).collect();
    means.texts(&mut texts, done)?;
    let released = contents.iter().zip(texts).filter_map(|(content, text)| {
        let mut content = content.as_object()?.clone();
        content.retain(|name, _| matches!(name, "uri" | "mimeType"));
        content.insert("text", text?.to_string().into());
        Some(Value::Object(content))
    });
    let released = released.collect();
    result.retain(|name, _| matches!(name, "resultType" | "ttlMs" | "cacheScope"));
    result.insert("contents", Value::Array(released));
    Ok(())
}

fn messages(result: &mut Object, means: &Means<'_>, done: &mut Done) -> Result<(), Withheld> {
    let messages = list(result, "messages")?;
    let content = |m: &Value| of_block(m.as_object()?.get("content")?);
    let mut texts: Vec<_> = messages.iter().map(content).collect();
    means.texts(&mut texts, done)?;
    let released = messages.iter().zip(&texts).map(|(message, text)| {
        let role =
            message.as_object().and_then(|m| m.str("role")).filter(|r| matches!(*r, "user" | "assistant"));
        let role = role.ok_or(Withheld::Shape)?;
        Ok(Value::Object(obj([("role", role.into()), ("content", block(text.as_ref()))])))
    });
    let released = released.collect::<Result<Vec<_>, Withheld>>()?;
    result.retain(|name, _| name == "resultType");
    result.insert("messages", Value::Array(released));
    Ok(())
}

fn list(result: &mut Object, name: &str) -> Result<Vec<Value>, Withheld> {
    match result.remove(name) {
        Some(Value::Array(list)) if json::case_variant(result, &[name]).is_none() => Ok(list),
        _ => Err(Withheld::Shape),
    }
}

/// What is answered in place of a tool's result.
pub(super) fn instead(result: &mut Object, why: &Withheld, done: &mut Done) {
    let said = format!(
        "The call was made, and its result is withheld by a policy of this organisation: {why}. Calling again does not \
         help."
    );
    let kind = result.remove("resultType").map(|_| "complete");
    *result =
        obj([("content", Value::Array(vec![Value::Object(text_block(&said))])), ("isError", true.into())]);
    if let Some(kind) = kind {
        result.insert("resultType", kind.into());
    }
    done.withheld = Some(why.word());
}

/// Leaves of an error what says of which sort it is.
pub(super) fn hush(error: &mut Object) {
    error.retain(|name, value| name == "code" && value.as_i64().is_some());
    error.insert("message", "the server reports an error; what it says of it is withheld by policy".into());
}
