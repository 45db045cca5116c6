//! Owns the data of pages: plain values that server functions send and pages show. Must not know how a page looks or where its
//! data is stored.

pub mod overview;
pub mod settings;
pub mod source_form;
