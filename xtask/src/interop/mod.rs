//! `cargo xtask interop`: the `send` examples against real servers, and built messages against other parsers.
//!
//! Each server is a script in `xtask/interop` that runs privately in a temporary directory on free loopback ports until
//! its standard input ends, and a suite of cases.

mod chunks;
mod delay;
mod dkim;
mod dovecot;
mod exporter;
mod json;
mod lmtp;
mod login;
mod message;
mod nodemailer;
mod oracle;
mod output;
mod parsers;
mod postfix;
mod postfix_extensions;
mod secrets;
mod send;
mod server;
mod sink;
mod stream;
mod suite;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::process::{Outcome, build_dir, cargo, last_line, quietly, root};
use send::Send;
use server::Server;
use suite::Suite;

/// A real server or parsers, and what is tried with them.
struct Kind {
    name: &'static str,
    /// A shell condition that holds when all it needs is there, what that is, and shell commands that install it.
    /// $TOOLS is a directory for what is not installed for the whole computer.
    present: &'static str,
    needs: &'static str,
    install: &'static str,
    /// Whether it only runs as root.
    root: bool,
    ports: usize,
    trial: Trial,
}

/// How a server is tried.
enum Trial {
    /// Its script is started, and each of the examples sends through it.
    Sends(fn(&Suite<'_>) -> Vec<Case>),
    /// Without either, in a directory to work in.
    Alone(fn(&Directory) -> Result<Vec<Case>, String>),
}

const KINDS: &[Kind] = &[
    postfix::KIND,
    dovecot::KIND,
    oracle::AIOSMTPD,
    oracle::NODEMAILER,
    sink::KIND,
    exporter::KIND,
    parsers::KIND,
    dkim::KIND,
    output::KIND,
];

/// The packages that have an example which sends, and its name.
const EXAMPLES: [(&str, &str); 2] = [("smtp-tokio", "send"), ("smtp-blocking", "send-blocking")];

/// What was tried, and whether it went as it must.
struct Case {
    name: String,
    result: Result<(), String>,
}

/// A directory that is removed with everything in it.
struct Directory(PathBuf);

impl Directory {
    fn new(path: PathBuf) -> Result<Self, String> {
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).map_err(|error| format!("{}: {error}\n", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs the suites of the servers with these names, or of all; whether none failed.  A server that was asked for by
/// name must be there.
pub(crate) fn command(names: &[String]) -> Result<bool, Box<dyn std::error::Error>> {
    if let Some(name) = names.iter().find(|name| KINDS.iter().all(|kind| kind.name != **name)) {
        let known: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        return Err(format!("there is no server {name}, but {}", known.join(", ")).into());
    }
    let mut well = true;
    for kind in KINDS.iter().filter(|kind| names.is_empty() || names.iter().any(|name| name == kind.name)) {
        match run(kind, &|case| match &case.result {
            Ok(()) => println!("ok      {}", case.name),
            Err(why) => println!("FAILED  {}\n{}", case.name, why.trim_end()),
        }) {
            Outcome::Passed(note) => println!("{note}"),
            Outcome::Skipped(why) => {
                println!("skipped {}: {why}", kind.name);
                well &= names.is_empty();
            }
            Outcome::Failed(why) => {
                println!("FAILED  {}", why.trim_end());
                well = false;
            }
        }
    }
    Ok(well)
}

/// Runs all suites as one step of `cargo xtask ci`.
pub(crate) fn step() -> Outcome {
    let (mut passed, mut skipped, mut failed) = (Vec::new(), Vec::new(), String::new());
    for kind in KINDS {
        let cases = std::cell::RefCell::new(String::new());
        match run(kind, &|case| {
            if let Err(why) = &case.result {
                *cases.borrow_mut() += &format!("{}: {}\n", case.name, why.trim_end());
            }
        }) {
            Outcome::Passed(note) => passed.push(note),
            Outcome::Skipped(why) => skipped.push(format!("{}: {why}", kind.name)),
            Outcome::Failed(why) => failed += &format!("{}{why}\n", cases.into_inner()),
        }
    }
    match (failed.is_empty(), skipped.is_empty()) {
        (false, _) => Outcome::Failed(failed),
        (true, false) => Outcome::Skipped(skipped.into_iter().chain(passed).collect::<Vec<_>>().join("; ")),
        (true, true) => Outcome::Passed(passed.join("; ")),
    }
}

/// Starts one server and runs its suite with each of the examples; `tell` hears of every case.
fn run(kind: &Kind, tell: &dyn Fn(&Case)) -> Outcome {
    if let Err(why) = install(kind) {
        return Outcome::Skipped(why);
    }
    match suites(kind, tell) {
        Ok((cases, 0)) => Outcome::Passed(format!("{}: {cases} cases", kind.name)),
        Ok((cases, failed)) => Outcome::Failed(format!("{}: {failed} of {cases} cases", kind.name)),
        Err(why) => Outcome::Failed(format!("{}: {why}", kind.name)),
    }
}

/// How many cases there were, and how many failed.
fn suites(kind: &Kind, tell: &dyn Fn(&Case)) -> Result<(usize, usize), String> {
    let (mut count, mut failed) = (0, 0);
    let mut told = |case: Case| {
        count += 1;
        failed += usize::from(case.result.is_err());
        tell(&case);
    };
    let work = Directory::new(build_dir().join("interop"))?;
    let suite = match kind.trial {
        Trial::Sends(suite) => suite,
        Trial::Alone(cases) => {
            cases(&work)?.into_iter().for_each(told);
            return Ok((count, failed));
        }
    };
    let sends = EXAMPLES
        .iter()
        .map(|(package, example)| Send::build(package, example, &work))
        .collect::<Result<Vec<_>, _>>()?;
    let certificates = Directory::new(work.0.join("ca"))?;
    quietly(Command::new("bash").arg(root().join("xtask/interop/ca.sh")).arg(&certificates.0))?;
    let server = Server::start(kind, &certificates)?;
    for (i, send) in sends.iter().enumerate() {
        let is_first = i == 0;
        let given = Suite { send, server: &server, certificates: &certificates, is_first };
        suite(&given).into_iter().for_each(&mut told);
    }
    Ok((count, failed))
}

/// What `install` of a kind may use.  "No configuration" and the policy keep packages from starting servers that are
/// open to the network.
const INSTALLER: &str = "set -e; export DEBIAN_FRONTEND=noninteractive
apt() {
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
  fi
  echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
  apt-get -qq update && apt-get -qq -y install --no-install-recommends \"$@\"
}
";

/// Sees to it that the server's programs are there; otherwise says what to do.
fn install(kind: &Kind) -> Result<(), String> {
    let shell = |script: &str| quietly(Command::new("bash").args(["-c", script]).env("TOOLS", tools()));
    let present = format!("PATH=$PATH:/usr/sbin; {}", kind.present);
    let root = shell("id -u").is_ok_and(|id| id.trim() == "0");
    if kind.root && !root {
        return Err("servers with users of their own can only be started by root".into());
    }
    if shell(&present).is_ok() {
        return Ok(());
    }
    if !root {
        return Err(format!("install {}, or run this as root", kind.needs));
    }
    shell(&format!("{INSTALLER}{}", kind.install))
        .and_then(|_| shell(&present))
        .map(drop)
        .map_err(|output| format!("install {}; trying that failed: {}", kind.needs, last_line(&output)))
}

/// Where packages of other languages are installed.
fn tools() -> PathBuf {
    build_dir().join("interop-tools")
}

/// Builds an example of a package, and keeps it where no other build replaces it.
fn build_example(package: &str, example: &str, directory: &Directory) -> Result<PathBuf, String> {
    quietly(&mut cargo(&format!("build --quiet -p {package} --example {example} --features cram-md5")))?;
    let (from, to) = (build_dir().join("examples").join(example), directory.0.join(example));
    fs::copy(&from, &to).map_err(|error| format!("{}: {error}\n", from.display()))?;
    Ok(to)
}
