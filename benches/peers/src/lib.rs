//! What is measured: the same work done by this project and by its peers, each through its public interface.
//!
//! Two programs use it, because an allocator that counts would slow down whoever allocates: `peers` takes times and
//! instructions and prints the table, `allocations` counts allocations for it.

pub mod body;
pub mod building;
pub mod dkim;
pub mod memory;
pub mod replies;
pub mod transaction;

/// One kind of work.
pub struct Workload {
    /// What it is.
    pub name: &'static str,
    /// Bytes of input in one operation.
    pub bytes: usize,
    /// Who does it; ours first.
    pub contestants: Vec<Contestant>,
}

/// One way to do it.
pub struct Contestant {
    /// Whose.
    pub name: &'static str,
    /// What it is to the others.
    pub role: Role,
    /// Does the work so many times.
    pub run: Box<dyn FnMut(u64)>,
}

/// What a contestant is to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// This project.
    Ours,
    /// Another project.
    Peer,
    /// Less than the whole work: nobody can be much faster.
    Floor,
}

impl Contestant {
    fn new<T>(role: Role, name: &'static str, mut operation: impl FnMut() -> T + 'static) -> Self {
        let run = Box::new(move |times| {
            for _ in 0..times {
                let result = operation();
                std::hint::black_box(&result);
            }
        });
        Self { name, role, run }
    }

    fn ours<T>(operation: impl FnMut() -> T + 'static) -> Self {
        Self::new(Role::Ours, "ours", operation)
    }

    fn peer<T>(name: &'static str, operation: impl FnMut() -> T + 'static) -> Self {
        Self::new(Role::Peer, name, operation)
    }
}

/// Everything there is, in the order of the table.
pub fn workloads() -> Vec<Workload> {
    let mut all = replies::workloads();
    all.extend(building::workloads());
    all.extend(transaction::workloads());
    all.extend(body::workloads());
    all.extend(dkim::workloads());
    all
}
