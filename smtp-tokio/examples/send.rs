//! Sends a message on tokio.  Without arguments to a server that it starts itself; see `--help`.

use std::process::ExitCode;

use example_cli::{Demo, Failure, Task};
use smtp_tokio::{TcpTransport, TokioRuntime};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let result = match Task::from_args() {
        Ok(Some(task)) => send(&task).await,
        Ok(None) => demo().await,
        Err(failure) => Err(failure),
    };
    result.unwrap_or_else(Failure::exit)
}

async fn send(task: &Task) -> Result<ExitCode, Failure> {
    let mailer = task.mailer()?.build(TokioRuntime)?;
    let content = task.content(&mailer.stamp()?)?;
    let report = mailer.send_envelope(content.envelope, &*content.message).await;
    mailer.close().await;
    task.report(report)
}

async fn demo() -> Result<ExitCode, Failure> {
    let demo = Demo::new()?;
    let listener = TcpListener::bind(("localhost", 0)).await?;
    let mailer = demo.mailer(listener.local_addr()?.port())?.build(TokioRuntime)?;
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
        let report = mailer.send(&message).await;
        mailer.close().await;
        report
    };
    tokio::select! {
        report = client => demo.report(report),
        error = server => Err(error.into()),
    }
}
