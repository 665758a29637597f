//! Input that ends a token that is too long, before it is all in memory.

use super::TOKEN_BYTES_MAX;
use std::io::{self, BufRead, Read};

/// Input of which no token takes more than `left` bytes.
pub(super) struct Limited<R> {
    pub input: R,
    pub left: usize,
}

impl<R: BufRead> Read for Limited<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(out.len());
        out[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Limited<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = self.left;
        let available = self.input.fill_buf()?;
        if left == 0 && !available.is_empty() {
            return Err(io::Error::other(format!("a tag or text of more than {TOKEN_BYTES_MAX} bytes")));
        }
        Ok(&available[..available.len().min(left)])
    }

    fn consume(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count);
        self.input.consume(count);
    }
}
