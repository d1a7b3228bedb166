//! A report for people and programs: text for a terminal, CSV for a spreadsheet, JSON for everything else.
//!
//! All of them are written from a [`document::Document`], which names records by their ids at the providers instead of
//! by positions in the engine's input, and which is what storage keeps.

pub mod csv;
pub mod document;
pub mod json;
pub mod policy;
pub mod text;
