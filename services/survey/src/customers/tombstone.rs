//! Persons who were erased: their keyed hashes stay, so that a late delivery does not bring them
//! back.

use kit::error::{Result, ServiceError};
use sea_orm::ConnectionTrait;
use survey_domain::customer::Hashes;
use uuid::Uuid;

use crate::{personal::HashKind, store};

/// Hashes that tell a person apart. Name and birthday count only where nothing better is known:
/// two persons may share them.
pub fn telling(hashes: &Hashes) -> Vec<(HashKind, &Vec<u8>)> {
    let better = [
        (HashKind::External, &hashes.external),
        (HashKind::Phone, &hashes.phone),
        (HashKind::Email, &hashes.email),
    ];
    let found: Vec<_> =
        better.iter().filter_map(|(kind, hash)| Some((*kind, hash.as_ref()?))).collect();
    if found.is_empty() {
        let last = hashes.name_birthday.as_ref();
        return last.map(|hash| (HashKind::NameBirthday, hash)).into_iter().collect();
    }
    found
}

/// All hashes that an erasure leaves behind.
pub fn left(hashes: &Hashes) -> Vec<(HashKind, Vec<u8>)> {
    [
        (HashKind::External, &hashes.external),
        (HashKind::Phone, &hashes.phone),
        (HashKind::Email, &hashes.email),
        (HashKind::NameBirthday, &hashes.name_birthday),
    ]
    .into_iter()
    .filter_map(|(kind, hash)| Some((kind, hash.clone()?)))
    .collect()
}

/// Refuses a person who was erased.
///
/// # Errors
/// FAILED_PRECONDITION.
pub async fn refuse_erased(conn: &impl ConnectionTrait, org: Uuid, hashes: &Hashes) -> Result<()> {
    let wanted: Vec<Vec<u8>> = telling(hashes).into_iter().map(|(_, hash)| hash.clone()).collect();
    let erased = store::erasure::tombstones(conn, org, &wanted).await?;
    let hit = telling(hashes)
        .iter()
        .any(|(kind, hash)| erased.contains(&(*kind as i16, (*hash).clone())));
    if hit {
        let text = "this person was erased; say `returning` if the person came back by itself";
        return Err(ServiceError::wrong_state(text));
    }
    Ok(())
}
