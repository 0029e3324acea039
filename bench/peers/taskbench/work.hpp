// The tasks, as `taskweave-taskbench` has them: memory, checks, kernels. How the graphs get here is told in src/engines/README.md.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace bench {

enum Kernel : std::uint64_t { EMPTY, BUSY_WAIT, MEMORY_BOUND, COMPUTE_BOUND, LOAD_IMBALANCE };

struct alignas(64) Line {
    std::uint64_t words[8] = {};
};

struct Row {
    std::uint32_t first, end;
};

struct Scratch {
    std::mutex taken;
    std::vector<std::uint64_t> words;
};

struct Graph {
    Kernel kernel;
    std::uint64_t samples;
    std::size_t output_bytes, lines_each;
    double imbalance;
    std::uint32_t steps, width;
    std::vector<Row> rows;
    std::uint64_t iterations = 0;
    // The number of its first cell: there is one for each step and point, whether there is a task or not.
    std::size_t first_cell;
    std::unique_ptr<Line[]> lines;
    std::vector<std::unique_ptr<Scratch>> scratch;

    // The pairs of an output, step and point; the step carries the number of the pass in its upper half.
    std::uint64_t *output(std::uint32_t step, std::uint32_t point) const
    {
        return lines[(std::size_t(step) * width + point) * lines_each].words;
    }
    std::size_t pairs() const { return output_bytes / 16; }
};

// A list of numbers within `Work::lists`. Lists that are the same are stored once.
struct List {
    std::uint32_t begin, size;
};

struct Task {
    std::uint32_t graph, step, point;
    List inputs, readers;
    double chance;
};

// What a program is told about its threads.
struct Setup {
    std::size_t threads;
    std::vector<std::size_t> processors;

    // Puts the calling thread, number `thread`, on its processor, if there is one for it.
    void place(std::size_t thread) const;
};

class Reader;

class Work {
public:
    // Reads the graphs.
    explicit Work(Reader &reader);

    const std::vector<Task> &tasks() const { return tasks_; }
    const std::vector<Graph> &graphs() const { return graphs_; }
    std::size_t cells() const { return cells_; }
    std::size_t cell(const Task &task) const
    {
        const Graph &graph = graphs_[task.graph];
        return graph.first_cell + std::size_t(task.step) * graph.width + task.point;
    }
    const std::uint32_t *begin(List list) const { return lists_.data() + list.begin; }
    // The task's number; none where there is no such task.
    static constexpr std::uint32_t NONE = UINT32_MAX;
    std::uint32_t at(std::uint32_t graph, std::uint32_t step, std::uint32_t point) const
    {
        const Graph &its = graphs_[graph];
        return numbers_[its.first_cell + std::size_t(step) * its.width + point];
    }
    std::uint32_t steps() const;

    // Begins a pass with so many iterations for each graph.
    void begin_pass(const std::vector<std::uint64_t> &iterations);

    // Runs a task; its inputs must have run. What is wrong is noted, and the task runs all the same.
    void run(std::uint32_t number);

    // Looks at the tasks that nobody reads and that `mine` is true for; returns the first fault of the pass, empty if there is none.
    template <class Mine> std::string end_pass(Mine mine)
    {
        for (std::uint32_t number = 0; number < tasks_.size(); ++number) {
            if (mine(number))
                look_at(number);
        }
        return fault_;
    }

    struct Sums {
        std::uint64_t digest = 0, flops = 0, runs = 0;
    };
    // What the tasks for which `mine` is true have left; runs are counted in strict work only.
    template <class Mine> Sums sums(Mine mine) const
    {
        Sums sums;
        for (std::uint32_t number = 0; number < tasks_.size(); ++number) {
            if (mine(number))
                add(number, sums);
        }
        return sums;
    }

private:
    void read_graph(Reader &reader, std::uint32_t index);
    void find_readers();
    void look_at(std::uint32_t number);
    void add(std::uint32_t number, Sums &sums) const;
    bool holds(const Graph &graph, std::uint32_t step, std::uint32_t point) const;
    void with_scratch(Graph &graph, const Task &task);
    void report(const Task &task, const std::string &what);
    List store(const std::vector<std::uint32_t> &list);

    bool strict_ = false;
    std::vector<Graph> graphs_;
    std::vector<Task> tasks_;
    std::vector<std::uint32_t> lists_, numbers_;
    std::vector<std::pair<std::vector<std::uint32_t>, List>> known_;
    std::unique_ptr<std::atomic<std::uint32_t>[]> runs_;
    std::size_t cells_ = 0;
    // Memory that was never written is that of pass 0, which never comes.
    std::uint32_t pass_ = 0;
    std::mutex reporting_;
    std::atomic<bool> faulty_{false};
    std::string fault_;
};

// The number of iterations of a task.
std::uint64_t iterations(const Graph &graph, const Task &task);

} // namespace bench
