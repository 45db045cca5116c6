//! Owns what the files of the project promise each other: the shape of the code, and that documents are true. Starts no
//! program and opens no store.

mod architecture;
mod security_table;
mod stripe_table;
mod worked;
