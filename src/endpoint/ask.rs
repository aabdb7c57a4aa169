//! One question and its answer, with the time at which each part of it arrived.

use std::time::Duration;
use std::time::Instant;

use crate::endpoint::failure::Failure;
use crate::endpoint::failure::Kind;
use crate::endpoint::http::Body;
use crate::endpoint::http::Client;
use crate::endpoint::protocol;
use crate::endpoint::protocol::Part;
use crate::endpoint::protocol::Question;
use crate::endpoint::protocol::Usage;
use crate::endpoint::sse::Decoder;

/// The most bytes of an answer that is no stream.
const MAX_ANSWER: usize = 8 << 20;
/// The most bytes of a stream.
const MAX_STREAM: usize = 256 << 20;
/// The most events with text that a stream may have.
const MAX_EVENTS: usize = 1 << 20;
/// How much of the text is kept, in bytes.
const KEPT: usize = 4096;
/// How long the end of a stream may be away after `[DONE]`, for the connection to be used again.
const FAREWELL: Duration = Duration::from_millis(250);

/// A good answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The beginning of the text.
    pub text: String,
    /// When the first text arrived; of an answer that is no stream, when all of it did.
    pub first: Instant,
    /// When the last text arrived.
    pub last: Instant,
    /// When the answer was complete.
    pub done: Instant,
    /// Events with text. One may hold several tokens, or a part of one.
    pub events: u64,
    /// Microseconds between each event with text and the one before it.
    pub gaps: Vec<u32>,
    /// The server's token counts, when it gives them.
    pub usage: Option<Usage>,
    /// Why the model stopped.
    pub finish: Option<String>,
    /// Whether the request was sent a second time, because a kept connection was closed under the first.
    pub again: bool,
}

impl Client {
    /// Asks, and reads the whole answer.
    ///
    /// # Errors
    /// Whatever is wrong with it first.
    pub async fn ask(&self, question: &Question) -> Result<Reply, Failure> {
        let body = self.post(question.api.path(), &question.body()).await?;
        let again = body.again;
        let reply = if question.stream { streamed(body).await } else { whole(body).await };
        reply.map(|reply| Reply { again, ..reply })
    }
}

async fn whole(body: Body) -> Result<Reply, Failure> {
    let bytes = body.whole(MAX_ANSWER).await?;
    let now = Instant::now();
    let mut reading = Reading::default();
    reading.take(protocol::whole(&bytes)?, now)?;
    reading.reply(now)
}

async fn streamed(mut body: Body) -> Result<Reply, Failure> {
    let kind = body.content_type();
    if kind != "text/event-stream" {
        let shown = if kind.is_empty() { "no kind at all".to_owned() } else { format!("`{kind}`") };
        let detail = format!("{shown} instead of `text/event-stream`");
        return Err(Failure::new(Kind::ContentType, detail));
    }
    let (mut decoder, mut events, mut reading) = (Decoder::default(), Vec::new(), Reading::default());
    let mut length = 0;
    while let Some(piece) = body.piece().await.map_err(|failure| reading.so_far(failure))? {
        let now = Instant::now();
        length += piece.len();
        let fits = decoder.feed(&piece, &mut events).is_ok() && length <= MAX_STREAM;
        for event in events.drain(..) {
            if event.data == b"[DONE]" {
                let rest = async { while let Ok(Some(_)) = body.piece().await {} };
                // The answer is complete: how it is taken leave of does not count.
                let _ = tokio::time::timeout(FAREWELL, rest).await;
                return reading.reply(now);
            }
            reading.take(protocol::event(&event.data)?, now)?;
        }
        if !fits {
            return Err(Failure::new(Kind::TooLarge, "an event or the stream has no end"));
        }
    }
    match reading.finish {
        Some(reason) => Err(Failure::new(Kind::NoDone, format!("the model stopped: {reason}"))),
        None => Err(reading.so_far(Failure::new(Kind::Cut, "the stream ended early"))),
    }
}

/// What has come of an answer.
#[derive(Debug, Default)]
struct Reading {
    text: String,
    first: Option<Instant>,
    last: Option<Instant>,
    gaps: Vec<u32>,
    events: u64,
    usage: Option<Usage>,
    finish: Option<String>,
}

impl Reading {
    fn take(&mut self, part: Part, now: Instant) -> Result<(), Failure> {
        // Counts may come with every event, growing: the last ones are right.
        self.usage = part.usage.or(self.usage);
        self.finish = part.finish.or(self.finish.take());
        if part.text.is_empty() {
            return Ok(());
        }
        if self.gaps.len() == MAX_EVENTS {
            return Err(Failure::new(Kind::TooLarge, format!("more than {MAX_EVENTS} events")));
        }
        if let Some(last) = self.last {
            let gap = now.duration_since(last).as_micros();
            self.gaps.push(u32::try_from(gap).unwrap_or(u32::MAX));
        }
        self.events += 1;
        self.first = self.first.or(Some(now));
        self.last = Some(now);
        let room = KEPT.saturating_sub(self.text.len());
        self.text.push_str(&part.text[..part.text.floor_char_boundary(room)]);
        Ok(())
    }

    /// A failure on the way, with how far the answer had come.
    fn so_far(&self, failure: Failure) -> Failure {
        match self.events {
            0 => failure,
            n => Failure::new(failure.kind, format!("{}, after {n} events with text", failure.detail)),
        }
    }

    fn reply(self, done: Instant) -> Result<Reply, Failure> {
        // A token need not have text of its own: a server that counts some is believed.
        if self.first.is_none() && self.usage.is_none_or(|usage| usage.output == 0) {
            let reason = self.finish.map(|reason| format!("the model stopped: {reason}"));
            return Err(Failure::new(Kind::NoTokens, reason.unwrap_or_default()));
        }
        Ok(Reply {
            text: self.text,
            first: self.first.unwrap_or(done),
            last: self.last.unwrap_or(done),
            done,
            events: self.events,
            gaps: self.gaps,
            usage: self.usage,
            finish: self.finish,
            again: false,
        })
    }
}
