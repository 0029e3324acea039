//! The functions of `peers/cholmod.c`, made safe.

use std::{
    ffi::{c_double, c_int},
    fmt,
    ptr::NonNull,
    slice,
};

use taskweave_slam::NormalEquations;

#[repr(C)]
struct RawSession {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn bench_cholmod_open(
        unknowns: c_int,
        starts: *const c_int,
        rows: *const c_int,
        values: *const c_double,
        right_hand_side: *const c_double,
        upper: c_int,
    ) -> *mut RawSession;
    fn bench_cholmod_analyse(session: *mut RawSession, ordering: c_int, form: c_int) -> c_int;
    fn bench_cholmod_factorise_and_solve(session: *mut RawSession) -> c_int;
    fn bench_cholmod_solution(session: *const RawSession) -> *const c_double;
    fn bench_cholmod_close(session: *mut RawSession);
    static bench_cholmod_orderings: [c_int; Ordering::ALL.len()];
}

/// In which order columns are eliminated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ordering {
    Amd,
    Colamd,
    Metis,
    Nesdis,
}

impl Ordering {
    pub(super) const ALL: [Self; 4] = [Self::Amd, Self::Colamd, Self::Metis, Self::Nesdis];

    fn number(self) -> c_int {
        // SAFETY: the C file defines it with one number for each of ours, in this order, and nobody writes to it.
        let numbers = unsafe { bench_cholmod_orderings };
        numbers[self as usize]
    }
}

impl fmt::Display for Ordering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amd => "AMD",
            Self::Colamd => "COLAMD",
            Self::Metis => "METIS",
            Self::Nesdis => "nested dissection",
        })
    }
}

/// What is computed. The numbers are those of the C file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    SimplicialLdl = 0,
    SimplicialLl = 1,
    SupernodalLl = 2,
}

impl Form {
    pub(super) const ALL: [Self; 3] = [Self::SimplicialLdl, Self::SimplicialLl, Self::SupernodalLl];
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SimplicialLdl => "simplicial LDLᵀ",
            Self::SimplicialLl => "simplicial LLᵀ",
            Self::SupernodalLl => "supernodal LLᵀ",
        })
    }
}

/// A system in CHOLMOD's hands, analysed.
pub(super) struct Session {
    raw: NonNull<RawSession>,
    unknowns: usize,
}

impl Session {
    /// Copies the system, orders and analyses it; nothing if this build of CHOLMOD can't.
    pub(super) fn new(
        system: &NormalEquations,
        ordering: Ordering,
        form: Form,
        upper: bool,
    ) -> Option<Self> {
        let narrow = |numbers: &[usize]| -> Option<Vec<c_int>> {
            numbers.iter().map(|&n| c_int::try_from(n).ok()).collect()
        };
        let unknowns = system.unknowns();
        let (starts, rows) = (narrow(&system.column_starts)?, narrow(&system.rows)?);
        let entries = usize::try_from(*starts.last()?).ok()?;
        if starts.len() != unknowns + 1 || rows.len() != entries || system.values.len() != entries {
            return None;
        }
        // SAFETY: the arrays are as long as the C side reads, by the check above, and it copies them.
        let raw = unsafe {
            bench_cholmod_open(
                c_int::try_from(unknowns).ok()?,
                starts.as_ptr(),
                rows.as_ptr(),
                system.values.as_ptr(),
                system.right_hand_side.as_ptr(),
                c_int::from(upper),
            )
        };
        let session = Self {
            raw: NonNull::new(raw)?,
            unknowns,
        };
        // SAFETY: the session is open, and this is the only thread that has it.
        let analysed = unsafe {
            bench_cholmod_analyse(session.raw.as_ptr(), ordering.number(), form as c_int)
        };
        (analysed != 0).then_some(session)
    }

    /// The numeric factorisation and the solution; whether they succeeded.
    pub(super) fn factorise_and_solve(&mut self) -> bool {
        // SAFETY: the session is open and analysed, and this is the only thread that has it.
        unsafe { bench_cholmod_factorise_and_solve(self.raw.as_ptr()) != 0 }
    }

    /// The last solution; empty before there is one.
    pub(super) fn solution(&self) -> &[f64] {
        // SAFETY: the session is open.
        let solution = unsafe { bench_cholmod_solution(self.raw.as_ptr()) };
        if solution.is_null() {
            return &[];
        }
        // SAFETY: a solution has one entry for each unknown, and the next one needs `&mut self`.
        unsafe { slice::from_raw_parts(solution, self.unknowns) }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: opened by `new`, closed only here.
        unsafe { bench_cholmod_close(self.raw.as_ptr()) }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("unknowns", &self.unknowns)
            .finish_non_exhaustive()
    }
}
