//! Gzip blobs whose deflate blocks can be told apart (RFC 1951 and 1952): reading from the middle, and
//! putting blocks into a new blob without compressing them again.
//!
//! [`Gunzip`] reads; a [`Handle`] asks it for places where reading can begin again and for the blocks of a
//! file, which [`Splicer`] puts into a new blob. Knows nothing of tar, layers, files or digests: only offsets in
//! compressed and uncompressed bytes. What it reads, restart points included, may be hostile.

mod bits;
mod capture;
#[cfg(test)]
mod corners;
mod crc;
mod fast;
mod flaw;
mod gunzip;
mod head;
mod header;
mod huffman;
mod inflate;
mod input;
mod literal;
mod marks;
mod peek;
mod plan;
#[cfg(test)]
mod properties;
mod restart;
mod ring;
#[cfg(test)]
mod samples;
mod segment;
mod splicer;
#[cfg(test)]
mod splices;
mod tape;
mod trace;
mod watch;

pub use capture::Taker;
pub use crc::Crc;
pub use gunzip::Gunzip;
pub use gunzip::Handle;
pub use restart::Restart;
pub use restart::Window;
pub use segment::Block;
pub use segment::Segment;
pub use segment::covered;
pub use splicer::Splicer;
