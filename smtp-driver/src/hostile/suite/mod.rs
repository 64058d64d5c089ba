//! What the [`Mailer`](crate::Mailer) must make of each case, as checks that the tests of each runtime run.
//!
//! An adapter's tests implement [`Harness`](crate::conformance::Harness) and have a test made of each check by
//! [`hostile_suite!`](crate::hostile_suite).  A check fails if the mailer tells anything else than it should, or if the
//! server has seen it do something wrong.

mod auth;
mod content;
mod replies;
mod stage;
mod tls;

pub use auth::{w24, w25, w26};
pub use content::{w4, w16, w19, w20, w21, w22, w23, w27, w28, w29, w32, w33};
pub use replies::{ordinary, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15, w17, w18, w34};
pub use tls::{w1, w2, w3, w30, w31};

/// Has the macro `$test` make a test of each check, whose name it is given.
///
/// ```
/// use smtp_driver::conformance::{Harness, Peer};
/// use smtp_driver::hostile::suite;
/// use smtp_driver::sim::{Sim, SimRuntime};
///
/// struct Simulated<'a>(&'a Sim);
///
/// impl Harness for Simulated<'_> {
///     type Runtime = SimRuntime;
///     fn runtime(&self) -> SimRuntime {
///         self.0.runtime()
///     }
///     fn serve(&self, peer: Peer) -> (String, u16) {
///         self.0.listen("peer.example", 25, move |transport| peer.clone().run(transport));
///         ("peer.example".to_owned(), 25)
///     }
/// }
///
/// macro_rules! simulated {
///     ($case:ident) => {
///         // #[test]
///         fn $case() {
///             let sim = Sim::new(1);
///             sim.block_on(suite::$case(&Simulated(&sim)));
///         }
///     };
/// }
/// smtp_driver::hostile_suite!(simulated);
/// w5();
/// ```
#[macro_export]
macro_rules! hostile_suite {
    ($test:ident) => {
        $test!(ordinary);
        $test!(w1);
        $test!(w2);
        $test!(w3);
        $test!(w4);
        $test!(w5);
        $test!(w6);
        $test!(w7);
        $test!(w8);
        $test!(w9);
        $test!(w10);
        $test!(w11);
        $test!(w12);
        $test!(w13);
        $test!(w14);
        $test!(w15);
        $test!(w16);
        $test!(w17);
        $test!(w18);
        $test!(w19);
        $test!(w20);
        $test!(w21);
        $test!(w22);
        $test!(w23);
        $test!(w24);
        $test!(w25);
        $test!(w26);
        $test!(w27);
        $test!(w28);
        $test!(w29);
        $test!(w30);
        $test!(w31);
        $test!(w32);
        $test!(w33);
        $test!(w34);
    };
}
