//! Owns who the real server takes its peer to be: what a proxy says counts where the settings trust it, and nowhere else.

use crate::serving::Server;
use reqwest::Method;

/// What a request with these headers gets: the address that the page tells senders to use, and the headers for browsers.
async fn seen(server: &Server, headers: &[(&str, &str)]) -> (String, Option<String>) {
    // A request that came through a proxy is from elsewhere, and needs a signed-in user.
    let cookies = crate::people::sign_in(server, "anna@example.com").await;
    let mut request = server.request(Method::GET, "/founder/scaling-mode").header("cookie", cookies);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    let strict = response.headers().get("strict-transport-security").map(|value| value.to_str().unwrap().to_owned());
    let page = response.text().await.expect("a page");
    let host = server.url.trim_start_matches("http://");
    let place = page.find(&format!("://{host}/api/telemetry")).expect("the page says where to send to");
    let scheme = page[..place].rsplit(|character: char| !character.is_ascii_alphanumeric()).next().unwrap();
    (scheme.to_owned(), strict)
}

/// ASVS 3.4.1.
#[tokio::test]
async fn a_proxy_says_how_it_was_asked_only_where_it_is_trusted() {
    let https = [("x-forwarded-proto", "https"), ("x-forwarded-for", "203.0.113.9")];
    let year = Some("max-age=31536000".to_owned());

    let alone = Server::start().await;
    crate::people::create(&alone, "anna@example.com", "founder", None);
    assert_eq!(seen(&alone, &https).await, ("http".to_owned(), None));

    let behind = Server::start_with(&["--no-demo", "--trusted-proxy", "127.0.0.0/8"]).await;
    crate::people::create(&behind, "anna@example.com", "founder", None);
    assert_eq!(seen(&behind, &https).await, ("https".to_owned(), year.clone()));
    // The page that was made for HTTPS is not the one that is given over HTTP.
    assert_eq!(seen(&behind, &[]).await, ("http".to_owned(), None));
    assert_eq!(seen(&behind, &[("forwarded", "for=203.0.113.9;proto=https")]).await, ("https".to_owned(), year));
    assert_eq!(seen(&behind, &[("x-forwarded-proto", "wss")]).await, ("http".to_owned(), None));

    let whole = Server::start_with(&["--no-demo", "--trusted-proxy", "127.0.0.0/8", "--hsts-subdomains"]).await;
    crate::people::create(&whole, "anna@example.com", "founder", None);
    let below = Some("max-age=31536000; includeSubDomains".to_owned());
    assert_eq!(seen(&whole, &https).await, ("https".to_owned(), below));
}

#[tokio::test]
async fn a_proxy_that_cannot_be_one_ends_the_start_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    for proxy in ["everyone", "0.0.0.0/0"] {
        let (code, _, error) = crate::serving::command(folder.path(), &["serve", "--trusted-proxy", proxy]);
        assert!(code == 2 && error.contains("trusted_proxies") && error.contains(proxy), "{code}: {error}");
    }
}
