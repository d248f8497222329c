//! What databases in MaxMind's format say of an address. They are read whole into memory, tried from end to end before
//! they are believed, and read again when their files change.

use maxminddb::Reader;
use prokura_core::{Fact, FactValue, Timestamp};
use serde::Deserialize;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// A database that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "`network.databases`: `{path}`: {reason}; give a file in MaxMind's format (.mmdb), whole and readable"
)]
pub struct DatabaseError {
    path: String,
    reason: String,
}

/// What is known of the place of an address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub(crate) country: Option<Arc<Fact>>,
    pub(crate) subdivision: Option<Arc<Fact>>,
    pub(crate) asn: Option<Arc<Fact>>,
    pub(crate) anonymous: Option<Arc<Fact>>,
}

/// The databases of the configuration.
#[derive(Default)]
pub struct Databases {
    files: Vec<File>,
    max_age: Duration,
}

struct File {
    path: PathBuf,
    current: RwLock<Arc<Loaded>>,
    /// When the file that was read last was changed, and its length; also of one that was refused.
    stamp: Mutex<Stamp>,
}

type Stamp = Option<(SystemTime, u64)>;

struct Loaded {
    reader: Reader<Vec<u8>>,
    source: Arc<str>,
    built: Timestamp,
    /// It lists anonymisers: whoever is not in it is none.
    of_anonymisers: bool,
}

/// What of a record is looked at. Databases differ in what they have.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Record<'a> {
    #[serde(borrow)]
    country: Coded<'a>,
    #[serde(borrow)]
    subdivisions: Vec<Coded<'a>>,
    autonomous_system_number: Option<u32>,
    is_anonymous: bool,
    is_anonymous_vpn: bool,
    is_hosting_provider: bool,
    is_public_proxy: bool,
    is_residential_proxy: bool,
    is_tor_exit_node: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Coded<'a> {
    iso_code: Option<&'a str>,
}

impl Databases {
    /// Reads the databases at `paths`; what they say counts for `max_age` after they were built.
    ///
    /// # Errors
    /// [`DatabaseError`] if one cannot be read, or is broken anywhere.
    pub fn open(paths: &[String], max_age: Duration) -> Result<Self, DatabaseError> {
        let file = |path: &String| {
            let path = PathBuf::from(path);
            let stamp = stamp(&path);
            let current = RwLock::new(Arc::new(load(&path)?));
            Ok(File { path, current, stamp: Mutex::new(stamp) })
        };
        Ok(Self { files: paths.iter().map(file).collect::<Result<_, _>>()?, max_age })
    }

    /// Reads again what has changed; what is broken is not taken, and what was read before stays. To be called from time
    /// to time, where it may take a moment. Says how many were taken.
    pub fn refresh(&self) -> usize {
        self.files.iter().filter(|f| f.refresh()).count()
    }

    /// What is known of the place of `address`: of each thing what the first database says that knows it.
    pub(crate) fn place(&self, address: IpAddr) -> Place {
        let mut place = Place::default();
        for file in &self.files {
            let loaded = Arc::clone(&file.current.read().unwrap_or_else(PoisonError::into_inner));
            loaded.tell(address, self.max_age, &mut place);
        }
        place
    }
}

impl File {
    fn refresh(&self) -> bool {
        let found = stamp(&self.path);
        let mut last = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        if found.is_none() || *last == found {
            return false;
        }
        *last = found;
        match load(&self.path) {
            Ok(loaded) => {
                tracing::info!(path = %self.path.display(), database = %loaded.source, "a database of places was read again");
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
                true
            }
            Err(error) => {
                tracing::error!(%error, "the database that was read before stays");
                false
            }
        }
    }
}

fn stamp(path: &PathBuf) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn load(path: &PathBuf) -> Result<Loaded, DatabaseError> {
    let wrong = |reason: String| DatabaseError { path: path.display().to_string(), reason };
    let bytes = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
    let reader = Reader::from_source(bytes).map_err(|e| wrong(e.to_string()))?;
    reader.verify().map_err(|e| wrong(e.to_string()))?;
    let metadata = reader.metadata();
    let built = i64::try_from(metadata.build_epoch).map(Timestamp::from_seconds);
    let built = built.map_err(|_| wrong("it was built at no time".to_owned()))?;
    let of_anonymisers = metadata.database_type.contains("Anonymous");
    let source = metadata.database_type.as_str().into();
    Ok(Loaded { reader, source, built, of_anonymisers })
}

impl Loaded {
    fn tell(&self, address: IpAddr, max_age: Duration, place: &mut Place) {
        let found = self.reader.lookup(address).and_then(|found| found.decode::<Record<'_>>());
        let record = match found {
            Ok(record) => record,
            Err(error) => {
                tracing::debug!(%error, database = %self.source, "an address could not be looked up");
                return;
            }
        };
        let fact = |value: FactValue| {
            let (source, observed_at) = (Arc::clone(&self.source), self.built);
            Some(Arc::new(Fact { value, source, observed_at, max_age: Some(max_age) }))
        };
        let text = |text: &str| fact(FactValue::Text(text.into()));
        if self.of_anonymisers && place.anonymous.is_none() && (record.is_some() || is_public(address)) {
            let hides = record.as_ref().is_some_and(Record::hides);
            place.anonymous = fact(FactValue::Flag(hides));
        }
        let Some(record) = record else { return };
        let country = record.country.iso_code;
        let part = record.subdivisions.first().and_then(|s| s.iso_code);
        if let (None, Some(country)) = (&place.country, country) {
            place.country = text(country);
        }
        if let (None, Some(country), Some(part)) = (&place.subdivision, country, part) {
            place.subdivision = text(&format!("{country}-{part}"));
        }
        if let (None, Some(asn)) = (&place.asn, record.autonomous_system_number) {
            place.asn = fact(FactValue::Number(asn.into()));
        }
    }
}

impl Record<'_> {
    fn hides(&self) -> bool {
        self.is_anonymous
            || self.is_anonymous_vpn
            || self.is_hosting_provider
            || self.is_public_proxy
            || self.is_residential_proxy
            || self.is_tor_exit_node
    }
}

/// Whether an address is one of the world: no list of anonymisers knows of others.
fn is_public(address: IpAddr) -> bool {
    prokura_egress::special(address.to_canonical()).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_world_are_public() {
        let public = |text: &str| is_public(text.parse().unwrap());
        assert!(public("81.2.69.142") && public("2a02:d300::1") && public("::ffff:81.2.69.142"));
        for inside in [
            "10.0.0.1",
            "127.0.0.1",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "2001:db8::1",
        ] {
            assert!(!public(inside), "{inside}");
        }
    }

    #[test]
    fn what_is_no_database_is_refused_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.mmdb");
        let paths = [path.display().to_string()];
        let said = || Databases::open(&paths, Duration::from_secs(1)).map(drop).unwrap_err().to_string();
        assert!(said().contains("x.mmdb`"), "{}", said());
        std::fs::write(&path, b"not a database").unwrap();
        assert!(said().contains("in MaxMind's format"), "{}", said());
    }
}
