//! Makes a key to sign with, and prints the record that goes into DNS.
//!
//! `cargo run -p smtp-message --example dkim-key -- SELECTOR DOMAIN [rsa2048|rsa4096|ed25519]` writes `SELECTOR.pem`, which only
//! its owner may read, and replaces nothing.

use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::ExitCode;

use smtp_message::dkim::{NewKey, PrivateKey, Template};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (selector, domain, kind) = match args[..] {
        [selector, domain] | [selector, domain, "rsa2048"] => (selector, domain, NewKey::Rsa2048),
        [selector, domain, "rsa4096"] => (selector, domain, NewKey::Rsa4096),
        [selector, domain, "ed25519"] => (selector, domain, NewKey::Ed25519),
        _ => {
            eprintln!("dkim-key SELECTOR DOMAIN [rsa2048|rsa4096|ed25519]");
            return ExitCode::from(2);
        }
    };
    match make(selector, domain, kind) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dkim-key: {error}");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout)] // what it is for
fn make(selector: &str, domain: &str, kind: NewKey) -> Result<(), Box<dyn Error>> {
    let (key, pem) = PrivateKey::generate(kind)?;
    let name = Template::new(domain, selector, key.clone())?.key_name().to_string();
    let file = format!("{selector}.pem");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&file).map_err(|error| format!("{file}: {error}"))?;
    out.write_all(pem.as_bytes())?;
    out.sync_all()?;
    println!("{}", key.record().zone_line(&name));
    Ok(())
}
