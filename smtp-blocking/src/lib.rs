//! Sends mail from plain threads.
