//! Questionnaires between the contract and the rules: who may see and change them, what each
//! call does, and how messages become domain types.

pub mod access;
pub mod answers;
pub mod change;
pub mod convert;
pub mod convert_back;
pub mod copy;
pub mod events;
pub mod form;
pub mod ground;
pub mod lint;
pub mod list;
pub mod publish;
#[cfg(test)]
mod tests;
pub mod versions;

/// The published JSON schema of questionnaire documents, version 1.
pub const SCHEMA_1: &str = include_str!("../schema/questionnaire-1.schema.json");
/// What a document of version 1 says of itself.
pub const SCHEMA_1_NAME: &str = "manyi-questionnaire/1";
