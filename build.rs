//! Tells `src/main.rs` which file holds the site: style sheet, scripts and wasm in one file, which becomes part of the binary.
//!
//! `scripts/site.mjs` packs that file below the target folder before the server is built. If it isn't there, as after a bare
//! `cargo install --path .`, a smaller one takes its place: style and icons only, with which every page works without
//! JavaScript. Cargo follows the packed file itself for the binary alone, so that a new site doesn't compile the library again.

#![expect(clippy::disallowed_methods, reason = "cargo tells a build script by its environment")]

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The first line of a packed site. `src/server/site.rs` and `scripts/site.mjs` have it too.
const FORMAT: &str = "scaling-mode site 1\n";
/// A pack that this script made: the page's style sheet under its plain name, and no scripts.
const STYLE_ONLY: &str = "style main\n";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CARGO_TARGET_DIR");
    let out = PathBuf::from(variable("OUT_DIR")?);
    let is_server = env::var_os("CARGO_FEATURE_SSR").is_some() && variable("CARGO_CFG_TARGET_ARCH")? != "wasm32";
    let pack = if is_server && variable("PROFILE")? == "release" {
        let pack = target_folder(&out).join("site.pack");
        pack_style(&pack)?;
        pack
    } else {
        // Debug builds serve a folder: nothing is packed for them.
        let none = out.join("site.pack");
        fs::write(&none, "")?;
        none
    };
    println!("cargo:rustc-env=SCALING_MODE_PACK={}", pack.display());
    Ok(())
}

fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    env::var(name).map_err(|error| format!("{name}: {error}").into())
}

/// Cargo's target folder, above this script's own folder: the one with cargo's cache tag in it, or, where somebody else has made that
/// folder and cargo has left no tag, the one above `PROFILE/build/PACKAGE/out`.
fn target_folder(out: &Path) -> PathBuf {
    let tagged = out.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    tagged.or_else(|| out.ancestors().nth(4)).unwrap_or(out).to_owned()
}

/// Packs style and icons if nothing better is there.
fn pack_style(pack: &Path) -> Result<(), Box<dyn Error>> {
    let is_scripted = fs::read(pack).is_ok_and(|there| !there.starts_with(format!("{FORMAT}{STYLE_ONLY}").as_bytes()));
    if is_scripted {
        return Ok(());
    }
    // Set by scripts/build.sh, which makes the site while the library compiles.
    let follows = env::var_os("SCALING_MODE_SITE_FOLLOWS").is_some();
    if !follows {
        println!("cargo:warning=the page's scripts aren't built: pages work without JavaScript. To have them, run");
        println!("cargo:warning=`make site` first and then this again.");
        // Looked at again once the real site is in its place, so that the warning ends.
        println!("cargo:rerun-if-changed={}", pack.display());
    }
    let mut header = format!("{FORMAT}{STYLE_ONLY}");
    let mut bytes = Vec::new();
    for (folder, at) in [("public", ""), ("style", "pkg/")] {
        if !follows {
            println!("cargo:rerun-if-changed={folder}");
        }
        let mut files =
            fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
        files.sort();
        for file in files.iter().filter(|file| file.is_file()) {
            let name = file.file_name().and_then(|name| name.to_str()).ok_or("a name that isn't UTF-8")?;
            let data = fs::read(file)?;
            header += &format!("file {at}{name} - {}\n", data.len());
            bytes.extend(data);
        }
    }
    header += "\n";
    fs::write(pack, [header.into_bytes(), bytes].concat())?;
    // Older than any build: only a real site makes cargo run this again.
    fs::File::options().write(true).open(pack)?.set_modified(SystemTime::UNIX_EPOCH)?;
    Ok(())
}
