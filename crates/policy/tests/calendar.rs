//! Calendars against an oracle that looks at the clock on the wall minute by minute.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use prokura_core::Timestamp;
use prokura_policy::access::{Calendar, Days, InvalidCalendar, Period, Window};
use proptest::prelude::*;

const MINUTE: i64 = 60;
const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// What a window is made of, as the oracle reads it.
#[derive(Debug, Clone)]
struct Plain {
    days: Vec<usize>,
    from: i64,
    to: i64,
}

impl Plain {
    fn window(&self) -> Window {
        let days: Vec<String> = self.days.iter().map(|d| WEEK[*d].to_owned()).collect();
        let clock = |m: i64| format!("{:02}:{:02}", m / 60, m % 60);
        Window::parse(&days, &clock(self.from), &clock(self.to)).unwrap()
    }

    /// By the plainest reading of the rule.
    fn shows(&self, zone: &TimeZone, at: i64) -> bool {
        let wall = zone.to_datetime(jiff::Timestamp::from_second(at).unwrap());
        let minute = i64::from(wall.hour()) * 60 + i64::from(wall.minute());
        let on = |date: Date| {
            let day = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap();
            self.days.is_empty() || self.days.contains(&day)
        };
        if self.from < self.to {
            return on(wall.date()) && self.from <= minute && minute < self.to;
        }
        let before = wall.date().yesterday().unwrap();
        // Whether the clock ever showed the day before: looked for in the quarters of the two days before.
        let was = (1..=48 * 4).map(|quarter| quarter * 15).any(|m| {
            zone.to_datetime(jiff::Timestamp::from_second(at - m * MINUTE).unwrap()).date() == before
        });
        (on(wall.date()) && self.from <= minute) || (minute < self.to && on(before) && was)
    }
}

fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap()
}

fn second(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

fn period(calendar: &Calendar, at: i64) -> Period {
    calendar.period(Timestamp::from_seconds(at))
}

/// Compares every minute of two days from `start`, and the ends that are told.
fn compare(name: &str, plain: &[Plain], start: i64) {
    let zone = zone(name);
    let calendar = Calendar::new(name, plain.iter().map(Plain::window).collect(), vec![]).unwrap();
    let shows = |at: i64| plain.iter().any(|w| w.shows(&zone, at));
    let minutes: Vec<(i64, bool)> =
        (0..2 * 24 * 60).map(|m| start + m * MINUTE).map(|at| (at, shows(at))).collect();
    for (i, (at, open)) in minutes.iter().enumerate() {
        let told = period(&calendar, *at);
        assert_eq!(told.open, *open, "{name} {plain:?} at {at}");
        let changes = minutes[i..].iter().find(|(_, later)| later != open);
        if let Some((end, _)) = changes {
            assert_eq!(told.until, Some(Timestamp::from_seconds(*end)), "{name} {plain:?} from {at}");
        } else if let Some(until) = told.until {
            assert!(until.seconds() > minutes[minutes.len() - 1].0, "{name} {plain:?} from {at}: {until:?}");
        }
    }
}

/// Days on which a clock was turned, or a day left out.
const TURNS: [(&str, &str); 9] = [
    ("Europe/Berlin", "2026-03-28T12:00:00Z"),
    ("Europe/Berlin", "2026-10-24T12:00:00Z"),
    ("America/New_York", "2026-03-07T12:00:00Z"),
    ("America/New_York", "2026-10-31T12:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T00:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T00:00:00Z"),
    ("Pacific/Apia", "2011-12-29T12:00:00Z"),
    ("Africa/Cairo", "2026-04-23T12:00:00Z"),
    ("Asia/Kathmandu", "2026-06-01T00:00:00Z"),
];

fn plain() -> impl Strategy<Value = Plain> {
    let days = proptest::sample::subsequence((0..7).collect::<Vec<usize>>(), 0..=7);
    (days, 0_i64..24 * 60, 0_i64..=24 * 60).prop_map(|(days, from, to)| Plain { days, from, to })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn what_the_clock_on_the_wall_shows_decides(
        turn in 0..TURNS.len(), windows in prop::collection::vec(plain(), 1..4), off in 0_i64..3600
    ) {
        let (name, start) = TURNS[turn];
        let start = second(start);
        compare(name, &windows, start);
        // Between minutes nothing changes.
        let calendar = Calendar::new(name, windows.iter().map(Plain::window).collect(), vec![]).unwrap();
        let at = start + off * 40;
        prop_assert_eq!(period(&calendar, at).open, period(&calendar, at - at.rem_euclid(MINUTE)).open);
    }
}

#[test]
fn f02_what_a_calendar_remembers_changes_no_answer() {
    let window = || Plain { days: vec![0, 2, 5], from: 22 * 60, to: 6 * 60 };
    for (zone, from) in TURNS {
        let calendar = || Calendar::new(zone, vec![window().window()], vec![]).unwrap();
        let (asked_before, mut step) = (calendar(), 1_i64);
        for _ in 0..600 {
            // Now here, now there in four days, often twice at the same place.
            step = (step * 7_919 + 104_729) % (4 * 24 * 60);
            for at in [step, step, step + 1] {
                let at = second(from) + at * MINUTE;
                let (before, fresh) = (period(&asked_before, at), period(&calendar(), at));
                assert_eq!(before.open, fresh.open, "{zone} at {at}");
                // What is remembered of a time without a change within the horizon may know of one later, and never less.
                if fresh.until.is_some() {
                    assert_eq!(before.until, fresh.until, "{zone} at {at}");
                }
            }
        }
    }
}

fn calendar(zone: &str, days: &[&str], from: &str, to: &str, except: &[(&str, &str)]) -> Calendar {
    let days: Vec<String> = days.iter().map(|d| (*d).to_owned()).collect();
    let except = except.iter().map(|(first, last)| Days::parse(first, last).unwrap()).collect();
    Calendar::new(zone, vec![Window::parse(&days, from, to).unwrap()], except).unwrap()
}

fn told(calendar: &Calendar, at: &str) -> (bool, Option<String>) {
    let period = period(calendar, second(at));
    let until = period.until.map(|t| jiff::Timestamp::from_second(t.seconds()).unwrap().to_string());
    (period.open, until)
}

#[test]
fn the_bounds_are_closed_below_and_open_above() {
    let office = calendar("Europe/Berlin", &["mon", "tue", "wed", "thu", "fri"], "08:00", "18:00", &[]);
    // Friday, 12 June 2026; Berlin is two hours ahead.
    assert_eq!(told(&office, "2026-06-12T05:59:59Z"), (false, Some("2026-06-12T06:00:00Z".into())));
    assert_eq!(told(&office, "2026-06-12T06:00:00Z"), (true, Some("2026-06-12T16:00:00Z".into())));
    assert!(told(&office, "2026-06-12T15:59:59Z").0);
    assert_eq!(told(&office, "2026-06-12T16:00:00Z"), (false, Some("2026-06-15T06:00:00Z".into())));
    assert!(!told(&office, "2026-06-13T10:00:00Z").0, "a Saturday");
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
    let night = calendar("UTC", &["fri"], "22:00", "06:00", &[]);
    assert!(!told(&night, "2026-06-12T05:00:00Z").0, "Thursday's night is none");
    assert_eq!(told(&night, "2026-06-12T22:00:00Z"), (true, Some("2026-06-13T06:00:00Z".into())));
    assert!(told(&night, "2026-06-13T05:59:00Z").0 && !told(&night, "2026-06-13T22:00:00Z").0);
    let whole = calendar("UTC", &["fri"], "09:00", "09:00", &[]);
    assert_eq!(told(&whole, "2026-06-12T09:00:00Z"), (true, Some("2026-06-13T09:00:00Z".into())));
    let always = calendar("UTC", &[], "00:00", "24:00", &[]);
    assert_eq!(told(&always, "2026-06-12T09:00:00Z"), (true, None));
}

#[test]
fn an_hour_left_out_is_in_no_window_and_one_shown_twice_is_in_it_twice() {
    let berlin = calendar("Europe/Berlin", &[], "02:15", "02:45", &[]);
    // 29 March 2026: after 01:59 comes 03:00.
    assert_eq!(told(&berlin, "2026-03-29T00:30:00Z"), (false, Some("2026-03-30T00:15:00Z".into())));
    // 25 October 2026: 02:00 to 03:00 comes twice.
    assert_eq!(told(&berlin, "2026-10-25T00:20:00Z"), (true, Some("2026-10-25T00:45:00Z".into())));
    assert_eq!(told(&berlin, "2026-10-25T00:50:00Z"), (false, Some("2026-10-25T01:15:00Z".into())));
    assert!(told(&berlin, "2026-10-25T01:20:00Z").0);
    let york = calendar("America/New_York", &[], "01:30", "03:30", &[]);
    // 8 March 2026: 01:59 EST is followed by 03:00 EDT, so the window lasts an hour.
    assert_eq!(told(&york, "2026-03-08T06:30:00Z"), (true, Some("2026-03-08T07:30:00Z".into())));
    let howe = calendar("Australia/Lord_Howe", &[], "01:45", "02:15", &[]);
    // 4 October 2026: 01:59 is followed by 02:30; the half hour is left out.
    assert_eq!(told(&howe, "2026-10-03T15:20:00Z"), (true, Some("2026-10-03T15:30:00Z".into())));
}

#[test]
fn a_day_that_was_left_out_has_no_night() {
    // In Apia Thursday, 29 December 2011, was followed by Saturday.
    let friday = calendar("Pacific/Apia", &["fri"], "22:00", "06:00", &[]);
    assert!(!told(&friday, "2011-12-30T12:00:00Z").0, "Saturday 02:00");
    let thursday = calendar("Pacific/Apia", &["thu"], "22:00", "06:00", &[]);
    assert_eq!(told(&thursday, "2011-12-30T09:00:00Z"), (true, Some("2011-12-30T10:00:00Z".into())));
}

#[test]
fn on_days_that_are_excepted_nothing_holds() {
    let office = calendar("Europe/Berlin", &[], "08:00", "18:00", &[("2026-12-24", "2027-01-01")]);
    assert_eq!(told(&office, "2026-12-23T16:59:00Z"), (true, Some("2026-12-23T17:00:00Z".into())));
    assert!(!told(&office, "2026-12-24T10:00:00Z").0 && !told(&office, "2027-01-01T10:00:00Z").0);
    assert!(told(&office, "2027-01-02T10:00:00Z").0);
    // A night that began before is over with the day.
    let night = calendar("UTC", &[], "22:00", "06:00", &[("2026-12-24", "2026-12-24")]);
    assert_eq!(told(&night, "2026-12-23T23:00:00Z"), (true, Some("2026-12-24T00:00:00Z".into())));
}

#[test]
fn what_is_no_calendar_is_said() {
    let day = ["monday".to_owned()];
    assert_eq!(Window::parse(&day, "08:00", "18:00"), Err(InvalidCalendar::Day("monday".into())));
    for bad in ["8:00", "08:60", "24:01", "0800", "+8:00", "08:00:00", ""] {
        assert_eq!(Window::parse(&[], bad, "18:00"), Err(InvalidCalendar::Time(bad.into())), "{bad}");
    }
    assert!(Window::parse(&[], "24:00", "06:00").is_err(), "no day begins at its end");
    for bad in ["2026-02-29", "2026-2-1", "20260201", "x"] {
        assert_eq!(Days::parse(bad, "2026-03-01"), Err(InvalidCalendar::Date(bad.into())), "{bad}");
    }
    assert!(matches!(Days::parse("2026-03-02", "2026-03-01"), Err(InvalidCalendar::Backwards(..))));
    let window = || vec![Window::parse(&[], "08:00", "18:00").unwrap()];
    for bad in ["Europe/Berlni", "europe/berlin", "CET+1", ""] {
        assert!(matches!(Calendar::new(bad, window(), vec![]), Err(InvalidCalendar::Zone(_))), "{bad}");
    }
    assert!(matches!(Calendar::new("UTC", vec![], vec![]), Err(InvalidCalendar::Size)));
}

#[test]
fn a_time_that_no_calendar_knows_is_in_none() {
    let always = calendar("UTC", &[], "00:00", "24:00", &[]);
    for at in [i64::MAX, i64::MIN] {
        assert!(!always.period(Timestamp::from_micros(at)).open);
    }
}
