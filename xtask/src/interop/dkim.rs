//! Signatures beside dkimpy and `Mail::DKIM`: what we sign they verify, and of what is broken they think as we do.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::message::{nasty_7bit, ready_made};
use super::suite::Suite;
use super::{Case, Directory, Kind, Trial, install, tools};
use crate::process::{build_dir, cargo, quietly, root};

pub(super) const KIND: Kind = Kind {
    name: "dkim",
    present: "\"$TOOLS/dkimpy/bin/python\" -c 'import dkim, nacl' && perl -MMail::DKIM::Verifier -e 1 && type openssl",
    needs: "openssl, Python's dkimpy with PyNaCl, and Perl's Mail::DKIM",
    install: "perl -MMail::DKIM::Verifier -e 1 || apt openssl libmail-dkim-perl
        python3 -c 'import ensurepip' || apt python3-venv
        python3 -m venv \"$TOOLS/dkimpy\"
        \"$TOOLS/dkimpy/bin/pip\" install --quiet 'dkimpy[ed25519]==1.1.8'",
    root: false,
    ports: 0,
    trial: Trial::Alone(cases),
};

/// At least so many messages must be broken.
const BROKEN: usize = 1000;

/// A message as it was judged.
struct Judged {
    name: String,
    ours: String,
}

fn cases(_: &Directory) -> Result<Vec<Case>, String> {
    let case = |name: &str, result| Case { name: format!("smtp-message {name}"), result };
    let (stream, messages) = written()?;
    let perl = script("perl", "dkim-mail-dkim.pl");
    let dkimpy = judged(dkimpy(), &stream, messages.len());
    let perl = judged(perl, &stream, messages.len());
    let compare = |verdicts: &Result<Vec<String>, String>, group: fn(&str) -> bool, least: usize| {
        let verdicts = verdicts.as_ref().map_err(Clone::clone)?;
        let pairs: Vec<_> =
            messages.iter().zip(verdicts).filter(|(message, _)| group(&message.name)).collect();
        if pairs.len() < least {
            return Err(format!("only {} messages", pairs.len()));
        }
        let differ: Vec<_> = pairs.iter().filter(|(message, theirs)| !same(&message.ours, theirs)).collect();
        let lines = differ
            .iter()
            .take(20)
            .map(|(message, theirs)| format!("{}: {theirs} instead of {}\n", message.name, message.ours));
        match differ.len() {
            0 => Ok(()),
            count => Err(format!("{count} of {}:\n{}", pairs.len(), lines.collect::<String>())),
        }
    };
    let good = |name: &str| name.starts_with("good ");
    Ok(vec![
        case("verifies all that it signs", all_pass(&messages)),
        case("signs for dkimpy", compare(&dkimpy, good, 200)),
        case("signs for Mail::DKIM", compare(&perl, |name| name.starts_with("good rsa "), 100)),
        case(
            "judges keys and times as dkimpy",
            compare(&dkimpy, |n| n.starts_with("key ") || n.starts_with("time "), 30),
        ),
        case(
            "judges broken messages as dkimpy",
            compare(&dkimpy, |name| name.starts_with("broken "), BROKEN),
        ),
        case("breaks messages in many ways", both_kinds(&messages)),
    ])
}

/// dkimpy, which judges what it reads.
fn dkimpy() -> Command {
    script(tools().join("dkimpy/bin/python"), "dkim-dkimpy.py")
}

fn script(program: impl AsRef<OsStr>, name: &str) -> Command {
    let mut command = Command::new(program);
    command.arg(root().join("xtask/interop").join(name));
    command
}

/// Signs a text and a ready-made message twice over, sends both, and looks whether the signatures verify as they arrive,
/// for us and for dkimpy if it can be had; `arrived` takes out the only message, with CRLF line ends.
pub(super) fn signed(
    suite: &Suite<'_>,
    url: &str,
    to: &str,
    arrived: impl Fn() -> Result<Vec<u8>, String>,
) -> Result<(), String> {
    quietly(&mut cargo("build --quiet -p smtp-message --example dkim-cases --example dkim-key"))?;
    let (mut options, mut records) = (Vec::new(), Vec::new());
    for kind in ["rsa2048", "ed25519"] {
        let file = suite.certificates.0.join(format!("{kind}.pem"));
        let _ = fs::remove_file(&file);
        let mut make = Command::new(build_dir().join("examples/dkim-key"));
        let line = quietly(make.args([kind, "example.test", kind]).current_dir(&suite.certificates.0))?;
        #[cfg(unix)]
        {
            let metadata = fs::metadata(&file).map_err(|error| error.to_string())?;
            let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
            if mode & 0o777 != 0o600 {
                return Err(format!("{} has the mode {mode:o}", file.display()));
            }
        }
        // `NAME. IN TXT ( "STRING" "STRING" )`
        let (name, strings) = line.split_once(". IN TXT ").ok_or_else(|| format!("not a record: {line}"))?;
        let record: Vec<_> = strings.split('"').skip(1).step_by(2).collect();
        if record.iter().any(|string| string.len() > 255) {
            return Err(format!("a string is too long: {line}"));
        }
        records.extend([name.to_string(), record.concat()]);
        options.push(format!("{kind}:example.test:{}", file.display()));
    }
    let options = ["--dkim", &options[0], "--dkim", &options[1]];
    // Why not, the suite of its own says.
    let has_dkimpy = install(&KIND).is_ok();
    let ready_made = ready_made("", "7bit", &nasty_7bit());
    for message in [None, Some(&ready_made)] {
        let (said, _) = match message {
            None => suite.traced_text(url, to, &options)?,
            Some(message) => suite.traced_eml(url, &[to], &options, message)?,
        };
        said.verdicts(&[(to, "delivered", Some(250))])?;
        let stored = arrived()?;
        let mut verify = Command::new(build_dir().join("examples/dkim-cases"));
        verify.arg("--verify").args(&records).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = verify.spawn().map_err(|error| error.to_string())?;
        if let Some(mut pipe) = child.stdin.take() {
            pipe.write_all(&stored).map_err(|error| error.to_string())?;
        }
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        if output.stdout != b"pass,pass\n" {
            let verdicts = String::from_utf8_lossy(&output.stdout).into_owned();
            return Err(format!("{verdicts} for {}", stored.escape_ascii()));
        }
        if !has_dkimpy {
            continue;
        }
        let mut stream = Vec::new();
        for record in records.chunks(2) {
            stream.extend(format!("record {} {}\n{}", record[0], record[1].len(), record[1]).into_bytes());
        }
        stream.extend(format!("case {} pass,pass signed\n", stored.len()).into_bytes());
        stream.extend(&stored);
        let verdicts = judged(dkimpy(), &stream, 1)?;
        if verdicts != ["pass,pass"] {
            return Err(format!("dkimpy: {verdicts:?} for {}", stored.escape_ascii()));
        }
    }
    Ok(())
}

/// What `dkim-cases` writes, and the messages in it.
fn written() -> Result<(Vec<u8>, Vec<Judged>), String> {
    quietly(&mut cargo("build --quiet -p smtp-message --example dkim-cases"))?;
    let program = build_dir().join("examples/dkim-cases");
    let output = Command::new(&program).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    if !output.status.success() {
        return Err(format!("{}: {}", program.display(), output.status));
    }
    let mut messages = Vec::new();
    let mut rest = &output.stdout[..];
    while !rest.is_empty() {
        let end = rest.iter().position(|&octet| octet == b'\n').ok_or("a line without its end")?;
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        let words: Vec<_> = line.splitn(4, ' ').collect();
        let length = match words[..] {
            ["record", _, length] => length,
            ["case", length, ours, name] => {
                messages.push(Judged { name: name.into(), ours: ours.into() });
                length
            }
            _ => return Err(format!("not understood: {line}")),
        };
        let length: usize = length.parse().map_err(|error| format!("{line}: {error}"))?;
        rest = rest.get(end + 1 + length..).ok_or("cut off")?;
    }
    Ok((output.stdout, messages))
}

/// What another program says of each message, one line for each.
fn judged(mut program: Command, stream: &[u8], count: usize) -> Result<Vec<String>, String> {
    let name = PathBuf::from(program.get_program()).display().to_string();
    let failed = |error: std::io::Error| format!("{name}: {error}");
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().map_err(failed)?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // It need not read its input to the end.
        scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(stream)));
        child.wait_with_output().map_err(failed)
    })?;
    let lines: Vec<_> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    match output.status.success() && lines.len() == count {
        true => Ok(lines),
        false => Err(format!(
            "{name}: {} of {count} judged: {}",
            lines.len(),
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

/// Whether both believe the same signatures.  Where the other takes the message for none, none must be believed.
fn same(ours: &str, theirs: &str) -> bool {
    let believed = |words: &str| words.split(',').map(|word| word == "pass").collect::<Vec<_>>();
    match theirs {
        "malformed" => !believed(ours).contains(&true),
        "none" => ours == "none",
        _ => ours != "none" && believed(ours) == believed(theirs),
    }
}

fn all_pass(messages: &[Judged]) -> Result<(), String> {
    let good = messages.iter().filter(|message| message.name.starts_with("good "));
    let fails = |message: &&Judged| {
        let expected = if message.name.starts_with("good both") { 2 } else { 1 };
        message.ours.split(',').take(expected).filter(|word| *word == "pass").count() != expected
    };
    match good
        .filter(fails)
        .map(|message| format!("{}: {}\n", message.name, message.ours))
        .collect::<String>()
    {
        failed if failed.is_empty() => Ok(()),
        failed => Err(failed),
    }
}

/// Breaking messages must leave some signatures good, for some changes do not count, and others not, for several reasons.
fn both_kinds(messages: &[Judged]) -> Result<(), String> {
    let mut counts = BTreeMap::<&str, usize>::new();
    for message in messages.iter().filter(|message| message.name.starts_with("broken ")) {
        *counts.entry(message.ours.split(',').next().unwrap_or_default()).or_default() += 1;
    }
    match ["pass", "fail", "permerror"].iter().all(|word| counts.get(word).is_some_and(|&count| count >= 50))
    {
        true => Ok(()),
        false => Err(format!("{counts:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_compared_signature_by_signature() {
        assert!(same("pass,fail", "pass,not") && same("permerror", "not") && same("none", "none"));
        assert!(same("permerror", "malformed"));
        for (ours, theirs) in [
            ("pass", "not"),
            ("fail", "pass"),
            ("pass", "pass,not"),
            ("pass", "malformed"),
            ("none", "not"),
            ("fail", "none"),
        ] {
            assert!(!same(ours, theirs), "{ours} {theirs}");
        }
    }
}
