//! Rival: `std::sync::mpsc::sync_channel(1024)`, which is crossbeam's bounded queue; 64-bit floats.

mod traffic;

use std::sync::mpsc::sync_channel;
use std::thread;
use traffic::{Arrivals, Load};

fn main() {
    let load = Load::from_args();
    let (sender, receiver) = sync_channel::<f64>(1024);
    let senders: Vec<_> = (0..load.senders)
        .map(|slot| {
            let sender = sender.clone();
            thread::spawn(move || load.produce(slot, |message| sender.send(message).unwrap()))
        })
        .collect();
    drop(sender);
    let mut arrivals = Arrivals::new(&load);
    while let Ok(message) = receiver.recv() {
        arrivals.check(message);
    }
    arrivals.report(senders.into_iter().map(|one| one.join().unwrap()).sum());
}
