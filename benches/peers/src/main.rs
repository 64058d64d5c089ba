//! Runs every workload and prints one table: CPU time with its ratios to the fastest peer and to the slowest floor,
//! allocations, instructions.
//!
//! Times are medians of the thread's CPU time over rounds in which all contestants take turns, so that noise hits all
//! alike, in several processes, for where the system puts code and data makes some of them faster than others.
//! Instructions come from valgrind, if it is there, and a dash stands for what was not counted.

use std::collections::HashMap;
use std::hint::black_box;
use std::process::{Command, ExitCode, Stdio};
use std::str::FromStr;
use std::time::Duration;
use std::{env, fs, io};

use cpu_time::ThreadTime;
use peers::{Contestant, Role, Workload};

/// Counts by workload and contestant.
type Counts = HashMap<(String, String), u64>;
/// Nanoseconds by workload and contestant, as each process has measured them.
type Times = HashMap<(String, String), Vec<f64>>;

/// Processes that measure.
const PROCESSES: usize = 5;

/// Operations that are counted under valgrind.
const COUNTED: u64 = 10;
/// Workloads with more bytes are too slow for valgrind.
const MAX_BYTES_COUNTED: usize = 1 << 20;

const HELP: &str =
    "peers [--rounds N] [--no-instructions] [WORKLOAD...]: those whose name contains one of the words,
in N rounds, rounded up to a multiple of 5, of which each process does a part";

fn main() -> ExitCode {
    let (mut rounds, mut instructions, mut words) = (45, true, Vec::new());
    let mut measures = false;
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Valgrind runs this program so.
            "--under-valgrind" => {
                run_counted();
                return ExitCode::SUCCESS;
            }
            // This program runs itself so, to measure.
            "--times" => measures = true,
            "--rounds" => match arguments.next().map(|n| n.parse()) {
                Some(Ok(n)) if n > 0 => rounds = n,
                _ => return usage(),
            },
            "--no-instructions" => instructions = false,
            word if word.starts_with('-') => return usage(),
            word => words.push(word.to_owned()),
        }
    }
    let wanted = |workload: &Workload| {
        words.is_empty() || words.iter().any(|word| workload.name.contains(word.as_str()))
    };
    if measures {
        for mut workload in peers::workloads().into_iter().filter(wanted) {
            let times = measure(&mut workload, rounds);
            for (contestant, time) in workload.contestants.iter().zip(times) {
                println!("{}\t{}\t{time}", workload.name, contestant.name);
            }
        }
        return ExitCode::SUCCESS;
    }
    let times = match times(rounds, &words) {
        Ok(times) => times,
        Err(error) => {
            eprintln!("no times: {error}");
            return ExitCode::FAILURE;
        }
    };
    let allocations = allocations().unwrap_or_else(|error| missing("allocations", &error));
    let instructions = match instructions {
        true => callgrind().unwrap_or_else(|error| missing("instructions", &error)),
        false => Counts::new(),
    };
    println!(
        "| workload | who | CPU time | to fastest peer | to slowest floor | rate | allocations | instructions |"
    );
    println!("|---|---|--:|--:|--:|--:|--:|--:|");
    for workload in peers::workloads().iter().filter(|workload| wanted(workload)) {
        report(workload, &times, &allocations, &instructions);
    }
    for step in peers::transaction::STEPS {
        println!("| {step} | ours | - | - | - | - | {} | - |", shown(&allocations, step, "ours"));
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("{HELP}");
    ExitCode::from(2)
}

fn missing(what: &str, error: &io::Error) -> Counts {
    eprintln!("no {what}: {error}");
    Counts::new()
}

/// Runs this program several times over, each for a part of the rounds.
fn times(rounds: usize, words: &[String]) -> io::Result<Times> {
    let mut times = Times::new();
    for _ in 0..PROCESSES {
        let mut command = Command::new(env::current_exe()?);
        command.arg("--times").arg("--rounds").arg(rounds.div_ceil(PROCESSES).to_string()).args(words);
        let output = command.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(io::Error::other(output.status.to_string()));
        }
        for (name, time) in named(&String::from_utf8_lossy(&output.stdout)) {
            times.entry(name).or_default().push(time);
        }
    }
    Ok(times)
}

/// Numbers by workload and contestant, one in each line.
fn named<T: FromStr>(text: &str) -> impl Iterator<Item = ((String, String), T)> {
    text.lines().filter_map(|line| {
        let [workload, contestant, number] = line.split('\t').collect::<Vec<_>>().try_into().ok()?;
        Some(((workload.to_owned(), contestant.to_owned()), number.parse().ok()?))
    })
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// The median time of one operation in nanoseconds, by contestant.
fn measure(workload: &mut Workload, rounds: usize) -> Vec<f64> {
    /// A sample takes about so long.
    const SAMPLE: Duration = Duration::from_millis(4);
    let mut batches: Vec<u64> = workload.contestants.iter_mut().map(|c| batch(c, SAMPLE)).collect();
    let mut samples = vec![Vec::new(); workload.contestants.len()];
    for _ in 0..rounds {
        for ((contestant, batch), samples) in
            workload.contestants.iter_mut().zip(&mut batches).zip(&mut samples)
        {
            samples.push(time(contestant, *batch).as_secs_f64() * 1e9 / *batch as f64);
        }
    }
    samples.into_iter().map(median).collect()
}

fn time(contestant: &mut Contestant, times: u64) -> Duration {
    let start = ThreadTime::now();
    (contestant.run)(times);
    start.elapsed()
}

/// How many operations fill a sample.
fn batch(contestant: &mut Contestant, sample: Duration) -> u64 {
    let mut batch = 1;
    while time(contestant, batch) < sample && batch < 1 << 30 {
        batch *= 2;
    }
    batch
}

fn report(workload: &Workload, times: &Times, allocations: &Counts, instructions: &Counts) {
    let time = |contestant: &Contestant| {
        let name = (workload.name.to_owned(), contestant.name.to_owned());
        times.get(&name).map_or(f64::NAN, |times| median(times.clone()))
    };
    let of = |role| {
        let contestants = workload.contestants.iter().filter(move |contestant| contestant.role == role);
        contestants.map(time)
    };
    let fastest = of(Role::Peer).min_by(f64::total_cmp);
    let floor = of(Role::Floor).max_by(f64::total_cmp);
    for contestant in &workload.contestants {
        let time = time(contestant);
        let ratio = |other: Option<f64>| other.map_or("-".into(), |other| format!("{:.2}", time / other));
        println!(
            "| {} | {} | {} | {} | {} | {:.2} GB/s | {} | {} |",
            workload.name,
            contestant.name,
            duration(time),
            ratio(fastest),
            ratio(floor),
            workload.bytes as f64 / time,
            shown(allocations, workload.name, contestant.name),
            shown(instructions, workload.name, contestant.name),
        );
    }
}

fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1e3 => format!("{ns:.1} ns"),
        ns if ns < 1e6 => format!("{:.2} us", ns / 1e3),
        ns => format!("{:.2} ms", ns / 1e6),
    }
}

fn shown(counts: &Counts, workload: &str, contestant: &str) -> String {
    counts.get(&(workload.into(), contestant.into())).map_or("-".into(), u64::to_string)
}

/// Asks the program beside this one, whose allocator counts.
fn allocations() -> io::Result<Counts> {
    let program = env::current_exe()?.with_file_name("allocations");
    let output = Command::new(program).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(named(&text).collect())
}

/// What is counted under valgrind, in this order.
fn counted() -> impl Iterator<Item = (&'static str, Contestant)> {
    let small = peers::workloads().into_iter().filter(|workload| workload.bytes <= MAX_BYTES_COUNTED);
    small.flat_map(|workload| workload.contestants.into_iter().map(move |c| (workload.name, c)))
}

fn run_counted() {
    for (_, mut contestant) in counted() {
        (contestant.run)(COUNTED);
        counted_by_callgrind(&mut contestant);
    }
}

/// Callgrind knows it by its name, and notices only what returns to it.
#[inline(never)]
fn counted_by_callgrind(contestant: &mut Contestant) -> u64 {
    (contestant.run)(COUNTED);
    black_box(COUNTED)
}

/// Runs this program under callgrind, which writes one file for each call of the function above.
fn callgrind() -> io::Result<Counts> {
    let folder = env::temp_dir().join(format!("peers-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=peers::counted_by_callgrind"])
        .arg("--dump-after=peers::counted_by_callgrind")
        .arg(format!("--callgrind-out-file={}", folder.join("out").display()))
        .arg(env::current_exe()?)
        .arg("--under-valgrind")
        .output();
    let counts = run.and_then(|output| {
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let total = |number: usize| {
            let text = fs::read_to_string(folder.join(format!("out.{number}"))).ok()?;
            let total = text.lines().find_map(|line| line.strip_prefix("totals: "))?;
            total.trim().parse::<u64>().ok()
        };
        let counts = counted().zip(1..).filter_map(|((workload, contestant), number)| {
            Some(((workload.to_owned(), contestant.name.to_owned()), total(number)? / COUNTED))
        });
        Ok(counts.collect())
    });
    let _ = fs::remove_dir_all(&folder);
    counts
}
