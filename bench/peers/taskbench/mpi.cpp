// MPI: columns in blocks, a block a process. An output that another process reads is sent to it once, as soon as it is there; meanwhile those tasks run
// that wait for nobody else's.

#include "wire.hpp"

// Without the C++ binding, which nobody uses any more.
#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace {

// A line of orders from the first process to the others.
constexpr int ORDERS = 0;

struct Message {
    std::size_t task;
    int other;
};

// What a process does in a step.
struct Step {
    // Tasks without inputs from elsewhere, then those with some.
    std::vector<std::uint32_t> own, waiting;
    // Outputs of the step before that come from elsewhere.
    std::vector<Message> received;
};

class Blocks {
public:
    Blocks(bench::Work &work, int rank, int ranks);
    void pass();
    bool mine(std::uint32_t number) const { return owner(work_.tasks()[number]) == rank_; }

private:
    int owner(const bench::Task &task) const
    {
        // The same blocks as the engine that spins.
        std::size_t width = work_.graphs()[task.graph].width;
        int rank = int((std::size_t(task.point) * std::size_t(ranks_)) / width);
        while (std::size_t(rank) * width / std::size_t(ranks_) > task.point)
            --rank;
        while (std::size_t(rank + 1) * width / std::size_t(ranks_) <= task.point)
            ++rank;
        return rank;
    }
    void run(std::uint32_t number);

    bench::Work &work_;
    int rank_, ranks_;
    std::vector<Step> steps_;
    // For each task, to whom its output goes.
    std::vector<std::vector<int>> targets_;
    std::vector<int> tags_;
    std::vector<MPI_Request> receiving_, sending_;
};

Blocks::Blocks(bench::Work &work, int rank, int ranks) : work_(work), rank_(rank), ranks_(ranks), steps_(work.steps())
{
    const auto &tasks = work.tasks();
    targets_.resize(tasks.size());
    int columns = 0;
    for (const bench::Graph &graph : work.graphs()) {
        tags_.push_back(columns);
        columns += int(graph.width);
    }
    std::vector<std::uint32_t> from_elsewhere;
    for (std::uint32_t number = 0; number < tasks.size(); ++number) {
        const bench::Task &task = tasks[number];
        int owner = this->owner(task);
        bool waits = false;
        for (std::uint32_t at = 0; at < task.inputs.size; ++at) {
            std::uint32_t input = work.at(task.graph, task.step - 1, work.begin(task.inputs)[at]);
            int source = this->owner(tasks[input]);
            if (source == owner)
                continue;
            waits = true;
            auto &targets = targets_[input];
            if (std::find(targets.begin(), targets.end(), owner) != targets.end())
                continue;
            targets.push_back(owner);
            if (owner == rank)
                steps_[task.step].received.push_back({input, source});
        }
        if (owner == rank)
            (waits ? steps_[task.step].waiting : steps_[task.step].own).push_back(number);
    }
    // Who is waited for elsewhere comes first among equals.
    for (Step &step : steps_) {
        auto sends = [&](std::uint32_t number) { return !targets_[number].empty(); };
        std::stable_partition(step.own.begin(), step.own.end(), sends);
        std::stable_partition(step.waiting.begin(), step.waiting.end(), sends);
    }
}

void Blocks::run(std::uint32_t number)
{
    work_.run(number);
    const bench::Task &task = work_.tasks()[number];
    const bench::Graph &graph = work_.graphs()[task.graph];
    for (int target : targets_[number]) {
        sending_.emplace_back();
        MPI_Isend(graph.output(task.step, task.point), int(graph.output_bytes), MPI_BYTE, target, tags_[task.graph] + int(task.point),
                  MPI_COMM_WORLD, &sending_.back());
    }
}

void Blocks::pass()
{
    for (const Step &step : steps_) {
        receiving_.clear();
        for (const Message &message : step.received) {
            const bench::Task &task = work_.tasks()[message.task];
            const bench::Graph &graph = work_.graphs()[task.graph];
            receiving_.emplace_back();
            MPI_Irecv(graph.output(task.step, task.point), int(graph.output_bytes), MPI_BYTE, message.other,
                      tags_[task.graph] + int(task.point), MPI_COMM_WORLD, &receiving_.back());
        }
        // Sends of the step before last have long arrived: whoever reads them had to, for what this step has received.
        std::size_t pending = sending_.size();
        for (std::uint32_t number : step.own)
            run(number);
        MPI_Waitall(int(receiving_.size()), receiving_.data(), MPI_STATUSES_IGNORE);
        for (std::uint32_t number : step.waiting)
            run(number);
        if (pending != 0) {
            MPI_Waitall(int(pending), sending_.data(), MPI_STATUSES_IGNORE);
            sending_.erase(sending_.begin(), sending_.begin() + std::ptrdiff_t(pending));
        }
    }
    MPI_Waitall(int(sending_.size()), sending_.data(), MPI_STATUSES_IGNORE);
    sending_.clear();
}

// A barrier whose waiters sleep: between passes the processors belong to others.
std::vector<std::uint64_t> next_order(int rank, int ranks)
{
    std::vector<std::uint64_t> order;
    if (rank == 0) {
        bench::Command command = bench::next_command();
        order.push_back(std::uint64_t(command.what));
        order.insert(order.end(), command.numbers.begin(), command.numbers.end());
        for (int other = 1; other < ranks; ++other)
            MPI_Send(order.data(), int(order.size()), MPI_UINT64_T, other, ORDERS, MPI_COMM_WORLD);
        return order;
    }
    MPI_Status status;
    for (int there = 0; !there;) {
        MPI_Iprobe(0, ORDERS, MPI_COMM_WORLD, &there, &status);
        if (!there)
            usleep(200);
    }
    int words = 0;
    MPI_Get_count(&status, MPI_UINT64_T, &words);
    order.resize(std::size_t(words));
    MPI_Recv(order.data(), words, MPI_UINT64_T, 0, ORDERS, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return order;
}

bench::Reader description(int rank)
{
    std::uint64_t count = 0;
    std::vector<std::uint64_t> words;
    if (rank == 0) {
        words = bench::Reader::from_stdin().words();
        count = words.size();
    }
    MPI_Bcast(&count, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);
    words.resize(count);
    MPI_Bcast(words.data(), int(count), MPI_UINT64_T, 0, MPI_COMM_WORLD);
    return bench::Reader(std::move(words));
}

// The first fault that any process has seen.
std::string gather_fault(const std::string &own, int rank, int ranks)
{
    char text[256] = {};
    std::strncpy(text, own.c_str(), sizeof text - 1);
    std::vector<char> all(sizeof text * std::size_t(ranks));
    MPI_Gather(text, sizeof text, MPI_CHAR, all.data(), sizeof text, MPI_CHAR, 0, MPI_COMM_WORLD);
    for (int other = 0; rank == 0 && other < ranks; ++other) {
        if (all[sizeof text * std::size_t(other)])
            return &all[sizeof text * std::size_t(other)];
    }
    return "";
}

std::uint64_t sum(std::uint64_t own)
{
    std::uint64_t all = 0;
    MPI_Reduce(&own, &all, 1, MPI_UINT64_T, MPI_SUM, 0, MPI_COMM_WORLD);
    return all;
}

void serve(int rank, int ranks)
{
    bench::Reader reader = description(rank);
    std::uint64_t mode = reader.word();
    bench::Setup setup = bench::read_setup(reader);
    if (mode != bench::TASK_BENCH) {
        std::fprintf(stderr, "mpi: runs task graphs only\n");
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    setup.place(std::size_t(rank));
    bench::Work work(reader);
    Blocks blocks(work, rank, ranks);
    auto mine = [&](std::uint32_t number) { return blocks.mine(number); };
    if (rank == 0) {
        char library[MPI_MAX_LIBRARY_VERSION_STRING];
        int length = 0;
        MPI_Get_library_version(library, &length);
        std::string name(library, std::size_t(length));
        bench::greet(name.substr(0, name.find(',')) + ", a process a thread, nonblocking messages");
    }
    for (;;) {
        std::vector<std::uint64_t> order = next_order(rank, ranks);
        if (order[0] == bench::Command::END)
            return;
        if (order[0] == bench::Command::DIGEST) {
            bench::Work::Sums sums = work.sums(mine);
            sums = {sum(sums.digest), sum(sums.flops), sum(sums.runs)};
            if (rank == 0)
                bench::answer(sums);
            continue;
        }
        work.begin_pass(std::vector<std::uint64_t>(order.begin() + 1, order.end()));
        MPI_Barrier(MPI_COMM_WORLD);
        std::uint64_t cpu = bench::cpu_clock(), wall = bench::wall_clock();
        blocks.pass();
        MPI_Barrier(MPI_COMM_WORLD);
        wall = bench::wall_clock() - wall;
        cpu = sum(bench::cpu_clock() - cpu);
        std::string fault = gather_fault(work.end_pass(mine), rank, ranks);
        if (rank == 0)
            bench::answer({wall, cpu}, fault);
    }
}

} // namespace

int main(int count, char **arguments)
{
    MPI_Init(&count, &arguments);
    int rank = 0, ranks = 1;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    serve(rank, ranks);
    MPI_Finalize();
    return 0;
}
