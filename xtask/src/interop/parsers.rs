//! Random messages, read by the parsers of other languages, which must give back exactly what was put in.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Case, Directory, Kind, Trial};
use crate::process::{build_dir, cargo, quietly, root};

pub(super) const KIND: Kind = Kind {
    name: "messages",
    present: "type python3 && perl -MEmail::MIME -MEmail::Address::XS -e 1",
    needs: "python3, and Perl's Email::MIME and Email::Address::XS",
    install: "apt python3 libemail-mime-perl libemail-address-xs-perl",
    root: false,
    ports: 0,
    trial: Trial::Alone(read),
};

/// How many messages there are.
const COUNT: &str = "1200";

/// The parsers: what reads with them, and whose they are.
const READERS: &[(&str, &str, &str)] = &[
    ("python3", "smtp-message/tests/it/read.py", "Python's email"),
    ("perl", "xtask/interop/read.pl", "Perl's Email::MIME"),
];

fn read(work: &Directory) -> Result<Vec<Case>, String> {
    quietly(&mut cargo("build --quiet -p smtp-message --example random"))?;
    let (messages, expected) = (work.0.join("messages"), work.0.join("expected"));
    quietly(Command::new(build_dir().join("examples/random")).arg(COUNT).args([&messages, &expected]))?;
    let expected = fs::read_to_string(&expected).map_err(|error| error.to_string())?;
    let cases = READERS.iter().map(|&(program, script, whose)| {
        let name = format!("{COUNT} random messages read by {whose}");
        Case { name, result: compare(program, script, &messages, &expected) }
    });
    Ok(cases.collect())
}

fn compare(program: &str, script: &str, messages: &Path, expected: &str) -> Result<(), String> {
    let input = File::open(messages).map_err(|error| error.to_string())?;
    let output = Command::new(program)
        .arg(root().join(script))
        .stdin(Stdio::from(input))
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() || !output.stderr.is_empty() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    let read = String::from_utf8_lossy(&output.stdout);
    for (number, (read, expected)) in read.lines().zip(expected.lines()).enumerate() {
        if read != expected {
            return Err(format!("field {}: {} has become {}", number + 1, text(expected), text(read)));
        }
    }
    match (read.lines().count(), expected.lines().count()) {
        (read, expected) if read == expected => Ok(()),
        (read, expected) => Err(format!("{expected} fields, and {read} were read")),
    }
}

/// What hexadecimal says.
fn text(hex: &str) -> String {
    let byte = |i: usize| hex.get(2 * i..2 * i + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    let bytes: Vec<u8> = (0..hex.len() / 2).filter_map(byte).collect();
    format!("\"{}\"", bytes.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_as_it_was_meant_is_told() {
        let work = Directory::new(std::env::temp_dir().join(format!("xtask-parsers-{}", std::process::id())))
            .unwrap();
        let (messages, script) = (work.0.join("messages"), work.0.join("script"));
        fs::write(&messages, "6162\n\n6364\n\n").unwrap();
        fs::write(&script, "cat").unwrap();
        let compare = |expected: &str| compare("sh", script.to_str().unwrap(), &messages, expected);
        assert_eq!(compare("6162\n\n6364\n\n"), Ok(()));
        assert_eq!(compare("6162\n\n6363\n\n"), Err("field 3: \"cc\" has become \"cd\"".into()));
        assert_eq!(compare("6162\n\n6364\n"), Err("3 fields, and 4 were read".into()));
        fs::write(&script, "cat; echo a >&2").unwrap();
        assert!(compare("6162\n\n6364\n\n").is_err());
    }
}
