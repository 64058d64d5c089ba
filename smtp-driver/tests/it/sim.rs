//! The simulation itself: virtual time, determinism, deadlocks, closes and resets.

use std::io::{ErrorKind, IoSlice};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use smtp_driver::sim::{START, Sim, SimNet, SimRuntime, SimTransport, Split};
use smtp_driver::{Progress, Runtime, Transport};
use smtp_proto::Instant;

const HOST: &str = "mail.example";

fn ms(n: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(n)
}

async fn connect(runtime: &SimRuntime) -> SimTransport {
    runtime.connect(HOST, 25, runtime.now() + Duration::from_secs(60)).await.unwrap()
}

#[test]
fn an_hour_takes_no_time() {
    let sim = Sim::new(1);
    let runtime = sim.runtime();
    let order = Arc::new(Mutex::new(Vec::new()));
    for hours in [3, 1, 2] {
        let (runtime, order) = (runtime.clone(), Arc::clone(&order));
        runtime.clone().spawn(async move {
            runtime.sleep(Duration::from_secs(hours * 3600)).await;
            order.lock().unwrap().push(hours);
        });
    }
    sim.block_on(runtime.sleep(Duration::from_secs(4 * 3600)));
    assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
    assert_eq!(runtime.now(), ms(4 * 3_600_000));
    assert_eq!(runtime.unix_time(), START + Duration::from_secs(4 * 3600));
}

#[test]
fn latency_is_that_of_a_round_trip() {
    let sim = Sim::new(1);
    sim.listen(HOST, 25, |mut server| async move {
        server.write_all(b"220 hello\r\n").await.unwrap();
        while let Ok(line) = server.read_line().await {
            server.write_all(format!("250 {line}\r\n").as_bytes()).await.unwrap();
        }
    });
    let runtime = sim.runtime();
    sim.block_on(async {
        let mut client = connect(&runtime).await;
        assert_eq!(runtime.now(), ms(20));
        assert_eq!(client.read_line().await.unwrap(), "220 hello");
        assert_eq!(runtime.now(), ms(40));
        client.write_all(b"A\r\nB\r\n").await.unwrap();
        assert_eq!(client.read_line().await.unwrap(), "250 A");
        assert_eq!(client.read_line().await.unwrap(), "250 B");
        assert_eq!(runtime.now(), ms(60));
        client.write_all(b"C\r\n").await.unwrap();
        assert_eq!(client.read_line().await.unwrap(), "250 C");
        assert_eq!(runtime.now(), ms(80));
    });
    let log = &sim.connections()[0];
    assert_eq!((log.host.as_str(), log.port, log.flights), (HOST, 25, 2));
    assert_eq!((log.client.bytes, log.server.bytes), (9, 32));
}

/// The sizes of all reads of a conversation, and what was random in it.
fn trace(seed: u64) -> (Vec<usize>, [u8; 16]) {
    let sim = Sim::new(seed);
    sim.listen(HOST, 25, |mut server| async move { server.write_all(&[7; 10_000]).await.unwrap() });
    let runtime = sim.runtime();
    sim.block_on(async {
        let mut client = connect(&runtime).await;
        let mut sizes = Vec::new();
        let mut rx = [0; 1000];
        while let Progress::Read(n @ 1..) = client.exchange(&mut rx, &[], None).await.unwrap() {
            sizes.push(n);
        }
        let mut random = [0; 16];
        runtime.fill_random(&mut random).unwrap();
        (sizes, random)
    })
}

#[test]
fn the_same_seed_does_the_same() {
    assert_eq!(trace(5), trace(5));
    assert_ne!(trace(5), trace(6));
}

#[test]
fn everybody_waiting_for_each_other_is_a_deadlock() {
    let sim = Sim::new(1);
    sim.listen(HOST, 25, |mut server| async move {
        let _ = server.read_line().await;
    });
    let runtime = sim.runtime();
    let deadlock = sim
        .try_block_on(async {
            let mut client = connect(&runtime).await;
            client.read_line().await
        })
        .unwrap_err();
    assert_eq!((deadlock.tasks, deadlock.now), (2, ms(30)));
    assert!(deadlock.to_string().contains("2 tasks wait"), "{deadlock}");
}

#[test]
#[should_panic(expected = "deadlock at +0ns")]
fn block_on_panics_on_a_deadlock() {
    Sim::new(1).block_on(std::future::pending::<()>());
}

#[test]
fn tasks_outlive_a_block_on() {
    let sim = Sim::new(1);
    let runtime = sim.runtime();
    let done = Arc::new(AtomicUsize::new(0));
    let (sleeper, counter) = (runtime.clone(), Arc::clone(&done));
    runtime.spawn(async move {
        sleeper.sleep(Duration::from_secs(2)).await;
        counter.fetch_add(1, Ordering::Relaxed);
    });
    sim.block_on(runtime.sleep(Duration::from_secs(1)));
    assert_eq!(done.load(Ordering::Relaxed), 0);
    sim.block_on(runtime.sleep(Duration::from_secs(2)));
    assert_eq!(done.load(Ordering::Relaxed), 1);
}

#[test]
fn what_it_owns_is_dropped_with_it() {
    struct Probe(Arc<AtomicUsize>);
    impl Drop for Probe {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let sim = Sim::new(1);
    let runtime = sim.runtime();
    let (probe, inner) = (Probe(Arc::clone(&dropped)), runtime.clone());
    sim.listen(HOST, 25, move |mut server| {
        let probe = Probe(Arc::clone(&probe.0));
        let inner = inner.clone();
        async move {
            let _ = server.read_line().await;
            drop((probe, inner));
        }
    });
    let client = sim.block_on(async {
        let client = connect(&runtime).await;
        runtime.sleep(Duration::from_secs(1)).await;
        client
    });
    drop(sim);
    assert_eq!(dropped.load(Ordering::Relaxed), 2);
    drop(client);
}

#[test]
fn a_dropped_wait_leaves_no_timer() {
    let sim = Sim::new(1);
    let runtime = sim.runtime();
    sim.block_on(async {
        let mut sleep = Box::pin(runtime.sleep(Duration::from_secs(9)));
        std::future::poll_fn(|cx| {
            assert!(sleep.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
    });
    assert!(sim.try_block_on(std::future::pending::<()>()).is_err());
    assert_eq!(runtime.now(), Instant::ZERO);
}

#[test]
fn half_close() {
    let sim = Sim::new(1);
    sim.listen(HOST, 25, |mut server| async move {
        assert_eq!(server.read_to_end().await.unwrap(), b"all of it");
        server.write_all(b"got it").await.unwrap();
    });
    let runtime = sim.runtime();
    sim.block_on(async {
        let mut client = connect(&runtime).await;
        client.write_all(b"all of it").await.unwrap();
        client.close_write();
        assert_eq!(client.write_all(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(client.read_to_end().await.unwrap(), b"got it");
    });
}

#[test]
fn reset() {
    let sim = Sim::new(1);
    sim.listen(HOST, 25, |mut server| async move {
        server.write_all(b"421 no\r\n").await.unwrap();
        server.reset();
    });
    let runtime = sim.runtime();
    sim.block_on(async {
        let mut client = connect(&runtime).await;
        assert_eq!(client.read_line().await.unwrap(), "421 no");
        assert_eq!(client.read_line().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        let wrote = client.exchange(&mut [0; 8], &[IoSlice::new(b"x")], None).await;
        assert_eq!(wrote.unwrap_err().kind(), ErrorKind::ConnectionReset);
        let wrote = client.exchange(&mut [], &[IoSlice::new(b"x")], None).await.unwrap();
        assert_eq!(wrote, Progress::WriteClosed);
    });
}

#[test]
fn delimiters_longer_than_a_read() {
    for split in [Split::Whole, Split::Random, Split::Bytes] {
        let sim = Sim::new(3);
        sim.set_net(SimNet { split, ..SimNet::default() });
        sim.listen(HOST, 25, |mut server| async move {
            assert_eq!(server.read_until(b"\r\n.\r\n").await.unwrap(), b"a\r\n.b\r\n.\r\n");
            assert_eq!(server.read_line().await.unwrap(), "QUIT");
            assert_eq!(server.read_line().await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        });
        let runtime = sim.runtime();
        sim.block_on(async {
            let mut client = connect(&runtime).await;
            client.write_all(b"a\r\n.b\r\n.\r\nQUIT\r\nrest").await.unwrap();
            client.close_write();
            assert_eq!(client.read_to_end().await.unwrap(), b"");
        });
    }
}

#[test]
fn hosts_that_are_not_there() {
    let sim = Sim::new(1);
    sim.unreachable(HOST, 25);
    let runtime = sim.runtime();
    sim.block_on(async {
        let deadline = runtime.now() + Duration::from_secs(60);
        for (host, port, kind) in [
            (HOST, 25, ErrorKind::HostUnreachable),
            (HOST, 26, ErrorKind::ConnectionRefused),
            ("other.example", 25, ErrorKind::NotFound),
        ] {
            let error = runtime.connect(host, port, deadline).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
        }
    });
}
