//! Counts allocations per operation; `peers` reads what it prints: workload, contestant, count, tab-separated.

use std::alloc::System;

use peers::transaction::Ours;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    for workload in peers::workloads() {
        for mut contestant in workload.contestants {
            let times = if workload.bytes > 1 << 20 { 1 } else { 10 };
            // Buffers that are kept grow to their size first.
            (contestant.run)(times);
            let count = allocations(|| (contestant.run)(times));
            println!("{}\t{}\t{}", workload.name, contestant.name, count / times);
        }
    }
    // From the very first transaction of a connection on.
    Ours::ready().accept(|step, run| println!("{step}\tours\t{}", allocations(run)));
}

fn allocations(run: impl FnOnce()) -> u64 {
    let region = Region::new(ALLOCATOR);
    run();
    let change = region.change();
    (change.allocations + change.reallocations) as u64
}
