//! Rules of the survey service as plain functions: no I/O, no clock, no chance.

pub mod answer;
pub mod attribute;
pub mod campaign;
pub mod care;
pub mod channel;
pub mod checksum;
pub mod csv_export;
pub mod csv_import;
pub mod customer;
pub mod duplicate;
pub mod error;
pub mod invitation;
pub mod library;
pub mod lint;
pub mod loyalty;
pub mod outcome;
pub mod plan;
pub mod proof_of_work;
pub mod questionnaire;
pub mod quota;
pub mod record;
pub mod response;
pub mod response_import;
pub mod response_rate;
pub mod sampling;
pub mod segment;
pub mod straight_lining;
pub mod stuffing;
pub mod surveyjs;

pub use error::{Error, Result};
