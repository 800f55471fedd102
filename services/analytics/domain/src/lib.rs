//! Rules of the analytics service, without I/O.

pub mod cell;
pub mod fact;
pub mod figure;
pub mod intervals;
pub mod measures;
pub mod period;
pub mod plan;
pub mod template;
pub mod time;
