//! The installation's seed: the secret that its processes and its operator share.

use std::{fs, io, path::Path};

use kit::config::Seed;

use crate::{
    client::credentials::create_private,
    error::{Error, Result},
};

/// Environment variable that holds the seed in base64.
pub const SEED_VARIABLE: &str = "MANYI_INTERNAL_SEED";

/// The seed of the environment, else of the file. Fails when there is neither.
pub fn find(path: &Path) -> Result<Seed> {
    if let Some(seed) = from_environment()? {
        return Ok(seed);
    }
    read(path)?.ok_or_else(|| {
        Error::Usage(format!(
            "{} does not exist: name the installation's seed file with --seed-file, or set {}",
            path.display(),
            SEED_VARIABLE
        ))
    })
}

/// The same, but makes a new seed in the file when there is neither.
pub fn find_or_create(path: &Path) -> Result<Seed> {
    if let Some(seed) = from_environment()? {
        return Ok(seed);
    }
    if let Some(seed) = read(path)? {
        return Ok(seed);
    }
    let seed = Seed::random();
    match create_private(path, format!("{}\n", seed.to_base64()).as_bytes()) {
        Ok(()) => Ok(seed),
        // Another process was faster: its seed is the installation's.
        Err(error) => read(path)?.ok_or(error),
    }
}

fn from_environment() -> Result<Option<Seed>> {
    match std::env::var(SEED_VARIABLE) {
        Ok(text) if !text.is_empty() => {
            text.parse().map(Some).map_err(|e| Error::Usage(format!("{SEED_VARIABLE}: {e}")))
        }
        _ => Ok(None),
    }
}

fn read(path: &Path) -> Result<Option<Seed>> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let wrong = |e| Error::Usage(format!("{}: {e}", path.display()));
            text.parse().map(Some).map_err(wrong)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::file(path, e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_made_once_and_then_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("internal.seed");
        assert!(read(&path).unwrap().is_none());
        let seed = find_or_create(&path).unwrap();
        assert_eq!(find_or_create(&path).unwrap(), seed);
        fs::write(&path, "nonsense").unwrap();
        assert!(find_or_create(&path).is_err(), "a broken seed is never replaced");
    }
}
