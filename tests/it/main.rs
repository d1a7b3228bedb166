//! The integration tests, in one binary so that they link once; a module per feature.

mod billing;
mod connector_file;
mod connector_http;
mod connector_pax8;
mod connector_pax8_paging;
mod connector_pax8_quirks;
mod connector_revio;
mod connector_support;
mod contract;
mod mapping;
mod mapping_files;
mod mapping_schema;
mod mapping_world;
mod matching;
mod matching_lists;
mod matching_world;
mod postgres;
mod program;
mod readme;
mod reconciliation;
mod sandbox_http;
mod sandbox_rules;
mod sandbox_world;
mod storage;
mod tidy;
mod transport;
