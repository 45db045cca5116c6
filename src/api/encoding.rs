//! Owns how a JSON body becomes a server function's one argument, `body`: the body *is* the argument. Its type refuses
//! unknown fields by name. Must not know any endpoint.

use crate::domain::parts;
use leptos::server_fn::codec::{Post, Put};
use leptos::server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType};
use serde::Serialize;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};

/// A JSON body by `POST`.
pub type PostBody = Post<WholeBody>;
/// A JSON body by `PUT`.
pub type PutBody = Put<WholeBody>;

/// JSON whose top level is the function's only argument.
pub struct WholeBody;

impl ContentType for WholeBody {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for WholeBody {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for WholeBody {
    type Error = serde_json::Error;

    fn encode(arguments: &T) -> Result<Bytes, Self::Error> {
        let mut value = serde_json::to_value(arguments)?;
        serde_json::to_vec(&value["body"].take()).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for WholeBody {
    type Error = serde_json::Error;

    fn decode(bytes: Bytes) -> Result<T, Self::Error> {
        let bytes = parts::without_mark(&bytes);
        // A list would be read as a structure's fields in their order.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(de::Error::custom("the body must be a JSON object"));
        }
        match whole(bytes) {
            // Numbers that JSON does not have are refused where they are, by the code that reads them as texts.
            Err(error) => crate::domain::json_numbers::quoted(bytes).map_or(Err(error), |quoted| whole(&quoted)),
            read => read,
        }
    }
}

fn whole<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let arguments = T::deserialize(Argument(&mut reader))?;
    reader.end()?;
    Ok(arguments)
}

/// Reads `{...}` as if it were `{"body": {...}}`, without a second pass over it.
struct Argument<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Argument<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_map(OneEntry(Some(self.0)))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct OneEntry<D>(Option<D>);

impl<'de, D: Deserializer<'de>> MapAccess<'de> for OneEntry<D> {
    type Error = D::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        if self.0.is_none() {
            return Ok(None);
        }
        seed.deserialize(StrDeserializer::new("body")).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Self::Error> {
        match self.0.take() {
            Some(value) => seed.deserialize(value),
            None => Err(de::Error::custom("there is only one argument")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(deny_unknown_fields)]
    struct Body {
        name: String,
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Arguments {
        body: Body,
    }

    fn decode(text: &'static str) -> Result<Arguments, String> {
        WholeBody::decode(Bytes::from_static(text.as_bytes())).map_err(|error: serde_json::Error| error.to_string())
    }

    #[test]
    fn the_body_is_the_argument_both_ways() {
        let arguments = decode(r#"{"name": "lab"}"#).unwrap();
        assert_eq!(arguments, Arguments { body: Body { name: "lab".into() } });
        assert_eq!(WholeBody::encode(&arguments).unwrap(), r#"{"name":"lab"}"#);
    }

    #[test]
    fn a_byte_order_mark_in_front_is_ignored() {
        let marked = decode("\u{feff}{\"name\": \"lab\"}").unwrap();
        assert_eq!(marked, Arguments { body: Body { name: "lab".into() } });
        assert!(decode("\u{feff}[]").is_err() && decode("{\"name\": \"lab\"}\u{feff}").is_err());
    }

    #[test]
    fn unknown_fields_and_trailing_text_are_refused() {
        assert!(decode(r#"{"name": "lab", "nmae": 1}"#).unwrap_err().contains("`nmae`"));
        assert!(decode(r#"{"name": "lab"} x"#).is_err());
        assert!(decode("[]").is_err());
    }
}
