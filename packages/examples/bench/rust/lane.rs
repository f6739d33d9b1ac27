//! Rival: what one would write by hand in Rust for 64-bit floats: a ring of 1024 for each sender,
//! cursors on their own cache lines and cached on the other side (Lamport's queue as in rigtorp's
//! SPSCQueue), every message published at once. A full or empty ring spins, then yields the core.

mod traffic;

use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::sync::Arc;
use std::thread;
use traffic::{Arrivals, Load};

const CAPACITY: usize = 1024;
const SPINS: u32 = 2000;

#[repr(align(128))]
struct Cursor(AtomicUsize);

struct Lane {
    write: Cursor,
    read: Cursor,
    done: AtomicBool,
    slots: [UnsafeCell<f64>; CAPACITY],
}

// The cursors hand each slot from one side to the other.
unsafe impl Sync for Lane {}

impl Lane {
    fn new() -> Arc<Lane> {
        Arc::new(Lane {
            write: Cursor(AtomicUsize::new(0)),
            read: Cursor(AtomicUsize::new(0)),
            done: AtomicBool::new(false),
            slots: std::array::from_fn(|_| UnsafeCell::new(0.0)),
        })
    }
}

#[derive(Default)]
struct Pause(u32);

impl Pause {
    #[inline]
    fn in_vain(&mut self) {
        self.0 += 1;
        if self.0 < SPINS {
            spin_loop();
        } else {
            self.0 = 0;
            thread::yield_now();
        }
    }
}

fn main() {
    let load = Load::from_args();
    let lanes: Vec<_> = (0..load.senders).map(|_| Lane::new()).collect();
    let senders: Vec<_> = lanes
        .iter()
        .cloned()
        .enumerate()
        .map(|(slot, lane)| {
            thread::spawn(move || {
                let (mut write, mut read) = (0, 0);
                let mut pause = Pause::default();
                let sent = load.produce(slot, |message| {
                    while write - read == CAPACITY {
                        read = lane.read.0.load(Acquire);
                        if write - read == CAPACITY {
                            pause.in_vain();
                        }
                    }
                    unsafe { *lane.slots[write % CAPACITY].get() = message };
                    write += 1;
                    lane.write.0.store(write, Release);
                });
                lane.done.store(true, Release);
                sent
            })
        })
        .collect();

    let mut arrivals = Arrivals::new(&load);
    let mut read = vec![0; lanes.len()];
    let mut pause = Pause::default();
    loop {
        let last = lanes.iter().all(|lane| lane.done.load(Acquire));
        let mut found = false;
        for (lane, read) in lanes.iter().zip(read.iter_mut()) {
            let write = lane.write.0.load(Acquire);
            if *read == write {
                continue;
            }
            found = true;
            while *read < write {
                arrivals.check(unsafe { *lane.slots[*read % CAPACITY].get() });
                *read += 1;
            }
            lane.read.0.store(*read, Release);
        }
        if !found {
            if last {
                break;
            }
            pause.in_vain();
        }
    }
    arrivals.report(senders.into_iter().map(|one| one.join().unwrap()).sum());
}
