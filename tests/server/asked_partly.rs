//! Owns what a Prometheus that is asked may say and what it costs: a value that cannot be read, an answer that is partial and a
//! query that fails leave their own stretch of their own signal unknown, are named with what to do, and cost nothing else.

use crate::metrics::input;
use crate::serving::Server;
use crate::sources::{SOURCES, metrics, source, with};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// A request: the query, and the first and last time with the step between, in seconds.
#[derive(Clone, Debug)]
struct Question {
    end: i64,
    query: String,
    start: i64,
    step: i64,
}

impl Question {
    fn times(&self) -> impl Iterator<Item = i64> {
        (self.start..=self.end).step_by(usize::try_from(self.step).expect("a step"))
    }

    /// One series with a value at each time.
    fn one(&self, value: impl Fn(i64) -> Value) -> Value {
        let values: Vec<Value> = self.times().map(|at| json!([at, value(at)])).collect();
        matrix(json!([{"metric": {}, "values": values}]))
    }
}

fn matrix(result: Value) -> Value {
    json!({"status": "success", "data": {"resultType": "matrix", "result": result}})
}

/// The same with something beside the data.
fn saying(mut answer: Value, name: &str, value: Value) -> Value {
    answer[name] = value;
    answer
}

/// A Prometheus that answers so.
fn answering(answer: impl Fn(&Question) -> (u16, Value) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // One that asks for nothing was given up.
            let _ = serve(stream, &answer);
        }
    });
    url
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&Question) -> (u16, Value)) -> Option<()> {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut part).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&part[..read]);
    }
    let text = String::from_utf8(request).ok()?;
    let url = reqwest::Url::parse(&format!("http://x{}", text.split(' ').nth(1)?)).ok()?;
    let field = |name: &str| url.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned());
    let seconds = |name: &str| field(name)?.split('.').next()?.parse::<i64>().ok();
    let step = field("step")?.trim_end_matches("ms").parse::<i64>().ok()? / 1_000;
    let asked = Question { end: seconds("end")?, query: field("query")?, start: seconds("start")?, step };
    let (status, body) = answer(&asked);
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
    stream.write_all(format!("{head}\r\nconnection: close\r\n\r\n{body}").as_bytes()).ok()
}

/// A server that asks for clients, which are well, and for another signal.
async fn asking(url: &str, other: Value) -> Server {
    let server = Server::start().await;
    let signals = json!([{"signal": "clients.active", "query": "clients"}, other]);
    let body = with(metrics(url), json!({"signal": signals, "backfill_hours": 1}));
    let added = server.post(SOURCES, &body).await;
    assert_eq!(added.status, 200, "{added:?}");
    server
}

fn at_risk() -> Value {
    json!({"signal": "clients.at_risk", "query": "risk"})
}

/// The shown source, once it was asked.
async fn shown(server: &Server) -> Value {
    source(server, "metrics", |source| !source["succeeded_at"].is_null() || !source["failure"].is_null()).await
}

async fn notice(server: &Server) -> String {
    let shown = source(server, "metrics", |source| source["notice"].is_string()).await;
    shown["notice"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_value_that_cannot_be_read_leaves_its_own_time_unknown() {
    for odd in [json!("NaN"), json!("+Inf"), json!("-1"), json!("many"), json!(null), json!({})] {
        let told = odd.clone();
        let url = answering(move |asked| {
            let middle = (asked.end / 60 - 20) * 60;
            match asked.query.as_str() {
                "risk" => (200, asked.one(|at| if at == middle { told.clone() } else { json!("3") })),
                _ => (200, asked.one(|_| json!("12"))),
            }
        });
        let server = asking(&url, at_risk()).await;
        assert_eq!(shown(&server).await["failure"], Value::Null, "{odd}");
        for (signal, value) in [("clients.active", 12), ("clients.at_risk", 3)] {
            let known = input(&server, signal, "latest").await;
            assert_eq!((&known["state"], &known["value"]["lo"]), (&json!("known"), &json!(value)), "{odd}: {known}");
        }
        let notice = notice(&server).await;
        let is_named =
            notice.contains("1 value of clients.at_risk") && notice.contains("risk") && notice.contains("query");
        assert!(is_named, "{odd}: {notice}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_series_at_one_time_leave_that_time_unknown_and_the_rest_is_reported() {
    let url = answering(|asked| {
        let middle = (asked.end / 60 - 20) * 60;
        if asked.query != "risk" {
            return (200, asked.one(|_| json!("12")));
        }
        let of = |pod: &str, is_there: &dyn Fn(i64) -> bool| {
            let values: Vec<Value> = asked.times().filter(|at| is_there(*at)).map(|at| json!([at, "7"])).collect();
            json!({"metric": {"pod": pod}, "values": values})
        };
        (200, matrix(json!([of("old", &|at| at <= middle), of("new", &|at| at >= middle)])))
    });
    let server = asking(&url, at_risk()).await;
    shown(&server).await;
    assert_eq!(input(&server, "clients.at_risk", "latest").await["value"]["lo"], json!(7));
    let notice = notice(&server).await;
    assert!(notice.contains("clients.at_risk") && notice.contains("differ in their labels"), "{notice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_says_that_it_is_partial_is_never_known() {
    for (name, said) in [
        ("warnings", json!(["receive series from 10.0.0.9: context deadline exceeded"])),
        ("infos", json!(["some blocks were not consulted"])),
        ("isPartial", json!(true)),
        ("status 206", Value::Null),
    ] {
        let (field, value) = (name.to_owned(), said.clone());
        let url = answering(move |asked| match asked.query.as_str() {
            "risk" if field == "status 206" => (206, asked.one(|_| json!("6"))),
            "risk" => (200, saying(asked.one(|_| json!("6")), &field, value.clone())),
            _ => (200, asked.one(|_| json!("12"))),
        });
        let server = asking(&url, at_risk()).await;
        shown(&server).await;
        let known = input(&server, "clients.at_risk", "latest").await;
        assert_eq!(known["state"], json!("missing"), "{name}: {known}");
        assert_eq!(input(&server, "clients.active", "latest").await["value"]["lo"], json!(12), "{name}");
        let notice = notice(&server).await;
        assert!(notice.contains("clients.at_risk") && notice.contains("the answer is partial"), "{name}: {notice}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_complete_parts_of_a_stretch_are_taken_beside_one_that_is_not() {
    // Data older than half an hour cannot be read completely any more, or cannot be computed.
    for status in [200, 422] {
        let url = answering(move |asked| {
            let limit = asked.end.max(chrono_now() - 60) - 30 * 60;
            if asked.query != "risk" || asked.start > limit {
                return (200, asked.one(|_| json!("3")));
            }
            match status {
                422 => (422, json!({"status": "error", "errorType": "execution", "error": "many-to-many matching"})),
                _ => (200, saying(asked.one(|_| json!("2")), "isPartial", json!(true))),
            }
        });
        let server = asking(&url, at_risk()).await;
        assert_eq!(shown(&server).await["failure"], Value::Null, "{status}");
        let known = input(&server, "clients.at_risk", "latest").await;
        assert_eq!((&known["state"], &known["value"]["hi"]), (&json!("known"), &json!(3)), "{status}: {known}");
        let notice = notice(&server).await;
        let why = if status == 422 { "many-to-many" } else { "isPartial" };
        assert!(notice.contains(why), "{status}: {notice}");
    }
}

fn chrono_now() -> i64 {
    scaling_mode::server::clock::now().timestamp()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_fails_stops_no_other_and_is_asked_again() {
    for (status, body, code) in [
        (400, json!({"status": "error", "errorType": "bad_data", "error": "parse error at char 3"}), "statement"),
        (422, json!({"status": "error", "errorType": "execution", "error": "found duplicate series"}), "statement"),
        (503, json!({"status": "error", "error": "query timed out"}), "status"),
        (200, json!({"status": "success", "data": {"resultType": "vector", "result": []}}), "unreadable"),
    ] {
        let url = answering(move |asked| match asked.query.as_str() {
            "risk" => (status, body.clone()),
            _ => (200, asked.one(|_| json!("12"))),
        });
        let server = asking(&url, at_risk()).await;
        let shown = source(&server, "metrics", |source| !source["failure"].is_null()).await;
        assert_eq!(shown["failure"]["code"], json!(code), "{status}: {shown}");
        assert_eq!(input(&server, "clients.active", "latest").await["value"]["lo"], json!(12), "{status}");
        assert_eq!(input(&server, "clients.at_risk", "latest").await["state"], json!("missing"), "{status}");
    }
}
