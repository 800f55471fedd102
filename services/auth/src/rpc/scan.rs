//! Pages of lists in which the caller may not see every row.

use kit::error::Result;

/// Rows read at once.
const CHUNK: u64 = 1_000;
/// Most chunks read for one page; then the page stays short and the next one goes on.
const CHUNKS_MAX: usize = 20;

/// A page of rows, and the key after which the next page begins.
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Key of the last row seen; none at the end of the list.
    pub next: Option<String>,
}

/// Reads rows after `after` until `size` of them are ones to `keep`. `fetch` reads rows after a
/// key, at most so many.
pub async fn page<T, F, Fut>(
    size: u64,
    after: Option<String>,
    fetch: F,
    key: impl Fn(&T) -> String,
    keep: impl Fn(&T) -> bool,
) -> Result<Page<T>>
where
    F: Fn(Option<String>, u64) -> Fut,
    Fut: Future<Output = Result<Vec<T>>>,
{
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    // One more than asked for tells whether there is a next page.
    let chunk = CHUNK.min(size as u64 + 1);
    let (mut rows, mut seen) = (Vec::new(), after);
    for _ in 0..CHUNKS_MAX {
        let fetched = fetch(seen.clone(), chunk).await?;
        let at_end = (fetched.len() as u64) < chunk;
        for row in fetched {
            if keep(&row) {
                if rows.len() == size {
                    return Ok(Page { next: rows.last().map(&key), rows });
                }
                seen = Some(key(&row));
                rows.push(row);
            } else if rows.len() < size {
                seen = Some(key(&row));
            }
        }
        if at_end {
            return Ok(Page { rows, next: None });
        }
    }
    Ok(Page { rows, next: seen })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    async fn all(rows: u64, size: u64, every: u64) -> Vec<u64> {
        let fetch = |after: Option<String>, limit: u64| async move {
            let first = after.map_or(0, |key| key.parse::<u64>().unwrap() + 1);
            Ok((first..rows).take(usize::try_from(limit).unwrap()).collect())
        };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page =
                page(size, after, fetch, u64::to_string, |row| row % every == 0).await.unwrap();
            assert!(page.rows.len() as u64 <= size);
            found.extend(page.rows);
            after = page.next;
            if after.is_none() {
                return found;
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn pages_hold_each_visible_row_once(
            rows in 0_u64..3_000, size in 1_u64..70, every in 1_u64..500,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let found = runtime.block_on(all(rows, size, every));
            let expected: Vec<u64> = (0..rows).filter(|row| row % every == 0).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
