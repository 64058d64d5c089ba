//! Running other programs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What has become of a step.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It holds; with what is worth knowing about it, if anything.
    Passed(String),
    /// It could not be tried, and why.
    Skipped(String),
    /// It does not hold, with all there is to read about it.
    Failed(String),
}

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    const XTASK: &str = env!("CARGO_MANIFEST_DIR");
    Path::new(XTASK).parent().unwrap_or(Path::new(XTASK))
}

/// The directory of the programs that cargo builds, which this is one of.
pub(crate) fn build_dir() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    program.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// `cargo` with these words, in the workspace.
pub(crate) fn cargo(words: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    command.args(words.split_whitespace()).current_dir(root());
    command
}

/// Runs it with its output kept; the output is the error if the program cannot be run or says that it failed.
pub(crate) fn quietly(command: &mut Command) -> Result<String, String> {
    let shown = shown(command);
    let output = command.output().map_err(|error| format!("$ {shown}\n{error}\n"))?;
    let text = text(&output);
    if output.status.success() { Ok(text) } else { Err(format!("$ {shown}\n{text}{}\n", output.status)) }
}

/// Runs one after the other up to the first that fails.
pub(crate) fn all(commands: impl IntoIterator<Item = Command>) -> Outcome {
    for mut command in commands {
        if let Err(output) = quietly(&mut command) {
            return Outcome::Failed(output);
        }
    }
    Outcome::Passed(String::new())
}

/// What a failed program said last.
pub(crate) fn last_line(output: &str) -> &str {
    output.trim_end().lines().rev().find(|line| !line.starts_with("exit status")).unwrap_or_default()
}

/// The command as it would be typed, but for quotes.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let set = command.get_envs().filter_map(|(name, value)| {
        Some(format!("{}={} ", name.to_string_lossy(), value?.to_string_lossy()))
    });
    let args = command.get_args().map(|arg| format!(" {}", arg.to_string_lossy()));
    set.chain([program.to_string_lossy().into_owned()]).chain(args).collect()
}

fn text(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}
