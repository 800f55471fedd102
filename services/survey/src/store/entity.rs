//! Tables as sea-orm sees them.

pub mod campaign;
pub mod campaign_quota;
pub mod invitation;
pub mod invitation_event;
pub mod open_link;
pub mod plan;
pub mod plan_round;
pub mod sample_exclusion;
