// What this program and the one that started it tell each other.

#pragma once

#include "work.hpp"

#include <memory>
#include <string>
#include <vector>

namespace bench {

// Words of eight bytes, lowest first.
class Reader {
public:
    explicit Reader(std::vector<std::uint64_t> words) : words_(std::move(words)) {}
    // From standard input: how many words follow, and these.
    static Reader from_stdin();

    std::uint64_t word();
    double real();
    const std::vector<std::uint64_t> &words() const { return words_; }

private:
    std::vector<std::uint64_t> words_;
    std::size_t at_ = 0;
};

// What is run: task graphs, or one graph whose tasks only count.
enum Mode : std::uint64_t { TASK_BENCH = 1, COUNTING = 2 };

Setup read_setup(Reader &reader);

// A graph of tasks that do next to nothing.
struct Dag {
    explicit Dag(Reader &reader);
    // Each task counts in its own place.
    void count(std::uint32_t task) { places[task] = std::uint8_t(places[task] + 1); }
    // How many places were counted in `passes` times; they begin at zero again.
    std::size_t right(std::uint64_t passes);

    std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
    std::unique_ptr<volatile std::uint8_t[]> places;
    std::uint32_t tasks;
};

// An engine that has taken up its work.
class Engine {
public:
    virtual ~Engine() = default;
    // The runtime's name and version, and how it is used.
    virtual std::string form() const = 0;
    // Before and after what is timed: threads get up, and lie down.
    virtual void wake() {}
    virtual void rest() {}
    // Runs every task once and returns when all have ended.
    virtual void pass() = 0;
};

// Time on the wall and of all processors, in nanoseconds.
struct Time {
    std::uint64_t wall, cpu;
};

std::uint64_t wall_clock();
std::uint64_t cpu_clock();
// Waits until the other threads of this process sleep, at most some tens of milliseconds; then their account is complete.
void settle();

// Answers, a line each.
void greet(const std::string &form);
void answer(Time time, const std::string &fault);
void answer(const Work::Sums &sums);

struct Command {
    enum { RUN, DIGEST, END } what;
    std::vector<std::uint64_t> numbers;
};
Command next_command();

using TaskBench = std::unique_ptr<Engine> (*)(const Setup &, Work &);
using Counting = std::unique_ptr<Engine> (*)(const Setup &, Dag &);

// Serves until the input ends. Returns what `main` does.
int serve(TaskBench task_bench, Counting counting = nullptr);

} // namespace bench
