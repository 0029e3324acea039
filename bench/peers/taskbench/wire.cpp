#include "wire.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fstream>
#include <iostream>
#include <sstream>
#include <time.h>
#include <unistd.h>

namespace bench {
namespace {

[[noreturn]] void give_up(const char *why)
{
    std::fprintf(stderr, "bench: %s\n", why);
    std::exit(1);
}

std::uint64_t clock(clockid_t which)
{
    timespec now;
    clock_gettime(which, &now);
    return std::uint64_t(now.tv_sec) * 1000000000 + std::uint64_t(now.tv_nsec);
}

bool others_run()
{
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks)
        return false;
    std::string own = std::to_string(gettid());
    bool running = false;
    while (dirent *entry = readdir(tasks)) {
        if (entry->d_name[0] == '.' || own == entry->d_name)
            continue;
        std::ifstream file("/proc/self/task/" + std::string(entry->d_name) + "/stat");
        std::string line;
        std::getline(file, line);
        // The letter after the name, which is in parentheses and may hold any.
        std::size_t end = line.rfind(')');
        running |= end != std::string::npos && end + 2 < line.size() && line[end + 2] == 'R';
    }
    closedir(tasks);
    return running;
}

template <class Begin, class End> Time timed(Engine &engine, Begin begin, End end)
{
    engine.wake();
    begin();
    std::uint64_t cpu = cpu_clock(), wall = wall_clock();
    engine.pass();
    wall = wall_clock() - wall;
    end();
    engine.rest();
    // Looking after the others is not their doing.
    std::uint64_t looking = clock(CLOCK_THREAD_CPUTIME_ID);
    settle();
    looking = clock(CLOCK_THREAD_CPUTIME_ID) - looking;
    return {wall, cpu_clock() - cpu - looking};
}

int serve_task_bench(Engine &engine, Work &work)
{
    auto all = [](std::uint32_t) { return true; };
    for (Command command = next_command(); command.what != Command::END; command = next_command()) {
        if (command.what == Command::DIGEST) {
            answer(work.sums(all));
            continue;
        }
        if (command.numbers.size() != work.graphs().size())
            give_up("there must be a number of iterations for each graph");
        Time time = timed(engine, [&] { work.begin_pass(command.numbers); }, [] {});
        answer(time, work.end_pass(all));
    }
    return 0;
}

int serve_counting(Engine &engine, Dag &dag)
{
    for (Command command = next_command(); command.what != Command::END; command = next_command()) {
        if (command.what != Command::RUN || command.numbers.size() != 1)
            give_up("a number of passes was expected");
        std::uint64_t passes = command.numbers[0];
        struct Repeated : Engine {
            Engine &engine;
            std::uint64_t passes;
            Repeated(Engine &one, std::uint64_t many) : engine(one), passes(many) {}
            std::string form() const override { return engine.form(); }
            void pass() override
            {
                for (std::uint64_t pass = 0; pass < passes; ++pass)
                    engine.pass();
            }
        } repeated(engine, passes);
        Time time = timed(repeated, [] {}, [] {});
        std::size_t right = dag.right(passes);
        answer(time, right == dag.tasks ? "" : std::to_string(right) + " of " + std::to_string(dag.tasks) + " tasks ran once a pass");
    }
    return 0;
}

} // namespace

Reader Reader::from_stdin()
{
    std::uint64_t count = 0;
    if (std::fread(&count, sizeof count, 1, stdin) != 1 || count > (std::uint64_t(1) << 32))
        give_up("no description came in");
    std::vector<std::uint64_t> words(count);
    if (std::fread(words.data(), sizeof count, count, stdin) != count)
        give_up("the description breaks off");
    return Reader(std::move(words));
}

std::uint64_t Reader::word()
{
    if (at_ == words_.size())
        give_up("the description is too short");
    return words_[at_++];
}

double Reader::real()
{
    std::uint64_t bits = word();
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

Setup read_setup(Reader &reader)
{
    Setup setup{reader.word(), std::vector<std::size_t>(reader.word())};
    for (std::size_t &processor : setup.processors)
        processor = reader.word();
    return setup;
}

Dag::Dag(Reader &reader)
{
    tasks = std::uint32_t(reader.word());
    edges.resize(reader.word());
    for (auto &edge : edges) {
        edge.first = std::uint32_t(reader.word());
        edge.second = std::uint32_t(reader.word());
    }
    places.reset(new volatile std::uint8_t[tasks]());
}

std::size_t Dag::right(std::uint64_t passes)
{
    std::size_t right = 0;
    for (std::uint32_t task = 0; task < tasks; ++task) {
        right += places[task] == std::uint8_t(passes);
        places[task] = 0;
    }
    return right;
}

std::uint64_t wall_clock() { return clock(CLOCK_MONOTONIC); }
std::uint64_t cpu_clock() { return clock(CLOCK_PROCESS_CPUTIME_ID); }

void settle()
{
    std::uint64_t patience = wall_clock() + 30000000;
    for (int asleep = 0; asleep < 2 && wall_clock() < patience;) {
        usleep(100);
        asleep = others_run() ? 0 : asleep + 1;
    }
}

void greet(const std::string &form) { std::cout << "{\"form\": \"" << form << "\"}" << std::endl; }

void answer(Time time, const std::string &fault)
{
    std::cout << "{\"wall_ns\": " << time.wall << ", \"cpu_ns\": " << time.cpu << ", \"fault\": ";
    if (fault.empty())
        std::cout << "null}" << std::endl;
    else
        std::cout << '"' << fault << "\"}" << std::endl;
}

void answer(const Work::Sums &sums)
{
    std::cout << "{\"digest\": " << sums.digest << ", \"flops\": " << sums.flops << ", \"runs\": " << sums.runs << "}" << std::endl;
}

Command next_command()
{
    // Not through `cin`, which would have read ahead of `fread`.
    std::string line;
    for (int letter = std::getc(stdin); letter != '\n'; letter = std::getc(stdin)) {
        if (letter == EOF)
            return {Command::END, {}};
        line.push_back(char(letter));
    }
    std::istringstream words(line);
    std::string what;
    words >> what;
    if (what == "digest")
        return {Command::DIGEST, {}};
    if (what != "run")
        give_up("there are two commands, run and digest");
    Command command{Command::RUN, {}};
    for (std::uint64_t number; words >> number;)
        command.numbers.push_back(number);
    return command;
}

int serve(TaskBench task_bench, Counting counting)
{
    Reader reader = Reader::from_stdin();
    std::uint64_t mode = reader.word();
    Setup setup = read_setup(reader);
    if (mode == TASK_BENCH) {
        Work work(reader);
        std::unique_ptr<Engine> engine = task_bench(setup, work);
        greet(engine->form());
        return serve_task_bench(*engine, work);
    }
    if (mode == COUNTING && counting) {
        Dag dag(reader);
        std::unique_ptr<Engine> engine = counting(setup, dag);
        greet(engine->form());
        return serve_counting(*engine, dag);
    }
    give_up("this program doesn't run what it was asked to");
}

} // namespace bench
