//! A disk of a test's own, a file with a file system, whose power can be cut: a copy of the file
//! holds what had reached the disk at that moment, and not what was only on its way there.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// A disk that no machine has mounted yet.
pub struct Image {
    folder: tempfile::TempDir,
    file: PathBuf,
}

/// A mounted disk; gone when this is dropped.
pub struct Disk {
    image: Image,
    mount: PathBuf,
}

impl Image {
    fn blank() -> Self {
        let folder = tempfile::Builder::new().prefix("manyi-disk-").tempdir().expect("a folder");
        // PostgreSQL runs as another user and has to get through.
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open).expect("an own folder");
        let file = folder.path().join("image");
        Self { folder, file }
    }

    /// Mounts it, as a machine does that starts.
    ///
    /// # Panics
    /// Unless this user may mount: run the tests as root.
    pub fn mounted(self) -> Disk {
        let mount = self.folder.path().join("mount");
        fs::create_dir(&mount).expect("a mount point");
        // Nothing but a flush writes within the time of a test.
        run("mount", &["-o", "loop,commit=300", &text(&self.file), &text(&mount)]);
        Disk { image: self, mount }
    }
}

impl Disk {
    /// A new disk of so many MiB.
    ///
    /// # Panics
    /// Unless this user may mount: run the tests as root.
    pub fn new(mib: u32) -> Self {
        let image = Image::blank();
        run("truncate", &["-s", &format!("{mib}M"), &text(&image.file)]);
        let quick = "lazy_itable_init=0,lazy_journal_init=0";
        run("mkfs.ext4", &["-q", "-E", quick, &text(&image.file)]);
        image.mounted()
    }

    /// Flushes everything, as some time does: what was put there at the beginning is settled.
    ///
    /// # Panics
    /// When it cannot be flushed.
    pub fn settle(&self) {
        run("sync", &["-f", &text(&self.mount)]);
    }

    /// What the disk holds at this moment.
    ///
    /// # Panics
    /// When it cannot be copied.
    pub fn cut(&self) -> Image {
        let image = Image::blank();
        run("cp", &["--sparse=always", &text(&self.image.file), &text(&image.file)]);
        image
    }

    /// Where its files are.
    pub fn path(&self) -> &Path {
        &self.mount
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let gone = Command::new("umount").arg("-l").arg(&self.mount).status();
        if !gone.is_ok_and(|status| status.success()) {
            eprintln!("{} stays mounted", self.image.folder.path().display());
        }
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("a plain path").to_owned()
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} does not run: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {said}; the power-cut tests mount a disk of their own: run them \
         as root, or set MANYI_TEST_NO_POWER_CUT=1 to do without them"
    );
}
