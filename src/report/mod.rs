//! A report for people and programs: text for a terminal, CSV and a workbook for a spreadsheet, a page for a printer, JSON
//! for everything else.
//!
//! All of them are written from a [`document::Document`], which names records by their ids at the providers instead of
//! by positions in the engine's input, and which is what storage keeps.

pub mod csv;
pub mod document;
pub mod hidden;
pub mod html;
pub mod json;
mod names;
pub mod policy;
pub mod text;
pub mod totals;
pub mod words;
pub mod xlsx;

/// Who reads a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Audience {
    /// Readers who may see what the MSP pays.
    #[default]
    WithCost,
    /// Readers who may not: cost, margin and what follows from them are left out.
    WithoutCost,
}
