"""Gauss-Newton on a pose graph with GTSAM, sample by sample.

    python3 gtsam_slam.py FILE ITERATIONS

Reads the graph, fixes pose 0 and tries the elimination orders that GTSAM offers. Then, for each line on standard input, runs ITERATIONS
iterations from the file's initial guess and writes one line of JSON: the wall time and the processor time of each iteration in nanoseconds,
and the final chi-squared. Reading the file and building the graph are not timed; neither is choosing the order, which GTSAM does once.
"""

import json
import sys
import time


def say(message):
    print(json.dumps(message), flush=True)


try:
    import gtsam
except ImportError as why:
    say({"missing": str(why)})
    sys.exit(0)


def read(path):
    graph, guess = gtsam.load2D(path)
    # The same gauge as ours: the first pose doesn't move.
    graph.push_back(gtsam.NonlinearEqualityPose2(0, guess.atPose2(0)))
    return graph, guess


def run(graph, guess, order, iterations):
    parameters = gtsam.GaussNewtonParams()
    parameters.setOrderingType(order)
    # The fastest of its solvers for this; the others take half as long again, or several times as long.
    parameters.setLinearSolverType("MULTIFRONTAL_CHOLESKY")
    optimizer = gtsam.GaussNewtonOptimizer(graph, guess, parameters)
    wall, cpu = [], []
    for _ in range(iterations):
        cpu_start, wall_start = time.process_time_ns(), time.perf_counter_ns()
        optimizer.iterate()
        wall.append(time.perf_counter_ns() - wall_start)
        cpu.append(time.process_time_ns() - cpu_start)
    return {"wall_ns": wall, "cpu_ns": cpu, "chi_squared": 2.0 * optimizer.error()}


def main():
    path, iterations = sys.argv[1], int(sys.argv[2])
    graph, guess = read(path)

    def trial(order):
        # Twice, as the first run of a process finds cold memory.
        runs = [run(graph, guess, order, iterations) for _ in range(2)]
        return sorted(runs[1]["wall_ns"])[iterations // 2]

    order = min(("COLAMD", "METIS"), key=trial)
    version = getattr(gtsam, "__version__", None)
    if version is None:
        from importlib.metadata import version as installed

        version = installed("gtsam")
    say({"form": f"GTSAM {version}, multifrontal Cholesky, {order} order, 1 thread"})
    for _ in sys.stdin:
        say(run(graph, guess, order, iterations))


main()
