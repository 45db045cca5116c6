//! Owns the site that is part of the binary: its files in each of their encodings, and their names. Must not know HTTP.

use crate::app::FileNames;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::OnceLock;

/// What `src/main.rs` has of the site. Empty in debug builds and in tests, which serve a folder.
static EMBEDDED: OnceLock<&'static [u8]> = OnceLock::new();
/// The site, if it's served from the binary.
static SERVED: OnceLock<Site> = OnceLock::new();

/// The first line of a packed site. `build.rs` and `scripts/site.mjs` have it too.
const FORMAT: &str = "scaling-mode site 1";

/// A packed site that can't be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the site in this binary is damaged: {0}")]
pub struct DamagedSite(&'static str);

/// One file of the site.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct File {
    pub plain: &'static [u8],
    pub brotli: Option<&'static [u8]>,
    pub gzip: Option<&'static [u8]>,
    /// For files whose names don't change with their content.
    pub tag: Option<String>,
}

/// The files of a build, by path, and the names that its pages use.
#[derive(Debug, PartialEq, Eq)]
pub struct Site {
    pub names: FileNames,
    files: HashMap<&'static str, File>,
}

/// Takes the site that was built into the binary. Called once, before anything else.
pub fn embed(site: &'static [u8]) {
    let _ = EMBEDDED.set(site);
}

/// The site in this binary, or `None` in a build without one.
///
/// # Errors
/// [`DamagedSite`] if the binary was built with something else in the site's place.
pub fn embedded() -> Result<Option<Site>, DamagedSite> {
    EMBEDDED.get().copied().filter(|site| !site.is_empty()).map(read).transpose()
}

/// Serves this site from now on.
pub fn serve(site: Site) {
    let _ = SERVED.set(site);
}

/// The site that is served from the binary, or `None` while a folder is.
pub fn served() -> Option<&'static Site> {
    SERVED.get()
}

impl Site {
    /// The file at a path without its first slash.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.get(path)
    }
}

/// Reads a packed site: lines of text up to an empty one, then the bytes of each file one after the other.
fn read(packed: &'static [u8]) -> Result<Site, DamagedSite> {
    let end = packed.windows(2).position(|two| two == b"\n\n").ok_or(DamagedSite("no header"))?;
    let (header, bytes) = packed.split_at(end);
    let header = std::str::from_utf8(header).map_err(|_| DamagedSite("the header isn't text"))?;
    let mut bytes = bytes.get(2..).unwrap_or_default();
    let mut lines = header.lines();
    if lines.next() != Some(FORMAT) {
        return Err(DamagedSite("another format"));
    }
    let mut names = FileNames::default();
    let mut files: HashMap<&'static str, File> = HashMap::new();
    for line in lines {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["style", name] => names.style = name.to_owned(),
            ["scripts", hash] => names.scripts = Some(hash.to_owned()),
            ["file", path, encoding, length] => {
                let length = length.parse().map_err(|_| DamagedSite("a length that isn't a number"))?;
                let (data, rest) = bytes.split_at_checked(length).ok_or(DamagedSite("cut off"))?;
                bytes = rest;
                let file = files.entry(path).or_default();
                match encoding {
                    "-" => file.plain = data,
                    "br" => file.brotli = Some(data),
                    "gzip" => file.gzip = Some(data),
                    _ => return Err(DamagedSite("an unknown encoding")),
                }
            }
            _ => return Err(DamagedSite("an unknown line")),
        }
    }
    if names.style.is_empty() || !bytes.is_empty() {
        return Err(DamagedSite("header and content don't agree"));
    }
    for (path, file) in &mut files {
        if !path.starts_with("pkg/") || names.scripts.is_none() {
            file.tag = Some(hex::encode(&Sha256::digest(file.plain)[..8]));
        }
    }
    Ok(Site { names, files })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKED: &[u8] = b"scaling-mode site 1\nstyle app.12\nscripts 34\nfile icon.svg - 4\nfile pkg/app.12.css - 3\nfile pkg/app.12.css br 2\n\nicona{}xy";

    #[test]
    fn a_packed_site_is_read_as_it_was_packed() {
        let site = read(PACKED).expect("a site");
        assert_eq!(site.names, FileNames { style: "app.12".to_owned(), scripts: Some("34".to_owned()) });
        let style = site.file("pkg/app.12.css").expect("the style sheet");
        assert_eq!((style.plain, style.brotli, style.gzip, &style.tag), (&b"a{}"[..], Some(&b"xy"[..]), None, &None));
        assert!(site.file("icon.svg").is_some_and(|icon| icon.plain == b"icon" && icon.tag.is_some()));
        assert!(site.file("pkg/other.css").is_none());
    }

    #[test]
    fn a_damaged_site_is_refused() {
        assert_eq!(read(b"scaling-mode site 2\n\n"), Err(DamagedSite("another format")));
        assert_eq!(read(b"scaling-mode site 1"), Err(DamagedSite("no header")));
        assert_eq!(read(&PACKED[..PACKED.len() - 1]), Err(DamagedSite("cut off")));
        assert_eq!(read(b"scaling-mode site 1\nfile a - 1\n\na"), Err(DamagedSite("header and content don't agree")));
        assert_eq!(read(b"scaling-mode site 1\nstyle a\n\na"), Err(DamagedSite("header and content don't agree")));
        assert_eq!(read(b"scaling-mode site 1\nstyle a\nfile a zip 1\n\na"), Err(DamagedSite("an unknown encoding")));
    }
}
