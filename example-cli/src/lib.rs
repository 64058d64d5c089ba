//! What the examples of the adapters share, so that each shows only what is special to its runtime: the command lines, the
//! server of the demonstration, and what is printed.

mod demo;
mod hostile;
mod output;
mod task;

pub use demo::Demo;
pub use hostile::{Hostile, Server};
pub use output::{Failure, complain, say};
pub use task::{Content, Task};
