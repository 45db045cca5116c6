//! Owns files that hold a secret key: nobody else may read them, and one has its place only once it is whole on disk. Must not know what
//! a key is for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a file of a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("{} can be read by others: chmod 600 {}", .0.display(), .0.display())]
    Exposed(PathBuf),
    #[error("the file {} cannot be used", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

fn of_file(path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
    let path = path.to_owned();
    move |source| KeyFileError::File { path, source }
}

/// The text of a key; `None` where there is no such file. One that is handed over by systemd or Kubernetes may be its group's too; one of
/// our own making is nobody else's.
///
/// # Errors
/// [`KeyFileError`], also where others can read it.
pub fn read(path: &Path, is_handed_over: bool) -> Result<Option<String>, KeyFileError> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(of_file(path))?,
    };
    if readers(path)? & if is_handed_over { 0o007 } else { 0o077 } != 0 {
        return Err(KeyFileError::Exposed(path.to_owned()));
    }
    Ok(Some(text.trim_end().to_owned()))
}

/// Writes a key under a name of its own and gives it its place only once it is whole on disk. Without `replace` one that is there stays.
///
/// # Errors
/// [`KeyFileError::File`].
pub fn write(path: &Path, key: &str, replace: bool) -> Result<(), KeyFileError> {
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    make_folder(parent)?;
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let placed = (|| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        writeln!(file, "{key}")?;
        file.sync_all()?;
        if replace {
            fs::rename(&temporary, path)?;
        } else {
            match fs::hard_link(&temporary, path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                linked => linked?,
            }
        }
        File::open(parent)?.sync_all()
    })();
    let _ = fs::remove_file(&temporary);
    placed.map_err(of_file(path))
}

/// Makes a folder that nobody else may look into, where it is not there.
///
/// # Errors
/// [`KeyFileError::File`].
pub fn make_folder(folder: &Path) -> Result<(), KeyFileError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(of_file(folder))
}

/// The permission bits of a file; none where there are no such bits.
fn readers(path: &Path) -> Result<u32, KeyFileError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        Ok(fs::metadata(path).map_err(of_file(path))?.permissions().mode())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        Ok(0)
    }
}
