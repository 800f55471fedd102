//! The service's own database. Answers domain types; every finder names the organisation.

pub mod care;
pub mod count;
pub mod customer;
pub mod customer_import;
pub mod customer_record;
pub mod customer_schema;
pub mod due_trigger;
pub mod entity;
pub mod erasure;
pub mod fieldwork;
pub mod loyalty;
pub mod migration;
pub mod outcome;
pub mod questionnaire;
pub mod respondent;
pub mod response;
pub mod response_draft;
pub mod rows;
pub mod trigger;
