//! A bare axum server, which the application is measured beside: bare PORT. It answers `/healthz` until it is ended.

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt;

#[tokio::main]
async fn main() {
    let port = std::env::args().filter_map(|argument| argument.parse::<u16>().ok()).next_back().expect("a port");
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let router = Router::new().route("/healthz", get(|| async { "alive\n" }));
    axum::serve(listener, router).await.expect("it serves");
}
