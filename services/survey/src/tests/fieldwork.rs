//! Tests of plans, campaigns and fieldwork through the service, on every database.

mod campaigns;
mod claiming;
mod counting;
mod invitations;
mod next_call;
mod plans;
mod preparing;
mod repeated;
mod sampling;
mod scene;
mod triggers;
mod withdrawal;
