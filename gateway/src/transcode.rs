//! Between JSON and protobuf, by descriptors alone.

pub mod codec;
pub mod fields;
pub mod json_in;
pub mod json_out;
pub mod json_tree;
pub mod ordered;
pub mod percent;
pub mod scalars;
