//! tmp
/// x
pub const MARKDOWN_LIMIT: usize = 10_000;
