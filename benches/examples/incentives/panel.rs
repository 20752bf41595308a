//! One diagram of a plot: axes, lines, dots with their errors.

use std::fmt::Write;

/// Width and height of the inside of a diagram, in pixels.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 260.0;

/// Room left of the inside, for the numbers of the vertical axis.
const MARGIN: f64 = 60.0;

/// Top of the inside: title and legend stand above.
const TOP: f64 = 60.0;

/// Room for what the names of the series are.
const LEGEND: f64 = 60.0;

/// Standard errors that the bar of a dot spans to each side.
const BAR_ERRORS: f64 = 3.0;

/// Colors that the color-blind can tell apart.
///
/// # Source
/// Okabe and Ito, "Color universal design", 2008.
pub(crate) const COLORS: [&str; 5] = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7"];

/// A range of numbers along an axis, with marks.
pub(crate) struct Axis {
    pub(crate) label: &'static str,
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) marks: &'static [f64],
    /// Whether equal ratios take equal room.
    pub(crate) is_logarithmic: bool,
}

impl Axis {
    /// Where a number lies, 0 at the start and 1 at the end.
    fn place(&self, value: f64) -> f64 {
        let scale = |value: f64| if self.is_logarithmic { value.log10() } else { value };
        (scale(value) - scale(self.from)) / (scale(self.to) - scale(self.from))
    }
}

/// What belongs to one color: the formula as a line, the simulation as dots.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) line: Vec<(f64, f64)>,
    /// Place, mean, standard error.
    pub(crate) dots: Vec<(f64, f64, f64)>,
    /// Where the formula says that cheating starts to lose.
    pub(crate) bound: Option<f64>,
}

/// One diagram.
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    /// What the names of the series are.
    pub(crate) legend: &'static str,
    pub(crate) horizontal: Axis,
    pub(crate) vertical: Axis,
    pub(crate) series: Vec<Series>,
}

impl Panel {
    /// Width and height of a diagram with everything around it, in pixels.
    pub(crate) const SIZE: (f64, f64) = (MARGIN + WIDTH + 20.0, TOP + HEIGHT + 50.0);

    /// The diagram as elements of SVG.
    pub(crate) fn draw(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        self.draw_frame(&mut text)?;
        for (series, color) in self.series.iter().zip(COLORS) {
            self.draw_series(&mut text, series, color)?;
        }
        self.draw_legend(&mut text)?;
        Ok(text)
    }

    fn x(&self, value: f64) -> f64 {
        MARGIN + WIDTH * self.horizontal.place(value)
    }

    fn y(&self, value: f64) -> f64 {
        TOP + HEIGHT * (1.0 - self.vertical.place(value))
    }

    fn draw_frame(&self, text: &mut String) -> std::fmt::Result {
        let (middle, bottom) = (MARGIN + WIDTH / 2.0, TOP + HEIGHT);
        writeln!(text, r#"<text x="{middle}" y="16" class="title">{}</text>"#, self.title)?;
        let label = bottom + 38.0;
        writeln!(text, r#"<text x="{middle}" y="{label}">{}</text>"#, self.horizontal.label)?;
        let (left, center) = (16.0, TOP + HEIGHT / 2.0);
        writeln!(
            text,
            r#"<text transform="translate({left} {center}) rotate(-90)">{}</text>"#,
            self.vertical.label
        )?;
        for mark in self.horizontal.marks {
            let x = self.x(*mark);
            writeln!(text, r#"<path d="M{x:.1} {TOP}V{bottom}" class="grid"/>"#)?;
            writeln!(text, r#"<text x="{x:.1}" y="{:.1}">{mark}</text>"#, bottom + 18.0)?;
        }
        for mark in self.vertical.marks {
            let y = self.y(*mark);
            let class = if *mark == 0.0 { "zero" } else { "grid" };
            writeln!(text, r#"<path d="M{MARGIN} {y:.1}h{WIDTH}" class="{class}"/>"#)?;
            let (x, y) = (MARGIN - 6.0, y + 4.0);
            writeln!(text, r#"<text x="{x}" y="{y:.1}" class="mark">{mark}</text>"#)?;
        }
        Ok(())
    }

    fn draw_series(&self, text: &mut String, series: &Series, color: &str) -> std::fmt::Result {
        let points: Vec<String> = series
            .line
            .iter()
            .map(|(x, y)| format!("{:.1},{:.1}", self.x(*x), self.y(*y)))
            .collect();
        writeln!(text, r#"<polyline points="{}" stroke="{color}"/>"#, points.join(" "))?;
        for (x, mean, error) in &series.dots {
            let (x, y) = (self.x(*x), self.y(*mean));
            let high = self.y(mean + BAR_ERRORS * error);
            let low = self.y(mean - BAR_ERRORS * error);
            writeln!(text, r#"<path d="M{x:.1} {low:.1}V{high:.1}" stroke="{color}"/>"#)?;
            writeln!(text, r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{color}"/>"#)?;
        }
        if let Some(bound) = series.bound {
            let (x, bottom) = (self.x(bound), TOP + HEIGHT);
            writeln!(text, r#"<path d="M{x:.1} {TOP}V{bottom}" stroke="{color}" class="bound"/>"#)?;
        }
        Ok(())
    }

    fn draw_legend(&self, text: &mut String) -> std::fmt::Result {
        let mut x = MARGIN + LEGEND;
        writeln!(text, r#"<text x="{:.1}" y="44" class="mark">{}</text>"#, x - 8.0, self.legend)?;
        for (series, color) in self.series.iter().zip(COLORS) {
            writeln!(text, r#"<circle cx="{:.1}" cy="40" r="4" fill="{color}"/>"#, x + 4.0)?;
            let name = &series.name;
            writeln!(text, r#"<text x="{:.1}" y="44" class="name">{name}</text>"#, x + 11.0)?;
            x += (WIDTH - LEGEND) / self.series.iter().fold(0.0, |count, _| count + 1.0);
        }
        Ok(())
    }
}
