//! Budgets of grants.

use crate::driver::Row;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{Amount, Budget, Grant, GrantId, Path, Sum};

/// The place of the number of calls; sums stand after it.
const CALLS: u64 = 0;

/// One row: where it stands, of which tools, which argument, how much.
type Line = (u64, String, String, u64);

impl Tx<'_> {
    pub(super) fn insert_budget(&mut self, grant: &Grant) -> Result<(), StoreError> {
        let Some(budget) = &grant.terms.budget else { return Ok(()) };
        lines(budget).into_iter().try_for_each(|bound| self.insert_bound(&grant.id, bound))
    }

    fn insert_bound(&mut self, grant: &GrantId, (place, tools, path, most): Line) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO budgets (grant_id, place, tools, path, most, used) VALUES (?1, ?2, ?3, ?4, ?5, 0)",
            params![grant.as_str(), place, &tools, &path, most],
        )
        .map(drop)
    }

    /// Bounds that stood there are lowered and keep what was used of them; new ones stand after them.
    pub(super) fn narrow_budget(&mut self, grant: &Grant) -> Result<(), StoreError> {
        let Some(budget) = &grant.terms.budget else { return Ok(()) };
        lines(budget).into_iter().try_for_each(|bound| self.lower_bound(&grant.id, bound))
    }

    fn lower_bound(&mut self, grant: &GrantId, bound: Line) -> Result<(), StoreError> {
        let lowered = self.execute(
            "UPDATE budgets SET most = ?3 WHERE grant_id = ?1 AND place = ?2",
            params![grant.as_str(), bound.0, bound.3],
        )?;
        if lowered == 0 { self.insert_bound(grant, bound) } else { Ok(()) }
    }

    /// The budget of a grant, if it has one.
    pub(super) fn budget(&mut self, grant: &GrantId) -> Result<Option<Budget>, StoreError> {
        let sql = "SELECT place, tools, path, most FROM budgets WHERE grant_id = ?1 ORDER BY place";
        let lines = self.rows(sql, params![grant.as_str()], line)?;
        if lines.is_empty() {
            return Ok(None);
        }
        let calls = lines.iter().find(|l| l.0 == CALLS).map(|l| l.3);
        let sums = lines.iter().filter(|l| l.0 != CALLS).map(sum).collect::<Result<Vec<_>, _>>()?;
        Budget::new(calls, sums).map(Some).map_err(|e| corrupt("budgets.most", e.to_string()))
    }
}

/// A budget as rows.
fn lines(budget: &Budget) -> Vec<Line> {
    let calls = budget.calls().map(|calls| (CALLS, String::new(), String::new(), calls));
    let sums = (1_u64..).zip(budget.sums()).map(|(place, sum)| {
        let tools = sum.tools.iter().cloned().collect::<Vec<_>>().join("\n");
        (place, tools, sum.path.to_string(), sum.most.millionths())
    });
    calls.into_iter().chain(sums).collect()
}

fn line(row: &Row<'_>) -> Result<Line, StoreError> {
    Ok((row.count(0)?, row.get(1)?, row.get(2)?, row.count(3)?))
}

fn sum((_, tools, path, most): &Line) -> Result<Sum, StoreError> {
    Ok(Sum {
        tools: tools.lines().map(str::to_owned).collect(),
        path: Path::parse(path).map_err(|e| corrupt("budgets.path", e.to_string()))?,
        most: Amount::of_millionths(*most).ok_or_else(|| corrupt("budgets.most", most.to_string()))?,
    })
}

fn corrupt(column: &'static str, detail: String) -> StoreError {
    StoreError::Corrupt { column, detail }
}
