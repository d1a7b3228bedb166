//! PSAs that are read over HTTP, one folder each.

pub mod revio;
pub mod words;
