//! Who goes next: requests that run at the same time, in an order that a seed decides.

use prokura_core::{Rng as _, SeededRng};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// One of those that race.
pub(crate) type Racer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// After so long of nothing, whoever is waited for waits for another.
const STUCK: Duration = Duration::from_millis(20);

/// Chances that repeat themselves from a seed.
pub(crate) struct Chance(SeededRng);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SeededRng::new(seed))
    }

    /// One of the first `n` numbers.
    pub(crate) fn below(&self, n: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % u64::try_from(n).unwrap()).unwrap()
    }
}

struct Flag {
    up: AtomicBool,
    parent: Mutex<Option<Waker>>,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.up.store(true, Ordering::SeqCst);
        if let Some(parent) = &*self.parent.lock().unwrap() {
            parent.wake_by_ref();
        }
    }
}

enum Seat<T> {
    Running(Racer<T>, Arc<Flag>),
    Done(T),
    Empty,
}

/// A race under way.
struct Race<'a, T> {
    seats: Vec<Seat<T>>,
    chance: &'a Chance,
    /// How often somebody goes on although another's answer is under way, in eighths.
    haste: usize,
    /// Who went, in order.
    order: Vec<u8>,
}

impl<T> Race<'_, T> {
    /// Who can go on, and who waits. Each flag is looked at once: whoever is woken meanwhile is in one of the two.
    fn seats(&self) -> (Vec<usize>, Vec<usize>) {
        let running = self.seats.iter().enumerate().filter_map(|(at, seat)| match seat {
            Seat::Running(_, flag) => Some((at, flag.up.load(Ordering::SeqCst))),
            _ => None,
        });
        let (ready, waiting): (Vec<_>, Vec<_>) = running.partition(|(_, up)| *up);
        let places = |of: Vec<(usize, bool)>| of.into_iter().map(|(at, _)| at).collect();
        (places(ready), places(waiting))
    }

    fn go(&mut self, at: usize, parent: &Waker) {
        self.order.push(u8::try_from(at).unwrap());
        let Seat::Running(mut racer, flag) = std::mem::replace(&mut self.seats[at], Seat::Empty) else {
            return;
        };
        flag.up.store(false, Ordering::SeqCst);
        *flag.parent.lock().unwrap() = Some(parent.clone());
        let waker = Waker::from(flag.clone());
        self.seats[at] = match racer.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => Seat::Done(done),
            Poll::Pending => Seat::Running(racer, flag),
        };
    }

    /// Lets one after the other go on until nobody can, or is to wait.
    fn step(&mut self, parent: &Waker, impatient: bool) -> Poll<()> {
        let mut may_rush = impatient;
        loop {
            let (ready, waiting) = self.seats();
            if ready.is_empty() {
                return if waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending };
            }
            if !waiting.is_empty() && !may_rush && self.chance.below(8) >= self.haste {
                return Poll::Pending;
            }
            may_rush = false;
            self.go(ready[self.chance.below(ready.len())], parent);
        }
    }
}

/// Runs them to their ends, one step of one of them at a time. What came of each, and in which order they went.
pub(crate) async fn run<T>(chance: &Chance, racers: Vec<Racer<T>>) -> (Vec<T>, Vec<u8>) {
    let seat =
        |racer| Seat::Running(racer, Arc::new(Flag { up: AtomicBool::new(true), parent: Mutex::new(None) }));
    let seats = racers.into_iter().map(seat).collect();
    let mut race = Race { seats, chance, haste: chance.below(8), order: Vec::new() };
    let mut impatient = false;
    while tokio::time::timeout(STUCK, poll_fn(|cx| race.step(cx.waker(), std::mem::take(&mut impatient))))
        .await
        .is_err()
    {
        impatient = true;
    }
    let ends = race.seats.into_iter().map(|seat| match seat {
        Seat::Done(done) => done,
        _ => panic!("everybody is done"),
    });
    (ends.collect(), race.order)
}

/// Runs them on threads, each of which begins after a little while of its own.
pub(crate) async fn run_on_threads<T: Send + 'static>(chance: &Chance, racers: Vec<Racer<T>>) -> Vec<T> {
    let racing: Vec<_> = racers
        .into_iter()
        .map(|racer| {
            let patience = chance.below(2_000);
            tokio::spawn(async move {
                for _ in 0..patience {
                    std::hint::spin_loop();
                }
                racer.await
            })
        })
        .collect();
    let mut ends = Vec::new();
    for racer in racing {
        ends.push(racer.await.unwrap());
    }
    ends
}
