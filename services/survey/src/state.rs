//! What all handlers and background tasks of the service share.

use kit::{
    auth::InternalTokens, clock::SharedClock, db::Db, directory::Directory, feed::Outbox,
    page::PageTokens, rpc::Chan,
};

use crate::{cleaning::Cleaning, fieldwork::link::Links, personal::Vault};

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
    /// Codes of links.
    pub links: Links,
    /// Personal fields.
    pub vault: Vault,
    /// What was deleted and is not gone yet.
    pub cleaning: Cleaning,
    /// Wakes the task that takes imported files in.
    pub import_wake: tokio::sync::Notify,
}
