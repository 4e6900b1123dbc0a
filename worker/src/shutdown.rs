//! The wish to stop, known to every loop of the process.

use tokio::sync::watch;

/// Resolves once the process shall stop. Clones hear of it together.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// Says that the process shall stop; dropping it says so too.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

/// A shutdown that has not been requested yet.
pub fn channel() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Trigger(sender), Shutdown(receiver))
}

impl Trigger {
    /// Makes the wish.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Waits for the wish.
    pub async fn wished(&self) {
        let mut receiver = self.0.clone();
        // An error means that the trigger is gone: nobody could ever stop this process again.
        let _ = receiver.wait_for(|stop| *stop).await;
    }

    /// Whether the wish was made.
    pub fn is_wished(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits for `time`, or for the wish; true when the whole time went by.
    pub async fn sleep(&self, time: std::time::Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => !self.is_wished(),
            () = self.wished() => false,
        }
    }
}
