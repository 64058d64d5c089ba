//! Writes random messages for other programs to read: `random COUNT MESSAGES EXPECTED`.
//!
//! In the first file each message stands behind a line with its length; in the second is what a parser must read, one
//! field a line, in hexadecimal, and an empty line behind each message.  `cargo xtask interop messages` compares.

#![allow(clippy::unwrap_used)] // it is a tool for tests

#[path = "../tests/it/random.rs"]
mod random;

use std::env;
use std::fs::File;
use std::io::{BufWriter, Write};

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let [count, messages, expected] = &args[..] else { panic!("random COUNT MESSAGES EXPECTED") };
    let mut random = random::Random(0x5eed_0000_0000_0002);
    let mut messages = BufWriter::new(File::create(messages).unwrap());
    let mut expected = BufWriter::new(File::create(expected).unwrap());
    for number in 0..count.parse().unwrap() {
        let sample = random::sample(&mut random, number);
        writeln!(messages, "{}", sample.bytes.len()).unwrap();
        messages.write_all(&sample.bytes).unwrap();
        for field in sample.expected {
            writeln!(expected, "{}", random::hex(&field)).unwrap();
        }
        writeln!(expected).unwrap();
    }
    messages.flush().unwrap();
    expected.flush().unwrap();
}
