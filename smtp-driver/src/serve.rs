//! The loop of smtp-proto's server machine: for test servers, in this process or in a simulation.

use smtp_proto::Output;
use smtp_proto::server::{Event, Next, Response, Server, ServerError};

use crate::pipe::{Moved, Pipe};
use crate::runtime::{Runtime, Transport};

/// Serves one client until it or the server ends the connection.
///
/// `decide` is told of every event; what it returns answers those that ask for a decision and is ignored for the others.
///
/// # Errors
/// Why the connection ended early.
pub async fn serve<R: Runtime<Transport = T>, T: Transport>(
    runtime: &R,
    transport: T,
    mut server: Server,
    mut decide: impl FnMut(Event) -> Response,
) -> Result<(), ServerError> {
    let mut pipe = Pipe::new(transport);
    let mut out = Output::new();
    loop {
        match server.poll(runtime.now(), &mut out) {
            Next::Event(event) => server.respond(decide(event)),
            Next::Closed(end) => return end,
            Next::Wait => {
                let moved = pipe.exchange(&out, &[], server.wants_input(), server.deadline()).await;
                let now = runtime.now();
                match moved {
                    Moved::Read(bytes) => server.handle_input(now, bytes),
                    Moved::Wrote(n) => {
                        out.advance(n);
                        server.handle_written(now, n);
                    }
                    Moved::TimedOut => server.handle_timeout(now),
                    Moved::Eof => server.handle_eof(now),
                    Moved::WriteClosed | Moved::Gone => {
                        out.clear();
                        server.handle_eof(now);
                    }
                }
            }
        }
    }
}
