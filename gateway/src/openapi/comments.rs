//! The comments of the contract.

use std::collections::HashMap;

use prost_reflect::FileDescriptor;

/// Comments by file and path of the thing they stand above.
pub struct Comments {
    texts: HashMap<(String, Vec<i32>), String>,
}

impl Comments {
    /// Reads them from the descriptors.
    pub fn of_contract() -> Self {
        let mut texts = HashMap::new();
        for file in proto::methods::pool().files() {
            let Some(info) = &file.file_descriptor_proto().source_code_info else { continue };
            for location in &info.location {
                let Some(comment) = &location.leading_comments else { continue };
                let lines: Vec<&str> = comment.lines().map(str::trim).collect();
                let text = lines.join("\n").trim().to_owned();
                texts.insert((file.name().to_owned(), location.path.clone()), text);
            }
        }
        Self { texts }
    }

    /// The comment above something; empty when there is none.
    pub fn of(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        let key = (file.name().to_owned(), path.to_vec());
        self.texts.get(&key).map(String::as_str).unwrap_or_default()
    }
}
