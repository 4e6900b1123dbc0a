//! Named steps at which a test kills the process, as a power cut would, or lets it take its time.
//!
//! Only under the feature `fault-points`, which no optimised build can have: elsewhere a point is nothing.
//!
//! **The processes die at named steps.** Between the payment and the mail stand 28 calls of `fault::point`
//! (`core/src/fault.rs`), and two where a refund is settled. Under the feature `fault-points` a process kills itself at the one that `FAULT_POINT`
//! names, once; `worker/tests/it/e2e/killed.rs` lets the real api and worker die at each and counts what is left:
//! one number for each passenger and airline, one object a document, one Message-ID a mail. A kill after so many
//! milliseconds hits the steps that take long; the steps that matter, between two commits, take none. Checks and
//! tests build with the feature, all with the same (`scripts/lib.sh`), so that nothing is built twice; an optimised
//! build refuses to compile with it.

#[cfg(all(feature = "fault-points", not(debug_assertions)))]
compile_error!("`fault-points` kills processes for tests: no optimised build may have it");

/// A step of the way from the payment to the mail; does nothing.
#[cfg(not(feature = "fault-points"))]
#[inline]
pub fn point(_name: &str) {}

/// A step of the way from the payment to the mail: the process ends here when `FAULT_POINT` is this name, or when the file
/// `FAULT_ORDER` says it.
///
/// Once: it leaves the file `FAULT_MARKER`, and where that is the process goes on; the file `FAULT_ORDER` it takes away. So one
/// process lives until the test has made ready what it shall die of.
#[cfg(feature = "fault-points")]
pub fn point(name: &str) {
    if !is_to_die(name) {
        return;
    }
    let process = std::process::id().to_string();
    let _ = std::process::Command::new("kill")
        .args(["-KILL", &process])
        .status();
    // Whatever comes after this step must not happen while the signal is on its way.
    loop {
        std::thread::park();
    }
}

#[cfg(feature = "fault-points")]
fn is_to_die(name: &str) -> bool {
    if std::env::var_os("FAULT_POINT").is_some_and(|armed| armed == name) {
        let marker = std::env::var_os("FAULT_MARKER").unwrap_or_default();
        return std::fs::File::create_new(marker).is_ok();
    }
    let Some(order) = std::env::var_os("FAULT_ORDER") else {
        return false;
    };
    let is_meant = std::fs::read_to_string(&order).is_ok_and(|said| said == name);
    is_meant && std::fs::remove_file(&order).is_ok()
}

/// A step that may take long; takes no time.
#[cfg(not(feature = "fault-points"))]
#[inline]
pub fn pause(_name: &str) {}

/// A step that may take long: the thread stands still for `FAULT_PAUSE_SECONDS` when `FAULT_PAUSE` is this name.
#[cfg(feature = "fault-points")]
pub fn pause(name: &str) {
    if std::env::var_os("FAULT_PAUSE").is_none_or(|slow| slow != name) {
        return;
    }
    let seconds = std::env::var("FAULT_PAUSE_SECONDS").ok();
    let seconds = seconds.and_then(|raw| raw.parse().ok()).unwrap_or(60);
    std::thread::sleep(std::time::Duration::from_secs(seconds));
}
