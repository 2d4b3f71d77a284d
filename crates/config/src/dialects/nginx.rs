//! nginx.
use crate::{Document, Files, Options, Reading, Version};
use evidence::VersionBy;

pub(crate) fn read(
    document: Document,
    files: &dyn Files,
    options: &Options,
    version: &Version,
    by: VersionBy,
) -> Reading {
    let _ = (files, options, version, by);
    Reading {
        documents: vec![document],
        routes: Vec::new(),
        told: Vec::new(),
        tree: Box::new(crate::Nothing),
    }
}
