//! The service's own database. Answers domain types; every finder names the organisation.

pub mod count;
pub mod entity;
pub mod fieldwork;
pub mod migration;
pub mod questionnaire;
pub mod respondent;
pub mod response;
pub mod response_draft;
pub mod care;
pub mod customer;
pub mod customer_record;
pub mod customer_schema;
pub mod rows;
pub mod trigger;
pub mod customer_import;
pub mod erasure;
pub mod loyalty;
