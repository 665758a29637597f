//! How an answer's bytes are packed for the wire.

use std::io::Write;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use bytes::Bytes;

use super::arguments::Arguments;
use super::native;

/// Fastest, as on a server (`http_zlib_compression_level` is for other methods).
const ZSTD_LEVEL: i32 = 1;

/// The packing of one answer. Each piece is packed by itself: frames may follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Plain,
    /// ClickHouse's compressed blocks (`compress=1`).
    Blocks,
    /// `Content-Encoding: lz4`: LZ4 frames.
    Lz4,
    /// `Content-Encoding: zstd`.
    Zstd,
}

impl Encoding {
    /// What the client asked for, the first we know.
    pub fn wanted(headers: &HeaderMap, arguments: &Arguments) -> Self {
        if arguments.compress {
            return Self::Blocks;
        }
        if arguments.settings.get("enable_http_compression").is_some_and(|value| value == "0" || value == "false") {
            return Self::Plain;
        }
        let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let named = |name| match name {
            "lz4" => Some(Self::Lz4),
            "zstd" => Some(Self::Zstd),
            _ => None,
        };
        accepted
            .split(',')
            .map(|entry| entry.split(';').next().unwrap_or_default().trim())
            .find_map(named)
            .unwrap_or(Self::Plain)
    }

    /// The value of `Content-Encoding`.
    pub fn header(self) -> Option<&'static str> {
        match self {
            Self::Plain | Self::Blocks => None,
            Self::Lz4 => Some("lz4"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// Packs one piece.
    pub fn pack(self, piece: Bytes) -> std::io::Result<Bytes> {
        match self {
            _ if piece.is_empty() => Ok(piece),
            Self::Plain => Ok(piece),
            Self::Blocks => Ok(native::pack(&piece)),
            Self::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::with_capacity(piece.len() / 2));
                encoder.write_all(&piece)?;
                Ok(encoder.finish().map_err(std::io::Error::other)?.into())
            }
            Self::Zstd => zstd::bulk::compress(&piece, ZSTD_LEVEL).map(Bytes::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_wish() {
        let wanted = |accept: &str, setting: Option<&str>| {
            let headers = [(ACCEPT_ENCODING, accept.parse().unwrap())].into_iter().collect();
            let settings = setting.map(|value| ("enable_http_compression".to_owned(), value.to_owned()));
            Encoding::wanted(&headers, &Arguments { settings: settings.into_iter().collect(), ..Arguments::default() })
        };
        assert_eq!(wanted("gzip, zstd;q=0.5, lz4", None), Encoding::Zstd);
        assert_eq!(wanted("lz4", Some("1")), Encoding::Lz4);
        assert_eq!(wanted("lz4", Some("0")), Encoding::Plain);
        assert_eq!(wanted("gzip", None), Encoding::Plain);
    }
}
