//! The audit chain of an organisation: each record's hash covers the record and the hash
//! before it, so that nothing can be changed, taken out or put in without being seen.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// SHA-256.
pub type Hash = [u8; 32];

/// Longest detail of a record, in bytes.
pub const DETAIL_LEN_MAX: usize = 8_192;

/// One record without its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: Uuid,
    /// Place in the chain, from 1.
    pub number: i64,
    /// When, in microseconds since 1970 UTC.
    pub time_us: i64,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// On what.
    pub object: String,
    /// Unit of the object.
    pub unit: Option<Uuid>,
    /// `ok` or the reason of the refusal.
    pub outcome: String,
    /// Changed fields as JSON.
    pub detail: String,
}

/// What a chain ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of the last record; 0 for an empty chain.
    pub number: i64,
    /// Its hash; the chain's origin for an empty chain.
    pub hash: Hash,
}

/// What the first record of an organisation's chain follows on.
pub fn origin(org: Uuid) -> Head {
    let hash = Sha256::new().chain_update(b"manyi audit chain").chain_update(org.as_bytes());
    Head { number: 0, hash: hash.finalize().into() }
}

/// Hash of a record that follows on `previous`. Every field is preceded by its length, so that
/// no two records share a spelling.
pub fn hash(previous: &Hash, record: &Record) -> Hash {
    let mut sha = Sha256::new();
    let mut put = |bytes: &[u8]| {
        sha.update((bytes.len() as u64).to_be_bytes());
        sha.update(bytes);
    };
    put(previous);
    put(record.id.as_bytes());
    put(&record.number.to_be_bytes());
    put(&record.time_us.to_be_bytes());
    put(record.actor.as_bytes());
    put(record.action.as_bytes());
    put(record.object.as_bytes());
    put(record.unit.as_ref().map(Uuid::as_bytes).map(<[u8; 16]>::as_slice).unwrap_or_default());
    put(record.outcome.as_bytes());
    put(record.detail.as_bytes());
    sha.finalize().into()
}

/// Recomputes a chain record by record.
#[derive(Debug)]
pub struct Verifier {
    last: Head,
    checkpoint: Option<Head>,
    checked: i64,
    first_broken: Option<i64>,
}

/// What a verification found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Records looked at.
    pub checked: i64,
    /// Number of the first record that does not fit.
    pub first_broken: Option<i64>,
    /// The last record looked at.
    pub last: Head,
}

impl Verifier {
    /// Begins with an organisation's chain. `checkpoint` is a record that it must contain.
    pub fn new(org: Uuid, checkpoint: Option<Head>) -> Self {
        Self { last: origin(org), checkpoint, checked: 0, first_broken: None }
    }

    /// Takes the next record, in the order of the numbers, with the hash kept beside it.
    pub fn push(&mut self, record: &Record, kept: &Hash) {
        self.checked += 1;
        let expected = self.last.number + 1;
        let fits = record.number == expected && hash(&self.last.hash, record) == *kept;
        let rewritten = self
            .checkpoint
            .is_some_and(|checkpoint| checkpoint.number == expected && checkpoint.hash != *kept);
        if !fits || rewritten {
            self.first_broken.get_or_insert(expected);
        }
        self.last = Head { number: record.number, hash: *kept };
    }

    /// Compares with the end of the chain that the service remembers.
    pub fn finish(mut self, head: Head) -> Verdict {
        let last = self.last;
        let checkpoint = self.checkpoint.map_or(0, |checkpoint| checkpoint.number);
        if last.number < head.number.max(checkpoint) {
            self.first_broken.get_or_insert(last.number + 1);
        } else if last != head {
            self.first_broken.get_or_insert(last.number.min(head.number + 1));
        }
        Verdict { checked: self.checked, first_broken: self.first_broken, last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ORG: Uuid = Uuid::from_u128(7);

    fn chain(len: i64) -> (Vec<(Record, Hash)>, Head) {
        let mut head = origin(ORG);
        let mut records = Vec::new();
        for number in 1..=len {
            let record = Record {
                id: Uuid::from_u128(number.unsigned_abs().into()),
                number,
                time_us: number * 10,
                actor: format!("users/{number}"),
                action: "act".to_owned(),
                object: String::new(),
                unit: (number % 2 == 0).then(|| Uuid::from_u128(9)),
                outcome: "ok".to_owned(),
                detail: "{}".to_owned(),
            };
            head = Head { number, hash: hash(&head.hash, &record) };
            records.push((record, head.hash));
        }
        (records, head)
    }

    fn verify(records: &[(Record, Hash)], head: Head, checkpoint: Option<Head>) -> Option<i64> {
        let mut verifier = Verifier::new(ORG, checkpoint);
        for (record, kept) in records {
            verifier.push(record, kept);
        }
        verifier.finish(head).first_broken
    }

    #[test]
    fn an_untouched_chain_is_intact() {
        for len in 0..4 {
            let (records, head) = chain(len);
            assert_eq!(verify(&records, head, None), None);
            assert_eq!(verify(&records, head, Some(head).filter(|h| h.number > 0)), None);
        }
    }

    proptest! {
        #[test]
        fn any_change_is_found_at_the_first_record_that_it_touches(
            len in 2_i64..20, at in 0_usize..20, kind in 0..6,
        ) {
            let (mut records, head) = chain(len);
            let at = at % records.len();
            let number = records[at].0.number;
            match kind {
                0 => records[at].0.actor.push('x'),
                1 => records[at].0.unit = Some(Uuid::from_u128(1)),
                2 => records[at].1[0] ^= 1,
                3 => { records.remove(at); }
                4 => { let copy = records[at].clone(); records.insert(at, copy); }
                _ => records[at].0.time_us += 1,
            }
            // A doubled record fits at its own place; its copy is the first that does not.
            let expected = if kind == 4 { number + 1 } else { number };
            prop_assert_eq!(verify(&records, head, None), Some(expected));
        }

        #[test]
        fn a_cut_or_rewritten_chain_fails_its_checkpoint(len in 2_i64..20, keep in 0_i64..20) {
            let (records, head) = chain(len);
            let keep = keep % len;
            let rest = &records[..usize::try_from(keep).unwrap()];
            // The forger cuts the remembered end too.
            let cut_head = rest.last().map_or(origin(ORG), |(record, kept)| Head {
                number: record.number, hash: *kept,
            });
            prop_assert_eq!(verify(rest, cut_head, None), None);
            prop_assert_eq!(verify(rest, cut_head, Some(head)), Some(keep + 1));
            prop_assert_eq!(verify(rest, head, None), Some(keep + 1));
        }
    }

    #[test]
    fn a_chain_made_anew_fails_its_checkpoint() {
        let (_, old) = chain(5);
        let (mut records, mut head) = chain(0);
        head = origin(ORG).max_by_number(head);
        for number in 1..=6 {
            let mut record = chain(number).0.pop().unwrap().0;
            record.outcome = "forged".to_owned();
            head = Head { number, hash: hash(&head.hash, &record) };
            records.push((record, head.hash));
        }
        assert_eq!(verify(&records, head, None), None);
        assert_eq!(verify(&records, head, Some(old)), Some(5));
    }

    impl Head {
        fn max_by_number(self, other: Self) -> Self {
            if other.number > self.number { other } else { self }
        }
    }
}
