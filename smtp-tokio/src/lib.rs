//! Sends mail on tokio: [`TokioRuntime`] is smtp-driver's [`Runtime`](smtp_driver::Runtime) over tokio's sockets and timers.
//!
//! Nothing is spawned, and no method needs a runtime of a particular flavour; one with I/O and time enabled must be
//! running (`enable_all`).
//!
//! ```no_run
//! use std::io::IoSlice;
//! use std::time::Duration;
//! use smtp_driver::{Progress, Runtime, Transport};
//! use smtp_tokio::TokioRuntime;
//!
//! # async fn example() -> std::io::Result<()> {
//! let runtime = TokioRuntime;
//! let deadline = runtime.now() + Duration::from_secs(30);
//! let mut connection = runtime.connect("mail.example", 587, deadline).await?;
//! let mut greeting = [0; 512];
//! match connection.exchange(&mut greeting, &[], Some(deadline)).await? {
//!     Progress::Read(n) => eprintln!("{}", String::from_utf8_lossy(&greeting[..n])),
//!     other => eprintln!("no greeting: {other:?}"),
//! }
//! # Ok(()) }
//! ```

mod clock;
mod runtime;
mod transport;

pub use runtime::TokioRuntime;
pub use transport::TcpTransport;
