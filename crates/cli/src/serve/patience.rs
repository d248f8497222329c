//! A request's content that must arrive in time, however slowly it drips.

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// From the first wait to the last byte: 4 MiB in this time is 70 KiB a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// The content did not come whole and in time, or its connection broke.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Impatient {
    /// It took too long.
    #[error("the content did not arrive in {} s", PATIENCE.as_secs())]
    Slow,
    /// It broke off.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

/// A request's content with an end to its time. The clock starts at the first wait, so what is there already costs
/// none.
pub(crate) struct Patient {
    incoming: Incoming,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    pub(crate) fn new(incoming: Incoming) -> Self {
        Self { incoming, deadline: None }
    }
}

impl Body for Patient {
    type Data = Bytes;
    type Error = Impatient;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Impatient>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) {
            return Poll::Ready(frame.map(|f| f.map_err(Impatient::from)));
        }
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
        match deadline.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(Impatient::Slow))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
