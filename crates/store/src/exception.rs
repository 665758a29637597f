//! An error as ClickHouse says it: a number, a name and a sentence.

use std::fmt;

use axum::http::StatusCode;

/// A refused or failed statement: what the engine answered, or what the endpoint answers in the engine's manner.
///
/// `text` is ClickHouse's own, `Code: 60. DB::Exception: … (UNKNOWN_TABLE)`, without the version that a server appends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Exception {
    /// ClickHouse's error number (`src/Common/ErrorCodes.cpp`), 1002 (UNKNOWN_EXCEPTION) if the text carries none.
    pub code: u32,
    /// The whole sentence.
    pub text: String,
}

/// The errors that the endpoint itself raises, by ClickHouse's names and numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are ClickHouse's own")]
pub enum Code {
    BadArguments = 36,
    ChecksumDoesntMatch = 40,
    NotImplemented = 48,
    SyntaxError = 62,
    UnknownCompressionMethod = 89,
    UnknownSetting = 115,
    Readonly = 164,
    RequiredPassword = 194,
    TooManySimultaneousQueries = 202,
    SocketTimeout = 209,
    NetworkError = 210,
    QueryIsTooLarge = 229,
    Aborted = 236,
    CannotDecompress = 271,
    SupportIsDisabled = 344,
    AuthenticationFailed = 516,
    UnsupportedMediaType = 779,
    UnknownException = 1002,
}

impl Code {
    fn name(self) -> &'static str {
        match self {
            Self::BadArguments => "BAD_ARGUMENTS",
            Self::ChecksumDoesntMatch => "CHECKSUM_DOESNT_MATCH",
            Self::NotImplemented => "NOT_IMPLEMENTED",
            Self::SyntaxError => "SYNTAX_ERROR",
            Self::UnknownCompressionMethod => "UNKNOWN_COMPRESSION_METHOD",
            Self::UnknownSetting => "UNKNOWN_SETTING",
            Self::Readonly => "READONLY",
            Self::RequiredPassword => "REQUIRED_PASSWORD",
            Self::TooManySimultaneousQueries => "TOO_MANY_SIMULTANEOUS_QUERIES",
            Self::SocketTimeout => "SOCKET_TIMEOUT",
            Self::NetworkError => "NETWORK_ERROR",
            Self::QueryIsTooLarge => "QUERY_IS_TOO_LARGE",
            Self::Aborted => "ABORTED",
            Self::CannotDecompress => "CANNOT_DECOMPRESS",
            Self::SupportIsDisabled => "SUPPORT_IS_DISABLED",
            Self::AuthenticationFailed => "AUTHENTICATION_FAILED",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::UnknownException => "UNKNOWN_EXCEPTION",
        }
    }
}

impl Exception {
    /// An exception of the endpoint's own; `message` ends without a full stop.
    pub fn new(code: Code, message: impl fmt::Display) -> Self {
        let text = format!("Code: {}. DB::Exception: {message}. ({})", code as u32, code.name());
        Self { code: code as u32, text }
    }

    /// Reads the engine's message: takes the number out of `Code: N.` and the version off its end.
    pub fn from_engine(message: &str) -> Self {
        let text = match message.rfind(" (version ") {
            Some(at) if message.ends_with(')') => &message[..at],
            _ => message,
        };
        let code = text
            .strip_prefix("Code: ")
            .and_then(|rest| rest.split_once('.'))
            .and_then(|(number, _)| number.parse().ok())
            .unwrap_or(Code::UnknownException as u32);
        Self { code, text: text.trim_end().to_owned() }
    }

    /// The HTTP status a ClickHouse server gives this code (`src/Server/HTTP/exceptionCodeToHTTPStatus.cpp`).
    pub fn status(&self) -> StatusCode {
        match self.code {
            194 => StatusCode::UNAUTHORIZED,
            192 | 193 | 497 | 512 | 516 => StatusCode::FORBIDDEN,
            6 | 8 | 15 | 25 | 26 | 27 | 36 | 37 | 38 | 41 | 44 | 53 | 62 | 72 | 117 | 123 | 167 | 168 | 223 | 321
            | 376 | 427 | 441 | 675 | 676 => StatusCode::BAD_REQUEST,
            46 | 47 | 50 | 56 | 60 | 63 | 73 | 78 | 81 | 115 | 152 | 336 | 511 => StatusCode::NOT_FOUND,
            229 => StatusCode::PAYLOAD_TOO_LARGE,
            48 => StatusCode::NOT_IMPLEMENTED,
            76 | 209 | 439 => StatusCode::SERVICE_UNAVAILABLE,
            381 => StatusCode::LENGTH_REQUIRED,
            159 => StatusCode::REQUEST_TIMEOUT,
            779 => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_engines_message() {
        let message =
            "Code: 33. DB::Exception: Cannot read all data. Bytes read: 5. (CANNOT_READ_ALL_DATA) (version 26.7.2.1)";
        let exception = Exception::from_engine(message);
        assert_eq!(exception.code, 33);
        assert_eq!(
            exception.text,
            "Code: 33. DB::Exception: Cannot read all data. Bytes read: 5. (CANNOT_READ_ALL_DATA)"
        );
        assert_eq!(Exception::from_engine("No active streaming query").code, 1002);
    }

    #[test]
    fn speaks_as_the_engine_does() {
        let own = Exception::new(Code::AuthenticationFailed, "default: no");
        assert_eq!(own.text, "Code: 516. DB::Exception: default: no. (AUTHENTICATION_FAILED)");
        assert_eq!(Exception::from_engine(&own.text), own);
    }
}
