//! Pages of lists in which the caller may not see every row.

use kit::{
    error::Result,
    page::{Page, Place},
};

/// Rows read at once.
const CHUNK: u64 = 1_000;
/// Most chunks read for one page; then the page stays short and the next one goes on.
const CHUNKS_MAX: usize = 20;

/// Reads rows from where `page` begins until it is full of ones to `keep`; answers them with the
/// token of the next page, empty at the end. `fetch` reads rows after a place, at most so many;
/// `place` is where a row stands in the list.
pub async fn fill<T, P, F, Fut>(
    page: Page<'_, P>,
    fetch: F,
    place: impl Fn(&T) -> P,
    keep: impl Fn(&T) -> bool,
) -> Result<(Vec<T>, String)>
where
    P: Place + Clone,
    F: Fn(Option<P>, u64) -> Fut,
    Fut: Future<Output = Result<Vec<T>>>,
{
    let chunk = CHUNK.min(page.limit);
    let (mut rows, mut seen) = (Vec::new(), page.after.clone());
    for _ in 0..CHUNKS_MAX {
        let fetched = fetch(seen.clone(), chunk).await?;
        let at_end = (fetched.len() as u64) < chunk;
        for row in fetched {
            if keep(&row) {
                if rows.len() == page.size() {
                    let last = rows.last().map(|row| page.token(&place(row)));
                    return Ok((rows, last.unwrap_or_default()));
                }
                seen = Some(place(&row));
                rows.push(row);
            } else if rows.len() < page.size() {
                seen = Some(place(&row));
            }
        }
        if at_end {
            return Ok((rows, String::new()));
        }
    }
    let next = seen.map(|seen| page.token(&seen)).unwrap_or_default();
    Ok((rows, next))
}

#[cfg(test)]
mod tests {
    use kit::page::PageTokens;
    use proptest::prelude::*;

    use super::*;

    async fn all(rows: i64, size: i32, every: i64) -> Vec<i64> {
        let tokens = PageTokens::new(&[7; 32]);
        let fetch = |after: Option<i64>, limit: u64| async move {
            let first = after.map_or(0, |last| last + 1);
            Ok((first..rows).take(usize::try_from(limit).unwrap()).collect())
        };
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let page = tokens.open("list".to_owned(), size, &token).unwrap();
            let (rows, next) = fill(page, fetch, |row| *row, |row| row % every == 0).await.unwrap();
            assert!(rows.len() <= usize::try_from(size).unwrap());
            found.extend(rows);
            token = next;
            if token.is_empty() {
                return found;
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn pages_hold_each_visible_row_once(
            rows in 0_i64..3_000, size in 1_i32..70, every in 1_i64..500,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let found = runtime.block_on(all(rows, size, every));
            let expected: Vec<i64> = (0..rows).filter(|row| row % every == 0).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
