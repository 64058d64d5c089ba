//! The hostile servers listening on sockets, in both kinds of tokio runtime.

use smtp_driver::hostile::suite;
use smtp_driver::hostile_suite;

use super::transport::{Loopback, everywhere};

macro_rules! on_tokio {
    ($case:ident) => {
        #[test]
        fn $case() {
            everywhere(|| suite::$case(&Loopback));
        }
    };
}

hostile_suite!(on_tokio);
