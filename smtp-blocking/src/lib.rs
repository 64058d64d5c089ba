//! Sends mail from plain threads: [`BlockingRuntime`] is smtp-driver's [`Runtime`](smtp_driver::Runtime) without an
//! executor.
//!
//! Its futures do their waiting inside the first `poll` and are ready then; [`block_on`] runs them, and whatever is
//! built of them, on the calling thread.  The sockets are non-blocking all the same (mio), so a connection reads while
//! it writes, and every wait has a deadline.
//!
//! ```no_run
//! use std::time::Duration;
//! use smtp_blocking::{BlockingRuntime, block_on};
//! use smtp_driver::{Progress, Runtime, Transport};
//!
//! # fn main() -> std::io::Result<()> {
//! let runtime = BlockingRuntime;
//! let deadline = runtime.now() + Duration::from_secs(30);
//! block_on(async {
//!     let mut connection = runtime.connect("mail.example", 587, deadline).await?;
//!     let mut greeting = [0; 512];
//!     match connection.exchange(&mut greeting, &[], Some(deadline)).await? {
//!         Progress::Read(n) => eprintln!("{}", String::from_utf8_lossy(&greeting[..n])),
//!         other => eprintln!("no greeting: {other:?}"),
//!     }
//!     Ok(())
//! })
//! # }
//! ```

mod block_on;
mod clock;
mod runtime;
mod transport;

pub use block_on::block_on;
pub use runtime::BlockingRuntime;
pub use transport::TcpTransport;
