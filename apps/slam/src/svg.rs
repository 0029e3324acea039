//! The map before and after, as one SVG file that needs nothing else.
//!
//! The odometry (constraints between consecutive ids) is drawn as polylines, what closes loops as thin lines beneath it. Coordinates are whole
//! hundredths of the picture's width, relative to the point before, so that ten thousand poses stay well below two megabytes.

use std::fmt::Write as _;
use std::path::Path;

use crate::error::SlamError;
use crate::geometry::Pose;
use crate::output::write_file;
use crate::problem::Problem;

/// Width of a panel, in the picture's units; its height is the same.
const PANEL: f64 = 760.0;
const MARGIN: f64 = 40.0;
const HEADER: f64 = 96.0;
const FOOTER: f64 = 48.0;
/// Steps per unit that coordinates are rounded to.
const STEPS: f64 = 10.0;

const STYLE: &str = "\
.bg{fill:#fbfbf8}.panel{fill:#fff;stroke:#d8d8d0}\
text{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#2b2f36}\
.title{font-size:26px;font-weight:600}.sub{font-size:15px;fill:#6a707a}.label{font-size:17px;font-weight:600}\
path{fill:none;stroke-linejoin:round;stroke-linecap:round;vector-effect:non-scaling-stroke}\
.loops{stroke-width:.35;stroke-opacity:.22}.way{stroke-width:1.1}\
.before .loops{stroke:#9aa0a8}.before .way{stroke:#d9534f}\
.after .loops{stroke:#9db8d6}.after .way{stroke:#1f5fa8}\
.start{fill:#2b2f36}";

/// What a picture shows.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// The problem; its initial guess is the map before.
    pub problem: &'a Problem,
    /// The map found, by index in the problem.
    pub poses: &'a [Pose],
    /// How many iterations it took.
    pub iterations: usize,
}

impl Picture<'_> {
    /// The picture as SVG text. Poses that are not finite are left out.
    ///
    /// # Panics
    /// If there is not one pose per pose of the problem.
    #[must_use]
    pub fn svg(&self) -> String {
        let Self { problem, poses, iterations } = *self;
        let (before, after) = (problem.chi_squared(problem.poses()), problem.chi_squared(poses));
        let (width, height) = (2.0 * PANEL + 3.0 * MARGIN, HEADER + PANEL + FOOTER);
        let mut out = String::new();
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\
             <title>{name}: chi-squared {before:.6} before, {after:.6} after</title><style>{STYLE}</style>\
             <rect class=\"bg\" width=\"{width}\" height=\"{height}\"/>\
             <text class=\"title\" x=\"{MARGIN}\" y=\"44\">{name}</text>\
             <text class=\"sub\" x=\"{MARGIN}\" y=\"72\">{count} poses, {constraints} constraints, \
             {iterations} iterations of Gauss\u{2013}Newton</text>",
            name = escape(file_name(problem.name())),
            count = problem.poses().len(),
            constraints = problem.constraints().len(),
        );
        for (class, label, chi_squared, poses, left) in [
            ("before", "Initial guess", before, problem.poses(), MARGIN),
            ("after", "Map found", after, poses, 2.0 * MARGIN + PANEL),
        ] {
            let _ = write!(
                out,
                "<g class=\"{class}\" transform=\"translate({left} {HEADER})\">\
                 <rect class=\"panel\" width=\"{PANEL}\" height=\"{PANEL}\" rx=\"8\"/>"
            );
            draw(&mut out, problem, poses);
            let _ = write!(
                out,
                "<text class=\"label\" x=\"16\" y=\"30\">{label}</text>\
                 <text class=\"sub\" x=\"16\" y=\"52\">\u{3c7}\u{b2} = {}</text></g>",
                number(chi_squared)
            );
        }
        legend(&mut out, HEADER + PANEL + 30.0);
        out.push_str("</svg>\n");
        out
    }

    /// Writes the picture to `path`, as [`Output`](crate::Output) writes files.
    ///
    /// # Errors
    /// [`SlamError::Write`].
    ///
    /// # Panics
    /// As [`svg`](Self::svg).
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), SlamError> {
        write_file(path.as_ref(), self.svg().as_bytes())
    }
}

fn draw(out: &mut String, problem: &Problem, poses: &[Pose]) {
    let Some(view) = View::around(poses) else { return };
    let consecutive = |from: u32, to: u32| from.abs_diff(to) == 1;
    let mut loops = Pen::new(&view);
    for constraint in problem.constraints().iter().filter(|c| !consecutive(c.from, c.to)) {
        loops.line(poses[constraint.from as usize], poses[constraint.to as usize]);
    }
    let mut linked = vec![false; poses.len()];
    for constraint in problem.constraints().iter().filter(|c| consecutive(c.from, c.to)) {
        linked[constraint.from.max(constraint.to) as usize] = true;
    }
    let mut way = Pen::new(&view);
    for index in (1..poses.len()).filter(|&index| linked[index]) {
        way.line(poses[index - 1], poses[index]);
    }
    let _ = write!(out, "<path class=\"loops\" d=\"{}\"/><path class=\"way\" d=\"{}\"/>", loops.path, way.path);
    for (index, &pose) in poses.iter().enumerate().filter(|&(index, pose)| problem.is_fixed(index) && finite(*pose)) {
        let (x, y) = view.place(pose);
        let _ = write!(
            out,
            "<circle class=\"start\" cx=\"{}\" cy=\"{}\" r=\"3.5\"><title>pose {} is fixed</title></circle>",
            x as f64 / STEPS,
            y as f64 / STEPS,
            problem.ids()[index]
        );
    }
}

fn legend(out: &mut String, y: f64) {
    let mut x = MARGIN;
    for (group, class, text) in [
        ("before", "way", "odometry, initial guess"),
        ("after", "way", "odometry, map found"),
        ("before", "loops", "loop closures"),
        ("after", "loops", "loop closures"),
    ] {
        let _ = write!(
            out,
            "<g class=\"{group}\"><path class=\"{class}\" style=\"stroke-width:2;stroke-opacity:1\" d=\"M{x} {}h28\"/></g>\
             <text class=\"sub\" x=\"{}\" y=\"{y}\">{text}</text>",
            y - 5.0,
            x + 36.0
        );
        x += 60.0 + 9.0 * text.len() as f64;
    }
    let _ = write!(
        out,
        "<circle class=\"start\" cx=\"{}\" cy=\"{}\" r=\"3.5\"/><text class=\"sub\" x=\"{}\" y=\"{y}\">fixed pose</text>",
        x + 8.0,
        y - 5.0,
        x + 20.0
    );
}

fn finite(pose: Pose) -> bool {
    pose.x.is_finite() && pose.y.is_finite()
}

/// Where the map lies in a panel.
struct View {
    centre: (f64, f64),
    scale: f64,
}

impl View {
    /// The view that shows all poses; none if there is none to show.
    fn around(poses: &[Pose]) -> Option<Self> {
        let mut bounds: Option<[f64; 4]> = None;
        for pose in poses.iter().filter(|&&pose| finite(pose)) {
            let [left, bottom, right, top] = bounds.unwrap_or([pose.x, pose.y, pose.x, pose.y]);
            bounds = Some([left.min(pose.x), bottom.min(pose.y), right.max(pose.x), top.max(pose.y)]);
        }
        let [left, bottom, right, top] = bounds?;
        // Halves first: the difference of two finite numbers may overflow.
        let extent = (right / 2.0 - left / 2.0).max(top / 2.0 - bottom / 2.0).max(f64::MIN_POSITIVE);
        let scale = (PANEL / 2.0 - MARGIN) / extent;
        let scale = if scale.is_finite() { scale } else { 1.0 };
        Some(Self { centre: (left / 2.0 + right / 2.0, bottom / 2.0 + top / 2.0), scale })
    }

    /// In steps; y points down in a picture.
    fn place(&self, pose: Pose) -> (i64, i64) {
        let at = |value: f64| (value * STEPS).round() as i64;
        (
            at(PANEL / 2.0 + (pose.x - self.centre.0) * self.scale),
            at(PANEL / 2.0 + MARGIN / 2.0 - (pose.y - self.centre.1) * self.scale),
        )
    }
}

/// Writes a path's data.
struct Pen<'a> {
    view: &'a View,
    path: String,
    at: Option<(i64, i64)>,
}

impl<'a> Pen<'a> {
    fn new(view: &'a View) -> Self {
        Self { view, path: String::new(), at: None }
    }

    fn line(&mut self, from: Pose, to: Pose) {
        if !finite(from) || !finite(to) {
            return;
        }
        let (from, to) = (self.view.place(from), self.view.place(to));
        if self.at != Some(from) {
            match self.at {
                None => self.pair('M', from),
                Some(at) => self.pair('m', (from.0 - at.0, from.1 - at.1)),
            }
        }
        self.pair('l', (to.0 - from.0, to.1 - from.1));
        self.at = Some(to);
    }

    fn pair(&mut self, command: char, (x, y): (i64, i64)) {
        self.path.push(command);
        tenths(&mut self.path, x);
        if y >= 0 {
            self.path.push(' ');
        }
        tenths(&mut self.path, y);
    }
}

/// A number of steps as SVG writes numbers, as short as it can be.
fn tenths(out: &mut String, steps: i64) {
    let (whole, part) = (steps.unsigned_abs() / STEPS as u64, steps.unsigned_abs() % STEPS as u64);
    let sign = if steps < 0 { "-" } else { "" };
    let _ = match (whole, part) {
        (_, 0) => write!(out, "{sign}{whole}"),
        (0, _) => write!(out, "{sign}.{part}"),
        _ => write!(out, "{sign}{whole}.{part}"),
    };
}

/// χ² with six digits that matter.
fn number(value: f64) -> String {
    if (1e-3..1e9).contains(&value) { format!("{value:.4}") } else { format!("{value:.5e}") }
}

fn file_name(name: &str) -> &str {
    Path::new(name).file_name().and_then(|name| name.to_str()).unwrap_or(name)
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 has no place for these, not even escaped.
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
