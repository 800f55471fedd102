//! Values by name, in the order they were given.

use serde::{Serialize, Serializer};

/// Values by name: an object of the output that keeps the order of the input.
#[derive(Debug, Clone, PartialEq)]
pub struct Named<T>(pub Vec<(String, T)>);

impl<T> Named<T> {
    /// Pairs names with values, one each.
    pub fn of<'a>(
        names: impl IntoIterator<Item = &'a String>,
        values: impl IntoIterator<Item = T>,
    ) -> Named<T> {
        Named(names.into_iter().cloned().zip(values).collect())
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
