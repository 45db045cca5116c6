//! Owns what is promised of the styleguide: it is there only where it was asked for, and every component is in it.

use crate::serving::Server;
use std::collections::HashSet;

const PAGE: &str = "/styleguide";
const CHARTS: &str = "/api/scaling-mode/styleguide";

/// ASVS 13.4.2, 15.2.3.
#[tokio::test]
async fn without_its_flag_the_styleguide_is_like_any_page_that_is_not_there() {
    let server = Server::start().await;
    let (page, unknown) = (server.get(PAGE).await, server.get("/there-is-no-such-page").await);
    assert_eq!((page.status, unknown.status), (404, 404));
    assert!(page.text.contains("There is no such page") && !page.text.contains("Styleguide"), "{}", page.text);
    let charts = server.get(CHARTS).await;
    assert_eq!((charts.status, charts.json["type"].as_str()), (404, Some("urn:scaling-mode:problem:unknown-path")));
}

#[tokio::test]
async fn with_its_flag_it_shows_every_component_marked_as_an_example() {
    let server = Server::start_with(&["--no-demo", "--styleguide"]).await;
    let page = server.get(PAGE).await;
    assert_eq!(page.status, 200);
    for part in [
        "Examples: nothing here was measured",
        "answer-increase",
        "answer-freeze",
        "outcome-unknown",
        "state-not_applicable",
        "button-danger",
        "field-error",
        "banner-held",
        "banner-outdated",
        "banner-hypothetical",
        "bar-guardrail",
        "track-step is-target",
        "event-proposal_expired",
        "chart-modes-title",
        "chart-calendar-title",
        "page-error",
        "--accent-soft",
    ] {
        assert!(page.text.contains(part), "{part} is missing");
    }
    assert!(!page.text.contains(" style=\""), "an inline style");
    let mut seen = HashSet::new();
    for id in page.text.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(seen.insert(id), "the id {id} stands twice");
    }
}
