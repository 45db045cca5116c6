//! Owns the browser's part of passkeys: it asks the server what to ask for, the authenticator for an answer, and sends that back. What a
//! passkey is offered by is hidden until a browser shows here that it knows them. Must not know what an answer looks like.

use super::browser::{elements, on};
use super::links;
use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::js_sys::{Array, Function, JSON, Object, Promise, Reflect, global};
use leptos::web_sys::{Element, HtmlInputElement};
use web_sys::Event;

/// The text beside a button while nothing else is known.
const NOT_NOW: &str = "It did not work. Try again, or use your password.";

/// Offers passkeys where the browser knows them: `data-passkey` says what for.
pub fn attach() {
    if place_of(&["PublicKeyCredential", "parseRequestOptionsFromJSON"]).is_none() {
        return;
    }
    for element in elements("[data-passkey]") {
        let _ = element.remove_attribute("hidden");
        let target = element.clone();
        on(&element, "submit", move |event: Event| {
            event.prevent_default();
            let form = target.clone();
            leptos::task::spawn_local(async move {
                let is_adding = form.get_attribute("data-passkey").as_deref() == Some("add");
                say(&form, "");
                let done = if is_adding { add(&form).await } else { sign_in(&form).await };
                match done {
                    Ok(to) => go(&to),
                    Err(sentence) => say(&form, &sentence),
                }
            });
        });
    }
}

/// Adds a passkey; the address to go on to.
async fn add(form: &Element) -> Result<String, String> {
    let asked = post("begin-passkey", &[("current", &field(form, "current"))]).await?;
    let answer = ask_authenticator(&asked, "parseCreationOptionsFromJSON", "create").await?;
    let sent = [("ceremony", &text(&asked, "ceremony")), ("name", &field(form, "name")), ("credential", &answer)];
    post("add-passkey", &sent.map(|(name, value)| (name, value.as_str()))).await?;
    Ok([links::ACCOUNT, "?notice=passkey-added#notice"].concat())
}

/// Signs in by a passkey; the address to go on to.
async fn sign_in(form: &Element) -> Result<String, String> {
    let asked = post("begin-passkey-sign-in", &[]).await?;
    let answer = ask_authenticator(&asked, "parseRequestOptionsFromJSON", "get").await?;
    let sent = [("ceremony", &text(&asked, "ceremony")), ("credential", &answer), ("next", &field(form, "next"))];
    let went = post("passkey-sign-in", &sent.map(|(name, value)| (name, value.as_str()))).await?;
    Ok(text(&went, "to"))
}

/// What an authenticator answers, as JSON. The browser asks the person in front of it.
async fn ask_authenticator(asked: &JsValue, parse: &str, act: &str) -> Result<String, String> {
    let failed = |_| NOT_NOW.to_owned();
    let options = JSON::parse(&text(asked, "options")).map_err(failed)?;
    let kinds = place_of(&["PublicKeyCredential"]).ok_or(NOT_NOW)?;
    let credentials = place_of(&["navigator", "credentials"]).ok_or(NOT_NOW)?;
    let parsed = call(&kinds, parse, &[options]).map_err(failed)?;
    let wrapped = Object::new();
    Reflect::set(&wrapped, &"publicKey".into(), &parsed).map_err(failed)?;
    let promise: Promise = call(&credentials, act, &[wrapped.into()]).map_err(failed)?.unchecked_into();
    let answer = promise.await.map_err(|error: JsValue| why(&error))?;
    let json = call(&answer, "toJSON", &[]).map_err(failed)?;
    JSON::stringify(&json).map(String::from).map_err(failed)
}

/// Why an authenticator gave no answer, in words.
fn why(error: &JsValue) -> String {
    match text(error, "name").as_str() {
        "InvalidStateError" => "There is a passkey of yours on this device already.",
        "NotAllowedError" => "It was cancelled, took too long, or there is no passkey of this server here.",
        _ => NOT_NOW,
    }
    .to_owned()
}

/// Sends a form; what the server answered, or the sentence of its problem.
async fn post(name: &str, fields: &[(&str, &str)]) -> Result<JsValue, String> {
    let failed = |_| "The server could not be reached. Try again.".to_owned();
    let pairs: Vec<String> = fields.iter().map(|(name, value)| [name, "=", &links::escape(value)].concat()).collect();
    let init = Object::new();
    let headers = Object::new();
    let set = |object: &Object, name: &str, value: &JsValue| Reflect::set(object, &name.into(), value).map(|_| ());
    set(&headers, "content-type", &"application/x-www-form-urlencoded".into()).map_err(failed)?;
    set(&headers, "accept", &"application/json".into()).map_err(failed)?;
    set(&init, "method", &"POST".into()).map_err(failed)?;
    set(&init, "headers", &headers).map_err(failed)?;
    set(&init, "body", &pairs.join("&").into()).map_err(failed)?;
    let asked: Promise =
        call(&global(), "fetch", &[links::form(name).into(), init.into()]).map_err(failed)?.unchecked_into();
    let response = asked.await.map_err(failed)?;
    let body: Promise = call(&response, "json", &[]).map_err(failed)?.unchecked_into();
    let answer = body.await.map_err(failed)?;
    if Reflect::get(&response, &"ok".into()).is_ok_and(|ok| ok.is_truthy()) {
        Ok(answer)
    } else {
        Err([text(&answer, "title"), ". ".to_owned(), text(&answer, "detail")].concat())
    }
}

/// Something of the browser's by its path; nothing where it has no such thing.
fn place_of(path: &[&str]) -> Option<JsValue> {
    let found = path.iter().try_fold(JsValue::from(global()), |at, name| Reflect::get(&at, &(*name).into()).ok());
    found.filter(JsValue::is_truthy)
}

fn call(of: &JsValue, name: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let function: Function = Reflect::get(of, &name.into())?.dyn_into()?;
    function.apply(of, &arguments.iter().collect::<Array>())
}

fn text(of: &JsValue, name: &str) -> String {
    Reflect::get(of, &name.into()).ok().and_then(|value| value.as_string()).unwrap_or_default()
}

fn field(form: &Element, name: &str) -> String {
    let found = form.query_selector(&["[name=", name, "]"].concat()).ok().flatten();
    found.map(|field| field.unchecked_into::<HtmlInputElement>().value()).unwrap_or_default()
}

fn say(form: &Element, sentence: &str) {
    if let Ok(Some(place)) = form.query_selector("[role=alert]") {
        place.set_text_content(Some(sentence));
    }
}

fn go(address: &str) {
    // Only to pages of this server.
    if address.starts_with("/founder/") {
        let _ = window().location().set_href(address);
    }
}
