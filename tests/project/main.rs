//! Owns what the files of the project promise each other: the shape of the code, and that documents are true. Opens no
//! store and starts no program but the check of words.

mod architecture;
mod circles;
mod imports;
mod modules;
mod references;
mod security_table;
mod stripe_table;
mod words;
mod worked;
