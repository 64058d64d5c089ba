//! `openssl s_server` beside the core: keying material of TLS, to which SCRAM is bound, must be the same on both sides.

use super::{Case, Directory, Kind, Trial};
use crate::process::{cargo, quietly};

pub(super) const KIND: Kind = Kind {
    name: "openssl",
    present: "type openssl",
    needs: "openssl",
    install: "apt openssl",
    root: false,
    ports: 0,
    trial: Trial::Alone(cases),
};

/// They start the program by themselves.
const TESTS: [&str; 2] = ["openssl_exports_the_same", "openssl_by_tls_1_2_is_not_bound"];

fn cases(_: &Directory) -> Result<Vec<Case>, String> {
    let words = |test| format!("test -p smtp-proto --test it -- --ignored --exact exporter::{test}");
    let run = |test| match quietly(&mut cargo(&words(test)))?.contains("1 passed") {
        true => Ok(()),
        false => Err("there is no such test".to_string()),
    };
    Ok(TESTS.map(|test| Case { name: format!("smtp-proto {test}"), result: run(test) }).into())
}
