//! Owns what signing in by a provider promises, against a provider that sends false claims where a test wants them: only a token that it signed, for
//! this server, now, for this very browser, is believed; and an account belongs to the user who connected it, no matter which e-mail address it has.
//! The honest way round is tried with a real provider, in `end2end/tests/proofs.spec.ts`.

use crate::people::{PASSWORD, create, sign_in};
use crate::serving::{Server, answer, seconds};
use axum::extract::{Form, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, Response, Url};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::Connection;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const CLIENT: &str = "scaling-mode";
const SECRET: &str = "a secret that both know";

/// What the provider says next.
#[derive(Clone)]
pub struct Says {
    algorithm: &'static str,
    /// What its answer to a code says beside the tokens.
    pub answer: Value,
    audience: String,
    pub claims: Value,
    expires_in: i64,
    /// What it says when it is asked what an account is called.
    pub info: Value,
    issued_in: i64,
    issuer: String,
    nonce: Option<String>,
    signed_by: [u8; 32],
    pub subject: &'static str,
}

struct Provider {
    /// Where it is; its issuer can have a path.
    base: String,
    /// Of the browser that was sent here last.
    challenge: Mutex<String>,
    issuer: String,
    says: Mutex<Says>,
}

const KEY: [u8; 32] = [7; 32];

fn encoded(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().enumerate().fold(0u32, |word, (place, byte)| word | u32::from(*byte) << (16 - 8 * place));
        for place in 0..=chunk.len() {
            text.push(char::from(LETTERS[(word >> (18 - 6 * place)) as usize & 63]));
        }
    }
    text
}

impl Says {
    fn token(&self) -> String {
        let now = i64::try_from(seconds()).unwrap();
        let mut claims = json!({
            "iss": self.issuer, "sub": self.subject, "aud": self.audience, "nonce": self.nonce,
            "iat": now + self.issued_in, "exp": now + self.expires_in,
        });
        for (name, value) in self.claims.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let header = json!({"alg": self.algorithm, "kid": "k", "typ": "JWT"});
        let text = format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
        let signature = match self.algorithm {
            "none" => String::new(),
            "HS256" => {
                let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
                mac.update(text.as_bytes());
                encoded(&mac.finalize().into_bytes())
            }
            _ => encoded(&SigningKey::from_bytes(&self.signed_by).sign(text.as_bytes()).to_bytes()),
        };
        format!("{text}.{signature}")
    }
}

async fn metadata(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let (issuer, base) = (&provider.issuer, &provider.base);
    Json(json!({
        "issuer": issuer, "authorization_endpoint": format!("{base}/auth"), "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/jwks"), "userinfo_endpoint": format!("{base}/userinfo"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
    }))
}

async fn keys() -> Json<Value> {
    let public = SigningKey::from_bytes(&KEY).verifying_key();
    Json(
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "k", "x": encoded(public.as_bytes())}]}),
    )
}

/// Exchanges a code for a token, where PKCE's two halves fit.
async fn token(State(provider): State<Arc<Provider>>, Form(form): Form<HashMap<String, String>>) -> Json<Value> {
    let verifier = form.get("code_verifier").map(String::as_str).unwrap_or_default();
    if form.get("code").is_none_or(|code| code != "good")
        || encoded(&Sha256::digest(verifier)) != *provider.challenge.lock().unwrap()
    {
        return Json(json!({"error": "invalid_grant"}));
    }
    let says = provider.says.lock().unwrap().clone();
    let mut answer =
        json!({"access_token": "for nobody", "token_type": "Bearer", "expires_in": 60, "id_token": says.token()});
    for (name, value) in says.answer.as_object().unwrap() {
        answer[name] = value.clone();
    }
    Json(answer)
}

async fn info(State(provider): State<Arc<Provider>>) -> Json<Value> {
    Json(provider.says.lock().unwrap().info.clone())
}

pub struct Scene {
    _folder: TempDir,
    provider: Arc<Provider>,
    pub server: Server,
}

impl Scene {
    async fn new() -> Scene {
        Scene::at("").await
    }

    /// A provider whose issuer has this path.
    pub async fn at(path: &str) -> Scene {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let issuer = format!("{base}{path}");
        let provider = Arc::new(Provider {
            base,
            challenge: Mutex::default(),
            issuer: issuer.clone(),
            says: Mutex::new(Scene::honest(&issuer)),
        });
        let router = Router::new()
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(info))
            .fallback(get(metadata))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("settings.toml");
        let text = format!(
            "[openid]\nname = \"Example\"\nissuer = \"{issuer}\"\nclient_id = \"{CLIENT}\"\nsecret_env = \"OPENID_SECRET\"\n"
        );
        std::fs::write(&settings, text).unwrap();
        let settings = settings.display().to_string();
        let server =
            Server::start_in_with(folder.path(), &["--no-demo", "--settings", &settings], &[("OPENID_SECRET", SECRET)])
                .await;
        Scene { _folder: folder, provider, server }
    }

    fn honest(issuer: &str) -> Says {
        Says {
            algorithm: "EdDSA",
            answer: json!({}),
            audience: CLIENT.to_owned(),
            claims: json!({"email": "anna@example.com", "email_verified": true, "name": "Anna"}),
            expires_in: 300,
            info: json!({"sub": "1"}),
            issued_in: 0,
            issuer: issuer.to_owned(),
            nonce: None,
            signed_by: KEY,
            subject: "1",
        }
    }

    /// Sends a browser there; what it is sent away with.
    async fn there(&self, query: &str, cookies: &str) -> Result<(Url, String), Response> {
        let request = self.server.request(Method::GET, &format!("/founder/sign-in/provider{query}"));
        let response = request.header("cookie", cookies).header("sec-fetch-site", "same-origin").send().await.unwrap();
        let to = response.headers()["location"].to_str().unwrap().to_owned();
        let Ok(to) = to.parse::<Url>() else { return Err(response) };
        let flow = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        assert!(flow.starts_with("__Host-scaling-mode-flow="), "{flow}");
        let pairs: HashMap<String, String> = to.query_pairs().into_owned().collect();
        assert_eq!((pairs["response_type"].as_str(), pairs["code_challenge_method"].as_str()), ("code", "S256"));
        assert_eq!(pairs["redirect_uri"], format!("{}/founder/sign-in/callback", self.server.url));
        *self.provider.challenge.lock().unwrap() = pairs["code_challenge"].clone();
        let mut says = Scene::honest(&self.provider.issuer);
        says.nonce = Some(pairs["nonce"].clone());
        *self.provider.says.lock().unwrap() = says;
        Ok((to, flow))
    }

    async fn back(&self, query: &str, cookies: &str) -> (String, Vec<String>) {
        let request = self.server.request(Method::GET, &format!("/founder/sign-in/callback?{query}"));
        let response = request.header("cookie", cookies).send().await.unwrap();
        let to = response.headers()["location"].to_str().unwrap().to_owned();
        let set = response.headers().get_all("set-cookie").iter();
        (to, set.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned()).collect())
    }

    /// Goes there and back, with what the provider says changed as a test has it.
    pub async fn round(&self, query: &str, cookies: &str, lie: impl FnOnce(&mut Says)) -> (String, String) {
        self.round_with((query, ""), cookies, lie).await
    }

    /// The same, with what the provider adds to the way back.
    pub async fn round_with(
        &self,
        (query, added): (&str, &str),
        cookies: &str,
        lie: impl FnOnce(&mut Says),
    ) -> (String, String) {
        let (to, flow) = self.there(query, cookies).await.expect("it is sent there");
        lie(&mut self.provider.says.lock().unwrap());
        let way = format!("code=good&state={}{added}", state(&to));
        let (to, set) = self.back(&way, &joined(&[cookies, &flow])).await;
        (to, set.into_iter().filter(|cookie| !cookie.ends_with('=')).collect::<Vec<_>>().join("; "))
    }

    pub async fn reads(&self, cookies: &str) -> u16 {
        let request = self.server.request(Method::GET, "/api/scaling-mode/health").header("cookie", cookies);
        answer(request).await.status
    }

    pub async fn form(&self, name: &str, body: &str, cookies: &str) -> u16 {
        let request = self
            .server
            .request(Method::POST, &format!("/api/scaling-mode/forms/{name}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .header("cookie", cookies)
            .body(body.to_owned());
        answer(request).await.status
    }

    /// The secret of a link for Bob, from someone who may invite.
    pub async fn invited(&self, cookies: &str) -> String {
        let invited = self
            .server
            .request(Method::POST, "/api/scaling-mode/forms/invite")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .header("cookie", cookies)
            .body("email=bob%40example.com&environment=production&role=viewer");
        let link = answer(invited).await.json["secret"].as_str().expect("a link").to_owned();
        link.rsplit('/').next().unwrap().to_owned()
    }

    /// Somebody whose account at the provider is connected; their session.
    async fn connected(&self) -> String {
        create(&self.server, "anna@example.com", "founder", None);
        let cookies = sign_in(&self.server, "anna@example.com").await;
        assert_eq!(
            self.form("allow-provider", &format!("current={}", PASSWORD.replace(' ', "+")), &cookies).await,
            200
        );
        let (to, _) = self.round("?connect=yes", &cookies, |_| {}).await;
        assert_eq!(to, "/founder/account?notice=connected#notice");
        cookies
    }
}

fn state(to: &Url) -> String {
    to.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned()
}

fn joined(cookies: &[&str]) -> String {
    cookies.iter().filter(|cookie| !cookie.is_empty()).copied().collect::<Vec<_>>().join("; ")
}

/// ASVS 6.8.2, 9.1.1, 9.1.2, 9.1.3, 9.2.1, 9.2.2, 9.2.3, 10.5.1, 10.5.3, 10.5.4.
#[tokio::test]
async fn only_what_the_provider_signed_for_this_server_now_is_believed() {
    let scene = Scene::new().await;
    scene.connected().await;
    let (to, cookies) = scene.round("?next=%2Ffounder%2Faccount", "", |_| {}).await;
    assert_eq!((to.as_str(), scene.reads(&cookies).await), ("/founder/account", 200));
    type Lie = fn(&mut Says);
    let claims: [(&str, Lie); 12] = [
        ("another nonce", |says| says.nonce = Some("another".to_owned())),
        ("no nonce", |says| says.nonce = None),
        ("for another server", |says| says.audience = "another".to_owned()),
        ("by another issuer", |says| says.issuer = "https://other.example".to_owned()),
        ("past its time", |says| says.expires_in = -600),
        ("of the future", |says| says.issued_in = 3_600),
        ("signed with another key", |says| says.signed_by = [8; 32]),
        ("not signed", |says| says.algorithm = "none"),
        ("signed with the secret", |says| says.algorithm = "HS256"),
        ("under the name of another algorithm", |says| says.algorithm = "RS256"),
        ("for others too", |says| says.claims = json!({"aud": [CLIENT, "another"]})),
        ("without a subject", |says| says.claims = json!({"sub": null})),
    ];
    for (name, lie) in claims {
        let (to, cookies) = scene.round("", "", lie).await;
        assert_eq!((to.as_str(), cookies.as_str()), ("/founder/sign-in?notice=provider-failed", ""), "{name}");
    }
}

/// ASVS 7.6.2, 10.1.2, 10.2.1, 10.2.2.
#[tokio::test]
async fn a_way_back_is_for_the_browser_that_was_sent_once_and_from_that_provider() {
    let scene = Scene::new().await;
    scene.connected().await;
    let failed = "/founder/sign-in?notice=provider-failed";
    let (to, flow) = scene.there("", "").await.expect("it is sent there");
    let query = format!("code=good&state={}", state(&to));
    // Somebody else's browser, with no mark or with its own: and then it is gone for the right one, too.
    assert_eq!(scene.back(&query, "").await.0, failed);
    let (other, others_flow) = scene.there("", "").await.expect("it is sent there");
    assert_eq!(scene.back(&query, &others_flow).await.0, failed);
    assert_eq!(scene.back(&query, &flow).await.0, failed, "it was taken");
    for wrong in ["", "state=nothing&code=good", "code=good"] {
        assert_eq!(scene.back(wrong, &flow).await.0, failed, "{wrong}");
    }
    // Another provider's answer, and one that says no: its words are shown to nobody.
    let query = format!("code=good&state={}&iss=https%3A%2F%2Fother.example", state(&other));
    assert_eq!(scene.back(&query, &others_flow).await.0, failed);
    let (to, flow) = scene.there("", "").await.expect("it is sent there");
    let query = format!("state={}&error=access_denied&error_description=%3Cb%3Eyou+won", state(&to));
    assert_eq!(scene.back(&query, &flow).await.0, "/founder/sign-in?notice=provider-refused");
    // A code that is not good, and PKCE's other half.
    let (to, flow) = scene.there("", "").await.expect("it is sent there");
    assert_eq!(scene.back(&format!("code=bad&state={}", state(&to)), &flow).await.0, failed);
    let (to, flow) = scene.there("", "").await.expect("it is sent there");
    *scene.provider.challenge.lock().unwrap() = "another".to_owned();
    assert_eq!(scene.back(&format!("code=good&state={}", state(&to)), &flow).await.0, failed);
    // No foreign page sends somebody there.
    let request = scene.server.request(Method::GET, "/founder/sign-in/provider").header("sec-fetch-site", "cross-site");
    assert_eq!(answer(request).await.location.as_deref(), Some("/founder/sign-in"));
}

/// ASVS 6.8.1, 10.5.2.
#[tokio::test]
async fn an_account_belongs_to_who_connected_it_with_any_address() {
    let scene = Scene::new().await;
    let cookies = scene.connected().await;
    // Another account with Anna's address is nobody's.
    let (to, none) = scene.round("", "", |says| says.subject = "2").await;
    assert_eq!((to.as_str(), none.as_str()), ("/founder/sign-in?notice=not-connected", ""));
    // Connecting asks for the password each time, and one account is one person's.
    let led = scene.there("?connect=yes", &cookies).await.expect_err("it is not sent there");
    assert_eq!(led.headers()["location"], "/founder/account?notice=sign-in-again#notice");
    assert_eq!(scene.form("allow-provider", "current=wrong", &cookies).await, 401);
    create(&scene.server, "eve@example.com", "viewer", None);
    let eve = sign_in(&scene.server, "eve@example.com").await;
    assert_eq!(scene.form("allow-provider", &format!("current={}", PASSWORD.replace(' ', "+")), &eve).await, 200);
    assert_eq!(scene.round("?connect=yes", &eve, |_| {}).await.0, "/founder/account?notice=name-taken#notice");
    // A deactivated user can't sign in by any way.
    assert_eq!(scene.form("allow-provider", &format!("current={}", PASSWORD.replace(' ', "+")), &eve).await, 200);
    let (to, _) = scene.round("?connect=yes", &eve, |says| says.subject = "5").await;
    assert_eq!(to, "/founder/account?notice=connected#notice");
    let (to, in_by_it) = scene.round("", "", |says| says.subject = "5").await;
    assert_eq!((to.as_str(), scene.reads(&in_by_it).await), ("/founder/scaling-mode", 200));
    assert_eq!(scene.server.command(&["person", "disable", "eve@example.com", "--log", "warn"]).0, 0);
    let (to, none) = scene.round("", "", |says| says.subject = "5").await;
    assert_eq!((to.as_str(), none.as_str()), ("/founder/sign-in?notice=not-connected", ""));
    let body = format!("issuer={}&subject=1&current={}", scene.provider.issuer, PASSWORD.replace(' ', "+"));
    assert_eq!(scene.form("disconnect-provider", &body, &cookies).await, 200);
    assert_eq!(scene.round("", "", |_| {}).await.0, "/founder/sign-in?notice=not-connected");
}

#[tokio::test]
async fn one_joins_by_the_provider_with_the_link_of_an_invitation() {
    let scene = Scene::new().await;
    let cookies = scene.connected().await;
    let secret = scene.invited(&cookies).await;
    assert!(scene.server.get(&format!("/founder/join/{secret}")).await.text.contains("Join with Example"));
    // By an account that is somebody's already nobody joins.
    let join = format!("?join={secret}");
    let (to, _) = scene.round(&join, "", |_| {}).await;
    assert_eq!(to, format!("/founder/join/{secret}?notice=name-taken"));
    let (to, bob) = scene.round(&join, "", |says| says.subject = "3").await;
    assert_eq!((to.as_str(), scene.reads(&bob).await), ("/founder/scaling-mode", 200));
    let account = answer(scene.server.request(Method::GET, "/api/scaling-mode/account").header("cookie", &bob)).await;
    assert_eq!((&account.json["email"], &account.json["has_password"]), (&json!("bob@example.com"), &json!(false)));
    assert!(scene.there(&join, "").await.is_err(), "a link is used once");
}

/// ASVS 7.5.1.
#[tokio::test]
async fn a_user_without_a_password_signs_in_again_at_the_provider_before_anything_is_changed() {
    let scene = Scene::new().await;
    let anna = scene.connected().await;
    let link = scene.invited(&anna).await;
    let (_, bob) = scene.round(&format!("?join={link}"), "", |says| says.subject = "3").await;
    let choose = format!("current=&new={}", PASSWORD.replace(' ', "+"));
    let changes = ["change-password", "begin-codes", "begin-passkey", "allow-provider", "disconnect-provider"];
    // That they have just signed in is not enough: the provider may have known them still.
    for change in changes {
        assert_eq!(scene.form(change, "current=", &bob).await, 403, "{change}");
    }
    let (to, _) = scene.there("?confirm=yes", &bob).await.expect("it is sent there");
    let pairs: HashMap<String, String> = to.query_pairs().into_owned().collect();
    assert_eq!((pairs["prompt"].as_str(), pairs["max_age"].as_str()), ("login", "0"));
    fn proved(says: &mut Says, subject: &'static str, ago: i64) {
        says.subject = subject;
        says.claims = json!({"auth_time": i64::try_from(seconds()).unwrap() - ago});
    }
    type Lie = fn(&mut Says);
    let refused: [(&str, &str, Lie); 5] = [
        ("it does not say when", "not-asked-anew", |says| says.subject = "3"),
        ("it asked before", "not-asked-anew", |says| proved(says, "3", 90)),
        ("it asked before, by a clock that is ahead", "not-asked-anew", |says| {
            proved(says, "3", 0);
            says.issued_in = 90;
        }),
        ("somebody else's account", "not-connected", |says| proved(says, "1", 0)),
        ("nobody's account", "not-connected", |says| proved(says, "9", 0)),
    ];
    for (name, notice, lie) in refused {
        let (to, _) = scene.round("?confirm=yes", &bob, lie).await;
        assert_eq!(to, format!("/founder/account?notice={notice}#notice"), "{name}");
        assert_eq!(scene.form("change-password", &choose, &bob).await, 403, "{name}");
    }
    // It is of the session in which it was done, and nobody without one is sent there for it.
    let led = scene.there("?confirm=yes", "").await.expect_err("it is not sent there");
    assert_eq!(led.headers()["location"], "/founder/account?notice=sign-in-again#notice");
    let (_, other) = scene.round("", "", |says| says.subject = "3").await;
    let (to, _) = scene.round("?confirm=yes", &bob, |says| proved(says, "3", 0)).await;
    assert_eq!(to, "/founder/account?notice=proved#notice");
    assert_eq!(scene.form("change-password", &choose, &other).await, 403);
    // A way in stays, and a password may be chosen now; it is asked for from then on.
    let alone = format!("issuer={}&subject=3&current=", scene.provider.issuer);
    assert_eq!(scene.form("disconnect-provider", &alone, &bob).await, 409);
    assert_eq!(scene.form("change-password", &choose, &bob).await, 200);
    sign_in(&scene.server, "bob@example.com").await;
    assert_eq!(scene.form("disconnect-provider", &alone, &bob).await, 401);
    assert_eq!(scene.reads(&anna).await, 200);
}

/// ASVS 6.8.4.
#[tokio::test]
async fn codes_are_asked_for_after_the_provider_too_and_no_link_goes_round_them() {
    let scene = Scene::new().await;
    let cookies = scene.connected().await;
    // As if she had turned codes on; that their secret could not be read opens nothing.
    let address = format!("sqlite://{}", scene.server.data_dir.join("scaling-mode.db").display());
    let mut db = sqlx::SqliteConnection::connect(&address).await.unwrap();
    sqlx::query("UPDATE people SET totp = x'01' WHERE email = 'anna@example.com'").execute(&mut db).await.unwrap();
    db.close().await.unwrap();
    let (to, half) = scene.round("", "", |_| {}).await;
    assert_eq!((to.as_str(), scene.reads(&half).await), ("/founder/sign-in/code", 401));
    // One that has asked for several proofs itself says so in a token that it signed.
    let with_mfa = |says: &mut Says| says.claims = json!({"amr": ["pwd", "mfa"]});
    let (to, whole) = scene.round("", "", with_mfa).await;
    assert_eq!((to.as_str(), scene.reads(&whole).await), ("/founder/scaling-mode", 200));
    // Somebody with a link for Anna and an account of their own.
    let (code, out, error) = scene.server.command(&["person", "reset", "anna@example.com", "--log", "warn"]);
    assert_eq!(code, 0, "{error}");
    let link = out.split("/founder/join/").nth(1).expect("a link").trim().to_owned();
    assert!(!scene.server.get(&format!("/founder/join/{link}")).await.text.contains("Join with"));
    let (to, none) = scene
        .round(&format!("?join={link}"), "", |says| {
            with_mfa(says);
            says.subject = "6";
        })
        .await;
    assert_eq!((to, none.as_str()), (format!("/founder/join/{link}?notice=person-exists"), ""));
    assert_eq!(scene.round("", "", |says| says.subject = "6").await.0, "/founder/sign-in?notice=not-connected");
    assert_eq!(scene.reads(&cookies).await, 200);
}
