//! The examples when nobody reads what they print: their exit status is what it would be.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Case, Directory, EXAMPLES, Kind, Trial, build_example};

pub(super) const KIND: Kind = Kind {
    name: "output",
    present: "true",
    needs: "",
    install: "true",
    root: false,
    ports: 0,
    trial: Trial::Alone(cases),
};

/// Words of a command line in which PORT is one that nobody listens at, and the exit status.
const SEND: &[(&str, i32)] = &[
    // A message to a server of its own.
    ("", 0),
    ("--help", 0),
    ("smtp://127.0.0.1:PORT?tls=none --from a@b.test --to c@b.test --text t --json", 3),
    ("--shout --json", 2),
];

/// The same of the hostile servers.
const HOSTILE: &[(&str, i32)] = &[("--list", 0), ("W5 --list", 0), ("--help", 0), ("--shout", 2)];

/// Where the output goes.
const SINKS: &[&str] = &["a pipe that is closed", "/dev/full"];

fn cases(work: &Directory) -> Result<Vec<Case>, String> {
    let programs =
        EXAMPLES.iter().map(|example| (example, SEND)).chain([(&("smtp-tokio", "hostile"), HOSTILE)]);
    let mut cases = Vec::new();
    for (&(package, example), runs) in programs {
        let program = build_example(package, example, work)?;
        for &(words, expected) in runs {
            for sink in SINKS.iter().filter(|sink| !sink.starts_with('/') || Path::new(sink).exists()) {
                let result = status(&program, words, sink).map_err(|error| error.to_string());
                let result = result.and_then(|found| match found {
                    Some(found) if found == expected => Ok(()),
                    found => Err(format!("exit status {found:?} instead of {expected}")),
                });
                cases.push(Case { name: format!("{package} {example} {words} to {sink}"), result });
            }
        }
    }
    Ok(cases)
}

fn status(program: &Path, words: &str, sink: &str) -> io::Result<Option<i32>> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let sink = || -> io::Result<Stdio> {
        match sink {
            path if path.starts_with('/') => Ok(File::options().write(true).open(path)?.into()),
            _ => Ok(io::pipe()?.1.into()),
        }
    };
    let mut command = Command::new(program);
    command.args(words.replace("PORT", &port.to_string()).split_whitespace());
    Ok(command.stdin(Stdio::null()).stdout(sink()?).stderr(sink()?).status()?.code())
}
