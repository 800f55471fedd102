//! Statements with many rows on SQLite. It keeps a name for every `$n` and searches all of them
//! for each one, so that time grows with the square; anonymous parameters cost nothing. On
//! PostgreSQL such rows are arrays, and the text is the same for any number of them.

/// Rows of one statement. Few sizes, so that prepared statements are found again.
const SIZES: [usize; 4] = [500, 64, 8, 1];

/// Cuts rows into chunks of at most `max` rows (at least 1) that come in few sizes.
pub fn chunks<T>(mut rows: &[T], max: usize) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let fits = rows.len().min(max.max(1));
        let size = SIZES.into_iter().find(|size| *size <= fits)?;
        let (now, later) = rows.split_at(size);
        rows = later;
        Some(now)
    })
}

/// The text `(?, ?), (?, ?)` of rows whose values are bound in this order.
pub fn tuples(rows: usize, columns: usize) -> String {
    let tuple = format!("({})", vec!["?"; columns].join(", "));
    vec![tuple; rows].join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_all_rows_in_order_in_few_sizes() {
        for (count, max) in [(0, 500), (1, 500), (7, 64), (1234, 500), (1234, 64), (20, 0)] {
            let rows: Vec<usize> = (0..count).collect();
            let cut: Vec<&[usize]> = chunks(&rows, max).collect();
            assert_eq!(cut.concat(), rows);
            assert!(cut.iter().all(|chunk| SIZES.contains(&chunk.len())));
            assert!(cut.iter().all(|chunk| chunk.len() <= max.max(1)));
        }
    }

    #[test]
    fn tuples_are_anonymous() {
        assert_eq!(tuples(2, 3), "(?, ?, ?), (?, ?, ?)");
        assert_eq!(tuples(1, 1), "(?)");
    }
}
