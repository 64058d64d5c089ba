//! Sends a message on tokio.  Without arguments to a server that it starts itself; see `--help`.

use std::process::ExitCode;

use example_cli::{Demo, Failure, Task};
use smtp_tokio::{Mailer, TcpTransport, TokioRuntime};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match Task::from_args() {
        Ok(Some(task)) => send(&task).await.unwrap_or_else(|failure| task.fail(failure)),
        Ok(None) => demo().await.unwrap_or_else(Failure::exit),
        Err(code) => code,
    }
}

async fn send(task: &Task) -> Result<ExitCode, Failure> {
    let mailer = Mailer::new(task.mailer()?)?;
    let content = task.content(&mailer.stamp()?)?;
    let report = mailer.send_envelope(content.envelope, &*content.message).await?;
    // What became of the message does not have to wait for the server's goodbye.
    let status = task.report(&report);
    mailer.close().await;
    Ok(status)
}

async fn demo() -> Result<ExitCode, Failure> {
    let demo = Demo::new()?;
    let listener = TcpListener::bind(("localhost", 0)).await?;
    let mailer = Mailer::new(demo.mailer(listener.local_addr()?.port())?)?;
    let message = demo.message(&mailer.stamp()?)?;
    let server = async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => demo.serve(&TokioRuntime, TcpTransport::from_stream(stream)).await,
                Err(error) => return error,
            }
        }
    };
    let client = async {
        let report = mailer.send(&message).await?;
        let status = demo.report(&report);
        mailer.close().await;
        Ok(status)
    };
    tokio::select! {
        status = client => status,
        error = server => Err(error.into()),
    }
}
