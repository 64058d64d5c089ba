//! Whether an independent parser reads from built messages exactly what was put in.

#![allow(clippy::unwrap_used)] // in tests a panic is the report

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod dkim;
mod memory;
mod property;
mod random;
mod reading;

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};
use std::thread;

use random::{Random, hex, sample};

/// Prints what messages say.
const READER: &str = include_str!("read.py");

#[test]
fn python_reads_what_was_written() {
    let mut random = Random(0x5eed_0000_0000_0001);
    let (mut input, mut expected) = (Vec::new(), Vec::new());
    for number in 0..1000 {
        let sample = sample(&mut random, number);
        writeln!(input, "{}", sample.bytes.len()).unwrap();
        input.extend_from_slice(&sample.bytes);
        expected.extend(sample.expected.iter().map(|field| (number, hex(field))));
        // No defect.
        expected.push((number, String::new()));
    }
    let Some(output) = python(input) else {
        // Not by `eprintln!`, which is not shown for tests that pass.
        writeln!(std::io::stderr(), "skipped: there is no python3 to read the messages").unwrap();
        return;
    };
    let mut read = output.lines();
    for (number, expected) in expected {
        let line = read.next().expect("python3 stopped early");
        assert_eq!(text(line), text(&expected), "in message {number}");
    }
    assert_eq!(read.next(), None);
}

/// What hexadecimal says, to be read in a report.
fn text(hex: &str) -> String {
    let bytes = (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap());
    bytes.collect::<Vec<_>>().escape_ascii().to_string()
}

/// Runs the reader; `None` if there is no Python here.  Anything else that goes wrong fails the test.
fn python(input: Vec<u8>) -> Option<String> {
    let python =
        Command::new("python3").args(["-c", READER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut python = match python {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        python => python.expect("python3 starts"),
    };
    let mut stdin = python.stdin.take().unwrap();
    // On a thread, for a reader that ends early must be told from one that waits.
    let writer = thread::spawn(move || stdin.write_all(&input));
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "python3 failed: {}", output.status);
    writer.join().unwrap().expect("python3 reads everything");
    Some(String::from_utf8(output.stdout).unwrap())
}
