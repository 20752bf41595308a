//! What a person sees while a plotter works: a line for each sector, with its stage, and the speed.

use std::collections::HashMap;
use std::time::Duration;

use aipot_kernels::plotting::SectorId;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::super::{CommandError, Output};
use crate::plotter::{PlotterProgress, Stage};

/// How the line of a sector looks.
const TEMPLATE: &str = "sector {prefix:>5} {bar:32} {pos:>4}/{len} records  {msg}";

/// Draws for a person, prints lines for a file, and objects for a machine.
#[derive(Debug)]
pub(super) struct Display {
    output: Output,
    lines: MultiProgress,
    sectors: HashMap<SectorId, ProgressBar>,
}

impl Display {
    pub(super) fn new(output: Output) -> Self {
        let target = if output.is_live() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let lines = MultiProgress::with_draw_target(target);
        Self { output, lines, sectors: HashMap::new() }
    }

    /// Shows how a sector stands.
    ///
    /// # Errors
    /// [`CommandError::Print`] when standard output is closed.
    pub(super) fn show(&mut self, progress: &PlotterProgress) -> Result<(), CommandError> {
        if self.output.is_live() {
            self.draw(progress);
            return Ok(());
        }
        say_sector(progress, self.output)
    }

    /// Clears what moves.
    pub(super) fn finish(&self) {
        self.sectors.values().for_each(ProgressBar::finish_and_clear);
    }

    fn draw(&mut self, progress: &PlotterProgress) {
        let line = self.sectors.entry(progress.sector_id).or_insert_with(|| {
            let line = self.lines.add(ProgressBar::new(u64::from(progress.records)));
            match ProgressStyle::with_template(TEMPLATE) {
                Ok(style) => line.with_style(style),
                Err(_) => line,
            }
        });
        line.set_prefix(progress.sector_index.to_string());
        line.set_position(u64::from(progress.records_done));
        line.set_message(message(progress));
        if matches!(progress.stage, Stage::Finished(_) | Stage::Failed) {
            line.finish_and_clear();
            self.sectors.remove(&progress.sector_id);
            let sector = progress.sector_index;
            let text = format!("sector {sector:>5}  {}", message(progress));
            // Only a closed terminal makes this fail; plotting goes on without it.
            drop(self.lines.println(text));
        }
    }
}

/// Tells in one line that a sector has reached a stage.
///
/// # Errors
/// [`CommandError::Print`] when standard output is closed.
pub(in crate::command) fn say_sector(
    progress: &PlotterProgress,
    output: Output,
) -> Result<(), CommandError> {
    // Every group of records would fill a log.
    if progress.stage == Stage::Encoding && progress.records_done > 0 {
        return Ok(());
    }
    let value = json!({
        "event": "sector",
        "sector_id": progress.sector_id.to_string(),
        "sector_index": progress.sector_index,
        "stage": stage_name(progress.stage),
        "stage_ms": stage_time(progress.stage).map(|time| time.as_millis()),
        "records_done": progress.records_done,
        "records": progress.records,
        "sectors_per_hour": progress.sectors_per_hour,
    });
    output.result(&value, &format!("sector {}  {}", progress.sector_index, message(progress)))
}

/// Stage, speed, and the time that is left at that speed.
fn message(progress: &PlotterProgress) -> String {
    let stage = stage_name(progress.stage);
    let time = stage_time(progress.stage).map(|time| format!(" in {:.1} s", time.as_secs_f64()));
    let mut parts = vec![format!("{stage}{}", time.unwrap_or_default())];
    if progress.sectors_per_hour > 0.0 {
        parts.push(format!("{:.2} sectors/h", progress.sectors_per_hour));
        if let Some(left) = time_left(progress) {
            parts.push(format!("{} s left", left.as_secs()));
        }
    }
    parts.join(", ")
}

/// Time until all records of a sector are encoded.
fn time_left(progress: &PlotterProgress) -> Option<Duration> {
    const HOUR_SECONDS: f64 = 3600.0;
    if progress.stage != Stage::Encoding || progress.records == 0 {
        return None;
    }
    let left = f64::from(progress.records.saturating_sub(progress.records_done));
    let sectors = left / f64::from(progress.records);
    Duration::try_from_secs_f64(sectors * HOUR_SECONDS / progress.sectors_per_hour).ok()
}

fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Downloading => "downloading",
        Stage::Downloaded(_) => "downloaded",
        Stage::Encoding => "encoding",
        Stage::Encoded(_) => "encoded",
        Stage::Sending => "sending",
        Stage::Finished(_) => "finished",
        Stage::Failed => "failed",
    }
}

fn stage_time(stage: Stage) -> Option<Duration> {
    match stage {
        Stage::Downloaded(time) | Stage::Encoded(time) | Stage::Finished(time) => Some(time),
        Stage::Downloading | Stage::Encoding | Stage::Sending | Stage::Failed => None,
    }
}
