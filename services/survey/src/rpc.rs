//! Handlers: parse, load, decide, answer.

pub mod campaign;
pub mod care;
pub mod competitor;
pub mod customer;
pub mod customer_import;
pub mod customer_record;
pub mod customer_routes;
pub mod customer_schema;
pub mod event;
pub mod invitation;
pub mod loyalty;
pub mod outcome;
pub mod plan;
pub mod questionnaire;
pub mod respondent;
pub mod response;
pub mod response_convert;
pub mod response_download;
pub mod response_enter;
pub mod response_export;
pub mod response_file;
pub mod response_import;
pub mod response_lines;
pub mod response_row;
pub mod subject;
