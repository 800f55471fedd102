//! Public messages that are not ours. Their `.proto` files are among those of the contract, for
//! its descriptors; the types stand here because their package is outside of ours.

/// A file, or a piece of one: `google.api.HttpBody`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HttpBody {
    /// Media type; in a stream the first piece says it.
    #[prost(string, tag = "1")]
    pub content_type: String,
    /// Bytes of the file.
    #[prost(bytes = "bytes", tag = "2")]
    pub data: bytes::Bytes,
    /// What goes beside the file.
    #[prost(message, repeated, tag = "3")]
    pub extensions: Vec<prost_types::Any>,
}
