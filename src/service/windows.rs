//! Windows: what the service control manager is told.
//!
//! Source: `CreateServiceW`, `ChangeServiceConfig2W`, `SERVICE_FAILURE_ACTIONS` in Microsoft's
//! documentation of the Windows API. Nothing here was tried on a real Windows.

/// One word of a command line as the C runtime takes it apart (`CommandLineToArgvW`).
pub fn quoted(word: &str) -> String {
    let mut all = String::from("\"");
    let mut backslashes = 0;
    for c in word.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                // those before a quote count twice, and one more is for the quote
                all.push_str(&"\\".repeat(backslashes * 2 + 1));
                backslashes = 0;
                all.push('"');
            }
            c => {
                all.push_str(&"\\".repeat(backslashes));
                backslashes = 0;
                all.push(c);
            }
        }
    }
    all + &"\\".repeat(backslashes * 2) + "\""
}
