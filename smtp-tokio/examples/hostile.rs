//! Servers that misbehave, for mail clients to be pointed at; see `--help`.

use std::io;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use example_cli::{Hostile, Server, complain};
use smtp_tokio::{TcpTransport, TokioRuntime};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let hostile = match Hostile::from_args(TokioRuntime) {
        Ok(hostile) => hostile,
        Err(code) => return code,
    };
    let mut port = hostile.port;
    for server in hostile.servers {
        match listen(&server, port).await {
            Ok(bound) => server.listens_at(bound),
            Err(error) => {
                complain(format_args!("hostile: port {port}: {error}"));
                return ExitCode::FAILURE;
            }
        }
        if port != 0 {
            port = port.wrapping_add(1);
        }
    }
    // Until it is interrupted.
    std::future::pending().await
}

async fn listen(server: &Server, port: u16) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = listener.local_addr()?.port();
    let play = Arc::clone(&server.play);
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let play = Arc::clone(&play);
                    tokio::spawn(async move { play.run(TcpTransport::from_stream(stream)).await });
                }
                // There may be too many connections for now.
                Err(error) => {
                    complain(format_args!("hostile: port {port}: {error}"));
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    });
    Ok(port)
}
