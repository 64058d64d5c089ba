//! Transcripts of the client machine, and sessions with the server machine, every one at every split of the input.

mod script;
mod session;
mod wire;
