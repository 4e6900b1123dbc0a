//! Where words go: results to standard output, problems and progress to standard error.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use flightdesk_core::{Error, schedule};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Writes a line of the result. Who closed the pipe wants no more of it.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes what went wrong.
pub(crate) fn problem(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "manage: {text}");
}

/// An error with every wrong field in it.
pub(crate) fn explained(error: Error) -> anyhow::Error {
    match error {
        Error::Invalid(fields) => {
            let wrong = fields
                .iter()
                .map(|field| format!("{} {}", field.field, field.message));
            anyhow::anyhow!(wrong.collect::<Vec<_>>().join("; "))
        }
        other => other.into(),
    }
}

/// Progress of something that takes its time: a bar on a terminal, now and then a line elsewhere.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    last_line: Instant,
}

impl Progress {
    pub(crate) fn new(steps: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(
                "{bar:40} {pos}/{len} days · {msg} · {elapsed}, {eta} to go",
            );
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self {
            bar,
            last_line: Instant::now(),
        }
    }

    /// Shows how far a run over the days is.
    pub(crate) fn show(&mut self, progress: schedule::Progress) {
        let (step, steps) = (progress.days_done, progress.days);
        let message = format!("{} flights", progress.flights);
        if let Some(bar) = &self.bar {
            bar.set_message(message);
            bar.set_length(u64::from(steps));
            bar.set_position(u64::from(step));
        } else if self.last_line.elapsed() > Duration::from_secs(2) {
            self.last_line = Instant::now();
            let _ = writeln!(std::io::stderr().lock(), "{step}/{steps} days · {message}");
        }
    }

    pub(crate) fn done(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
