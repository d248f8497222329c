//! Budgets of grants: what a call may still draw, and the drawing.

use crate::driver::Row;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{Amount, Budget, Draw, Grant, GrantId, InvalidBudget, Node, Path, Sum};

/// The place of the number of calls; sums stand after it.
const CALLS: u64 = 0;

/// One row: where it stands, of which tools, which argument, how much.
type Line = (u64, String, String, u64);

/// What one call drew of one grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// Of which.
    pub grant: GrantId,
    /// How much.
    pub draw: Draw,
    /// The argument of each sum, in the order of [`Draw::sums`].
    pub paths: Vec<Path>,
    /// Whether calls are bounded; else only the sums were drawn.
    pub bounds_calls: bool,
}

/// Why a call may not draw. It is not said whose budget it is: the caller may be far below.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undrawn {
    /// No call is left.
    #[error("the budget of calls is used up")]
    Calls,
    /// What is left of a sum is less than the call would draw.
    #[error("what is left of the budget for `{0}` does not cover this call")]
    Sum(Path),
    /// The call cannot be counted.
    #[error("{0}")]
    Uncountable(#[from] InvalidBudget),
    /// The budget is not kept in this database.
    #[error("the budget of this authorization cannot be drawn from here")]
    Elsewhere,
}

/// What is left of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetLeft {
    /// The whole of it.
    pub whole: Budget,
    /// The calls that are left, if they are bounded.
    pub calls: Option<u64>,
    /// What is left of each sum, in the order of [`Budget::sums`].
    pub sums: Vec<Amount>,
}

impl Tx<'_> {
    /// Draws what a call of `tool` with these arguments takes, from every one of these budgets or from none. Each bound is
    /// one conditional update, so that however many call at once, no more is drawn than there is.
    ///
    /// # Errors
    /// [`StoreError`]. The inner error says why the call must be refused; then nothing was drawn.
    pub fn draw(
        &mut self,
        grants: &[GrantId],
        tool: &str,
        arguments: &dyn Node,
    ) -> Result<Result<Vec<Drawn>, Undrawn>, StoreError> {
        let mut all = Vec::new();
        for grant in grants {
            let Some(left) = self.budget_left(grant)? else { return Ok(Err(Undrawn::Elsewhere)) };
            match left.draw(grant, tool, arguments) {
                Ok(drawn) => all.push(drawn),
                Err(why) => return Ok(Err(why)),
            }
        }
        for drawn in &all {
            if drawn.bounds_calls {
                self.take_bound(&drawn.grant, CALLS, drawn.draw.calls)?;
            }
            for (place, amount) in (1_u64..).zip(&drawn.draw.sums) {
                self.take_bound(&drawn.grant, place, amount.millionths())?;
            }
        }
        Ok(Ok(all))
    }

    /// That there is enough was seen before in this transaction, in which nobody else writes.
    fn take_bound(&mut self, grant: &GrantId, place: u64, amount: u64) -> Result<(), StoreError> {
        if amount == 0 {
            return Ok(());
        }
        let taken = self.execute(
            "UPDATE budgets SET used = used + ?3 WHERE grant_id = ?1 AND place = ?2 AND used + ?3 <= most",
            params![grant.as_str(), place, amount],
        )?;
        if taken == 1 {
            return Ok(());
        }
        self.fail(StoreError::Conflict(format!("the budget of {grant} was drawn at the same time")))
    }

    /// What is left of the budget of a grant; `None` if it has none here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn budget_left(&mut self, grant: &GrantId) -> Result<Option<BudgetLeft>, StoreError> {
        let Some(whole) = self.budget(grant)? else { return Ok(None) };
        let sql = "SELECT place, most, used FROM budgets WHERE grant_id = ?1 ORDER BY place";
        let read = |row: &Row<'_>| Ok((row.count(0)?, row.count(1)?.saturating_sub(row.count(2)?)));
        let left: Vec<(u64, u64)> = self.rows(sql, params![grant.as_str()], read)?;
        let calls = left.iter().find(|(place, _)| *place == CALLS).map(|(_, left)| *left);
        let sums = left.iter().filter(|(place, _)| *place != CALLS);
        let sums = sums.map(|(_, left)| Amount::of_millionths(*left).unwrap_or_default()).collect();
        Ok(Some(BudgetLeft { whole, calls, sums }))
    }

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

impl BudgetLeft {
    /// What a call draws of it, if there is so much.
    fn draw(&self, grant: &GrantId, tool: &str, arguments: &dyn Node) -> Result<Drawn, Undrawn> {
        let draw = self.whole.draw(tool, arguments)?;
        if self.calls.is_some_and(|left| left < draw.calls) {
            return Err(Undrawn::Calls);
        }
        let short = draw.sums.iter().zip(&self.sums).position(|(amount, left)| amount > left);
        let paths: Vec<_> = self.whole.sums().iter().map(|sum| sum.path.clone()).collect();
        match short.and_then(|place| paths.get(place)) {
            Some(path) => Err(Undrawn::Sum(path.clone())),
            None => {
                let bounds_calls = self.calls.is_some();
                Ok(Drawn { grant: grant.clone(), draw, paths, bounds_calls })
            }
        }
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
