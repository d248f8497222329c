//! How often: a subject may do one thing through one actor so many times.
//!
//! Counted in memory, as the limit on calls is (see `limit`): each process counts for itself, and starts anew when it does.
//! What must hold over restarts and processes is a budget of the grant, which is drawn in the database.

use crate::fault::Fault;
use crate::limit::Verdict;
use crate::scene::Scene;
use crate::walk::site;
use prokura_core::{Action, Rate, Timestamp};

/// Counts a call. Two obligations on the same call count each for itself.
///
/// # Errors
/// [`Fault::RateLimited`].
pub(super) fn take(scene: &Scene, action: Option<&Action>, rate: Rate, now: Timestamp) -> Result<(), Fault> {
    let Rate { calls, per } = rate;
    let what = (scene.route.name.as_str(), action.map(|a| (a.kind.as_str(), a.name.as_str())), calls, per);
    let rates = &scene.inner.rates;
    let verdict = match scene.caller.token() {
        Some(token) => {
            let actor = token.actor().map_or("", |a| a.as_str());
            rates.take((token.subject.as_str(), actor, what), calls, per, now)
        }
        None => rates.take((scene.address.map(site), what), calls, per, now),
    };
    match verdict {
        Verdict::Go => Ok(()),
        Verdict::Wait { seconds, first } => Err(Fault::RateLimited { seconds, first }),
    }
}
