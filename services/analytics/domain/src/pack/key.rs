//! Keys of packs as bytes, whose beginnings are shared by neighbours.

use uuid::Uuid;

use crate::{answer::AnswerKey, cell::What};

/// Bytes of a rating's key before its item.
const HEAD: usize = 20;

/// What of an answer's cell stands in the pack; organisation, site, unit and month are those of
/// the pack, staff is not told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerHead {
    /// Questionnaire.
    pub questionnaire: Uuid,
    /// Its version.
    pub version: i32,
    /// Campaign.
    pub campaign: Uuid,
    /// Class of the customer.
    pub customer_class: Uuid,
    /// Number of the channel.
    pub channel: i16,
    /// Suspect responses.
    pub suspect: bool,
    /// Anonymous responses.
    pub anonymous: bool,
    /// Which eleven grades, or the block of kinds.
    pub block: i16,
    /// Item; empty in the entry that counts responses.
    pub item: String,
}

/// Key of what is counted at a site.
pub fn rating_key(what: &What) -> Vec<u8> {
    let mut key = Vec::with_capacity(HEAD + what.item.len());
    key.extend_from_slice(what.template.as_bytes());
    key.extend_from_slice(&what.class.to_be_bytes());
    key.extend_from_slice(&what.block.to_be_bytes());
    key.extend_from_slice(what.item.as_bytes());
    key
}

/// Whether a key of [`rating_key`] is of an overall item or of encounters.
pub fn is_overall(key: &[u8]) -> bool {
    key.len() == HEAD
}

/// The reverse of [`rating_key`]; `None` for bytes that are no such key.
pub fn rating_of(key: &[u8]) -> Option<What> {
    let mut rest = key;
    let template = Uuid::from_bytes(take(&mut rest)?);
    let class = i16::from_be_bytes(take(&mut rest)?);
    let block = i16::from_be_bytes(take(&mut rest)?);
    let item = std::str::from_utf8(rest).ok()?.to_owned();
    Some(What { template, item, class, block })
}

/// Key of a cell of answers.
pub fn answer_key(key: &AnswerKey) -> Vec<u8> {
    let place = &key.place;
    let mut bytes = Vec::with_capacity(58 + key.item.len());
    bytes.extend_from_slice(place.questionnaire.as_bytes());
    bytes.extend_from_slice(&place.version.to_be_bytes());
    bytes.extend_from_slice(place.campaign.as_bytes());
    bytes.extend_from_slice(place.customer_class.as_bytes());
    bytes.extend_from_slice(&place.channel.to_be_bytes());
    bytes.extend_from_slice(&[u8::from(place.suspect), u8::from(place.anonymous)]);
    bytes.extend_from_slice(&key.block.to_be_bytes());
    bytes.extend_from_slice(key.item.as_bytes());
    bytes
}

/// The reverse of [`answer_key`]; `None` for bytes that are no such key.
pub fn answer_of(key: &[u8]) -> Option<AnswerHead> {
    let mut rest = key;
    let questionnaire = Uuid::from_bytes(take(&mut rest)?);
    let version = i32::from_be_bytes(take(&mut rest)?);
    let campaign = Uuid::from_bytes(take(&mut rest)?);
    let customer_class = Uuid::from_bytes(take(&mut rest)?);
    let channel = i16::from_be_bytes(take(&mut rest)?);
    let [suspect, anonymous] = take(&mut rest)?;
    let block = i16::from_be_bytes(take(&mut rest)?);
    let item = std::str::from_utf8(rest).ok()?.to_owned();
    let (suspect, anonymous) = (suspect != 0, anonymous != 0);
    Some(AnswerHead {
        questionnaire,
        version,
        campaign,
        customer_class,
        channel,
        suspect,
        anonymous,
        block,
        item,
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (now, later) = rest.split_first_chunk::<N>()?;
    *rest = later;
    Some(*now)
}
