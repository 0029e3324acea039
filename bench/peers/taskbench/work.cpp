#include "work.hpp"

#include "kernel.hpp"
#include "wire.hpp"

#include <algorithm>
#include <cmath>
#include <sched.h>

namespace bench {
namespace {

std::uint64_t load(const std::uint64_t &word) { return __atomic_load_n(&word, __ATOMIC_RELAXED); }
void store_word(std::uint64_t &word, std::uint64_t value) { __atomic_store_n(&word, value, __ATOMIC_RELAXED); }
std::uint64_t stamp(std::uint32_t pass, std::uint32_t step) { return std::uint64_t(pass) << 32 | step; }

} // namespace

void Setup::place(std::size_t thread) const
{
    if (processors.empty())
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processors[thread % processors.size()], &set);
    // The processor was allowed a moment ago; who isn't placed after all is only slower.
    (void)sched_setaffinity(0, sizeof set, &set);
}

std::uint64_t iterations(const Graph &graph, const Task &task)
{
    if (graph.kernel != LOAD_IMBALANCE)
        return graph.iterations;
    return std::uint64_t(std::round((1.0 + (task.chance - 0.5) * graph.imbalance) * double(graph.iterations)));
}

Work::Work(Reader &reader)
{
    strict_ = reader.word() != 0;
    std::uint64_t graphs = reader.word();
    for (std::uint32_t index = 0; index < graphs; ++index)
        read_graph(reader, index);
    find_readers();
    runs_.reset(new std::atomic<std::uint32_t>[tasks_.size()]());
}

void Work::read_graph(Reader &reader, std::uint32_t index)
{
    Graph graph;
    graph.kernel = Kernel(reader.word());
    graph.samples = reader.word();
    graph.output_bytes = reader.word();
    std::size_t scratch_words = reader.word() / 8;
    graph.imbalance = reader.real();
    graph.steps = std::uint32_t(reader.word());
    graph.width = std::uint32_t(reader.word());
    for (std::uint32_t step = 0; step < graph.steps; ++step) {
        auto first = std::uint32_t(reader.word());
        graph.rows.push_back({first, std::uint32_t(reader.word())});
    }
    graph.first_cell = cells_;
    graph.lines_each = (graph.output_bytes + 63) / 64;
    std::size_t own = std::size_t(graph.steps) * graph.width;
    cells_ += own;
    numbers_.resize(cells_, NONE);
    graph.lines.reset(new Line[own * graph.lines_each]);
    for (std::uint32_t column = 0; graph.kernel == MEMORY_BOUND && column < graph.width; ++column) {
        graph.scratch.emplace_back(new Scratch);
        graph.scratch.back()->words.assign(scratch_words, MAGIC);
    }
    for (std::uint32_t step = 0; step < graph.steps; ++step) {
        for (std::uint32_t point = graph.rows[step].first; point < graph.rows[step].end; ++point) {
            std::vector<std::uint32_t> inputs(reader.word());
            for (std::uint32_t &input : inputs)
                input = std::uint32_t(reader.word());
            double chance = graph.kernel == LOAD_IMBALANCE ? reader.real() : 0.0;
            numbers_[graph.first_cell + std::size_t(step) * graph.width + point] = std::uint32_t(tasks_.size());
            tasks_.push_back({index, step, point, store(inputs), {0, 0}, chance});
        }
    }
    graphs_.push_back(std::move(graph));
}

// There are few lists that differ: as many as a step has points, times the period.
List Work::store(const std::vector<std::uint32_t> &list)
{
    for (std::size_t back = 0; back < known_.size() && back < 4096; ++back) {
        const auto &known = known_[known_.size() - 1 - back];
        if (known.first == list)
            return known.second;
    }
    List stored{std::uint32_t(lists_.size()), std::uint32_t(list.size())};
    lists_.insert(lists_.end(), list.begin(), list.end());
    known_.emplace_back(list, stored);
    return stored;
}

void Work::find_readers()
{
    std::vector<std::vector<std::uint32_t>> readers(tasks_.size());
    for (const Task &task : tasks_) {
        for (std::uint32_t at = 0; at < task.inputs.size; ++at)
            readers[this->at(task.graph, task.step - 1, begin(task.inputs)[at])].push_back(task.point);
    }
    known_.clear();
    for (std::size_t number = 0; number < tasks_.size(); ++number)
        tasks_[number].readers = store(readers[number]);
    known_.clear();
}

std::uint32_t Work::steps() const
{
    std::uint32_t most = 0;
    for (const Graph &graph : graphs_)
        most = std::max(most, graph.steps);
    return most;
}

void Work::begin_pass(const std::vector<std::uint64_t> &iterations)
{
    pass_ = std::max(pass_ + 1, 1u);
    faulty_ = false;
    fault_.clear();
    for (std::size_t index = 0; index < graphs_.size(); ++index)
        graphs_[index].iterations = iterations[index];
    for (std::size_t number = 0; strict_ && number < tasks_.size(); ++number)
        runs_[number].store(0, std::memory_order_relaxed);
}

bool Work::holds(const Graph &graph, std::uint32_t step, std::uint32_t point) const
{
    const std::uint64_t *words = graph.output(step, point);
    std::uint64_t expected = stamp(pass_, step);
    bool right = true;
    for (std::size_t pair = 0; pair < graph.pairs(); ++pair)
        right &= load(words[2 * pair]) == expected && load(words[2 * pair + 1]) == point;
    return right;
}

void Work::run(std::uint32_t number)
{
    const Task &task = tasks_[number];
    Graph &graph = graphs_[task.graph];
    const std::uint32_t *inputs = begin(task.inputs);
    for (std::uint32_t at = 0; at < task.inputs.size; ++at) {
        if (!holds(graph, task.step - 1, inputs[at]))
            report(task, "got something else as input " + std::to_string(at) + " than the output of point " + std::to_string(inputs[at]) +
                             " of the step before");
    }
    std::uint64_t *own = graph.output(task.step, task.point);
    std::uint64_t word = stamp(pass_, task.step);
    if (load(own[0]) == word && load(own[1]) == task.point)
        report(task, "ran twice in one pass");
    if (strict_)
        runs_[number].fetch_add(1, std::memory_order_relaxed);
    for (std::size_t pair = 0; pair < graph.pairs(); ++pair) {
        store_word(own[2 * pair], word);
        store_word(own[2 * pair + 1], task.point);
    }
    switch (graph.kernel) {
    case EMPTY:
        break;
    case BUSY_WAIT:
        busy_wait(graph.iterations);
        break;
    case MEMORY_BOUND:
        with_scratch(graph, task);
        break;
    case COMPUTE_BOUND:
    case LOAD_IMBALANCE:
        compute(iterations(graph, task));
        break;
    }
}

// Two tasks of a column may run at once where the pattern doesn't order them; then one takes another column's memory.
void Work::with_scratch(Graph &graph, const Task &task)
{
    std::size_t columns = graph.scratch.size();
    Scratch *place = graph.scratch[task.point].get();
    std::unique_lock<std::mutex> held;
    for (std::size_t away = 0; away < columns && !held; ++away) {
        place = graph.scratch[(task.point + away) % columns].get();
        held = std::unique_lock<std::mutex>(place->taken, std::try_to_lock);
    }
    if (!held) {
        place = graph.scratch[task.point].get();
        held = std::unique_lock<std::mutex>(place->taken);
    }
    if (place->words.front() != MAGIC || place->words.back() != MAGIC)
        report(task, "found its scratch memory overwritten");
    copy(place->words, task.step, graph.iterations, graph.samples);
}

void Work::look_at(std::uint32_t number)
{
    const Task &task = tasks_[number];
    if (task.readers.size == 0 && !holds(graphs_[task.graph], task.step, task.point))
        report(task, "didn't run in the pass");
    if (strict_ && runs_[number].load(std::memory_order_relaxed) != 1)
        report(task, "ran " + std::to_string(runs_[number].load(std::memory_order_relaxed)) + " times in one pass");
}

void Work::report(const Task &task, const std::string &what)
{
    if (faulty_.exchange(true))
        return;
    std::lock_guard<std::mutex> held(reporting_);
    fault_ = "point " + std::to_string(task.point) + " of step " + std::to_string(task.step) + " of graph " + std::to_string(task.graph) +
             " " + what;
}

void Work::add(std::uint32_t number, Sums &sums) const
{
    const Task &task = tasks_[number];
    const Graph &graph = graphs_[task.graph];
    std::uint64_t hash = 0xcbf29ce484222325;
    auto mix = [&](std::uint64_t word) { hash = (hash ^ word) * 0x100000001b3; };
    mix(task.graph), mix(task.step), mix(task.point);
    const std::uint64_t *words = graph.output(task.step, task.point);
    for (std::size_t pair = 0; pair < graph.pairs(); ++pair) {
        mix(std::uint32_t(words[2 * pair]));
        mix(words[2 * pair + 1]);
    }
    sums.digest += hash;
    if (graph.kernel == COMPUTE_BOUND || graph.kernel == LOAD_IMBALANCE)
        sums.flops += flops(iterations(graph, task));
    sums.runs += runs_[number].load(std::memory_order_relaxed);
}

} // namespace bench
