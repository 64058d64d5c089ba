//! What is depended on: the steps of `cargo xtask ci` that run cargo-deny, with `deny.toml`, and cargo-audit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Outcome, all, quietly, root};
use crate::tools::{AUDIT, DENY};

/// A snapshot of the advisory database, beside the repository: a `.tar.gz` with one directory in it.
const SNAPSHOT: &str = "../shared/advisory-db.tar.gz";
/// Where cargo-deny looks for the database: `db-path` of `deny.toml`, and a name made of the address of the original.
const DATABASE: &str = "target/advisory-db/advisory-db-3157b0e258782691";

/// Vulnerabilities that do not count in a package outside the workspace.
const IGNORED: &[(&str, &str)] = &[
    // The timing of `rsa`, with which lettre signs, gives away a key: here one that is in the repository.
    ("benches/peers/Cargo.lock", "RUSTSEC-2023-0071"),
];

/// Licences, bans and sources of the workspace, and the sources of the packages outside it, which nobody else builds.
pub(crate) fn deny() -> Outcome {
    let mut checks = vec!["--locked check -D warnings bans licenses sources".to_owned()];
    checks.extend(locks().iter().filter(|lock| lock.parent() != Some(Path::new(""))).map(|lock| {
        let manifest = lock.with_file_name("Cargo.toml");
        format!("--locked --config deny.toml --manifest-path {} check sources", manifest.display())
    }));
    let commands: Result<Vec<_>, _> = checks.iter().map(|words| DENY.command(words)).collect();
    commands.map_or_else(Outcome::Skipped, all)
}

/// The advisories: for the workspace all of them, for the packages outside it those of vulnerabilities.
pub(crate) fn advisories() -> Outcome {
    if !root().join(SNAPSHOT).exists() {
        return Outcome::Skipped(format!("there is no snapshot of the advisory database, {SNAPSHOT}"));
    }
    if let Err(output) = unpack() {
        return Outcome::Failed(output);
    }
    let deny = "--locked --offline check -D warnings advisories".to_owned();
    let audits = locks().into_iter().map(|lock| {
        let strict = if lock.parent() == Some(Path::new("")) { " --deny warnings" } else { "" };
        let ignored = IGNORED.iter().filter(|(package, _)| lock == Path::new(package));
        let ignored: String = ignored.map(|(_, advisory)| format!(" --ignore {advisory}")).collect();
        format!("--db {DATABASE} --no-fetch{strict}{ignored} --file {}", lock.display())
    });
    let commands: Result<Vec<_>, _> =
        [DENY.command(&deny)].into_iter().chain(audits.map(|words| AUDIT.command(&words))).collect();
    commands.map_or_else(Outcome::Skipped, all)
}

/// Makes a checkout of the snapshot as cargo-deny wants it: with a commit, and the trace of a fetch.
fn unpack() -> Result<(), String> {
    let database = root().join(DATABASE);
    let failed = |error: std::io::Error| format!("{}: {error}\n", database.display());
    let _ = fs::remove_dir_all(&database);
    fs::create_dir_all(&database).map_err(failed)?;
    let snapshot = root().join(SNAPSHOT);
    quietly(
        Command::new("tar").args(["--strip-components=1", "-xzf"]).arg(snapshot).arg("-C").arg(&database),
    )?;
    let git = |words: &[&str]| quietly(Command::new("git").arg("-C").arg(&database).args(words));
    git(&["init", "--quiet"])?;
    git(&["add", "--all", "--force"])?;
    git(&["-c", "user.name=ci", "-c", "user.email=ci@localhost", "commit", "--quiet", "-m", "snapshot"])?;
    let head = git(&["rev-parse", "HEAD"])?;
    fs::write(database.join(".git/FETCH_HEAD"), head).map_err(failed)
}

/// All lock files, relative to the root: the workspace's, and those one and two directories down.
fn locks() -> Vec<PathBuf> {
    let folders = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(root().join(folder)).into_iter().flatten().flatten();
        let names = entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name());
        let names = names.filter(|name| name != "target" && !name.to_string_lossy().starts_with('.'));
        names.map(|name| folder.join(name)).collect()
    };
    let top = folders(Path::new(""));
    let nested: Vec<_> = top.iter().flat_map(|folder| folders(folder)).collect();
    let mut locks: Vec<_> = [PathBuf::new()].into_iter().chain(top).chain(nested).collect();
    locks.iter_mut().for_each(|folder| folder.push("Cargo.lock"));
    locks.retain(|lock| root().join(lock).exists());
    locks.sort();
    locks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_files_of_the_packages_outside_the_workspace_are_found() {
        let locks = locks();
        assert_eq!(locks.iter().filter(|lock| **lock == Path::new("Cargo.lock")).count(), 1, "{locks:?}");
        assert!(locks.contains(&PathBuf::from("fuzz/Cargo.lock")), "{locks:?}");
    }
}
