//! Facts about job rows.
