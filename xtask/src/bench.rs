//! `cargo xtask bench`: `benches/peers`, which measures smtp-proto beside its peers and prints one table.

use crate::process::cargo;

/// A peer asks for a newer Rust than it needs.
const PACKAGE: &str = "--release --locked --ignore-rust-version --manifest-path benches/peers/Cargo.toml";

/// Runs the workloads whose name contains one of the words, or all; whether they ran.
pub(crate) fn command(words: &[String]) -> bool {
    // Both of its programs, of which the first starts the second.
    let build = cargo(&format!("build --quiet {PACKAGE}")).status();
    let succeeds = |status: std::io::Result<std::process::ExitStatus>| match status {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("xtask: cargo cannot be run: {error}");
            false
        }
    };
    succeeds(build) && succeeds(cargo(&format!("run --quiet {PACKAGE} --bin peers --")).args(words).status())
}
