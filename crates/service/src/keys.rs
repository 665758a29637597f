//! Private-key files.
