//! The body of an answer, piece by piece as it comes.

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use tokio::time::Instant;

use super::Patience;
use crate::endpoint::failure::Failure;
use crate::endpoint::failure::Kind;
use crate::endpoint::failure::excerpt;

/// An answer that began with a success.
#[derive(Debug)]
pub(in crate::endpoint) struct Body {
    response: Response,
    patience: Patience,
    deadline: Instant,
    begun: bool,
    /// Whether the request was sent a second time, because a kept connection was closed under the first.
    pub(in crate::endpoint) again: bool,
}

impl Body {
    pub(super) const fn new(response: Response, patience: Patience, deadline: Instant) -> Self {
        Self { response, patience, deadline, begun: false, again: false }
    }

    /// What the server says that the answer is, without parameters, in lower case.
    pub(in crate::endpoint) fn content_type(&self) -> String {
        let value = self.response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let bare = value.unwrap_or_default().split(';').next().unwrap_or_default();
        excerpt(&bare.trim().to_ascii_lowercase())
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`Kind::FirstByteTimeout`], [`Kind::IdleTimeout`], [`Kind::Deadline`], [`Kind::Cut`].
    pub(in crate::endpoint) async fn piece(&mut self) -> Result<Option<Bytes>, Failure> {
        let (wait, silence) = match self.begun {
            true => (self.patience.idle, Kind::IdleTimeout),
            false => (self.patience.first, Kind::FirstByteTimeout),
        };
        let until = (Instant::now() + wait).min(self.deadline);
        match tokio::time::timeout_at(until, self.response.chunk()).await {
            Ok(Ok(piece)) => {
                self.begun = true;
                Ok(piece)
            }
            Ok(Err(_)) => Err(Failure::new(Kind::Cut, "the connection ended in the middle of the answer")),
            Err(_) if until == self.deadline => {
                Err(Failure::new(Kind::Deadline, format!("after {:?}", self.patience.whole)))
            }
            Err(_) => Err(Failure::new(silence, format!("nothing for {wait:?}"))),
        }
    }

    /// Reads on to the end. Nothing past `limit` bytes is taken in.
    ///
    /// # Errors
    /// Those of [`Body::piece`], and [`Kind::TooLarge`].
    pub(in crate::endpoint) async fn whole(mut self, limit: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.piece().await? {
            if bytes.len() + piece.len() > limit {
                return Err(Failure::new(Kind::TooLarge, format!("more than {limit} bytes")));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}
