//! The lock file of a build: what went in, what came out, and whether it still holds.
