//! SVIDs and bundles, with what must not be taken for one (attack rows D6, D7 and D8).
mod bundle;
mod workload_api;
mod world;
mod x509;
