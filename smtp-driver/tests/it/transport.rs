//! The conformance suite on simulated connections, under several seeds and networks.

use std::time::Duration;

use smtp_driver::conformance::{self, Harness, Peer};
use smtp_driver::sim::{Sim, SimNet, SimRuntime, Split};

struct Simulated(Sim);

impl Harness for Simulated {
    type Runtime = SimRuntime;

    fn runtime(&self) -> SimRuntime {
        self.0.runtime()
    }

    fn serve(&self, peer: Peer) -> (String, u16) {
        self.0.listen("peer.example", 25, move |transport| peer.clone().run(transport));
        ("Peer.Example".to_owned(), 25)
    }
}

/// Runs `check` in networks that differ in all that can be set.
fn everywhere(check: &impl AsyncFn(&Simulated)) {
    with_buffers(&[1, 64 * 1024], check);
}

/// The same for peers that must say something before it is read.
fn with_room(check: &impl AsyncFn(&Simulated)) {
    with_buffers(&[100, 64 * 1024], check);
}

fn with_buffers(buffers: &[usize], check: &impl AsyncFn(&Simulated)) {
    for seed in 0..5 {
        for split in [Split::Whole, Split::Random, Split::Bytes] {
            for latency in [0, 10] {
                for &buffer in buffers {
                    let sim = Simulated(Sim::new(seed));
                    sim.0.set_net(SimNet { latency: Duration::from_millis(latency), buffer, split });
                    sim.0.block_on(check(&sim));
                }
            }
        }
    }
}

#[test]
fn timeouts() {
    everywhere(&async |sim| conformance::timeouts(&sim.runtime()).await);
}

#[test]
fn duplex() {
    for seed in 0..3 {
        for split in [Split::Whole, Split::Random] {
            let sim = Simulated(Sim::new(seed));
            sim.0.set_net(SimNet { split, ..SimNet::default() });
            sim.0.block_on(conformance::duplex(&sim, 4 << 20));
            let log = sim.0.connections();
            assert_eq!((log[0].client.bytes, log[0].server.bytes), (4 << 20, 4 << 20));
        }
    }
    everywhere(&async |sim| conformance::duplex(sim, 2000).await);
}

#[test]
fn duplex_with_cancelled_waits() {
    everywhere(&async |sim| conformance::duplex_with_cancelled_waits(sim, 2000).await);
}

#[test]
fn read_deadline() {
    everywhere(&async |sim| conformance::read_deadline(sim).await);
}

#[test]
fn write_deadline() {
    everywhere(&async |sim| conformance::write_deadline(sim).await);
}

#[test]
fn io_comes_before_the_deadline() {
    with_room(&async |sim| conformance::io_comes_before_the_deadline(sim).await);
}

#[test]
fn end_of_file() {
    everywhere(&async |sim| conformance::end_of_file(sim).await);
}

#[test]
fn last_words_before_a_reset() {
    with_room(&async |sim| conformance::last_words_before_a_reset(sim).await);
}

#[test]
fn dropped_waits() {
    everywhere(&async |sim| conformance::dropped_waits(sim).await);
}

#[test]
fn nothing_to_do() {
    everywhere(&async |sim| conformance::nothing_to_do(sim).await);
}

#[test]
fn connecting() {
    let sim = Sim::new(1);
    let runtime = sim.runtime();
    sim.listen("peer.example", 25, |transport| Peer::Echo.run(transport));
    sim.blackhole("silent.example", 25);
    sim.block_on(conformance::connection_refused(&runtime, "peer.example", 465));
    sim.block_on(conformance::connect_deadline(&runtime, "silent.example", 25));
    conformance::clocks_and_randomness(&runtime);
}
