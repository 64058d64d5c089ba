//! The hostile servers on simulated connections, under several seeds and networks.

use std::time::Duration;

use smtp_driver::conformance::{Harness, Peer};
use smtp_driver::hostile::suite;
use smtp_driver::hostile_suite;
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

    fn cuts(&self) -> bool {
        true
    }
}

/// Runs a check in networks that differ in all that can be set; `heavy` ones, which move much, in fewer.
fn everywhere(heavy: bool, check: &impl AsyncFn(&Simulated)) {
    for seed in 0..if heavy { 2 } else { 4 } {
        for split in [Split::Whole, Split::Random, Split::Bytes] {
            for (latency, buffer) in [(0, 200), (10, 64 * 1024)] {
                if heavy && (split == Split::Bytes || buffer == 200) {
                    continue;
                }
                let sim = Simulated(Sim::new(seed));
                sim.0.set_net(SimNet { latency: Duration::from_millis(latency), buffer, split });
                sim.0.block_on(check(&sim));
            }
        }
    }
}

macro_rules! simulated {
    ($case:ident) => {
        #[test]
        fn $case() {
            let heavy = ["w19", "w21", "w23", "w33"].contains(&stringify!($case));
            everywhere(heavy, &async |sim| suite::$case(sim).await);
        }
    };
}

hostile_suite!(simulated);
