//! The two text formats: TORO's 2-D records and g2o's.
//!
//! They differ in the names and in the order of the information matrix, and may be mixed. Lines may come in any order; only when all are read are
//! ids resolved and the graph checked as a whole.

use std::collections::HashMap;
use std::str::SplitAsciiWhitespace;

use crate::constraint::Constraint;
use crate::error::ParseCause;
use crate::geometry::Pose;

/// A cause and the line it stands in.
type Fault = (Option<usize>, ParseCause);

pub(crate) struct Parsed {
    pub(crate) ids: Vec<u64>,
    pub(crate) poses: Vec<Pose>,
    pub(crate) constraints: Vec<Constraint>,
    pub(crate) fixed: Vec<bool>,
}

struct Edge {
    line: usize,
    from: u64,
    to: u64,
    measured: Pose,
    information: [f64; 6],
}

/// Where xx, xy, xθ, yy, yθ, θθ stand among an edge's six information fields.
const TORO_ORDER: [usize; 6] = [0, 1, 4, 2, 5, 3];
const G2O_ORDER: [usize; 6] = [0, 1, 2, 3, 4, 5];
const TORO_INFORMATION: [&str; 6] = ["I_xx", "I_xy", "I_yy", "I_tt", "I_xt", "I_yt"];
const G2O_INFORMATION: [&str; 6] = ["I_xx", "I_xy", "I_xt", "I_yy", "I_yt", "I_tt"];

#[derive(Default)]
struct Records {
    vertices: Vec<(u64, Pose, usize)>,
    edges: Vec<Edge>,
    fixes: Vec<(u64, usize)>,
}

pub(crate) fn parse(text: &str) -> Result<Parsed, Fault> {
    let mut records = Records::default();
    let mut seen = HashMap::new();
    let mut any = false;
    // Some editors begin a file with a byte-order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in text.lines().enumerate() {
        let line_number = number + 1;
        let content = line.split_once('#').map_or(line, |(content, _)| content);
        any |= records.line(content, line_number, &mut seen).map_err(|cause| (Some(line_number), cause))?;
    }
    if !any {
        return Err((None, ParseCause::Empty));
    }
    records.resolve()
}

impl Records {
    /// Takes one line in; false if it is blank.
    fn line(&mut self, content: &str, line: usize, seen: &mut HashMap<u64, usize>) -> Result<bool, ParseCause> {
        let mut words = content.split_ascii_whitespace();
        let Some(word) = words.next() else {
            return Ok(false);
        };
        match word {
            "VERTEX2" => self.vertex(Fields { record: "VERTEX2", words, taken: 0 }, line, seen)?,
            "VERTEX_SE2" => self.vertex(Fields { record: "VERTEX_SE2", words, taken: 0 }, line, seen)?,
            "EDGE2" => self.edge(Fields { record: "EDGE2", words, taken: 0 }, line, TORO_ORDER, TORO_INFORMATION)?,
            "EDGE_SE2" => {
                self.edge(Fields { record: "EDGE_SE2", words, taken: 0 }, line, G2O_ORDER, G2O_INFORMATION)?
            }
            "FIX" => {
                let mut fields = Fields { record: "FIX", words, taken: 0 };
                self.fixes.push((fields.id("id")?, line));
                for found in fields.words.by_ref() {
                    self.fixes.push((parse_id("id", found)?, line));
                }
            }
            "EQUIV" => {}
            _ => {
                return Err(ParseCause::UnknownRecord { record: shown(word) });
            }
        }
        Ok(true)
    }

    fn vertex(
        &mut self,
        mut fields: Fields<'_>,
        line: usize,
        seen: &mut HashMap<u64, usize>,
    ) -> Result<(), ParseCause> {
        let id = fields.id("id")?;
        let pose = Pose::new(fields.number("x")?, fields.number("y")?, fields.number("theta")?);
        fields.end()?;
        if let Some(first_line) = seen.insert(id, line) {
            return Err(ParseCause::DuplicateVertex { id, first_line });
        }
        self.vertices.push((id, pose, line));
        Ok(())
    }

    fn edge(
        &mut self,
        mut fields: Fields<'_>,
        line: usize,
        order: [usize; 6],
        names: [&'static str; 6],
    ) -> Result<(), ParseCause> {
        let from = fields.id("first id")?;
        let to = fields.id("second id")?;
        let measured = Pose::new(fields.number("dx")?, fields.number("dy")?, fields.number("dtheta")?);
        let mut given = [0.0; 6];
        for (value, name) in given.iter_mut().zip(names) {
            *value = fields.number(name)?;
        }
        fields.end()?;
        if from == to {
            return Err(ParseCause::SelfEdge { id: from });
        }
        let information = order.map(|place| given[place]);
        check_positive_definite(&information)?;
        self.edges.push(Edge { line, from, to, measured, information });
        Ok(())
    }

    /// Replaces ids by indices and checks the graph as a whole.
    fn resolve(mut self) -> Result<Parsed, Fault> {
        if self.vertices.is_empty() {
            return Err((None, ParseCause::NoVertices));
        }
        if self.edges.is_empty() {
            return Err((None, ParseCause::NoEdges));
        }
        let count = self.vertices.len().max(self.edges.len());
        if u32::try_from(count).is_err() {
            return Err((None, ParseCause::TooLarge { count }));
        }
        self.vertices.sort_unstable_by_key(|&(id, ..)| id);
        let ids: Vec<u64> = self.vertices.iter().map(|&(id, ..)| id).collect();
        let poses = self.vertices.iter().map(|&(_, pose, _)| pose).collect();
        let index: HashMap<u64, u32> = ids.iter().copied().zip(0..).collect();
        let find = |id: u64, line: usize| index.get(&id).copied().ok_or((Some(line), ParseCause::UnknownVertex { id }));
        let mut constraints = Vec::with_capacity(self.edges.len());
        for edge in &self.edges {
            let (from, to) = (find(edge.from, edge.line)?, find(edge.to, edge.line)?);
            constraints.push(Constraint { from, to, measured: edge.measured, information: edge.information });
        }
        let mut fixed = vec![false; ids.len()];
        for &(id, line) in &self.fixes {
            fixed[find(id, line)? as usize] = true;
        }
        if self.fixes.is_empty() {
            fixed[0] = true;
        }
        check_connected(&ids, &constraints, &fixed).map_err(|cause| (None, cause))?;
        Ok(Parsed { ids, poses, constraints, fixed })
    }
}

/// The words of a line after the first, taken one by one under their names.
struct Fields<'a> {
    record: &'static str,
    words: SplitAsciiWhitespace<'a>,
    taken: usize,
}

impl Fields<'_> {
    fn next(&mut self, field: &'static str) -> Result<&str, ParseCause> {
        self.taken += 1;
        self.words.next().ok_or(ParseCause::MissingField { record: self.record, field })
    }

    fn id(&mut self, field: &'static str) -> Result<u64, ParseCause> {
        self.next(field).and_then(|found| parse_id(field, found))
    }

    fn number(&mut self, field: &'static str) -> Result<f64, ParseCause> {
        let found = self.next(field)?;
        match found.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => Err(ParseCause::NotFinite { field, found: shown(found) }),
            Err(_) => Err(ParseCause::NotANumber { field, found: shown(found) }),
        }
    }

    fn end(mut self) -> Result<(), ParseCause> {
        match self.words.next() {
            None => Ok(()),
            Some(found) => {
                Err(ParseCause::ExtraField { record: self.record, expected: self.taken, found: shown(found) })
            }
        }
    }
}

fn parse_id(field: &'static str, found: &str) -> Result<u64, ParseCause> {
    found.parse().map_err(|_| ParseCause::NotAnId { field, found: shown(found) })
}

/// A word as an error shows it: on one line, and short.
fn shown(word: &str) -> String {
    const LONGEST: usize = 40;
    let mut out: String = word.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if word.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}

fn check_positive_definite(&[xx, xy, xt, yy, yt, tt]: &[f64; 6]) -> Result<(), ParseCause> {
    let refuse = |minor| Err(ParseCause::NotPositiveDefinite { minor });
    // Cholesky's pivots, rather than determinants, whose products could overflow. A comparison that NaN fails, too.
    let positive = |value: f64| value > 0.0 && value.is_finite();
    if !positive(xx) {
        return refuse(1);
    }
    let (l_yx, l_tx) = (xy / xx.sqrt(), xt / xx.sqrt());
    let pivot_y = yy - l_yx * l_yx;
    if !positive(pivot_y) {
        return refuse(2);
    }
    let l_ty = (yt - l_yx * l_tx) / pivot_y.sqrt();
    if positive(tt - l_tx * l_tx - l_ty * l_ty) { Ok(()) } else { refuse(3) }
}

fn check_connected(ids: &[u64], constraints: &[Constraint], fixed: &[bool]) -> Result<(), ParseCause> {
    let mut parent: Vec<u32> = (0..).take(ids.len()).collect();
    fn root(parent: &mut [u32], mut of: u32) -> u32 {
        while parent[of as usize] != of {
            parent[of as usize] = parent[parent[of as usize] as usize];
            of = parent[of as usize];
        }
        of
    }
    let mut components = ids.len();
    for c in constraints {
        let (a, b) = (root(&mut parent, c.from), root(&mut parent, c.to));
        if a != b {
            parent[a.max(b) as usize] = a.min(b);
            components -= 1;
        }
    }
    let mut held = vec![false; ids.len()];
    for index in (0..).take(ids.len()).filter(|&i: &u32| fixed[i as usize]) {
        held[root(&mut parent, index) as usize] = true;
    }
    for index in (0..).take(ids.len()) {
        if !held[root(&mut parent, index) as usize] {
            let fixed = fixed.iter().position(|&f| f).map_or(0, |i| ids[i]);
            return Err(ParseCause::Disconnected { components, unreachable: ids[index as usize], fixed });
        }
    }
    Ok(())
}
