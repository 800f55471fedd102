//! What all handlers and background tasks of the service share.

use kit::{
    auth::InternalTokens, clock::SharedClock, db::Db, directory::Directory, feed::Outbox,
    page::PageTokens, rpc::Chan,
};

use crate::{
    nudge::{Nudges, Streams},
    policies::Policies,
    presence::Presence,
    templates::Templates,
};

/// The service's parts.
pub struct App {
    /// The service's own database.
    pub db: Db,
    /// Time.
    pub clock: SharedClock,
    /// Units, staff and permissions.
    pub directory: Directory,
    /// The feed that others follow.
    pub outbox: Outbox,
    /// Tokens for calls to auth.
    pub tokens: InternalTokens,
    /// The auth service.
    pub auth: Chan,
    /// Page tokens.
    pub pages: PageTokens,
    /// Key from which pairing codes are made.
    pub pairing_key: [u8; 32],
    /// Templates.
    pub templates: Templates,
    /// Rating policies.
    pub policies: Policies,
    /// When devices were last heard of.
    pub presence: Presence,
    /// Wakes streams.
    pub nudges: Nudges,
    /// Streams that are open.
    pub streams: Streams,
}
