//! Named steps at which a test kills the process, as a power cut would.
//!
//! Only under the feature `fault-points`, which no optimised build can have: elsewhere a point is nothing.

#[cfg(all(feature = "fault-points", not(debug_assertions)))]
compile_error!("`fault-points` kills processes for tests: no optimised build may have it");

/// A step of the way from the payment to the mail; does nothing.
#[cfg(not(feature = "fault-points"))]
#[inline]
pub fn point(_name: &str) {}

/// A step of the way from the payment to the mail: the process ends here when `FAULT_POINT` is this name.
///
/// Once: it leaves the file `FAULT_MARKER`, and where that is the process goes on.
#[cfg(feature = "fault-points")]
pub fn point(name: &str) {
    if std::env::var_os("FAULT_POINT").is_none_or(|armed| armed != name) {
        return;
    }
    let marker = std::env::var_os("FAULT_MARKER").unwrap_or_default();
    if std::fs::File::create_new(marker).is_err() {
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
