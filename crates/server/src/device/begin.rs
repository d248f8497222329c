//! A device asks: two codes are made, one for the device and one for its person (RFC 8628 §3.1, §3.2).

use super::waiting::{DeviceAsk, Polling};
use super::{INTERVAL, KNOWN_AFTER};
use crate::fault::Fault;
use crate::interaction::Asked;
use crate::people::Address;
use crate::server::AppState;
use http::request::Parts;
use prokura_core::{Timestamp, random_id};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::device::UserCode;
use prokura_store::{ArtifactKind, Tx};

/// User codes are short, so one may be taken; so many are tried.
const CANDIDATES: usize = 4;

/// Both codes of a device.
pub(crate) struct Codes {
    pub(crate) device: String,
    pub(crate) user: UserCode,
}

struct Job {
    asked: Asked,
    device: String,
    candidates: Vec<DeviceAsk>,
}

/// Makes the codes for a checked request, on record.
pub(crate) async fn begin(app: &AppState, parts: &Parts, asked: Asked) -> Result<Codes, Fault> {
    let (address, at) = (Address::of(parts), app.clock.now());
    let until = at.after(app.config.device.code.get());
    let candidate = |_| {
        let code = UserCode::random(&*app.rng);
        let key = app.people.user_code_key(&code);
        DeviceAsk { code, key, at, until, from: address.shown(), place: address.place() }
    };
    let job = Job {
        asked,
        device: random_id("dc_", &*app.rng),
        candidates: (0..CANDIDATES).map(candidate).collect(),
    };
    let device = job.device.clone();
    let user = app.store.transact(move |tx| job.run(tx)).await?;
    Ok(Codes { device, user })
}

impl Job {
    fn run(&self, tx: &mut Tx<'_>) -> Result<UserCode, Fault> {
        for ask in &self.candidates {
            if tx.artifact(ArtifactKind::UserCode, &ask.key)?.is_none() {
                self.put(tx, ask)?;
                return Ok(ask.code.clone());
            }
        }
        Err(Fault::TooManyCodes)
    }

    fn put(&self, tx: &mut Tx<'_>, ask: &DeviceAsk) -> Result<(), Fault> {
        let polling = Polling {
            client: self.asked.client.clone(),
            resource: self.asked.resource.clone(),
            key: ask.key.clone(),
            until: ask.until,
            interval: INTERVAL,
            last: ask.at.before(INTERVAL),
            trace: self.asked.trace.clone(),
        };
        let known = ask.until.after(KNOWN_AFTER);
        tx.put_artifact(ArtifactKind::DeviceCode, &self.device, None, &polling.to_vec(), known)?;
        let question = Asked { device: Some(ask.clone()), ..self.asked.clone() }.to_object();
        tx.put_artifact(ArtifactKind::UserCode, &ask.key, None, &question.to_vec(), known)?;
        tx.record(self.begun(ask, ask.at));
        Ok(())
    }

    fn begun(&self, ask: &DeviceAsk, now: Timestamp) -> Event {
        let trace = self.asked.trace.clone();
        let mut event = Event::new(EventKind::Issuance, "device:issue", Outcome::Permit, now, trace);
        event.client = Some(self.asked.client.clone());
        event.resource = Some(self.asked.resource.clone());
        event.details.insert("scope", self.asked.scope.to_string().into());
        event.details.insert("address", ask.from.as_str().into());
        event
    }
}
