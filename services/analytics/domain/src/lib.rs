//! Rules of the analytics service, without I/O.

pub mod answer;
pub mod calendar;
pub mod cell;
pub mod comparing;
pub mod fact;
pub mod figure;
pub mod index;
pub mod intervals;
pub mod measures;
pub mod number;
pub mod outcome;
pub mod pack;
pub mod period;
pub mod plan;
pub mod stop;
pub mod suppression;
pub mod template;
pub mod time;
