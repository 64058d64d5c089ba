//! What the `send` examples of the adapters share, so that each shows only what is special to its runtime: the command
//! line, the server of the demonstration, and what is printed.
#![allow(clippy::print_stdout)] // it is what a command line is for

mod demo;
mod output;
mod task;

pub use demo::Demo;
pub use output::Failure;
pub use task::{Content, Task};
