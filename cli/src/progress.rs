//! Progress of long work: a bar on a terminal, a line now and then elsewhere, all on standard error.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::{duration, grouped};

/// How often a line is written where there is no terminal.
const LINE_PERIOD: Duration = Duration::from_secs(2);
/// Work that is over sooner shows no bar: it would only flicker.
const PATIENCE: Duration = Duration::from_millis(300);

pub struct Progress {
    /// None: nothing is shown at all.
    shown: Option<Shown>,
    /// What is counted: `statements`, `entries`.
    unit: &'static str,
    start: Instant,
    done: u64,
    total: Option<u64>,
    message: String,
}

enum Shown {
    Bar(ProgressBar),
    Lines { last: Instant },
}

impl Progress {
    /// `total`: None where it is not known, or changes.
    pub fn new(unit: &'static str, total: Option<u64>, quiet: bool) -> Progress {
        let shown = match () {
            () if quiet => None,
            () if std::io::stderr().is_terminal() => Some(Shown::Bar(bar(unit, total))),
            () => Some(Shown::Lines { last: Instant::now() }),
        };
        Progress { shown, unit, start: Instant::now(), done: 0, total, message: String::new() }
    }

    /// Where the work stands now; `total` may grow.
    pub fn set(&mut self, done: u64, total: Option<u64>) {
        (self.done, self.total) = (done, total);
        if let Some(Shown::Bar(bar)) = &self.shown {
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(done);
            if bar.is_hidden() && self.start.elapsed() > PATIENCE {
                self.show();
            }
        }
        self.line();
    }

    /// Shows the bar now.
    pub fn show(&self) {
        if let Some(Shown::Bar(bar)) = &self.shown {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(15));
            bar.enable_steady_tick(Duration::from_millis(100));
        }
    }

    pub fn message(&mut self, message: &str) {
        if self.message == message {
            return;
        }
        self.message = message.to_owned();
        if let Some(Shown::Bar(bar)) = &self.shown {
            bar.set_message(message.to_owned());
        }
        self.line();
    }

    fn line(&mut self) {
        let Some(Shown::Lines { last }) = &mut self.shown else { return };
        if last.elapsed() < LINE_PERIOD {
            return;
        }
        *last = Instant::now();
        let mut line = grouped(self.done);
        if let Some(total) = self.total {
            line.push_str(&format!(" of {}", grouped(total)));
        }
        line.push_str(&format!(" {}", self.unit));
        let elapsed = self.start.elapsed().as_secs_f64();
        let rate = self.done as f64 / elapsed;
        if self.done > 0 {
            line.push_str(&format!(", {}/s", grouped(rate as u64)));
        }
        if let Some(left) = self.total.map(|t| t.saturating_sub(self.done)).filter(|l| *l > 0 && rate > 0.0) {
            let left = Duration::from_secs_f64((left as f64 / rate).min(1e9));
            line.push_str(&format!(", about {} left", duration(left)));
        }
        if !self.message.is_empty() {
            line.push_str(&format!(" ({})", self.message));
        }
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    /// Writes something else without leaving parts of the bar in it.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.shown {
            Some(Shown::Bar(bar)) => bar.suspend(write),
            _ => write(),
        }
    }

    /// The bar stays as it stands.
    pub fn leave(&mut self) {
        if let Some(Shown::Bar(bar)) = self.shown.take() {
            bar.abandon();
            let _ = writeln!(std::io::stderr());
        }
    }

    /// The bar goes; what follows is the caller's closing line.
    pub fn finish(&mut self) {
        if let Some(Shown::Bar(bar)) = self.shown.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn bar(unit: &str, total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => format!(
            "{{bar:32.cyan/black}} {{human_pos}} done, {{left}} left  {{per_sec}}  ETA {{eta}}  {unit} {{msg:.dim}}"
        ),
        None => format!("{{spinner}} {{human_pos}} {unit}  {{per_sec}}  {{msg:.dim}}"),
    };
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
    // A template that does not parse is a bug of ours, and no reason to fail the work.
    if let Ok(style) = ProgressStyle::with_template(&template) {
        let left = |state: &indicatif::ProgressState, w: &mut dyn std::fmt::Write| {
            let left = state.len().unwrap_or(0).saturating_sub(state.pos());
            let _ = w.write_str(&grouped(left));
        };
        let per_second = |state: &indicatif::ProgressState, w: &mut dyn std::fmt::Write| {
            let _ = write!(w, "{}/s", grouped(state.per_sec() as u64));
        };
        bar.set_style(style.progress_chars("━━╌").with_key("left", left).with_key("per_sec", per_second));
    }
    bar
}
