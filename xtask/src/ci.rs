//! `cargo xtask ci`: what must hold of every commit, besides the README's commands, which `.ci/run` runs first.

use std::io::Write;
use std::process::Command;
use std::time::Instant;

use crate::fuzz;
use crate::interop;
use crate::process::{Outcome, all, cargo, last_line, quietly};
use crate::simulate;
use crate::supply;
use crate::tools::HACK;

/// A target without an operating system: `std` does not exist there.
const BARE_METAL: &str = "thumbv7em-none-eabihf";

/// The crates that others depend on.
const LIBRARIES: [&str; 5] = ["smtp-proto", "smtp-message", "smtp-driver", "smtp-tokio", "smtp-blocking"];

/// All steps, each of them run whatever becomes of the others.
const STEPS: &[Step] = &[
    Step { name: "format", run: format },
    Step { name: "clippy", run: clippy },
    Step { name: "docs", run: docs },
    Step { name: "features", run: features },
    Step { name: "no_std", run: no_std },
    Step { name: "deny", run: supply::deny },
    Step { name: "advisories", run: supply::advisories },
    Step { name: "seeds", run: seeds },
    Step { name: "simulate", run: simulate::step },
    Step { name: "interop", run: interop::step },
    Step { name: "fuzz", run: fuzz::step },
];

struct Step {
    name: &'static str,
    run: fn() -> Outcome,
}

/// Runs the steps with these names, or all, with a line for each; whether none failed.
pub(crate) fn command(names: &[String]) -> Result<bool, Box<dyn std::error::Error>> {
    if let Some(name) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let known: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        return Err(format!("there is no step {name}, but {}", known.join(", ")).into());
    }
    let steps = STEPS.iter().filter(|step| names.is_empty() || names.iter().any(|name| name == step.name));
    let began = Instant::now();
    let (mut failed, mut skipped) = (Vec::new(), Vec::new());
    for Step { name, run } in steps.clone() {
        print!("{name:<12}");
        let _ = std::io::stdout().flush();
        let (step_began, outcome) = (Instant::now(), run());
        let time = step_began.elapsed().as_secs_f64();
        match outcome {
            Outcome::Passed(note) => println!("ok      {time:7.1} s  {note}"),
            Outcome::Skipped(why) => {
                println!("skipped {time:7.1} s");
                skipped.push(format!("{name}: {why}"));
            }
            Outcome::Failed(output) => {
                println!("FAILED  {time:7.1} s\n{}", output.trim_end());
                failed.push(*name);
            }
        }
    }
    println!("{} steps in {:.1} s", steps.count(), began.elapsed().as_secs_f64());
    for skip in &skipped {
        println!("skipped {skip}");
    }
    if !failed.is_empty() {
        println!("FAILED {}", failed.join(", "));
    }
    Ok(failed.is_empty())
}

fn format() -> Outcome {
    with_component("rustfmt", || {
        let outside =
            ["fuzz", "benches", "benches/peers"].map(|name| format!("--manifest-path {name}/Cargo.toml"));
        all(["--all".to_owned()].into_iter().chain(outside).map(|what| cargo(&format!("fmt {what} --check"))))
    })
}

fn clippy() -> Outcome {
    with_component("clippy", || {
        all([
            "--workspace --all-targets --all-features",
            "-p smtp-proto --no-default-features --all-targets",
            "-p smtp-proto --no-default-features --features std --all-targets",
            "-p smtp-proto --no-default-features --features ring --all-targets",
            "-p smtp-message --no-default-features --all-targets",
            "-p smtp-simulation --no-default-features --all-targets",
            "-p smtp-message --no-default-features --features ring --all-targets",
            // Without their tests and examples, which switch features on.
            "-p smtp-driver --no-default-features",
            "-p smtp-tokio --no-default-features",
            "-p smtp-blocking --no-default-features",
            // What the fuzz targets check; without libFuzzer, which needs a C++ compiler.
            "--manifest-path fuzz/Cargo.toml --no-default-features --all-targets --target-dir target/fuzz/check",
            "--manifest-path benches/Cargo.toml --all-targets --target-dir target/benches/check",
            "--ignore-rust-version --manifest-path benches/peers/Cargo.toml --all-targets --target-dir target/benches/check",
        ]
        .map(|what| cargo(&format!("clippy --quiet {what} -- -D warnings"))))
    })
}

fn docs() -> Outcome {
    let mut command = cargo("doc --quiet --workspace --no-deps --all-features");
    command.env("RUSTDOCFLAGS", "-D warnings");
    all([command])
}

/// Every feature, and every two of them, of each library alone.
fn features() -> Outcome {
    with_component("clippy", || {
        let packages = LIBRARIES.map(|library| format!(" -p {library}")).concat();
        let words =
            format!("clippy --quiet --keep-going --feature-powerset --depth 2{packages} -- -D warnings");
        match HACK.command(&words) {
            Ok(command) => all([command]),
            Err(why) => Outcome::Skipped(why),
        }
    })
}

/// The checks of the fuzz targets, on their seeds, without nightly Rust.
fn seeds() -> Outcome {
    all([cargo(
        "test --quiet --manifest-path fuzz/Cargo.toml --no-default-features --target-dir target/fuzz/check",
    )])
}

fn no_std() -> Outcome {
    let installed = quietly(Command::new("rustup").args(["target", "list", "--installed"]));
    if !installed.is_ok_and(|targets| targets.lines().any(|target| target == BARE_METAL))
        && let Err(output) = quietly(Command::new("rustup").args(["target", "add", BARE_METAL]))
    {
        return Outcome::Skipped(format!("no target {BARE_METAL} to be had: {}", last_line(&output)));
    }
    all(["", "--features idna"].map(|features| {
        cargo(&format!("build --quiet -p smtp-proto --no-default-features {features} --target {BARE_METAL}"))
    }))
}

/// Runs a step that needs a component of the toolchain, which is installed if it is missing.
fn with_component(name: &str, step: impl FnOnce() -> Outcome) -> Outcome {
    let program = if name == "rustfmt" { "fmt" } else { name };
    if quietly(&mut cargo(&format!("{program} --version"))).is_err()
        && let Err(output) = quietly(Command::new("rustup").args(["component", "add", name]))
    {
        return Outcome::Skipped(format!("no {name} to be had: {}", last_line(&output)));
    }
    step()
}
