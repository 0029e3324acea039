//! Random graphs with everything that graphs have, against the rules: what ran, what was skipped, in which order, and what the pass said of it.

use std::sync::{Arc, Mutex, OnceLock, mpsc};

use proptest::test_runner::{Config, TestRunner};
use taskweave::graph::{Completion, Graph, GraphBuilder, Next, Observer, Pass, PassError, TaskEnd};
use taskweave::{CancelToken, Limit, Pool, Shutdown};
use taskweave_sys::sync::atomic::{AtomicU8, AtomicUsize, Ordering::SeqCst};
use taskweave_sys::sync::thread;

use taskweave_testing::{Random, pool, quiet, soak, watch};

/// What a body is to do. Above these: to choose the branch of this number less [`CHOOSE`].
const GO_ON: u8 = 0;
const STOP: u8 = 1;
const FAIL: u8 = 2;
const PANIC: u8 = 3;
const CANCEL: u8 = 4;
const CHOOSE: u8 = 5;

/// How a vertex is made.
enum Make {
    Body,
    /// Completed by its body, or by another thread.
    Begin {
        elsewhere: bool,
    },
    Nested {
        inner: Box<Spec>,
        rounds: u64,
    },
}

struct Spec {
    vertices: Vec<Make>,
    /// With the branch that the edge is.
    edges: Vec<(usize, usize, Option<usize>)>,
    log: Arc<Log>,
    plans: Arc<Vec<AtomicU8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Begin(usize),
    End(usize, TaskEnd),
}

/// What happened in one pass of one graph.
#[derive(Debug, Default)]
struct Happened {
    events: Vec<Event>,
    /// Executed, skipped.
    counts: (usize, usize),
    /// Of an error: the vertex, the others, whether it was a cancel.
    error: Option<(String, usize, bool)>,
}

#[derive(Default)]
struct Log(Mutex<Vec<Happened>>);

impl Log {
    fn add(&self, event: Event) {
        let mut passes = self.0.lock().unwrap();
        passes
            .last_mut()
            .expect("a pass has begun")
            .events
            .push(event);
    }
}

struct Watcher(Arc<Log>);

impl Observer for Watcher {
    fn pass_begins(&self, _: u64) {
        self.0.0.lock().unwrap().push(Happened::default());
    }

    fn pass_ends(&self, result: Result<&Pass, &PassError>) {
        let mut passes = self.0.0.lock().unwrap();
        let pass = passes.last_mut().expect("a pass has begun");
        match result {
            Ok(report) => pass.counts = (report.executed, report.skipped),
            Err(error) => {
                pass.counts = (error.executed, error.skipped);
                pass.error = Some((error.vertex.clone(), error.others, error.is_cancelled()));
            }
        }
    }

    fn task_begins(&self, index: usize, _: &str) {
        self.0.add(Event::Begin(index));
    }

    fn task_ends(&self, index: usize, _: &str, end: TaskEnd) {
        self.0.add(Event::End(index, end));
    }
}

impl Spec {
    fn random(random: &mut Random, n: usize, depth: usize) -> Self {
        let mut spec = Spec {
            vertices: Vec::new(),
            edges: Vec::new(),
            log: Arc::default(),
            plans: Arc::new((0..n).map(|_| AtomicU8::new(GO_ON)).collect()),
        };
        let degree = random.below(4);
        for v in 0..n {
            let within = 1 + random.below(8);
            spec.vertices.push(match random.below(12) {
                0 => Make::Begin {
                    elsewhere: random.below(2) == 0,
                },
                1 if depth > 0 => Make::Nested {
                    inner: Box::new(Spec::random(random, within, depth - 1)),
                    rounds: random.below(4) as u64,
                },
                _ => Make::Body,
            });
            for _ in 0..degree.min(v) {
                let from = random.below(v);
                if spec.edges.iter().any(|&(a, b, _)| (a, b) == (from, v)) {
                    continue;
                }
                let branch = (random.below(3) == 0 && spec.branches(from) < 100)
                    .then(|| spec.branches(from));
                spec.edges.push((from, v, branch));
            }
        }
        spec
    }

    fn branches(&self, vertex: usize) -> usize {
        let of = self.edges.iter().filter(|edge| edge.0 == vertex);
        of.filter(|edge| edge.2.is_some()).count()
    }

    /// New plans for all levels. What is planned here.
    fn plan(&self, random: &mut Random, wild: bool) {
        for (v, make) in self.vertices.iter().enumerate() {
            let branches = self.branches(v);
            // One in so many of the tasks ends the pass, if it's wild.
            let plan = match random.below(if wild {
                4 * self.vertices.len()
            } else {
                1 << 30
            }) {
                0 => STOP,
                1 => FAIL,
                2 => PANIC,
                3 => CANCEL,
                _ if branches > 0 && random.below(4) > 0 => CHOOSE + random.below(branches) as u8,
                _ => GO_ON,
            };
            self.plans[v].store(plan, SeqCst);
            if let Make::Nested { inner, .. } = make {
                inner.plan(random, wild);
            }
        }
    }

    fn builder(&self, world: &Arc<World>, random: &mut Random) -> GraphBuilder<'static> {
        let mut builder = GraphBuilder::new();
        builder.observe(Watcher(Arc::clone(&self.log)));
        let limit = Limit::new(1 + random.below(2));
        let mut ids = Vec::new();
        for (v, make) in self.vertices.iter().enumerate() {
            let (world, plans) = (Arc::clone(world), Arc::clone(&self.plans));
            let name = format!("{v}");
            let id = match make {
                Make::Body => builder.task(name, move || world.act(plans[v].load(SeqCst))),
                Make::Begin { elsewhere } => {
                    let elsewhere = *elsewhere;
                    builder.begin(name, move |completion: Completion| {
                        let outcome = world.act(plans[v].load(SeqCst));
                        if elsewhere {
                            completer()
                                .lock()
                                .unwrap()
                                .send((completion, outcome))
                                .unwrap();
                        } else {
                            completion.complete_with(outcome).unwrap();
                        }
                    })
                }
                Make::Nested { inner, rounds } => {
                    let inner = inner.builder(&world, random);
                    builder.repeat(name, inner, *rounds, |_| true).unwrap()
                }
            };
            match random.below(10) {
                // A graph that holds a unit while its parts wait for one, and so on, isn't what this is about.
                0 if !matches!(make, Make::Nested { .. }) => builder.limit(id, &limit).unwrap(),
                1 => builder.prefer_worker(id, random.below(9) as u32).unwrap(),
                _ => {}
            }
            ids.push(id);
        }
        for &(from, to, branch) in &self.edges {
            match branch {
                None => builder.edge(ids[from], ids[to]).unwrap(),
                Some(_) => builder.branches(ids[from], [ids[to]]).unwrap(),
            }
        }
        if random.below(3) == 0 {
            builder.critical_path_first();
        }
        builder
    }

    /// Takes what happened in the passes since the last time, on all levels.
    fn check(&self, inline: bool, cut_outside: bool, cancelled: bool) {
        let passes = std::mem::take(&mut *self.log.0.lock().unwrap());
        for happened in &passes {
            self.check_pass(happened, inline, cut_outside, cancelled);
        }
        let cut = cut_outside
            || passes.iter().any(|pass| {
                pass.events
                    .iter()
                    .any(|e| matches!(e, Event::End(_, TaskEnd::Stopped | TaskEnd::Failed)))
            });
        for make in &self.vertices {
            if let Make::Nested { inner, .. } = make {
                inner.check(inline, cut, cancelled);
            }
        }
    }

    fn check_pass(&self, happened: &Happened, inline: bool, cut_outside: bool, cancelled: bool) {
        let n = self.vertices.len();
        let mut began = vec![None; n];
        let mut ended = vec![None; n];
        for (at, event) in happened.events.iter().enumerate() {
            match *event {
                Event::Begin(v) => assert_eq!(began[v].replace(at), None, "{v} begins twice"),
                Event::End(v, how) => {
                    assert_eq!(ended[v].replace((at, how)), None, "{v} ends twice")
                }
            }
        }
        let ended: Vec<(usize, TaskEnd)> = ended.into_iter().map(|e| e.expect("it ends")).collect();
        let count = |how| ended.iter().filter(|end| end.1 == how).count();
        let (failed, stopped) = (count(TaskEnd::Failed), count(TaskEnd::Stopped));
        let ran = began.iter().flatten().count();
        assert_eq!(happened.counts, (ran, n - ran));
        assert_eq!(count(TaskEnd::Skipped), n - ran);
        let cut = failed + stopped > 0 || cut_outside || cancelled;
        // Nothing that comes, perhaps through others, after what ends a pass runs.
        let mut behind = vec![false; n];
        let mut incoming = vec![(0, 0); n];
        for v in 0..n {
            let (at, how) = ended[v];
            if let Some(begin) = began[v] {
                assert!(begin < at && how != TaskEnd::Skipped);
                assert!(!behind[v], "{v} runs behind the end");
            }
            let (all, live) = incoming[v];
            let is_live = all == 0 || live > 0;
            assert!(is_live || began[v].is_none(), "{v} is dead and runs");
            assert!(
                !is_live || began[v].is_some() || cut,
                "{v} is live and doesn't run"
            );
            let plan = self.plans[v].load(SeqCst);
            if began[v].is_some() && !matches!(self.vertices[v], Make::Nested { .. }) {
                let expected = match plan {
                    STOP => TaskEnd::Stopped,
                    FAIL | PANIC => TaskEnd::Failed,
                    _ => TaskEnd::Done,
                };
                assert_eq!(how, expected);
            }
            let ends = matches!(how, TaskEnd::Stopped | TaskEnd::Failed);
            let chosen = match self.vertices[v] {
                Make::Nested { .. } => None,
                _ => plan.checked_sub(CHOOSE).map(usize::from),
            };
            for &(_, to, branch) in self.edges.iter().filter(|edge| edge.0 == v) {
                let begin = began[to].unwrap_or(ended[to].0);
                assert!(at < begin, "{to} comes before {v} has ended");
                behind[to] |= behind[v] || ends;
                let taken = branch.is_none() || chosen.is_none() || branch == chosen;
                incoming[to].0 += 1;
                incoming[to].1 += usize::from(how == TaskEnd::Done && taken);
            }
        }
        match &happened.error {
            None => assert_eq!(failed, 0, "failures go unreported"),
            Some((_, others, true)) => {
                let nests = |make: &Make| matches!(make, Make::Nested { .. });
                assert!(cancelled && failed == 0 && *others == 0);
                // What was skipped may be inside.
                assert!(ran < n || self.vertices.iter().any(nests));
            }
            Some((vertex, others, false)) => {
                let vertex: usize = vertex.parse().unwrap();
                assert_eq!(ended[vertex].1, TaskEnd::Failed);
                assert_eq!(*others, failed - 1);
            }
        }
        // Without others beside it the first to end a pass is the last to run.
        let nests = |make: &Make| matches!(make, Make::Nested { .. });
        if inline && !self.vertices.iter().any(nests) {
            assert!(failed + stopped <= 1);
        }
    }

    /// Whether nothing ends elsewhere, on any level: another thread that completes something runs what follows, if the pool has ended.
    fn stays_here(&self) -> bool {
        self.vertices.iter().all(|make| match make {
            Make::Body => true,
            Make::Begin { elsewhere } => !elsewhere,
            Make::Nested { inner, .. } => inner.stays_here(),
        })
    }
}

/// What bodies share.
struct World {
    token: Mutex<CancelToken>,
    /// How often each plan was acted on.
    acted: [AtomicUsize; CHOOSE as usize],
}

impl World {
    fn act(&self, plan: u8) -> Result<Next, &'static str> {
        if let Some(acted) = self.acted.get(usize::from(plan)) {
            acted.fetch_add(1, SeqCst);
        }
        match plan {
            STOP => Ok(Next::Stop),
            FAIL => Err("on purpose"),
            PANIC => panic!("on purpose"),
            CANCEL => {
                self.token.lock().unwrap().cancel();
                Ok(Next::Continue)
            }
            GO_ON => Ok(Next::Continue),
            choose => Ok(Next::Branch(usize::from(choose - CHOOSE))),
        }
    }
}

type Sent = (Completion, Result<Next, &'static str>);

/// To a thread that completes what it's sent.
fn completer() -> &'static Mutex<mpsc::Sender<Sent>> {
    static COMPLETER: OnceLock<Mutex<mpsc::Sender<Sent>>> = OnceLock::new();
    COMPLETER.get_or_init(|| {
        let (send, receive) = mpsc::channel::<Sent>();
        thread::spawn(move || {
            for (completion, outcome) in receive {
                completion.complete_with(outcome).unwrap();
            }
        });
        Mutex::new(send)
    })
}

/// A pool of each case's own: whoever has ended something for an earlier one may still be running what is queued.
fn dead_pool() -> Pool {
    let dead = pool(1);
    dead.shutdown(Shutdown::Drain, None).unwrap();
    dead
}

#[test]
fn random_graphs_keep_the_rules() {
    let _watch = watch();
    quiet();
    let cases = if soak() { 100_000 } else { 256 };
    let (one, several) = (pool(1), pool(3));
    let covered: [AtomicUsize; CHOOSE as usize] = Default::default();
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let largest: usize = if soak() { 2_000 } else { 60 };
    let any = (proptest::num::u64::ANY, 0..100_u32, 1..=largest);
    runner
        .run(&any, |(seed, size, n)| {
            let mut random = Random::new(seed);
            // Most are small; a few in a hundred are as large as can be.
            let n = if size < 3 { n } else { n.min(40) };
            let spec = Spec::random(&mut random, n, 2);
            let world = Arc::new(World {
                token: Mutex::default(),
                acted: Default::default(),
            });
            let mut graph: Graph<'static> = spec.builder(&world, &mut random).build().unwrap();
            let mut passes = 0;
            let stays_here = spec.stays_here();
            for (pool, inline) in [
                (&one, stays_here),
                (&several, false),
                (&dead_pool(), stays_here),
            ] {
                for wild in [true, true, false] {
                    spec.plan(&mut random, wild);
                    let token = CancelToken::new();
                    *world.token.lock().unwrap() = token.clone();
                    let started = random.below(3) == 0;
                    let result = if started {
                        graph.start_with(pool, &token).unwrap().wait()
                    } else {
                        graph.run_with(pool, &token)
                    };
                    if let Ok(report) = &result {
                        assert_eq!(report.pass, passes);
                    }
                    passes += 1;
                    spec.check(inline, false, token.is_cancelled());
                    if !wild {
                        result.expect("nothing goes wrong");
                    }
                }
            }
            for (covered, acted) in covered.iter().zip(&world.acted) {
                covered.fetch_add(usize::from(acted.load(SeqCst) > 0), SeqCst);
            }
            Ok(())
        })
        .unwrap();
    let share = |plan: u8| covered[usize::from(plan)].load(SeqCst) * 100 / cases as usize;
    println!(
        "{cases} cases; with stops {} %, errors {} %, panics {} %, cancels {} %",
        share(STOP),
        share(FAIL),
        share(PANIC),
        share(CANCEL)
    );
    for plan in [STOP, FAIL, PANIC, CANCEL] {
        assert!(share(plan) >= 10, "plan {plan}: {} %", share(plan));
    }
}
