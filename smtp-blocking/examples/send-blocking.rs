//! Sends a message from a plain thread.  Without arguments to a server that it starts itself; see `--help`.

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use example_cli::{Demo, Failure, Task};
use smtp_blocking::{BlockingRuntime, Mailer, TcpTransport, block_on};

fn main() -> ExitCode {
    match Task::from_args() {
        Ok(Some(task)) => send(&task).unwrap_or_else(|failure| task.fail(failure)),
        Ok(None) => demo().unwrap_or_else(Failure::exit),
        Err(code) => code,
    }
}

fn send(task: &Task) -> Result<ExitCode, Failure> {
    let mailer = Mailer::new(task.mailer()?)?;
    let content = task.content(&mailer.stamp()?)?;
    let report = mailer.send_envelope(content.envelope, &*content.message)?;
    // What became of the message does not have to wait for the server's goodbye.
    let status = task.report(&report);
    mailer.close();
    Ok(status)
}

fn demo() -> Result<ExitCode, Failure> {
    let demo = Arc::new(Demo::new()?);
    let listener = TcpListener::bind(("localhost", 0))?;
    let mailer = Mailer::new(demo.mailer(listener.local_addr()?.port())?)?;
    let message = demo.message(&mailer.stamp()?)?;
    let server = Arc::clone(&demo);
    thread::spawn(move || {
        for transport in listener.incoming().map_while(|stream| TcpTransport::from_stream(stream.ok()?).ok())
        {
            block_on(server.serve(&BlockingRuntime, transport));
        }
    });
    let report = mailer.send(&message)?;
    let status = demo.report(&report);
    mailer.close();
    Ok(status)
}
