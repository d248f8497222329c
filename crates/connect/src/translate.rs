//! Tables: what a message of one era is in the other. Pure functions; nothing here waits or remembers.

pub(crate) mod capability;
pub(crate) mod down;
pub(crate) mod up;

use prokura_oauth::json::{Object, Value};

/// The first version in which a person can be sent to a page.
const PAGES_SINCE: &str = "2025-11-25";

/// Changes the `_meta` of a message; there is one afterwards.
fn in_meta(params: &mut Object, change: impl FnOnce(&mut Object)) {
    let mut meta = params.get("_meta").and_then(Value::as_object).cloned().unwrap_or_default();
    change(&mut meta);
    params.insert("_meta", meta.into());
}

/// Takes members out of `_meta`, and `_meta` itself if nothing is left.
fn without_meta(params: &mut Object, names: &[&str]) {
    let Some(meta) = params.get_mut("_meta").and_then(Value::as_object_mut) else { return };
    meta.retain(|name, _| !names.contains(&name));
    if meta.is_empty() {
        params.remove("_meta");
    }
}
