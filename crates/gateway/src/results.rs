//! Redact: results of an upstream are rewritten before they are released.

use crate::exchange::Exchange;
use crate::fault::Fault;
use crate::method::{List, takes_state};
use crate::oblige;
use crate::tools::Sight;
use crate::version::{Era, Version};
use prokura_oauth::json::{self, Object, Value};

impl Exchange {
    /// The result that the caller may see.
    ///
    /// # Errors
    /// [`Fault::UpstreamBad`] if it is not of its method's shape.
    pub(crate) async fn result(&self, mut result: Object) -> Result<Object, Fault> {
        let method = self.origin.method();
        oblige::after(self, &mut result).await?;
        if let Some(list) = List::of_method(method) {
            self.filter(list, &mut result).await?;
        }
        match method {
            "initialize" => forget_task_lists(&mut result),
            "server/discover" => keep_known_versions(&mut result),
            _ => {}
        }
        self.seal_result_state(&mut result);
        self.seal_tasks(method, &mut result)?;
        self.seal_related(Some(&mut result));
        self.keep_private(&mut result);
        Ok(result)
    }

    /// Takes out of a list what the caller may not do, and tools that are described otherwise than they were.
    async fn filter(&self, list: List, result: &mut Object) -> Result<(), Fault> {
        let bad = Fault::UpstreamBad("a list is not of its method's shape");
        if json::case_variant(result, &[list.member(), "nextCursor", "cacheScope"]).is_some() {
            return Err(bad);
        }
        let Some(Value::Array(entries)) = result.get_mut(list.member()) else { return Err(bad) };
        let read = |entry: Value| {
            let entry = entry.into_object().filter(|e| json::case_variant(e, &[list.key()]).is_none())?;
            let action = list.action(entry.str(list.key())?);
            Some((action, entry))
        };
        let (mut actions, mut read): (Vec<_>, Vec<_>) =
            std::mem::take(entries).into_iter().filter_map(read).unzip();
        if list == List::Tools {
            let sight = Sight { now: self.now, trace: self.trace.clone() };
            let described = self.inner.pins.see(&self.route, &read, &sight).await?;
            keep(&mut actions, &described);
            keep(&mut read, &described);
        }
        let reached: Vec<_> = actions.iter().map(|action| self.reaches(action)).collect();
        keep(&mut actions, &reached);
        keep(&mut read, &reached);
        let asked: Vec<_> = actions.iter().collect();
        let all = self.inner.pins.now().await?;
        let known = all.get(&self.route.name).filter(|_| list == List::Tools);
        keep(&mut read, &self.permitted(&asked, known));
        *entries = read.into_iter().map(Value::Object).collect();
        if let Some(next) = result.str("nextCursor").map(|c| self.seal_cursor(c)) {
            result.insert("nextCursor", Value::from(next));
        }
        Ok(())
    }

    fn seal_result_state(&self, result: &mut Object) {
        if !result.contains_key("requestState") {
            return;
        }
        let sealed = result.str("requestState").filter(|_| takes_state(self.origin.method()));
        match sealed.map(|state| self.seal_state(state)) {
            Some(sealed) => result.insert("requestState", Value::from(sealed)),
            None => drop(result.remove("requestState")),
        }
    }

    /// Seals the ids of tasks: in the legacy era a new one stands in `task`; since SEP-2663 at the top.
    fn seal_tasks(&self, method: &str, result: &mut Object) -> Result<(), Fault> {
        let bad = Fault::UpstreamBad("a task without an id");
        let is_task = result.str("resultType") == Some("task");
        if is_task || matches!(method, "tasks/get" | "tasks/cancel") && result.contains_key("taskId") {
            return if self.seal_own_task(Some(result)) { Ok(()) } else { Err(bad) };
        }
        if let Some(Value::Object(task)) = result.get_mut("task")
            && method == "tools/call"
            && task.contains_key("taskId")
            && !self.seal_own_task(Some(task))
        {
            return Err(bad);
        }
        Ok(())
    }

    /// What was filtered or read with a token is not shared between tokens (MCP 2026-07-28, "Caching"), nor is anything of
    /// which policies were asked: they may say another thing of the next who asks.
    fn keep_private(&self, result: &mut Object) {
        let method = self.origin.method();
        let cacheable = List::of_method(method).is_some() || method == "resources/read";
        let caches =
            self.era == Era::Modern && cacheable && (self.asking.is_some() || method != "resources/read");
        let shared = self.route.policy.is_public() && self.asking.is_none();
        if !shared && (caches || result.contains_key("cacheScope")) {
            result.insert("cacheScope", "private".into());
        }
    }
}

/// Keeps of `all` what `kept` says so of.
fn keep<T>(all: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    all.retain(|_| kept.next() == Some(&true));
}

/// Lists of tasks are not offered: see `method`.
fn forget_task_lists(result: &mut Object) {
    if let Some(Value::Object(capabilities)) = result.get_mut("capabilities")
        && let Some(Value::Object(tasks)) = capabilities.get_mut("tasks")
    {
        tasks.remove("list");
    }
}

/// A client is told only of versions that are relayed.
fn keep_known_versions(result: &mut Object) {
    if let Some(Value::Array(versions)) = result.get_mut("supportedVersions") {
        versions.retain(|v| v.as_str().and_then(Version::parse).is_some());
    }
}
