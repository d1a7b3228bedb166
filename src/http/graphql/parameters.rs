//! The four parameters of a GraphQL request, from a JSON body, a query string or a socket message.

use async_graphql::{Request, Variables};
use serde_json::{Map, Value};

/// The parameters of one request, well-formed but not yet parsed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameters {
    query: String,
    operation_name: Option<String>,
    variables: Map<String, Value>,
    extensions: Map<String, Value>,
}

/// Why the parameters cannot be used, as a sentence for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadParameters(String);

impl BadParameters {
    fn because(sentence: &str) -> Self {
        Self(sentence.to_owned())
    }
}

impl Parameters {
    /// Reads a JSON body.
    pub(super) fn from_json(body: &[u8]) -> Result<Self, BadParameters> {
        let value = serde_json::from_slice(body).map_err(|error| {
            BadParameters(format!("The body is not JSON ({error}): send `{{\"query\": \"...\"}}`."))
        })?;
        Self::from_value(value)
    }

    /// Reads an object with the parameters.
    pub(super) fn from_value(value: Value) -> Result<Self, BadParameters> {
        let mut object = match value {
            Value::Object(object) => object,
            Value::Array(_) => {
                return Err(BadParameters::because(
                    "Batches are not supported: send one operation in each request, or several fields in one operation.",
                ));
            }
            _ => return Err(BadParameters::because("The request must be a JSON object with the key `query`.")),
        };
        let query = match object.remove("query") {
            Some(Value::String(query)) => query,
            None | Some(Value::Null) => return Err(missing_query()),
            Some(_) => return Err(BadParameters::because("The parameter `query` must be a string.")),
        };
        let operation_name = match object.remove("operationName") {
            Some(Value::String(name)) => Some(name),
            None | Some(Value::Null) => None,
            Some(_) => return Err(BadParameters::because("The parameter `operationName` must be a string or null.")),
        };
        let variables = map(object.remove("variables"), "variables")?;
        let extensions = map(object.remove("extensions"), "extensions")?;
        Self { query, operation_name, variables, extensions }.checked()
    }

    /// Reads a query string.
    pub(super) fn from_query_string(query_string: &str) -> Result<Self, BadParameters> {
        let mut object = Map::new();
        for (name, text) in url::form_urlencoded::parse(query_string.as_bytes()) {
            let value = match name.as_ref() {
                "query" => Value::String(text.into_owned()),
                "operationName" if text.is_empty() => Value::Null,
                "operationName" => Value::String(text.into_owned()),
                "variables" | "extensions" if text.is_empty() => Value::Null,
                "variables" | "extensions" => serde_json::from_str(&text)
                    .map_err(|error| BadParameters(format!("The parameter `{name}` is not JSON ({error}).")))?,
                // Proxies and cache busters add their own.
                _ => continue,
            };
            if object.insert(name.clone().into_owned(), value).is_some() {
                return Err(BadParameters(format!("The parameter `{name}` is given twice.")));
            }
        }
        Self::from_value(Value::Object(object))
    }

    fn checked(self) -> Result<Self, BadParameters> {
        if self.query.trim().is_empty() { Err(missing_query()) } else { Ok(self) }
    }

    /// The text of the document.
    pub(super) fn query(&self) -> &str {
        &self.query
    }

    /// The name of the operation to run; an empty one is as good as none.
    pub(super) fn operation_name(&self) -> Option<&str> {
        self.operation_name.as_deref().filter(|name| !name.is_empty())
    }

    /// The library's form of the request.
    pub(super) fn into_request(self) -> Request {
        let name = self.operation_name().map(str::to_owned);
        let mut request = Request::new(self.query).variables(Variables::from_json(Value::Object(self.variables)));
        request.operation_name = name;
        for (key, value) in self.extensions {
            // An extension that the library cannot hold is one that nobody reads.
            if let Ok(value) = async_graphql::Value::from_json(value) {
                request.extensions.insert(key, value);
            }
        }
        request
    }
}

fn missing_query() -> BadParameters {
    BadParameters::because("The parameter `query` is missing: send the GraphQL document in it.")
}

fn map(value: Option<Value>, name: &str) -> Result<Map<String, Value>, BadParameters> {
    match value {
        Some(Value::Object(object)) => Ok(object),
        None | Some(Value::Null) => Ok(Map::new()),
        Some(_) => Err(BadParameters(format!("The parameter `{name}` must be an object or null."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> String {
        Parameters::from_json(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn each_malformed_parameter_is_named() {
        assert!(refusal("").contains("not JSON"));
        assert!(refusal("[]").contains("Batches"));
        assert!(refusal("7").contains("JSON object"));
        assert!(refusal("{}").contains("`query` is missing"));
        assert!(refusal(r#"{"query": " "}"#).contains("`query` is missing"));
        assert!(refusal(r#"{"query": 1}"#).contains("`query` must be a string"));
        assert!(refusal(r#"{"query": "{a}", "operationName": 1}"#).contains("`operationName`"));
        assert!(refusal(r#"{"query": "{a}", "variables": []}"#).contains("`variables`"));
        assert!(refusal(r#"{"query": "{a}", "extensions": "x"}"#).contains("`extensions`"));
    }

    #[test]
    fn a_query_string_says_the_same_as_a_body() {
        let body = r#"{"query": "{a}", "operationName": "A", "variables": {"x": 1}, "extensions": null}"#;
        let query_string = "query=%7Ba%7D&operationName=A&variables=%7B%22x%22%3A1%7D&extensions=&cache=9";
        assert_eq!(Parameters::from_query_string(query_string), Parameters::from_json(body.as_bytes()));
        assert!(Parameters::from_query_string("query=a&query=b").unwrap_err().to_string().contains("twice"));
        assert!(Parameters::from_query_string("query=a&variables=x").unwrap_err().to_string().contains("not JSON"));
    }
}
