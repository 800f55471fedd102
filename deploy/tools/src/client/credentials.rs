//! With what a caller proves who it is, and files that keep it.

use std::{
    fmt, fs,
    io::{self, Write as _},
    path::Path,
};

use kit::auth::InternalTokens;
use proto::auth::v1::CreateTokenRequest;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// With what a caller proves who it is.
#[derive(Clone)]
pub enum Credentials {
    /// A person.
    Password(SignIn),
    /// A device or partner system.
    Client {
        /// Client id.
        id: String,
        /// Client secret.
        secret: String,
    },
    /// Whoever holds the installation's seed.
    Operator(InternalTokens),
}

/// What a person signs in with; also the form of a credentials file.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// Slug of the organisation.
    pub organisation: String,
    /// Sign-in name.
    pub login: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignIn({} at {})", self.login, self.organisation)
    }
}

impl Credentials {
    /// The token request that proves it.
    pub(super) fn token_request(&self) -> CreateTokenRequest {
        let mut request = CreateTokenRequest::default();
        match self {
            Self::Password(sign_in) => {
                request.grant_type = "password".to_owned();
                request.organisation = sign_in.organisation.clone();
                request.username = sign_in.login.clone();
                request.password = sign_in.password.clone();
            }
            Self::Client { id, secret } => {
                request.grant_type = "client_credentials".to_owned();
                request.client_id = id.clone();
                request.client_secret = secret.clone();
            }
            // Operators mint their tokens and never ask for one.
            Self::Operator(_) => {}
        }
        request
    }
}

impl SignIn {
    /// Reads a credentials file, `None` when there is none.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::file(path, e)),
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|e| Error::Usage(format!("{} is no credentials file: {e}", path.display())))
    }

    /// Writes a credentials file that only its owner can read. Never replaces one.
    pub fn write_new(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::Usage(format!("credentials cannot be written: {e}")))?;
        create_private(path, text.as_bytes())
    }
}

/// Creates `path` with `content`, readable by its owner alone. Fails when it exists. The file
/// appears whole or not at all.
pub fn create_private(path: &Path, content: &[u8]) -> Result<()> {
    let failed = |e| Error::file(path, e);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = path.to_path_buf();
    temporary.set_extension(format!("new-{}", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        })
        // A link fails when the name is taken, a rename would replace it.
        .and_then(|()| fs::hard_link(&temporary, path))
        .and_then(|()| fs::File::open(folder)?.sync_all());
    let _ = fs::remove_file(&temporary);
    written.map_err(failed)
}

/// Reads a password from a file, or from standard input when the path is `-`; the line end is
/// not part of it.
pub fn read_password(path: &Path) -> Result<String> {
    let text = if path == Path::new("-") {
        io::read_to_string(io::stdin())
    } else {
        fs::read_to_string(path)
    };
    let text = text.map_err(|e| Error::file(path, e))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(Error::Usage(format!("{} holds no password", path.display())));
    }
    Ok(line.to_owned())
}

/// A password nobody has to remember: 24 characters without look-alikes, about 118 bits.
pub fn random_password() -> String {
    use rand::Rng as _;
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut rng = rand::rng();
    (0..24).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credentials_file_is_private_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        assert!(SignIn::read(&path).unwrap().is_none());
        let one = SignIn {
            organisation: "demo".to_owned(),
            login: "owner".to_owned(),
            password: random_password(),
        };
        one.write_new(&path).unwrap();
        assert!(one.write_new(&path).is_err());
        let read = SignIn::read(&path).unwrap().unwrap();
        assert_eq!(read.password, one.password);
        assert!(!format!("{read:?}").contains(&one.password));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_password_file_may_end_with_a_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, " keeps its spaces \n").unwrap();
        assert_eq!(read_password(&path).unwrap(), " keeps its spaces ");
        fs::write(&path, "\n").unwrap();
        assert!(read_password(&path).is_err());
    }
}
