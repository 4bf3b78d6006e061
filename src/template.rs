//! Renders the files of `templates/`; values arrive escaped for the target language.
