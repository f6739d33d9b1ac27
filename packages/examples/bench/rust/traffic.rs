//! What both Rust rivals share: the traffic of `channel/traffic.ts` (64-bit floats, each naming its
//! sender and its number), the check on arrival, the clock, and the report as one JSON object.
//!
//! Arguments: number of senders, milliseconds of warm-up, milliseconds of traffic.

use std::time::{Duration, Instant};

const STRIDE: f64 = 1_099_511_627_776.0; // 2^40
const BATCH: u64 = 256;

#[derive(Clone, Copy)]
pub struct Load {
    pub senders: usize,
    warm_up: Duration,
    measure: Duration,
}

impl Load {
    pub fn from_args() -> Load {
        let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
        let mut next = || numbers.next().expect("senders, warm-up and traffic in milliseconds");
        Load {
            senders: next() as usize,
            warm_up: Duration::from_millis(next()),
            measure: Duration::from_millis(next()),
        }
    }

    /// Sends until time is up, and returns how many.
    pub fn produce(&self, sender: usize, mut send: impl FnMut(f64)) -> u64 {
        let until = Instant::now() + self.warm_up + self.measure + Duration::from_millis(50);
        let base = sender as f64 * STRIDE;
        let mut index = 0;
        while Instant::now() < until {
            for _ in 0..BATCH {
                send(base + index as f64);
                index += 1;
            }
        }
        index
    }
}

pub struct Arrivals {
    warm_up: Duration,
    next: Vec<f64>,
    count: u64,
    faults: u64,
    start: Option<Instant>,
    from: Option<(Instant, u64)>,
    to: Option<(Instant, u64)>,
}

impl Arrivals {
    pub fn new(load: &Load) -> Arrivals {
        Arrivals {
            warm_up: load.warm_up,
            next: vec![0.0; load.senders],
            count: 0,
            faults: 0,
            start: None,
            from: None,
            to: None,
        }
    }

    #[inline(always)]
    pub fn check(&mut self, message: f64) {
        let sender = if message < STRIDE { 0 } else { (message / STRIDE) as usize };
        let index = message - sender as f64 * STRIDE;
        if index != self.next[sender] {
            self.faults += 1;
        }
        self.next[sender] = index + 1.0;
        self.count += 1;
        if self.count % BATCH == 0 {
            self.mark();
        }
    }

    fn mark(&mut self) {
        let now = Instant::now();
        let start = *self.start.get_or_insert(now);
        if self.from.is_some() {
            self.to = Some((now, self.count));
        } else if now - start >= self.warm_up {
            self.from = Some((now, self.count));
        }
    }

    pub fn report(&self, sent: u64) {
        let (nanos, measured) = match (self.from, self.to) {
            (Some((from, before)), Some((to, after))) => ((to - from).as_nanos(), after - before),
            _ => (0, 0),
        };
        println!(
            "{{\"sent\":{sent},\"received\":{},\"faults\":{},\"nanos\":{nanos},\"measured\":{measured}}}",
            self.count, self.faults
        );
    }
}
