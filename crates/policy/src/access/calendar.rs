//! Times: windows by weekday and by the clock on the wall of a zone, and days on which they do not hold.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use prokura_core::Timestamp;
use std::fmt;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// How far ahead a change is looked for: every week looks like the last, but for the days that are named.
const AHEAD: Duration = Duration::from_secs(8 * 24 * 60 * 60);
/// Minutes of a day.
const DAY: u16 = 24 * 60;
/// So many windows and ranges of days a calendar may have.
const MOST: usize = 64;

/// A window on some days of the week, by the clock on the wall: from its first minute up to its last, which is no more in
/// it. If it ends no later than it begins, it goes over midnight into the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The days on which it begins: one bit for each, Monday first.
    days: u8,
    /// Minutes from midnight.
    from: u16,
    /// Minutes from midnight, at most 24 hours.
    to: u16,
}

/// Whole days, the first and the last among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    first: Date,
    last: Date,
}

/// What is no calendar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCalendar {
    /// Not a zone of the IANA database.
    #[error("`{0}` is no time zone: write an IANA name like `Europe/Berlin` or `UTC`")]
    Zone(String),
    /// Not a weekday.
    #[error("`{0}` is no day: write `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`")]
    Day(String),
    /// Not a time of day.
    #[error("`{0}` is no time of day: write it as `08:30`; a window may end at `24:00`")]
    Time(String),
    /// Not a date.
    #[error("`{0}` is no date: write it as `2026-12-24`")]
    Date(String),
    /// The last day is before the first.
    #[error("the last day is before the first: `{0}` comes before `{1}`")]
    Backwards(String, String),
    /// No window, or too many of something.
    #[error("a calendar has 1 to {MOST} windows and at most {MOST} ranges of days")]
    Size,
}

impl Window {
    /// A window on these weekdays (`mon`; all if there are none) from `from` (`08:00`) to `to` (`18:00`, `24:00`).
    ///
    /// # Errors
    /// [`InvalidCalendar`] says which word is none.
    pub fn parse(days: &[String], from: &str, to: &str) -> Result<Self, InvalidCalendar> {
        let bits = days.iter().try_fold(0, |bits, day| Ok(bits | bit(weekday(day)?)))?;
        let days = if days.is_empty() { 0b111_1111 } else { bits };
        let (from, to) = (minutes(from)?, minutes(to)?);
        if from == DAY {
            return Err(InvalidCalendar::Time("24:00".to_owned()));
        }
        Ok(Self { days, from, to })
    }

    fn begins_on(&self, day: Weekday) -> bool {
        self.days & bit(day) != 0
    }

    fn is_over_midnight(&self) -> bool {
        self.to <= self.from
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<_> = WEEK.iter().filter(|(_, d)| self.begins_on(*d)).map(|(word, _)| *word).collect();
        let days = if self.days == 0b111_1111 { "every day".to_owned() } else { days.join(", ") };
        let clock = |m: u16| format!("{:02}:{:02}", m / 60, m % 60);
        write!(f, "{days} {} to {}", clock(self.from), clock(self.to))
    }
}

impl Days {
    /// The days from `first` to `last`, both among them.
    ///
    /// # Errors
    /// [`InvalidCalendar`] says what is no date.
    pub fn parse(first: &str, last: &str) -> Result<Self, InvalidCalendar> {
        let date = |text: &str| {
            let shaped = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
            text.parse::<Date>().ok().filter(|_| shaped).ok_or_else(|| InvalidCalendar::Date(text.to_owned()))
        };
        let days = Self { first: date(first)?, last: date(last)? };
        if days.last < days.first {
            return Err(InvalidCalendar::Backwards(last.to_owned(), first.to_owned()));
        }
        Ok(days)
    }

    fn contain(&self, date: Date) -> bool {
        self.first <= date && date <= self.last
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.first, self.last)
    }
}

const WEEK: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

fn weekday(word: &str) -> Result<Weekday, InvalidCalendar> {
    let found = WEEK.iter().find(|(w, _)| *w == word);
    found.map(|(_, day)| *day).ok_or_else(|| InvalidCalendar::Day(word.to_owned()))
}

fn bit(day: Weekday) -> u8 {
    1 << day.to_monday_zero_offset()
}

fn minutes(text: &str) -> Result<u16, InvalidCalendar> {
    let invalid = || InvalidCalendar::Time(text.to_owned());
    let (hours, minutes) = text.split_once(':').filter(|_| text.len() == 5).ok_or_else(invalid)?;
    let two = |digits: &str| {
        let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|_| plain).ok_or_else(invalid)
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let all = hours * 60 + minutes;
    if minutes < 60 && all <= DAY { Ok(all) } else { Err(invalid()) }
}

/// Whether a calendar is open, from when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Whether it is.
    pub open: bool,
    /// Until when it stays so; `None` if it does not change within eight days.
    pub until: Option<Timestamp>,
}

/// What is remembered of the last question: between these two times it is so.
#[derive(Debug, Clone, Copy)]
struct Remembered {
    since: Timestamp,
    to: Timestamp,
    period: Period,
}

/// Windows in a zone, and days on which none of them holds.
///
/// A time is in it exactly if the clock on the wall of the zone shows it to be. So an hour that the clock leaves out is in
/// no window, an hour that it shows twice is in its windows twice, and the part of a window after midnight needs that the
/// day before was a day there.
pub struct Calendar {
    name: String,
    zone: TimeZone,
    windows: Vec<Window>,
    except: Vec<Days>,
    last: RwLock<Option<Remembered>>,
}

impl Calendar {
    /// These windows in the zone of that IANA name, but on no day of `except`.
    ///
    /// # Errors
    /// [`InvalidCalendar::Zone`] or [`InvalidCalendar::Size`].
    pub fn new(zone: &str, windows: Vec<Window>, except: Vec<Days>) -> Result<Self, InvalidCalendar> {
        let found = TimeZoneDatabase::bundled().get(zone);
        // The database forgives another case; one name is written in one way.
        let found = found.ok().filter(|tz| tz.iana_name() == Some(zone));
        let tz = found.ok_or_else(|| InvalidCalendar::Zone(zone.to_owned()))?;
        if windows.is_empty() || windows.len() > MOST || except.len() > MOST {
            return Err(InvalidCalendar::Size);
        }
        Ok(Self { name: zone.to_owned(), zone: tz, windows, except, last: RwLock::new(None) })
    }

    /// The name of its zone.
    pub fn zone(&self) -> &str {
        &self.name
    }

    /// Its windows.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The days on which none of them holds.
    pub fn except(&self) -> &[Days] {
        &self.except
    }

    /// Whether `at` is in it, and until when that stays so.
    pub fn period(&self, at: Timestamp) -> Period {
        let last = *self.last.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.filter(|l| l.since <= at && at < l.to) {
            return last.period;
        }
        let (period, to) = self.reckon(at);
        *self.last.write().unwrap_or_else(PoisonError::into_inner) =
            Some(Remembered { since: at, to, period });
        period
    }

    /// From boundary to boundary, until it is otherwise; and for how long the answer is known. A time that no calendar
    /// knows is in none.
    fn reckon(&self, at: Timestamp) -> (Period, Timestamp) {
        let horizon = at.after(AHEAD);
        let Some(open) = self.holds(at) else { return (Period { open: false, until: None }, at) };
        let mut next = self.boundary(at);
        while let Some(time) = next.filter(|t| *t <= horizon) {
            if self.holds(time) != Some(open) {
                return (Period { open, until: Some(time) }, time);
            }
            next = self.boundary(time);
        }
        // It must be asked again well before the horizon, which moves.
        (Period { open, until: None }, at.after(Duration::from_secs(60)))
    }

    /// Whether the clock on the wall shows a time that is in it.
    fn holds(&self, at: Timestamp) -> Option<bool> {
        let wall = self.zone.to_datetime(moment(at)?);
        if self.except.iter().any(|days| days.contain(wall.date())) {
            return Some(false);
        }
        let minute = minute_of(wall);
        Some(self.windows.iter().any(|w| {
            let today = w.begins_on(wall.weekday()) && w.from <= minute;
            match w.is_over_midnight() {
                false => today && minute < w.to,
                true => today || (minute < w.to && self.began_yesterday(w, wall.date())),
            }
        }))
    }

    /// Whether the window began on the day before `date`, which must have been a day in this zone.
    fn began_yesterday(&self, window: &Window, date: Date) -> bool {
        let Ok(before) = date.yesterday() else { return false };
        let noon = before.to_datetime(Time::constant(12, 0, 0, 0));
        let was = || !matches!(self.zone.to_ambiguous_timestamp(noon).offset(), AmbiguousOffset::Gap { .. });
        window.begins_on(before.weekday()) && was()
    }

    /// The next time after `at` at which something could change: a window begins or ends, a day ends, or the clock is put
    /// forward or back.
    fn boundary(&self, at: Timestamp) -> Option<Timestamp> {
        let now = moment(at)?;
        let wall = self.zone.to_datetime(now);
        let minute = minute_of(wall);
        let edges = self.windows.iter().flat_map(|w| [w.from, w.to]).chain([DAY]);
        let edge = edges.filter(|edge| *edge > minute).min().unwrap_or(DAY);
        let into_minute = i64::from(wall.second()) * 1_000_000 + i64::from(wall.subsec_nanosecond() / 1000);
        let by_clock = now.as_microsecond() + i64::from(edge - minute) * 60_000_000 - into_minute;
        let turned = self.zone.following(now).next().map(|t| t.timestamp().as_microsecond());
        Some(Timestamp::from_micros(turned.map_or(by_clock, |t| t.min(by_clock))))
    }
}

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Calendar({self})")
    }
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |all: Vec<String>| all.join(" or ");
        write!(f, "{}", words(self.windows.iter().map(ToString::to_string).collect()))?;
        write!(f, " in {}", self.name)?;
        if !self.except.is_empty() {
            write!(f, ", not on {}", words(self.except.iter().map(ToString::to_string).collect()))?;
        }
        Ok(())
    }
}

fn moment(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(at.micros()).ok()
}

fn minute_of(wall: DateTime) -> u16 {
    u16::from(wall.hour().unsigned_abs()) * 60 + u16::from(wall.minute().unsigned_abs())
}
