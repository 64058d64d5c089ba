//! `cargo xtask simulate`.
#![allow(clippy::print_stdout)] // it is what a command line is for

use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use lexopt::{Arg, Parser};
use smtp_simulation::{Choices, Report, Violation, run, shrink};

const HELP: &str = "\
cargo xtask simulate [--sessions=N] [--seed=S]   N sessions (100000), from the seeds S, S + 1 and so on
cargo xtask simulate --replay=SEED               the session of one seed, with a transcript
cargo xtask simulate --replay=C,C,...            the session of these choices";

/// Sessions, if it is not said how many.
const SESSIONS: u64 = 100_000;
/// No ending may be rarer, in a hundred sessions.
const LEAST_SHARE: u64 = 5;
/// Fewer sessions say nothing about shares.
const MANY: u64 = 5_000;
/// Fewer need not have all mechanisms of SASL.
const VERY_MANY: u64 = 20_000;
/// How often a failing session is run again to make it simple.
const TRIES: u32 = 20_000;

fn main() -> ExitCode {
    // A panic is told like any other violation.
    std::panic::set_hook(Box::new(|_| {}));
    match command(Parser::from_env()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("simulate: {error}\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn command(mut parser: Parser) -> Result<bool, Box<dyn Error>> {
    let (mut sessions, mut seed) = (SESSIONS, 0);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("sessions") => sessions = parser.value()?.to_string_lossy().parse()?,
            Arg::Long("seed") => seed = parser.value()?.to_string_lossy().parse()?,
            Arg::Long("replay") => return replay(&parser.value()?.to_string_lossy()),
            Arg::Long("help") | Arg::Short('h') => {
                println!("{HELP}");
                return Ok(true);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(simulate(sessions, seed))
}

fn simulate(sessions: u64, seed: u64) -> bool {
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let (sum, found) = (Mutex::new(Report::default()), Mutex::new(None::<(u64, Violation)>));
    let work = || {
        let mut report = Report::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= sessions {
                break;
            }
            match run(Choices::from_seed(seed.wrapping_add(number)), false) {
                Ok(one) => report.add(&one),
                Err(violation) => {
                    next.store(sessions, Ordering::Relaxed);
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    found.get_or_insert((seed.wrapping_add(number), violation));
                }
            }
        }
        sum.lock().unwrap_or_else(PoisonError::into_inner).add(&report);
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(work)));
    if let Some((seed, violation)) = found.into_inner().unwrap_or_else(PoisonError::into_inner) {
        println!("VIOLATION in the session of seed {seed}: {}", violation.what);
        let list =
            shrink(violation.choices, TRIES, |list| run(Choices::replay(list.to_vec()), false).is_err());
        show(&list);
        return false;
    }
    let report = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    let seconds = began.elapsed().as_secs_f64();
    println!("{report}");
    println!("{:.0} sessions per second, {seconds:.1} s", report.sessions as f64 / seconds);
    let rare = report.rare_ending(LEAST_SHARE).filter(|_| sessions >= MANY);
    let unused = report.unused_mechanism().filter(|_| sessions >= VERY_MANY);
    let why = rare.map(|ending| format!("fewer than {LEAST_SHARE} % are {ending}"));
    match why.or_else(|| unused.map(|mechanism| format!("nobody logged in by {}", mechanism.name()))) {
        Some(why) => {
            println!("FAILED: {why}");
            false
        }
        None => true,
    }
}

fn replay(words: &str) -> Result<bool, Box<dyn Error>> {
    let numbers = words.split(',').map(str::parse).collect::<Result<Vec<u64>, _>>()?;
    let choices = match numbers[..] {
        [seed] => Choices::from_seed(seed),
        _ => Choices::replay(numbers.iter().map(|&v| u32::try_from(v)).collect::<Result<_, _>>()?),
    };
    match run(choices, true) {
        Ok(report) => {
            println!("no violation\n{report}");
            Ok(true)
        }
        Err(violation) => {
            show(&violation.choices);
            Ok(false)
        }
    }
}

/// Shows a session that breaks a rule, and how to see it again.
fn show(list: &[u32]) {
    let Err(violation) = run(Choices::replay(list.to_vec()), true) else {
        return println!("it cannot be seen again: rustls takes part in it, whose randomness is its own");
    };
    for line in &violation.transcript {
        println!("{line}");
    }
    println!("{}", violation.what);
    // A single number would be a seed.
    let list = violation.choices.iter().chain((violation.choices.len() < 2).then_some(&0));
    let words: Vec<String> = list.map(u32::to_string).collect();
    println!("cargo xtask simulate --replay={}", words.join(","));
}
