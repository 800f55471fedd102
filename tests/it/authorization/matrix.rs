//! The access matrix as it was written down by hand: `tests/authorization/matrix.csv`.

use std::collections::BTreeMap;

/// What a principal may expect of a method on an object of its own subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It is done.
    Allowed,
    /// PERMISSION_DENIED.
    Denied,
    /// UNAUTHENTICATED.
    Unauthenticated,
}

/// The matrix.
pub struct Matrix {
    /// Principals, in the order of the columns.
    pub columns: Vec<String>,
    rows: BTreeMap<String, Vec<Expect>>,
}

impl Matrix {
    /// Reads the file.
    pub fn read() -> Self {
        let text = include_str!("../../authorization/matrix.csv");
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let head = lines.next().expect("a head line").split(',').skip(1);
        let columns: Vec<String> = head.map(str::to_owned).collect();
        let mut rows = BTreeMap::new();
        for line in lines {
            let mut cells = line.split(',');
            let method = cells.next().unwrap_or_default().to_owned();
            let cells: Vec<Expect> = cells.map(|cell| expect(&method, cell)).collect();
            assert_eq!(cells.len(), columns.len(), "{method} has a cell too few or too many");
            assert!(rows.insert(method.clone(), cells).is_none(), "{method} stands there twice");
        }
        Self { columns, rows }
    }

    /// Methods, without the leading slash.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(String::as_str)
    }

    /// One cell.
    pub fn expect(&self, method: &str, column: &str) -> Expect {
        let at = self.columns.iter().position(|known| known == column);
        self.rows[method][at.unwrap_or_else(|| panic!("no column {column}"))]
    }

    /// The same with every cell wrong, to see whether that is noticed.
    pub fn turned_round(&self) -> Self {
        let turned = |cell: &Expect| match cell {
            Expect::Allowed => Expect::Denied,
            Expect::Denied | Expect::Unauthenticated => Expect::Allowed,
        };
        let rows = self.rows.iter();
        let rows = rows.map(|(method, row)| (method.clone(), row.iter().map(turned).collect()));
        Self { columns: self.columns.clone(), rows: rows.collect() }
    }

    /// Methods that not everyone may call.
    pub fn protected(&self) -> Vec<&str> {
        let all = self.rows.iter();
        all.filter(|(_, cells)| cells.iter().any(|cell| *cell != Expect::Allowed))
            .map(|(method, _)| method.as_str())
            .collect()
    }
}

fn expect(method: &str, cell: &str) -> Expect {
    match cell {
        "+" => Expect::Allowed,
        "-" => Expect::Denied,
        "0" => Expect::Unauthenticated,
        other => panic!("{method}: `{other}` means nothing"),
    }
}
