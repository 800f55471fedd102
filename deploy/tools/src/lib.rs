//! Simulator, importer, administration.
