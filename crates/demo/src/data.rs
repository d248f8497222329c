//! Sales and staff, in SQLite.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use std::sync::{Mutex, MutexGuard};

/// The data set could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the demo's data: {0}")]
pub struct DataError(#[from] rusqlite::Error);

/// Someone on the staff.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Employee {
    /// The number in the personnel file.
    pub id: i64,
    /// The name.
    pub name: String,
    /// What they do.
    pub role: String,
    /// Who leads them, by name.
    pub manager: String,
    /// The login of who leads them.
    pub lead: String,
    /// Pay a year, in euros.
    pub salary: i64,
    /// Personal data.
    pub email: String,
}

/// The data set; several calls may use it at once.
#[derive(Debug)]
pub struct SalesData(Mutex<Connection>);

const SCHEMA: &str = "
    CREATE TABLE sale (quarter TEXT NOT NULL, region TEXT NOT NULL, euros INTEGER NOT NULL,
                       PRIMARY KEY (quarter, region));
    CREATE TABLE employee (id INTEGER PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL,
                           manager TEXT NOT NULL, lead TEXT NOT NULL,
                           salary INTEGER NOT NULL, email TEXT NOT NULL);
    INSERT INTO sale VALUES ('2026-Q2', 'North', 412000), ('2026-Q2', 'South', 388500),
                            ('2026-Q2', 'West', 251300), ('2026-Q3', 'North', 461700),
                            ('2026-Q3', 'South', 379200), ('2026-Q3', 'West', 302900);
    INSERT INTO employee VALUES
        (1, 'Alice Brandt', 'Head of Sales', 'Nora Weiss', 'nora', 98000, 'alice@example.com'),
        (2, 'Bruno Keller', 'Account Manager', 'Alice Brandt', 'alice', 64000, 'bruno@example.com'),
        (3, 'Chioma Okafor', 'Account Manager', 'Alice Brandt', 'alice', 66500, 'chioma@example.com'),
        (4, 'Dmitri Petrov', 'Controller', 'Nora Weiss', 'nora', 71000, 'dmitri@example.com'),
        (5, 'Emel Aydin', 'Sales Engineer', 'Alice Brandt', 'alice', 72000, 'emel@example.com');
";

impl SalesData {
    /// A fresh data set in memory.
    ///
    /// # Errors
    /// [`DataError`] if SQLite cannot make it.
    pub fn in_memory() -> Result<Self, DataError> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Mutex::new(connection)))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Sales of a quarter by region, in euros; empty if there are none.
    ///
    /// # Errors
    /// [`DataError`] if SQLite cannot read.
    pub fn sales(&self, quarter: &str) -> Result<Vec<(String, i64)>, DataError> {
        let db = self.lock();
        let mut query =
            db.prepare_cached("SELECT region, euros FROM sale WHERE quarter = ?1 ORDER BY region")?;
        let rows = query.query_map([quarter], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The quarters there are sales of, oldest first.
    ///
    /// # Errors
    /// [`DataError`] if SQLite cannot read.
    pub fn quarters(&self) -> Result<Vec<String>, DataError> {
        let db = self.lock();
        let mut query = db.prepare_cached("SELECT DISTINCT quarter FROM sale ORDER BY quarter")?;
        let rows = query.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Everyone on the staff.
    ///
    /// # Errors
    /// [`DataError`] if SQLite cannot read.
    pub fn employees(&self) -> Result<Vec<Employee>, DataError> {
        let db = self.lock();
        let mut query = db.prepare_cached(
            "SELECT id, name, role, manager, lead, salary, email FROM employee ORDER BY id",
        )?;
        let rows = query.query_map([], |row| {
            Ok(Employee {
                id: row.get(0)?,
                name: row.get(1)?,
                role: row.get(2)?,
                manager: row.get(3)?,
                lead: row.get(4)?,
                salary: row.get(5)?,
                email: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Gives someone another role, other pay, or both; the name of that person, or `None` if there is no such number.
    ///
    /// # Errors
    /// [`DataError`] if SQLite cannot write.
    pub fn change(
        &self,
        id: i64,
        role: Option<&str>,
        salary: Option<i64>,
    ) -> Result<Option<String>, DataError> {
        let sql = "UPDATE employee SET role = coalesce(?2, role), salary = coalesce(?3, salary)
                   WHERE id = ?1 RETURNING name";
        Ok(self.lock().query_row(sql, params![id, role, salary], |row| row.get(0)).optional()?)
    }

    /// Removes someone; the name of that person, or `None` if there is no such number.
    ///
    /// # Errors
    /// [`DataError`] if SQLite cannot write.
    pub fn remove(&self, id: i64) -> Result<Option<String>, DataError> {
        let sql = "DELETE FROM employee WHERE id = ?1 RETURNING name";
        Ok(self.lock().query_row(sql, [id], |row| row.get(0)).optional()?)
    }
}
