//! The data folder: databases, the installation's seed, and a lock so that two programs never
//! share it.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use kit::config::Seed;
use tools::{
    admin::seed,
    error::{Error, Result},
};

use crate::suite::Databases;

/// A data folder that is ours as long as this lives.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Creates the folder if need be and locks it. Fails when another program holds it.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |e| Error::file(path, e);
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let lock_path = path.join("lock");
        let lock = File::create(&lock_path).map_err(|e| Error::file(&lock_path, e))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::Usage(format!(
                "another program uses the data folder {}; stop it or choose another with --data",
                path.display()
            ))),
            Err(TryLockError::Error(e)) => Err(Error::file(lock_path, e)),
        }
    }

    /// The installation's seed: of the environment, else of the folder, made at the first
    /// start.
    pub fn seed(&self) -> Result<Seed> {
        seed::find_or_create(&self.path.join("internal.seed"))
    }

    /// A file of the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Databases as given, and SQLite files of the folder for those that are not.
    pub fn databases(
        &self,
        auth: Option<&str>,
        device: Option<&str>,
        survey: Option<&str>,
        analytics: Option<&str>,
    ) -> Databases {
        let url = |given: Option<&str>, name: &str| match given {
            Some(url) => url.to_owned(),
            None => format!("sqlite://{}", self.path.join(name).display()),
        };
        Databases {
            auth: url(auth, "auth.db"),
            device: url(device, "device.db"),
            survey: url(survey, "survey.db"),
            analytics: url(analytics, "analytics.db"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_folder_belongs_to_one_program_at_a_time() {
        let folder = std::env::temp_dir().join(format!("manyi-data-{}", std::process::id()));
        let first = DataFolder::open(&folder).unwrap();
        let second = DataFolder::open(&folder).unwrap_err().to_string();
        assert!(second.contains("another program"), "{second}");
        drop(first);
        DataFolder::open(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }
}
