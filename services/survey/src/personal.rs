//! Personal fields: encrypted with a key of the person, which is wrapped by a key of the
//! installation, and found only by keyed hashes. Whoever destroys a person's key has erased the
//! person's fields wherever a copy of the ciphertext lies.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hmac, rand,
};
use kit::{
    auth::derive,
    error::{Result, ServiceError},
};
use survey_domain::customer::{Hashes, Personal, Sealed};
use uuid::Uuid;

/// Bytes of a hash that is searched for.
const HASH_BYTES: usize = 16;

/// What a keyed hash is of. The number is part of what is hashed, and of the tombstones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashKind {
    /// Number in another system.
    External = 1,
    /// Telephone number.
    Phone = 2,
    /// E-mail address.
    Email = 3,
    /// Name.
    Name = 4,
    /// Name and birthday.
    NameBirthday = 5,
    /// Month and day of the birthday.
    BirthDay = 6,
    /// Id that the sender of a purchase gave.
    PurchaseItem = 7,
    /// Id that the sender of an interaction gave.
    InteractionItem = 8,
    /// Content of a record, to tell a repetition from another record.
    Content = 9,
    /// Imported file with its settings.
    ImportFile = 10,
}

/// Opens and closes personal fields.
#[derive(Debug)]
pub struct Vault {
    search: hmac::Key,
    wrap: RandomizedNonceKey,
}

/// The key of one person.
#[derive(Debug)]
pub struct PersonKey {
    key: RandomizedNonceKey,
    wrapped: Vec<u8>,
}

impl Vault {
    /// Keyed by the installation's seed.
    pub fn new(seed: &[u8; 32]) -> Self {
        Self {
            search: hmac::Key::new(hmac::HMAC_SHA256, &derive(seed, b"manyi customer search")),
            wrap: aes(&derive(seed, b"manyi personal data")),
        }
    }

    /// A new key for `owner`, a customer or an import.
    ///
    /// # Errors
    /// When the machine has no random numbers.
    pub fn new_key(&self, owner: Uuid) -> Result<PersonKey> {
        let mut raw = [0; 32];
        rand::fill(&mut raw).map_err(|_| broken("no random numbers"))?;
        let wrapped = seal(&self.wrap, owner.as_bytes(), &raw)?;
        Ok(PersonKey { key: aes(&raw), wrapped })
    }

    /// Opens the wrapped key of `owner`.
    ///
    /// # Errors
    /// INTERNAL when it is not the key of this owner and installation.
    pub fn open_key(&self, owner: Uuid, wrapped: &[u8]) -> Result<PersonKey> {
        let raw = open(&self.wrap, owner.as_bytes(), wrapped)?;
        let raw: [u8; 32] = raw.try_into().map_err(|_| broken("a person's key is no key"))?;
        Ok(PersonKey { key: aes(&raw), wrapped: wrapped.to_vec() })
    }

    /// Keyed hash by which something is found in an organisation.
    pub fn hash(&self, org: Uuid, kind: HashKind, text: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.search);
        context.update(org.as_bytes());
        context.update(&[kind as u8]);
        context.update(text);
        context.sign().as_ref()[..HASH_BYTES].to_vec()
    }

    /// Id made from a keyed hash: the same for the same text.
    pub fn id(&self, org: Uuid, kind: HashKind, text: &[u8]) -> Uuid {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.hash(org, kind, text));
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// Hashes by which a person is found.
    pub fn hashes(&self, org: Uuid, personal: &Personal) -> Hashes {
        let of =
            |kind, text: Option<String>| text.map(|text| self.hash(org, kind, text.as_bytes()));
        let external = Some(personal.external_id.clone()).filter(|id| !id.is_empty());
        Hashes {
            external: of(HashKind::External, external),
            phone: of(HashKind::Phone, personal.phone_key()),
            email: of(HashKind::Email, personal.email_key()),
            name: of(HashKind::Name, personal.name_key()),
            name_birthday: of(HashKind::NameBirthday, personal.name_birthday_key()),
            birth_day: of(HashKind::BirthDay, personal.birth_day_key()),
        }
    }

    /// Encrypts personal fields of a new customer.
    pub fn seal_new(&self, customer: Uuid, personal: &Personal) -> Result<Sealed> {
        let key = self.new_key(customer)?;
        Ok(Sealed { text: seal_fields(&key, customer, personal)?, key: key.wrapped })
    }

    /// Encrypts changed personal fields with the key that the customer has.
    pub fn seal_again(&self, customer: Uuid, old: &Sealed, personal: &Personal) -> Result<Sealed> {
        let key = self.open_key(customer, &old.key)?;
        Ok(Sealed { text: seal_fields(&key, customer, personal)?, key: key.wrapped })
    }

    /// Personal fields in plain; empty ones when they were erased.
    pub fn open(&self, customer: Uuid, sealed: &Sealed) -> Result<Personal> {
        if sealed.key.is_empty() {
            return Ok(Personal::default());
        }
        let key = self.open_key(customer, &sealed.key)?;
        let text = key.open(customer, &sealed.text)?;
        serde_json::from_slice(&text).map_err(|_| broken("personal fields are no JSON"))
    }
}

fn seal_fields(key: &PersonKey, customer: Uuid, personal: &Personal) -> Result<Vec<u8>> {
    let text = serde_json::to_vec(personal).map_err(ServiceError::internal)?;
    key.seal(customer, &text)
}

impl PersonKey {
    /// The wrapped key, to be kept with what it opens.
    pub fn wrapped(&self) -> &[u8] {
        &self.wrapped
    }

    /// Encrypts bytes of one record; another record's do not open in its place.
    pub fn seal(&self, record: Uuid, plain: &[u8]) -> Result<Vec<u8>> {
        seal(&self.key, record.as_bytes(), plain)
    }

    /// Decrypts bytes of one record.
    pub fn open(&self, record: Uuid, sealed: &[u8]) -> Result<Vec<u8>> {
        open(&self.key, record.as_bytes(), sealed)
    }
}

fn aes(raw: &[u8; 32]) -> RandomizedNonceKey {
    RandomizedNonceKey::new(&AES_256_GCM, raw).expect("32 bytes are a key of AES-256")
}

/// Nonce, ciphertext and tag.
fn seal(key: &RandomizedNonceKey, context: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
    let mut text = plain.to_vec();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(context), &mut text)
        .map_err(|_| broken("encryption failed"))?;
    let mut sealed = nonce.as_ref().to_vec();
    sealed.append(&mut text);
    Ok(sealed)
}

fn open(key: &RandomizedNonceKey, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
    let damaged = || broken("a ciphertext does not open with its key");
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or_else(damaged)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
    let mut text = text.to_vec();
    let plain =
        key.open_in_place(nonce, Aad::from(context), &mut text).map_err(|_| damaged())?.len();
    text.truncate(plain);
    Ok(text)
}

fn broken(text: &str) -> ServiceError {
    ServiceError::internal(format!("personal data: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Personal {
        Personal {
            display_name: "李雷".to_owned(),
            phone: "138 0013 8000".to_owned(),
            birthday: "1990-03-08".to_owned(),
            ..Personal::default()
        }
    }

    #[test]
    fn fields_open_with_their_own_key_and_place_only() {
        let (vault, other) = (Vault::new(&[1; 32]), Vault::new(&[2; 32]));
        let id = Uuid::now_v7();
        let sealed = vault.seal_new(id, &person()).unwrap();
        assert_eq!(vault.open(id, &sealed).unwrap(), person());
        assert!(other.open(id, &sealed).is_err());
        assert!(vault.open(Uuid::now_v7(), &sealed).is_err());
        let mut damaged = sealed.clone();
        damaged.text[20] ^= 1;
        assert!(vault.open(id, &damaged).is_err());
        assert_eq!(vault.open(id, &Sealed::default()).unwrap(), Personal::default());
    }

    #[test]
    fn the_same_fields_never_have_the_same_ciphertext() {
        let vault = Vault::new(&[1; 32]);
        let id = Uuid::now_v7();
        let first = vault.seal_new(id, &person()).unwrap();
        let again = vault.seal_again(id, &first, &person()).unwrap();
        assert_eq!(first.key, again.key);
        assert_ne!(first.text, again.text);
    }

    #[test]
    fn hashes_find_other_spellings_within_one_organisation_alone() {
        let vault = Vault::new(&[1; 32]);
        let org = Uuid::now_v7();
        let other = Personal { phone: "+8613800138000".to_owned(), ..person() };
        let (a, b) = (vault.hashes(org, &person()), vault.hashes(org, &other));
        assert_eq!(a, b);
        assert_ne!(a.phone, vault.hashes(Uuid::now_v7(), &person()).phone);
        assert_eq!(a.external, None);
        assert_ne!(a.name, a.name_birthday);
    }
}
