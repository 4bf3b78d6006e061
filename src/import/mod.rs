//! Other tools' tables as manifests.
