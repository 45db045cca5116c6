//! Owns reading what sign-in providers send as they really write it: times and truths as text, claims that only they know. A claim that
//! is only shown, or not used at all, never ends a sign-in; nobody is believed for it either. Must not know whom a token is for.
//!
//! The signature is checked over the token as it came. Only then are its claims put into the forms that the specification asks for, and
//! the rest (issuer, audience, times, nonce) is checked on those.

use crate::domain::parts;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::DateTime;
use openidconnect::core::{
    CoreIdToken, CoreJsonWebKey, CoreJsonWebKeySet, CoreJsonWebKeyType, CoreJwsSigningAlgorithm,
};
use openidconnect::{JsonWebKey, JsonWebKeyAlgorithm, JsonWebKeyUse, JwsSigningAlgorithm};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The algorithms that an ID token may be signed with. None of them could be forged with the secret that this server shares.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 8] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// The fewest bits of an RSA key that is believed.
const SHORTEST_RSA: usize = 2048;

/// What a token says of how it was signed. Anything else in its header is not looked at here.
#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Parts of the header that a reader must understand; none are.
    crit: Option<Value>,
    kid: Option<String>,
}

/// A token whose signature is one of the provider's, with its claims in the forms of the specification. Everything else about it is still
/// to be checked.
///
/// # Errors
/// Why it proves nothing, for the log.
pub fn signed(token: &str, keys: &CoreJsonWebKeySet) -> Result<CoreIdToken, String> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return Err("it is not a signed JSON Web Token of three parts".to_owned());
    };
    let decoded =
        |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|error| format!("it is not base64url: {error}"));
    let said: Header =
        serde_json::from_slice(&decoded(header)?).map_err(|error| format!("its header cannot be read: {error}"))?;
    check_signature(&said, keys, &token[..header.len() + 1 + payload.len()], &decoded(signature)?)?;
    let claims: Map<String, Value> =
        serde_json::from_slice(&decoded(payload)?).map_err(|error| format!("its claims cannot be read: {error}"))?;
    let claims = BASE64_URL_SAFE_NO_PAD.encode(Value::Object(tidied(claims)).to_string());
    format!("{header}.{claims}.{signature}").parse().map_err(|error| format!("its claims cannot be read: {error}"))
}

fn check_signature(header: &Header, keys: &CoreJsonWebKeySet, text: &str, signature: &[u8]) -> Result<(), String> {
    if header.crit.is_some() {
        return Err("its header asks for something that is not understood here".to_owned());
    }
    let algorithm = ALGORITHMS
        .into_iter()
        .find(|own| serde_json::to_value(own).is_ok_and(|own| own == header.alg.as_str()))
        .ok_or_else(|| format!("it is signed by \"{}\", which is not taken", shown(&header.alg)))?;
    let mut why = "the provider has no key that it could be signed with".to_owned();
    for key in keys.keys().iter().filter(|key| fits(key, header.kid.as_deref(), &algorithm)) {
        match key.verify_signature(&algorithm, text.as_bytes(), signature) {
            Ok(()) => return Ok(()),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

/// Whether a key can have made a signature: of the name that the token gives, for signatures, and of the algorithm's kind.
fn fits(key: &CoreJsonWebKey, name: Option<&str>, algorithm: &CoreJwsSigningAlgorithm) -> bool {
    let is_named = name.is_none_or(|name| key.key_id().is_some_and(|own| own.as_str() == name));
    let is_for_it = match key.signing_alg() {
        JsonWebKeyAlgorithm::Algorithm(own) => own == algorithm,
        JsonWebKeyAlgorithm::Unspecified => true,
        JsonWebKeyAlgorithm::Unsupported => false,
    };
    let is_for_signatures = key.key_use().is_none_or(JsonWebKeyUse::allows_signature);
    let is_its_kind = algorithm.key_type().as_ref() == Some(key.key_type());
    is_named && is_for_it && is_for_signatures && is_its_kind && is_long_enough(key)
}

/// RSA keys of fewer than 2,048 bits can be found out from what they sign (NIST SP 800-131A); other kinds have one length each.
fn is_long_enough(key: &CoreJsonWebKey) -> bool {
    if *key.key_type() != CoreJsonWebKeyType::RSA {
        return true;
    }
    let said = serde_json::to_value(key).ok();
    let modulus = said.as_ref().and_then(|key| key["n"].as_str()).and_then(|n| BASE64_URL_SAFE_NO_PAD.decode(n).ok());
    modulus.is_some_and(|modulus| {
        let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
        let first = modulus.get(zeros).map_or(0, |byte| byte.leading_zeros() as usize);
        (modulus.len() - zeros) * 8 - first >= SHORTEST_RSA
    })
}

/// A provider's text as far as the log shows it.
fn shown(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(32).collect()
}

/// Claims that decide: in the forms of the specification if they mean the same, else as they came, so that they are refused.
const DECIDING: [&str; 6] = ["aud", "exp", "iat", "iss", "nonce", "sub"];

/// What Entra v1 and Cognito call a user name.
const USER_NAMES: [&str; 4] = ["upn", "unique_name", "cognito:username", "username"];

/// The claims that are used, in the forms of the specification. All others are left out.
fn tidied(claims: Map<String, Value>) -> Map<String, Value> {
    let mut kept = Map::new();
    if let Some(name) = USER_NAMES.into_iter().find_map(|name| claims.get(name).cloned().and_then(text)) {
        kept.insert("preferred_username".to_owned(), name);
    }
    for (name, value) in claims {
        let value = match name.as_str() {
            "exp" | "iat" => Some(time(&value).unwrap_or(value)),
            name if DECIDING.contains(&name) => Some(value),
            "auth_time" => time(&value),
            "amr" => methods(&value),
            "email_verified" => truth(&value),
            "email" | "name" | "preferred_username" => text(value),
            _ => None,
        };
        if let Some(value) = value {
            kept.insert(name, value);
        }
    }
    kept
}

fn text(value: Value) -> Option<Value> {
    value.as_str().is_some_and(|text| !text.trim().is_empty()).then_some(value)
}

/// A truth, also as text: JumpCloud and Cognito write "true".
fn truth(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(truth) => Some(Value::Bool(*truth)),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
        _ => None,
    }
}

/// Seconds since 1970, also as text, or as an RFC 3339 time.
fn time(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => {
            let seconds = text.trim().parse::<i64>().ok();
            let at = seconds.or_else(|| DateTime::parse_from_rfc3339(text.trim()).ok().map(|at| at.timestamp()));
            at.map(Value::from)
        }
        _ => None,
    }
}

/// By what somebody has proved that it is them: a list, also of one as text.
fn methods(value: &Value) -> Option<Value> {
    match value {
        Value::String(_) => Some(Value::Array(vec![value.clone()])),
        Value::Array(all) => Some(Value::Array(all.iter().filter(|one| one.is_string()).cloned().collect())),
        _ => None,
    }
}

/// The provider's answer to a code: what of it is read, and apart from it the ID token as it came. `None` if it isn't a JSON object.
pub fn of_answer(body: &[u8]) -> Option<(Vec<u8>, Option<String>)> {
    let mut answer: Map<String, Value> = serde_json::from_slice(parts::without_mark(body)).ok()?;
    let token = match answer.remove("id_token") {
        Some(Value::String(token)) => Some(token),
        _ => None,
    };
    // How long the access token is good for, and what for, is of no use here.
    let used = ["access_token", "error", "error_description", "error_uri", "token_type"];
    answer.retain(|name, value| used.contains(&name.as_str()) && value.is_string());
    if answer.contains_key("access_token") {
        answer.entry("token_type").or_insert_with(|| "Bearer".into());
    }
    Some((Value::Object(answer).to_string().into_bytes(), token))
}

/// What a provider says an account is called, as far as it is read. `None` if it isn't a JSON object.
pub fn of_account(body: &[u8]) -> Option<Vec<u8>> {
    let claims: Map<String, Value> = serde_json::from_slice(parts::without_mark(body)).ok()?;
    Some(Value::Object(tidied(claims)).to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const RSA: &str = "kUwPClGgPcQz54Ww8JJ8cce_jvX7Swmqzy4g9qgOrlE-kQWbClKPAZmznp47v1BD1_nlyQOWxkTUdwSfbY3DmjpWorw_oqKFd2MkoIX09-fCDV22Ca3ABHkAS3H1OkiRhBjgOQk6qOqPFSuPa5ovwyljHmfIs4iWEmf4aF83LCfTNp-PlYp1WqJ4WiT9WL6wNbROapRAcf5UNFZbAReueRY5pjQsDPBs-n0eAtlcnHij5BUjSUT5xfJaSUvnXR94tRUKcdTFnshni0QRWe6T0iDH3-6cjeLc41pZFsktVGBb_b7dRnMo5b8ADKKVYgkWghitaU3xu5fXF-PEgmqAIQ";
    const OF_RSA: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InIiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiIxIn0.AI2I5hIvs8-SapJAxUnfbFuA6cAXzPOwqR_Hb4GqXzFNQShNFPR3FLp_-35X0Tpf3z1amMWtKCEhfaNBqk4IjiensJMuDYwBysCMoHiK5CfLEWLH_7LDrzSYHuN56_E687qWBzafq1a5gnsC5TOJj585lgOTD9icxvonW38lp7Z4d9Q6kteL2Hsuy2aeqaYU7-U1sv9ZNMuoqHU21GRpbC6Dw3GFBg5_mAbJ6F2c0gpO5Daj6I8BV5aNwJI0TBrjmqw36TQLfDuw2J3TFYC5qmQ2iVr_2-B5y6KSTA9ZoPviiu_Syxem8LZP4TnVl_YRvQWlfx1dpZJpQyzOeiNBPg";
    const OF_CURVE: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImUiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiIxIn0.gDNeIYTi6NHKPGGWXPA0sCooRLGOohKjCxIFpjTLSBCK48Q9n4LQNmz9VzT3SvhfEttg-20nVw7_ZeA5e9luHw";

    fn rsa() -> Value {
        json!({"kty": "RSA", "kid": "r", "n": RSA, "e": "AQAB"})
    }

    fn curve() -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": "e", "use": "sig", "alg": "ES256",
            "x": "yCAlDhrlIcx9UIAmKiWIbSx1GkYGxKz1RK2evheSOEU", "y": "R13l5B8lXwh-_B2KjEKqvJgyqWuiC-kA413a5I2i66k"})
    }

    fn with(mut key: Value, name: &str, value: &str) -> Value {
        key[name] = json!(value);
        key
    }

    fn is_signed(token: &str, keys: &[Value]) -> bool {
        let keys: CoreJsonWebKeySet = serde_json::from_value(json!({"keys": keys})).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let decoded = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
        let header: Header = serde_json::from_slice(&decoded(parts[0])).unwrap();
        let text = format!("{}.{}", parts[0], parts[1]);
        check_signature(&header, &keys, &text, &decoded(parts[2])).is_ok()
    }

    #[test]
    fn only_a_signature_by_one_of_the_providers_keys_counts() {
        assert!(is_signed(OF_RSA, &[curve(), rsa()]) && is_signed(OF_CURVE, &[rsa(), curve()]));
        // Keys of one name, as when a provider changes its key and keeps the name.
        assert!(is_signed(OF_CURVE, &[with(rsa(), "kid", "e"), curve()]));
        assert!(is_signed(OF_RSA, &[with(rsa(), "use", "sig")]));
        let without = |keys: &[Value]| !is_signed(OF_RSA, keys);
        assert!(without(&[]) && without(&[curve()]));
        assert!(without(&[with(rsa(), "kid", "other")]));
        assert!(without(&[with(rsa(), "use", "enc")]));
        assert!(without(&[with(rsa(), "alg", "PS256")]));
        // 2,048 bits are enough, 2,047 are not.
        let keys = |n: &str| -> CoreJsonWebKey { serde_json::from_value(with(rsa(), "n", n)).unwrap() };
        let modulus = |first: u8| BASE64_URL_SAFE_NO_PAD.encode([vec![first], vec![255; 255]].concat());
        assert!(is_long_enough(&keys(RSA)) && is_long_enough(&keys(&modulus(0x80))));
        assert!(!is_long_enough(&keys(&modulus(0x7f))) && !is_long_enough(&keys(&modulus(0))));
        // Another payload, another header, a signature that is cut off, none.
        let parts: Vec<&str> = OF_RSA.split('.').collect();
        let encoded = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        for (header, payload, signature) in [
            (parts[0].to_owned(), encoded(r#"{"sub":"2"}"#), parts[2].to_owned()),
            (encoded(r#"{"alg":"RS384","kid":"r"}"#), parts[1].to_owned(), parts[2].to_owned()),
            (encoded(r#"{"alg":"none"}"#), parts[1].to_owned(), String::new()),
            (encoded(r#"{"alg":"HS256","kid":"r"}"#), parts[1].to_owned(), parts[2].to_owned()),
            (encoded(r#"{"alg":"RS256","kid":"r","crit":["b64"]}"#), parts[1].to_owned(), parts[2].to_owned()),
            (parts[0].to_owned(), parts[1].to_owned(), parts[2][..340].to_owned()),
            (parts[0].to_owned(), parts[1].to_owned(), String::new()),
        ] {
            assert!(!is_signed(&format!("{header}.{payload}.{signature}"), &[rsa(), curve()]), "{header}");
        }
        let keys: CoreJsonWebKeySet = serde_json::from_value(json!({"keys": [rsa()]})).unwrap();
        for token in ["", "a.b", "a.b.c.d", "..", &format!("{OF_RSA}.x"), "!.!.!"] {
            assert!(signed(token, &keys).is_err(), "{token}");
        }
        // It is signed, and what it lacks is said.
        assert!(signed(OF_RSA, &keys).unwrap_err().contains("claims"));
    }

    #[test]
    fn claims_take_the_forms_of_the_specification() {
        let claims = json!({"iss": "https://id.example", "sub": "1", "aud": ["a"], "exp": "1800000600", "iat": 1_800_000_000.5,
            "nonce": "n", "auth_time": "2027-01-15T08:00:00Z", "amr": "pwd", "email": "a@b.example", "email_verified": "True",
            "name": null, "preferred_username": " ", "updated_at": "soon", "locale": {"a": 1}, "address": "x", "groups": []});
        let Value::Object(claims) = claims else { panic!("no object") };
        let named =
            |name: &str| tidied(Map::from_iter([(name.to_owned(), json!("anna"))])).remove("preferred_username");
        assert!(USER_NAMES.into_iter().chain(["preferred_username"]).all(|name| named(name) == Some(json!("anna"))));
        let expected = json!({"iss": "https://id.example", "sub": "1", "aud": ["a"], "exp": 1_800_000_600, "iat": 1_800_000_000.5,
            "nonce": "n", "auth_time": 1_800_000_000, "amr": ["pwd"], "email": "a@b.example", "email_verified": true});
        assert_eq!(Value::Object(tidied(claims)), expected);
        // What decides and cannot be read stays, so that it is refused; nobody's address is seen to be theirs by anything but a truth.
        for (name, value, kept) in [
            ("exp", json!("soon"), true),
            ("iat", json!({}), true),
            ("sub", json!(7), true),
            ("nonce", Value::Null, true),
            ("auth_time", json!("soon"), false),
            ("auth_time", json!(true), false),
            ("email_verified", json!("yes"), false),
            ("email_verified", json!(1), false),
            ("email", json!(["a@b.example"]), false),
        ] {
            let claims = Map::from_iter([(name.to_owned(), value.clone())]);
            assert_eq!(tidied(claims).get(name), kept.then_some(&value), "{name}: {value}");
        }
    }

    #[test]
    fn an_answer_is_read_for_its_tokens_alone() {
        let answer = br#"{"access_token": "a", "expires_in": "3599", "ext_expires_in": "3599", "scope": ["openid"], "id_token": "x.y.z",
            "refresh_token": null, "not-before-policy": 0}"#;
        let (body, token) = of_answer(answer).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((body, token.as_deref()), (json!({"access_token": "a", "token_type": "Bearer"}), Some("x.y.z")));
        let (body, token) = of_answer(br#"{"error": "invalid_grant", "error_codes": [70008], "id_token": 7}"#).unwrap();
        assert_eq!((body, token), (br#"{"error":"invalid_grant"}"#.to_vec(), None));
        assert!(of_answer(b"[]").is_none() && of_answer(b"<html>").is_none() && of_account(b"a.b.c").is_none());
    }
}
