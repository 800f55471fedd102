//! Satisfaction indices: what they are made of, how weights are found, and how they are
//! computed from sums. The statistical methods are in [`crate::measures`].

pub mod bootstrap;
pub mod canonical;
pub mod check;
pub mod compute;
pub mod definition;
pub mod dependence;
pub mod latent;
pub mod leaf;
pub mod periods;
pub mod ranks;
pub mod weights;
