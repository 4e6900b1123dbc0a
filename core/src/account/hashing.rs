//! Where passwords are hashed: threads of their own, with a bounded queue in front of them.
//!
//! **A flood of log-ins takes no more of the machine than this.** A hash costs about 20 ms of a core and 19 MiB on
//! purpose. Half of the cores may do that, never a thread that serves requests or reads files; what waits is bounded, and
//! whoever comes when the queue is full is told to come back at once, with nothing held meanwhile.

use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// How many wait for each thread: a second's work.
const QUEUE: usize = 32;

/// The threads of this process.
static POOL: LazyLock<Pool> = LazyLock::new(|| {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = (cores / 2).max(1);
    Pool::new(threads, threads * QUEUE)
});

type Work = Box<dyn FnOnce() + Send>;

/// Threads that run what they are given, in order.
struct Pool(SyncSender<Work>);

/// Runs work on the threads for passwords.
///
/// Errors: [`Error::Busy`] at once when the queue is full.
pub(super) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    POOL.run(work).await
}

impl Pool {
    fn new(threads: usize, queue: usize) -> Self {
        let (sender, receiver) = sync_channel(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads {
            let receiver = receiver.clone();
            let started = thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || serve(&receiver));
            if let Err(error) = started {
                tracing::error!(%error, "a thread for passwords cannot be started");
            }
        }
        Self(sender)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move || {
            // Whoever has hung up meanwhile costs nothing.
            if !answer.is_closed() {
                let _ = answer.send(work());
            }
        });
        self.0.try_send(work).map_err(|error| match error {
            TrySendError::Full(_) => Error::Busy("password hashing"),
            TrySendError::Disconnected(_) => {
                Error::Internal("the threads for passwords are gone".to_owned())
            }
        })?;
        answered
            .await
            .map_err(|_| Error::Internal("hashing a password ended early".to_owned()))
    }
}

fn serve(receiver: &Mutex<Receiver<Work>>) {
    loop {
        let next = receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(work) = next else { return };
        // A panic loses its own answer and no thread.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_what_waits_is_done() {
        let pool = Arc::new(Pool::new(1, 2));
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        let blocking = tokio::spawn({
            let pool = pool.clone();
            async move {
                let work = move || {
                    let _ = begun.send(());
                    gate.recv()
                };
                pool.run(work).await
            }
        });
        has_begun.await.unwrap();
        let one = || 1;
        let mut waiting = [Box::pin(pool.run(one)), Box::pin(pool.run(one))];
        for one in &mut waiting {
            assert!(futures::poll!(one).is_pending());
        }
        let refused = pool.run(|| 3).await;
        assert!(matches!(refused, Err(Error::Busy(_))), "{refused:?}");
        open.send(()).unwrap();
        blocking.await.unwrap().unwrap().unwrap();
        for one in waiting {
            assert_eq!(one.await.unwrap(), 1);
        }
    }

    #[tokio::test]
    async fn work_that_panics_takes_no_thread_with_it() {
        let pool = Pool::new(1, 1);
        let lost: Result<()> = pool.run(|| panic!("on purpose")).await;
        assert!(matches!(lost, Err(Error::Internal(_))), "{lost:?}");
        assert_eq!(pool.run(|| 2).await.unwrap(), 2);
    }
}
