//! The contract of Manyi: messages, services, access rules and HTTP routes, made from the
//! `.proto` files at build time. Knows nothing of how any of it is served.

/// Our packages, as deep as the generated code takes them to be.
mod manyi {
    /// Errors, access rules and the feed: what every package shares.
    pub mod common {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("manyi.common.v1");
        }
    }
    /// Identity.
    pub mod auth {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("manyi.auth.v1");
        }
    }
    /// Devices and ratings.
    pub mod device {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("manyi.device.v1");
        }
    }
    /// Questionnaires, customers, campaigns and responses.
    pub mod survey {
        /// Version 1.
        #[allow(clippy::large_enum_variant, reason = "generated; events are not kept in numbers")]
        pub mod v1 {
            tonic::include_proto!("manyi.survey.v1");
        }
    }
    /// Figures.
    pub mod analytics {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("manyi.analytics.v1");
        }
    }
}

pub use manyi::{analytics, auth, common, device, survey};

pub mod google;
pub mod methods;
pub mod names;
pub mod time;
pub mod validate;

/// The compiled `.proto` files with all options, comments included.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
