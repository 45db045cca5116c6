//! Measures live events: many open pages listen to the running server (`BASE_URL`) while a founder's acts make events.
//! The delay of each event at each listener runs from before the act is sent. Fails when an event is missed; the figures are
//! printed, not judged. `make listeners` starts the server; `LISTENERS`, `EVENTS_PER_SECOND` and `LISTEN_SECONDS` set the load.

#![expect(
    clippy::disallowed_methods,
    reason = "a measurement has a clock of its own, and its load is said from outside"
)]

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// What an event of history is known by in the stream.
const MARK: &[u8] = b"event: history";
/// Listeners that connect at the same time.
const OPENED_TOGETHER: usize = 100;

fn setting<T: FromStr>(name: &str, usual: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// What the listeners share: when the act began (in nanoseconds since the start, 0 for none yet) and where delays go.
struct Shared {
    act_at: AtomicU64,
    delays: mpsc::UnboundedSender<u64>,
    host: String,
    start: Instant,
}

impl Shared {
    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }
}

/// Opens a stream of events; resolves once it is open, and listens until the program ends.
async fn listen(shared: Arc<Shared>) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(&shared.host).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /api/scaling-mode/events?environment=production HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n\r\n",
        shared.host
    );
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = vec![0; 4096];
    let length = stream.read(&mut buffer).await?;
    assert!(buffer[..length].starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&buffer[..length]));
    tokio::spawn(async move {
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            let act_at = shared.act_at.load(Ordering::Relaxed);
            // An event comes in one piece: it is far smaller than a packet on loopback.
            if act_at > 0 && buffer[..length].windows(MARK.len()).any(|part| part == MARK) {
                let _ = shared.delays.send(shared.now() - act_at);
            }
        }
    });
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let Ok(base) = std::env::var("BASE_URL") else {
        println!("live listeners: skipped, no server is named in BASE_URL (`make listeners` starts one)");
        return;
    };
    let (listeners, per_second, seconds) =
        (setting("LISTENERS", 4000usize), setting("EVENTS_PER_SECOND", 4u64), setting("LISTEN_SECONDS", 20u64));
    let (delays, mut heard) = mpsc::unbounded_channel();
    let host = base.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let shared = Arc::new(Shared { act_at: AtomicU64::new(0), delays, host, start: Instant::now() });
    let mut open = 0;
    while open < listeners {
        let some = OPENED_TOGETHER.min(listeners - open);
        let opening: Vec<_> = (0..some).map(|_| tokio::spawn(listen(shared.clone()))).collect();
        for one in opening {
            one.await.expect("a listener").expect("a connection");
        }
        open += some;
    }
    println!("{open} listeners are connected");
    rustls::crypto::ring::default_provider().install_default().expect("nobody has chosen another");
    let client = reqwest::Client::new();
    let events = per_second * seconds;
    for event in 0..events {
        let began = Instant::now();
        shared.act_at.store(shared.now().max(1), Ordering::Relaxed);
        let act =
            serde_json::json!({"environment": "production", "action": "set_auto_mode", "enabled": event % 2 == 0});
        let answer = client.put(format!("{base}/api/scaling-mode/config")).json(&act).send().await.expect("an answer");
        assert!(answer.status().is_success(), "the act was answered with {}", answer.status());
        tokio::time::sleep((Duration::from_secs(1) / per_second as u32).saturating_sub(began.elapsed())).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut all = Vec::new();
    while let Ok(delay) = heard.try_recv() {
        all.push(delay);
    }
    all.sort_unstable();
    let at = |share: f64| all[((all.len() as f64 * share) as usize).min(all.len() - 1)] as f64 / 1e6;
    println!(
        "{events} events at {per_second} a second to {listeners} listeners: {} told, p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms",
        all.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    assert_eq!(all.len() as u64, events * listeners as u64, "events were missed");
}
