//! `cargo xtask mutants`: whether a test fails when cargo-mutants changes something in the code.
//!
//! What no test can tell from the code as it is stands in `.cargo/mutants.toml`, with the reason.

use std::error::Error;

use crate::process::{root, shown};
use crate::tools::MUTANTS;

/// What is changed, and which tests are to find out.
struct Group {
    name: &'static str,
    /// Options that pick the files.
    files: &'static str,
    /// Options that pick the tests; fewer features are built faster.
    tests: &'static str,
}

const GROUPS: &[Group] = &[
    Group { name: "reply", files: "--file smtp-proto/src/reply/**", tests: PARSERS },
    Group { name: "address", files: "--file smtp-proto/src/address/**", tests: PARSERS },
    Group {
        name: "client",
        files: "--file smtp-proto/src/client/machine.rs",
        tests: "--features cram-md5 -- --lib --test it",
    },
    Group {
        name: "simulation",
        files: "--file smtp-proto/src/client/machine.rs",
        tests: "--test-package smtp-simulation -- --lib",
    },
];
const PARSERS: &str = "--no-default-features --features std,idna -- --lib --test it";

/// A mutant that runs for ever is found too.
const TIMED_OUT: i32 = 3;

/// Runs the groups that are named, or all; whether no mutant survived.
pub(crate) fn command(names: &[String]) -> Result<bool, Box<dyn Error>> {
    if let Some(name) = names.iter().find(|name| GROUPS.iter().all(|group| group.name != **name)) {
        let known: Vec<_> = GROUPS.iter().map(|group| group.name).collect();
        return Err(format!("there is no group {name}, but {}", known.join(", ")).into());
    }
    let mut well = true;
    for Group { name, files, tests } in GROUPS {
        if !names.is_empty() && names.iter().all(|it| it != name) {
            continue;
        }
        let target = root().join("target/mutants");
        let words = format!("--package smtp-proto {files} --output target/mutants/{name} {tests}");
        let mut command = MUTANTS.command(&words)?;
        // The tree is copied, but what it depends on need not be built again each time.
        command.env("CARGO_TARGET_DIR", &target).env("CARGO_PROFILE_DEV_DEBUG", "0");
        println!("{name}: {}", shown(&command));
        std::fs::create_dir_all(target.join(name))?;
        let status = command.status()?;
        well &= status.success() || status.code() == Some(TIMED_OUT);
    }
    Ok(well)
}
