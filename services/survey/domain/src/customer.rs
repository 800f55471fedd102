//! A customer: what is kept in plain and what is personal, the checks of its fields, and what a
//! merge takes over.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    attribute, duplicate,
    error::{Error, Result},
};

mod fields;
mod merge;

pub use fields::{check, check_preferences};
pub use merge::{Merged, merge};

/// Largest importance and class weight.
pub const IMPORTANCE_MAX: f64 = 1_000.0;
/// Most days between regular contacts.
pub const CONTACT_DAYS_MAX: i32 = 3_650;
/// Microseconds of a day.
pub const DAY_US: i64 = 86_400_000_000;

/// State. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In use.
    Active = 1,
    /// Out of use.
    Retired = 2,
    /// Merged into another one.
    Merged = 3,
    /// Nothing personal is left.
    Erased = 4,
}

impl State {
    /// The state with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        const ALL: [State; 4] = [State::Active, State::Retired, State::Merged, State::Erased];
        ALL.into_iter().find(|state| *state as i32 == number)
    }
}

/// What a customer agrees to. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// To be asked in surveys.
    Survey = 1,
    /// Call-backs and care.
    Care = 2,
    /// Offers.
    Marketing = 3,
}

/// All purposes.
pub const PURPOSES: [Purpose; 3] = [Purpose::Survey, Purpose::Care, Purpose::Marketing];

impl Purpose {
    /// The purpose with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        PURPOSES.into_iter().find(|purpose| *purpose as i32 == number)
    }

    fn bit(self) -> i16 {
        1 << self as i16
    }
}

/// A set of purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consents(pub i16);

impl Consents {
    /// Whether there is consent.
    pub fn given(self, purpose: Purpose) -> bool {
        self.0 & purpose.bit() != 0
    }

    /// With or without consent.
    #[must_use]
    pub fn with(self, purpose: Purpose, given: bool) -> Self {
        if given { Self(self.0 | purpose.bit()) } else { Self(self.0 & !purpose.bit()) }
    }

    /// The purposes in order.
    pub fn purposes(self) -> impl Iterator<Item = Purpose> {
        PURPOSES.into_iter().filter(move |purpose| self.given(*purpose))
    }
}

/// How a customer wants to be contacted. Channels are numbers of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// Not at all.
    pub do_not_contact: bool,
    /// Preferred channel, 0 for none.
    pub preferred: i32,
    /// Channels that are not wanted.
    pub blocked: Vec<i32>,
    /// Earliest hour for calls.
    pub from_hour: i32,
    /// Hour from which no calls are wanted; 0 for no limit.
    pub to_hour: i32,
}

/// What is known of purchases and contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Activity {
    /// Purchases with us.
    pub purchase_count: i64,
    /// Their amount in hundredths.
    pub purchase_cents: i64,
    /// First purchase with us.
    pub first_purchase_us: Option<i64>,
    /// Last purchase with us.
    pub last_purchase_us: Option<i64>,
    /// Complaints.
    pub complaint_count: i64,
    /// Last contact, visit or delivery.
    pub last_contact_us: Option<i64>,
    /// Referrals.
    pub referral_count: i64,
}

/// Personal fields; empty texts are not known. Kept encrypted only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Personal {
    /// Name.
    pub display_name: String,
    /// Telephone number.
    pub phone: String,
    /// E-mail address.
    pub email: String,
    /// Postal address.
    pub address: String,
    /// Birthday: `2006-01-31` or `--01-31`.
    pub birthday: String,
    /// Number in another system.
    pub external_id: String,
    /// Remark.
    pub note: String,
    /// Values of personal attributes by code.
    pub attributes: BTreeMap<String, String>,
}

/// Encrypted form of [`Personal`] and the wrapped key that opens it; both empty after erasure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sealed {
    /// The person's key, wrapped by the installation's.
    pub key: Vec<u8>,
    /// Ciphertext.
    pub text: Vec<u8>,
}

/// Keyed hashes by which a customer is found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hashes {
    /// Of the number in another system.
    pub external: Option<Vec<u8>>,
    /// Of the telephone number.
    pub phone: Option<Vec<u8>>,
    /// Of the e-mail address.
    pub email: Option<Vec<u8>>,
    /// Of the name.
    pub name: Option<Vec<u8>>,
    /// Of name and whole birthday.
    pub name_birthday: Option<Vec<u8>>,
    /// Of month and day of the birthday.
    pub birth_day: Option<Vec<u8>>,
}

/// A customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Customer {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Unit that looks after it.
    pub unit: Uuid,
    /// Class.
    pub class: Uuid,
    /// Competitor whose customer it is.
    pub competitor: Option<Uuid>,
    /// State.
    pub state: State,
    /// Customer that it was merged into.
    pub merged_into: Option<Uuid>,
    /// Importance, 0 to 1000.
    pub importance: f64,
    /// Language tag or empty.
    pub language: String,
    /// Customer since.
    pub since: Option<Date>,
    /// Days between regular contacts, 0 for none.
    pub contact_every_days: i32,
    /// Values of plain attributes by code.
    pub attributes: BTreeMap<String, String>,
    /// Contact preferences.
    pub preferences: Preferences,
    /// Consents at present.
    pub consents: Consents,
    /// Purchases and contacts.
    pub activity: Activity,
    /// Whether the law wants the data kept.
    pub legal_hold: bool,
    /// Personal fields, encrypted.
    pub sealed: Sealed,
    /// How it is found.
    pub hashes: Hashes,
    /// Grows with every change.
    pub version: i64,
    /// When it was created.
    pub create_us: i64,
    /// When it changed last.
    pub change_us: i64,
}

impl Customer {
    /// Whether it says no to surveys where it did not say so `before`: a consent withdrawn, or
    /// the wish not to be contacted at all.
    pub fn declines_since(&self, before: &Self) -> bool {
        let agreed = |customer: &Self| customer.consents.given(Purpose::Survey);
        agreed(before) && !agreed(self)
            || self.preferences.do_not_contact && !before.preferences.do_not_contact
    }

    /// When the next regular contact is due.
    pub fn next_contact_us(&self) -> Option<i64> {
        if self.contact_every_days == 0 || self.state != State::Active {
            return None;
        }
        let last = self.activity.last_contact_us.unwrap_or(self.create_us);
        Some(last.saturating_add(i64::from(self.contact_every_days) * DAY_US))
    }

    /// Month and day since when it is a customer, as 101 to 1231.
    pub fn anniversary(&self) -> Option<i16> {
        self.since.map(|date| i16::from(date.month()) * 100 + i16::from(date.day()))
    }
}

impl Personal {
    /// Normalised telephone number.
    pub fn phone_key(&self) -> Option<String> {
        duplicate::phone(&self.phone)
    }

    /// Normalised e-mail address.
    pub fn email_key(&self) -> Option<String> {
        duplicate::email(&self.email)
    }

    /// Normalised name.
    pub fn name_key(&self) -> Option<String> {
        duplicate::name(&self.display_name)
    }

    /// Normalised name with the whole birthday.
    pub fn name_birthday_key(&self) -> Option<String> {
        let whole = attribute::date(&self.birthday).ok()?;
        Some(format!("{}|{whole}", self.name_key()?))
    }

    /// Month and day of the birthday, as `01-31`.
    pub fn birth_day_key(&self) -> Option<String> {
        self.birthday.len().checked_sub(5).and_then(|at| self.birthday.get(at..)).map(str::to_owned)
    }
}

/// A birthday in its canonical form.
///
/// # Errors
/// What is wrong, as a sentence.
pub fn birthday(text: &str) -> std::result::Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    match text.strip_prefix("--") {
        // A leap year, so that 29 February is a birthday.
        Some(rest) => attribute::date(&format!("2000-{rest}"))
            .map(|date| format!("--{:02}-{:02}", date.month(), date.day()))
            .map_err(|_| "is no day such as --01-31".to_owned()),
        None => attribute::date(text).map(|date| date.to_string()),
    }
}

/// A class of customers.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Code, unique in the organisation.
    pub code: String,
    /// Label by language tag.
    pub label: BTreeMap<String, String>,
    /// Weight in indices, 0 to 1000.
    pub weight: f64,
    /// Grows with every change.
    pub version: i64,
    /// When it was retired.
    pub retire_us: Option<i64>,
}

/// Codes and labels of the classes that every organisation has.
pub const BUILT_IN_CLASSES: [(&str, &str, &str); 4] = [
    ("intermediate", "中间顾客", "Intermediate customers"),
    ("external", "外部顾客", "External customers"),
    ("competitor", "竞争者顾客", "Competitors' customers"),
    ("internal", "内部顾客", "Internal customers"),
];

/// Id of a class with this code: the same in every process, so that the built-in ones need no
/// look-up.
pub fn class_id(org: Uuid, code: &str) -> Uuid {
    let hash = Sha256::new_with_prefix(org.as_bytes()).chain_update(code).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

impl Class {
    /// The built-in classes of an organisation, each with weight 1.
    pub fn built_in(org: Uuid) -> impl Iterator<Item = Self> {
        BUILT_IN_CLASSES.into_iter().map(move |(code, chinese, english)| Self {
            id: class_id(org, code),
            org,
            code: code.to_owned(),
            label: [("zh-CN", chinese), ("en", english)]
                .map(|(tag, text)| (tag.to_owned(), text.to_owned()))
                .into(),
            weight: 1.0,
            version: 1,
            retire_us: None,
        })
    }

    /// Whether it is one of the four.
    pub fn is_built_in(&self) -> bool {
        BUILT_IN_CLASSES.iter().any(|(code, ..)| *code == self.code)
    }

    /// Checks code and weight.
    ///
    /// # Errors
    /// When one is not usable.
    pub fn check(&self) -> Result<()> {
        attribute::check_code("code", &self.code)?;
        if !(0.0..=IMPORTANCE_MAX).contains(&self.weight) {
            return Err(Error::invalid("weight", "is not between 0 and 1000"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
