//! `diff`.

use clap::Args;

/// `diff`.
#[derive(Debug, Args)]
#[command(
    after_help = "Lines begin with A (only in AFTER), D (only in BEFORE) or M (not the same, and in what). \
Kind, size, content, link target, mode, owner and extended attributes are compared, times are not. No layer is read \
again that was read before, unless only the bytes of files of equal size can tell; their hashes are kept."
)]
pub struct Diff {
    /// The first image, in any transport
    pub before: String,
    /// The second
    pub after: String,
    /// Look only at what this names, and at what is in it; `*` stands for anything but `/`, `**` for anything; may be
    /// repeated
    #[arg(long, value_name = "GLOB")]
    pub path: Vec<String>,
    /// Exit with 1 when something differs
    #[arg(long)]
    pub exit_code: bool,
    /// Platform of the images
    #[arg(long, default_value = super::DEFAULT_PLATFORM)]
    pub platform: String,
}
