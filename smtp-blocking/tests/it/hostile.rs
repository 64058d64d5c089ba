//! The hostile servers listening on sockets, each connection of theirs on a thread of its own.

use smtp_blocking::block_on;
use smtp_driver::hostile::suite;
use smtp_driver::hostile_suite;

use super::transport::Loopback;

macro_rules! on_threads {
    ($case:ident) => {
        #[test]
        fn $case() {
            block_on(suite::$case(&Loopback));
        }
    };
}

hostile_suite!(on_threads);
