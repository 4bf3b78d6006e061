//! Numbers of the format and what they stand for: ggml's `ggml_type`, llama.cpp's `llama_ftype`.

/// How a tensor of a type is stored: so many elements in so many bytes. `None` for types that are
/// not known here.
pub(super) fn block(kind: u32) -> Option<(u64, u64)> {
    let at = BLOCKS.iter().find(|(known, ..)| *known == kind)?;
    Some((at.1, at.2))
}

/// Type, elements of a block, bytes of a block.
#[rustfmt::skip]
const BLOCKS: &[(u32, u64, u64)] = &[
    (0, 1, 4),      // F32
    (1, 1, 2),      // F16
    (2, 32, 18),    // Q4_0
    (3, 32, 20),    // Q4_1
    (6, 32, 22),    // Q5_0
    (7, 32, 24),    // Q5_1
    (8, 32, 34),    // Q8_0
    (9, 32, 40),    // Q8_1
    (10, 256, 84),  // Q2_K
    (11, 256, 110), // Q3_K
    (12, 256, 144), // Q4_K
    (13, 256, 176), // Q5_K
    (14, 256, 210), // Q6_K
    (15, 256, 292), // Q8_K
    (16, 256, 66),  // IQ2_XXS
    (17, 256, 74),  // IQ2_XS
    (18, 256, 98),  // IQ3_XXS
    (19, 256, 50),  // IQ1_S
    (20, 32, 18),   // IQ4_NL
    (21, 256, 110), // IQ3_S
    (22, 256, 82),  // IQ2_S
    (23, 256, 136), // IQ4_XS
    (24, 1, 1),     // I8
    (25, 1, 2),     // I16
    (26, 1, 4),     // I32
    (27, 1, 8),     // I64
    (28, 1, 8),     // F64
    (29, 256, 56),  // IQ1_M
    (30, 1, 2),     // BF16
    (34, 256, 54),  // TQ1_0
    (35, 256, 66),  // TQ2_0
    (39, 32, 17),   // MXFP4
    (40, 64, 36),   // NVFP4
    (41, 128, 18),  // Q1_0
];

/// `Q4_K_M` for 15; unknown ones by number.
pub fn quantisation(file_type: u32) -> String {
    let known = FILE_TYPES.iter().find(|(number, _)| *number == file_type);
    known.map_or_else(|| format!("type {file_type}"), |(_, name)| (*name).to_owned())
}

/// `general.file_type`: what most tensors are stored as.
#[rustfmt::skip]
const FILE_TYPES: &[(u32, &str)] = &[
    (0, "F32"), (1, "F16"), (2, "Q4_0"), (3, "Q4_1"), (7, "Q8_0"), (8, "Q5_0"), (9, "Q5_1"),
    (10, "Q2_K"), (11, "Q3_K_S"), (12, "Q3_K_M"), (13, "Q3_K_L"), (14, "Q4_K_S"), (15, "Q4_K_M"),
    (16, "Q5_K_S"), (17, "Q5_K_M"), (18, "Q6_K"), (19, "IQ2_XXS"), (25, "IQ4_NL"), (30, "IQ4_XS"),
    (32, "BF16"), (38, "MXFP4_MOE"),
];

/// Bytes of a value of the header; `None` for texts, arrays and what is unknown.
pub(super) fn value_len(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | BOOL => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// A truth value: one byte.
const BOOL: u32 = 7;
/// Length and bytes.
pub(super) const STRING: u32 = 8;
/// Type of the elements, count, elements.
pub(super) const ARRAY: u32 = 9;
