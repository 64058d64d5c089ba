//! `cargo xtask test`: all tests.

use crate::process::{cargo, shown};

/// What is run.  The examples are not among it: the README's first command runs one of them, `cargo xtask interop` those
/// that send, and clippy reads all.
const RUNS: &[&str] = &[
    // Unit and integration tests, with both providers of cryptography compiled in.
    "test --workspace --all-features --tests",
    "test --workspace --all-features --doc",
    // What does without std, IDNA and TLS must do so.
    "test -p smtp-proto --no-default-features --tests",
    "test -p smtp-message --no-default-features --tests",
    // The other provider, which is not used where both are.
    "test -p smtp-message --no-default-features --features ring --tests",
    "test -p smtp-proto --no-default-features --features ring --tests",
];

/// Runs them all; whether all went well.
pub(crate) fn command() -> bool {
    let mut failed = Vec::new();
    for words in RUNS {
        let mut command = cargo(words);
        println!("$ {}", shown(&command));
        if !command.status().is_ok_and(|status| status.success()) {
            failed.push(shown(&command));
        }
    }
    for command in &failed {
        println!("FAILED: {command}");
    }
    failed.is_empty()
}
