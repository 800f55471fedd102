//! The catalogue as data: `tests/bad_inputs/*.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A file of the catalogue.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Inputs.
    #[serde(default)]
    pub case: Vec<Case>,
    /// Inputs that take several steps, as functions of the test.
    #[serde(default)]
    pub scenario: Vec<Step>,
}

/// One input that is a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Id in the catalogue of guarantees.
    pub id: String,
    /// What is wrong with it.
    pub name: String,
    /// Who sends it: a column of the access matrix. Default: nobody.
    #[serde(default)]
    pub caller: String,
    /// `POST /v1/token`, over REST.
    pub request: Option<String>,
    /// A method of the contract, over gRPC.
    pub method: Option<String>,
    /// Bytes over TCP, instead.
    pub raw: Option<String>,
    /// Straight to the service, past the gateway.
    #[serde(default)]
    pub at_service: bool,
    /// Headers; those that are not given are set as a client would.
    #[serde(default)]
    pub headers: Vec<String>,
    /// Body: JSON for gRPC too, where it becomes the message.
    #[serde(default)]
    pub body: String,
    /// Of a form, instead of a body.
    #[serde(default)]
    pub form: BTreeMap<String, String>,
    /// Body of gRPC in hexadecimal, instead; the length prefix included.
    pub frame: Option<String>,
    /// Message of gRPC in hexadecimal, to be prefixed with its length.
    pub message: Option<String>,
    /// Verb over gRPC; default POST.
    #[serde(default)]
    pub verb: String,
    /// What must come of it.
    pub want: Want,
}

/// What must come of an input. What is not given is not looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Want {
    /// HTTP status; of several, any.
    #[serde(default)]
    pub http: Vec<u16>,
    /// Name of a gRPC code; of several, any.
    #[serde(default)]
    pub code: Vec<String>,
    /// Reason of the contract, or error of RFC 6749.
    #[serde(default)]
    pub reason: String,
    /// Field that is named.
    #[serde(default)]
    pub field: String,
    /// The first item of the answer: its reason, `OK` for none.
    #[serde(default)]
    pub item: String,
    /// Field that the first item names.
    #[serde(default)]
    pub item_field: String,
    /// Text that the answer contains.
    #[serde(default)]
    pub contains: String,
    /// Text that the answer does not contain.
    #[serde(default)]
    pub lacks: String,
    /// Header of the answer, `name: value`, or `name` alone.
    #[serde(default)]
    pub header: String,
    /// The connection ends without an answer, or with one.
    #[serde(default)]
    pub close: bool,
}

/// One input that takes several steps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Id in the catalogue of guarantees.
    pub id: String,
    /// What is wrong with it.
    pub name: String,
    /// Name of the function.
    pub run: String,
}

/// Reads a file of the catalogue.
pub fn read(file: &str, text: &str) -> Catalogue {
    toml::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"))
}
