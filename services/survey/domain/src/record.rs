//! What is recorded about customers: purchases, interactions, triggers, referrals, competitors,
//! saved segments, consents and merges.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    customer::Purpose,
    error::{Error, Result},
};

mod referral;
mod trigger;

pub use referral::{Referral, ReferralState};
pub use trigger::{Action, DueTrigger, Outcome, Trigger};

/// Largest amount in hundredths.
pub const CENTS_MAX: i64 = 1_000_000_000_000_000;

/// A purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// Id, made from the sender's.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Customer.
    pub customer: Uuid,
    /// Competitor with whom it was made; nothing for us.
    pub competitor: Option<Uuid>,
    /// When.
    pub at_us: i64,
    /// Amount in hundredths.
    pub cents: i64,
    /// Product or empty.
    pub product: String,
    /// Hash of what was sent.
    pub content: Vec<u8>,
}

/// Kind of an interaction. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InteractionKind {
    /// Order.
    Order = 1,
    /// Contract.
    Contract = 2,
    /// Delivery.
    Delivery = 3,
    /// Service visit.
    ServiceVisit = 4,
    /// Complaint.
    Complaint = 5,
    /// Contact.
    Contact = 6,
}

impl InteractionKind {
    /// The kind with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        const ALL: [InteractionKind; 6] = [
            InteractionKind::Order,
            InteractionKind::Contract,
            InteractionKind::Delivery,
            InteractionKind::ServiceVisit,
            InteractionKind::Complaint,
            InteractionKind::Contact,
        ];
        ALL.into_iter().find(|kind| *kind as i32 == number)
    }

    /// Whether the customer heard from us by it.
    pub fn is_contact(self) -> bool {
        matches!(self, Self::Contact | Self::ServiceVisit | Self::Delivery)
    }
}

/// Personal part of an interaction.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InteractionText {
    /// Number of the order, contract or complaint.
    pub reference: String,
    /// Remark.
    pub note: String,
}

/// An interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interaction {
    /// Id, made from the sender's.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Customer.
    pub customer: Uuid,
    /// Unit where it happened.
    pub unit: Uuid,
    /// Kind.
    pub kind: InteractionKind,
    /// When it happened or began.
    pub at_us: i64,
    /// When it ends.
    pub end_us: Option<i64>,
    /// Whether a complaint is settled.
    pub resolved: bool,
    /// Node of the organisation's own process, or empty.
    pub node: String,
    /// Personal part, encrypted.
    pub sealed: Option<Vec<u8>>,
    /// Hash of what was sent.
    pub content: Vec<u8>,
}

/// A product of a competitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Code, unique in the competitor.
    pub code: String,
    /// Display name.
    pub display_name: String,
    /// Our product that it stands against, or empty.
    pub our_product: String,
}

/// A competitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Competitor {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Display name.
    pub display_name: String,
    /// Remark.
    pub note: String,
    /// Products.
    pub products: Vec<Product>,
    /// Grows with every change.
    pub version: i64,
    /// When it was created.
    pub create_us: i64,
    /// When it was retired.
    pub retire_us: Option<i64>,
}

impl Competitor {
    /// Checks name and products.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn check(&self) -> Result<()> {
        if self.display_name.trim().is_empty() {
            return Err(Error::invalid("displayName", "is required"));
        }
        for (index, product) in self.products.iter().enumerate() {
            if self.products[..index].iter().any(|other| other.code == product.code) {
                return Err(Error::invalid(format!("products[{index}].code"), "is there twice"));
            }
        }
        Ok(())
    }
}

/// A saved segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSegment {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Unit that keeps it.
    pub unit: Uuid,
    /// Display name.
    pub display_name: String,
    /// Filter in its canonical form.
    pub filter: String,
    /// Grows with every change.
    pub version: i64,
    /// When it was created.
    pub create_us: i64,
    /// When it was retired.
    pub retire_us: Option<i64>,
}

/// A record of consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRecord {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Customer.
    pub customer: Uuid,
    /// Purpose.
    pub purpose: Purpose,
    /// Whether it was given.
    pub given: bool,
    /// How, encrypted.
    pub source: Option<Vec<u8>>,
    /// When.
    pub at_us: i64,
}

/// A record of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRecord {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Customer that stayed.
    pub customer: Uuid,
    /// Customer that was merged.
    pub merged: Uuid,
    /// Who did it.
    pub actor: String,
    /// Fields that were taken over.
    pub taken: Vec<String>,
    /// Purchases that moved.
    pub purchases: i64,
    /// Interactions that moved.
    pub interactions: i64,
    /// When.
    pub at_us: i64,
}
