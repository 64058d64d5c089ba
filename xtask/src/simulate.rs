//! `cargo xtask simulate`: `simulation/`, which runs client against server over a random network, built for speed.

use std::process::Command;

use crate::process::{Outcome, cargo, quietly, shown};

/// How many sessions `cargo xtask ci` runs, from the same seeds on every machine.
const SESSIONS: u32 = 100_000;

/// Runs sessions as the words say; whether all went well.
pub(crate) fn command(words: &[String]) -> bool {
    let mut command = simulation();
    command.args(words);
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("xtask: {} cannot be run: {error}", shown(&command));
            false
        }
    }
}

/// The step of `cargo xtask ci`.
pub(crate) fn step() -> Outcome {
    match quietly(simulation().arg(format!("--sessions={SESSIONS}")).arg("--seed=0")) {
        Ok(output) => {
            let line =
                |word: &str| output.lines().find(|line| line.contains(word)).unwrap_or_default().trim();
            Outcome::Passed(format!("{}, {}", line("sessions"), line("per second")))
        }
        Err(output) => Outcome::Failed(output),
    }
}

fn simulation() -> Command {
    cargo("run --quiet --release -p smtp-simulation --")
}
