//! The file that holds the secret keys: made on the first start, readable by its owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::key::{KeyError, KeyRing};
use super::random::Random;
use crate::digest::hexadecimal;

/// How a key file was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFile {
    /// It was there.
    Found,
    /// It was made just now; tell the user, because without it (in a backup) stored secrets are lost.
    Created,
}

impl KeyRing {
    /// The key file that belongs to a SQLite database: `FILE.key` beside `FILE`.
    pub fn file_beside(database: &Path) -> PathBuf {
        let mut name = database.as_os_str().to_owned();
        name.push(".key");
        PathBuf::from(name)
    }

    /// Reads a key file.
    pub fn load(path: &Path, random: Arc<dyn Random>) -> Result<Self, KeyError> {
        let file = File::open(path).map_err(|source| failed(path, "read", source))?;
        refuse_if_others_may_read(path, &file)?;
        let text = std::io::read_to_string(file).map_err(|source| failed(path, "read", source))?;
        Self::parse(&SecretString::from(text), &format!("the key file `{}`", path.display()), random)
    }

    /// Reads a key file, after making it with one new key where there is none; says which it was.
    pub fn load_or_create(path: &Path, random: Arc<dyn Random>) -> Result<(Self, KeyFile), KeyError> {
        let is_there = path.try_exists().map_err(|source| failed(path, "read", source))?;
        let found = if is_there { KeyFile::Found } else { create(path, &*random)? };
        Ok((Self::load(path, random)?, found))
    }
}

/// Writes beside the path and then links it into place, so that two servers starting at once use one key and nobody
/// ever sees half a file.
fn create(path: &Path, random: &dyn Random) -> Result<KeyFile, KeyError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    random.fill(bytes.as_mut_slice());
    let mut mark = [0_u8; 8];
    random.fill(&mut mark);
    let mark = hexadecimal(&mark);
    let key = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
    let text = Zeroizing::new(format!(
        "# Secret keys of Concord, one `id:key` in a line. The first one seals, all of them open.\n\
         # Keep a copy in a safe place: without it the stored credentials cannot be read again.\n\
         key-{mark}:{}\n",
        key.as_str()
    ));

    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{mark}.new"));
    let draft = PathBuf::from(draft);
    let written = write_private(&draft, text.as_bytes()).and_then(|()| fs::hard_link(&draft, path));
    // The draft is done with either way; what counts is whether the link was made.
    let removed = fs::remove_file(&draft);
    match written {
        Ok(()) => removed.map(|()| KeyFile::Created).map_err(|source| failed(&draft, "removed", source)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.exists() => Ok(KeyFile::Found),
        Err(source) => Err(failed(path, "created", source)),
    }
}

fn write_private(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(unix)]
fn refuse_if_others_may_read(path: &Path, file: &File) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().map_err(|source| failed(path, "read", source))?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyError::ReadableByOthers { path: path.display().to_string(), mode }) }
}

/// Elsewhere a file inherits who may read it from its folder, and there are no mode bits to look at.
#[cfg(not(unix))]
fn refuse_if_others_may_read(_path: &Path, _file: &File) -> Result<(), KeyError> {
    Ok(())
}

fn failed(path: &Path, action: &'static str, source: std::io::Error) -> KeyError {
    KeyError::File { path: path.display().to_string(), action, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SystemRandom;

    fn load_or_create(path: &Path) -> Result<(KeyRing, KeyFile), KeyError> {
        KeyRing::load_or_create(path, Arc::new(SystemRandom))
    }

    #[test]
    fn the_key_lies_beside_the_database() {
        assert_eq!(KeyRing::file_beside(Path::new("/srv/concord.db")), Path::new("/srv/concord.db.key"));
    }

    #[test]
    fn the_first_start_makes_a_key_and_the_next_one_reads_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("concord.db.key");
        let (made, first) = load_or_create(&path).expect("a key is made");
        let sealed = made.seal(&SecretString::from("hunter2"), b"row");
        let (read, second) = load_or_create(&path).expect("the key is read");
        assert_eq!((first, second), (KeyFile::Created, KeyFile::Found));
        assert!(read.open(&sealed, b"row").is_ok());
        assert_eq!(fs::read_dir(folder.path()).expect("the folder lists").count(), 1, "no draft may stay");
    }

    #[test]
    fn servers_that_start_at_once_use_one_key() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("concord.db.key");
        let outcomes: Vec<(String, KeyFile)> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| load_or_create(&path).expect("a key"))).collect();
            let ended = starts.into_iter().map(|start| start.join().expect("no panic"));
            ended.map(|(ring, file)| (ring.sealing_key_id().to_owned(), file)).collect()
        });
        assert_eq!(outcomes.iter().filter(|(_, file)| *file == KeyFile::Created).count(), 1);
        assert!(outcomes.iter().all(|(id, _)| *id == outcomes[0].0));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("key");
        load_or_create(&path).expect("a key is made");
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
        for mode in [0o640, 0o604, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("the mode changes");
            let error = load_or_create(&path).expect_err("others may read it").to_string();
            assert!(error.contains(&format!("can be read by others (mode {mode:04o}). Run `chmod 600")), "{error}");
        }
    }

    #[test]
    fn a_missing_folder_is_a_sentence() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let error = load_or_create(&folder.path().join("no/key")).expect_err("there is no folder").to_string();
        assert!(error.contains("cannot be created"), "{error}");
    }

    #[test]
    fn a_file_without_a_key_is_left_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("key");
        write_private(&path, b"").expect("an empty file");
        let error = load_or_create(&path).expect_err("it has no key").to_string();
        assert!(error.starts_with("No secret key was found in the key file `"), "{error}");
    }
}
