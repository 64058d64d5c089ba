//! What the project does to itself: `cargo xtask help`.
#![allow(clippy::print_stdout)] // it is what a command line is for

mod bench;
mod ci;
mod fuzz;
mod interop;
mod mutants;
mod process;
mod simulate;
mod supply;
mod test;
mod tools;

use std::error::Error;
use std::process::ExitCode;

use lexopt::{Arg, Parser};

const HELP: &str = "\
cargo xtask test               all tests, with all features and with the smallest sets of them
cargo xtask ci [STEP...]       what must hold of every commit, besides the tests: format, clippy, docs, features, no_std,
                               deny, advisories, seeds, simulate, interop, fuzz; what cannot be had is skipped, and why is
                               said
cargo xtask interop [NAME...]  sends through real servers, started for the purpose, and compares what arrives:
                               postfix, dovecot, aiosmtpd, nodemailer, and sink, which fails as it is told; openssl
                               exports keying material; messages gives a thousand random ones to the parsers of Python
                               and Perl; dkim exchanges signatures with other verifiers and signers; output is what
                               the examples do when nobody reads what they print
cargo xtask fuzz [TARGET...]   fuzzes from the seeds, --seconds N (60) or --runs N each, and says what the seeds reach;
                               --seed N is for the random numbers, and nothing that was found before is used then
cargo xtask simulate           runs client against server over a random network, --sessions=N (100000) from --seed=S (0);
                               a failure is shown in its simplest form, and again by --replay=CHOICES
cargo xtask mutants [NAME...]  changes the code here and there, and sees whether tests fail: reply, address, client by the
                               tests of smtp-proto, and simulation, which is client by the simulation alone
cargo xtask bench [WORD...]    measures beside peers, in one table: all workloads, or those named by a word in their name;
                               --rounds N, and --no-instructions without valgrind
cargo xtask help               this

Exit status: 0 all is well, 1 something failed, 2 the command line is wrong.";

fn main() -> ExitCode {
    match run(Parser::from_env()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error}; see cargo xtask help");
            ExitCode::from(2)
        }
    }
}

/// Whether all went well; an error is the command line's.
fn run(mut parser: Parser) -> Result<bool, Box<dyn Error>> {
    let mut words = Vec::new();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Value(word) => words.push(word.into_string().map_err(|word| format!("what is {word:?}?"))?),
            Arg::Long(name @ ("seconds" | "runs" | "sessions" | "seed" | "replay")) => {
                let name = name.to_owned();
                words.push(format!("--{name}={}", parser.value()?.to_string_lossy()));
            }
            // The bench's own program takes them as they are.
            Arg::Long("rounds") => {
                words.extend(["--rounds".into(), parser.value()?.to_string_lossy().into_owned()]);
            }
            Arg::Long("no-instructions") => words.push("--no-instructions".into()),
            Arg::Long("help") | Arg::Short('h') => words.insert(0, "help".into()),
            other => return Err(other.unexpected().into()),
        }
    }
    let Some((command, rest)) = words.split_first() else { return Err("a command is missing".into()) };
    match (command.as_str(), rest) {
        ("help", _) => {
            println!("{HELP}");
            Ok(true)
        }
        ("bench", words) => Ok(bench::command(words)),
        ("simulate", words) => Ok(simulate::command(words)),
        ("fuzz", words) => fuzz::command(words),
        ("interop", names) => interop::command(names),
        ("mutants", names) => mutants::command(names),
        ("test", []) => Ok(test::command()),
        ("ci", names) => ci::command(names),
        ("test", [word, ..]) => Err(format!("{command} takes no arguments, but there is {word}").into()),
        _ => Err(format!("there is no command {command}").into()),
    }
}
