//! What the company knows of its staff, and what it allows: what a gateway needs to decide about single people.

use crate::data::Employee;
use prokura_oauth::json::{Value, obj};

/// The rules of the company, in Cedar.
pub const POLICIES: &str = include_str!("../policies/staff.cedar");

/// The staff as entities, in the JSON that Cedar reads: who leads whom, and nothing that is personal.
pub fn entities(staff: &[Employee]) -> String {
    let all = staff.iter().map(|e| {
        let uid = obj([("type", "Employee".into()), ("id", e.id.to_string().into())]);
        let attrs = obj([
            ("name", e.name.as_str().into()),
            ("role", e.role.as_str().into()),
            ("lead", e.lead.as_str().into()),
        ]);
        let parents = Value::Array(Vec::new());
        Value::Object(obj([
            ("uid", Value::Object(uid)),
            ("attrs", Value::Object(attrs)),
            ("parents", parents),
        ]))
    });
    String::from_utf8_lossy(&Value::Array(all.collect()).to_vec()).into_owned()
}
