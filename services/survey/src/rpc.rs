//! Handlers: parse, load, decide, answer.

pub mod campaign;
pub mod fieldwork_page;
pub mod invitation;
pub mod plan;
pub mod event;
pub mod response_row;
pub mod response_lines;
pub mod response_import;
pub mod response_export;
pub mod response_enter;
pub mod response_convert;
pub mod response;
pub mod respondent;
pub mod questionnaire;
pub mod care;
pub mod competitor;
pub mod customer;
pub mod customer_import;
pub mod customer_record;
pub mod customer_routes;
pub mod customer_schema;
pub mod loyalty;
pub mod subject;
