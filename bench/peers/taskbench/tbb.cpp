// oneTBB: a flow graph of continue nodes, built once. Nodes count what has arrived and begin again by themselves.

#include "wire.hpp"

#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_scheduler_observer.h>
#include <oneapi/tbb/version.h>

#include <deque>

namespace {

namespace flow = oneapi::tbb::flow;
using Node = flow::continue_node<flow::continue_msg>;

// Puts each thread of the arena on its processor.
struct Placement : oneapi::tbb::task_scheduler_observer {
    const bench::Setup &setup;
    Placement(oneapi::tbb::task_arena &arena, const bench::Setup &its) : task_scheduler_observer(arena), setup(its) { observe(true); }
    ~Placement() override { observe(false); }
    void on_scheduler_entry(bool) override
    {
        thread_local int place = -1;
        int index = oneapi::tbb::this_task_arena::current_thread_index();
        if (index >= 0 && index != place) {
            setup.place(std::size_t(index));
            place = index;
        }
    }
};

class Flow : public bench::Engine {
public:
    explicit Flow(const bench::Setup &setup)
        : setup_(setup), limit_(oneapi::tbb::global_control::max_allowed_parallelism, setup.threads), arena_(int(setup.threads), 1),
          placement_(arena_, setup_)
    {
        // A graph belongs to the arena that it is made in.
        arena_.execute([&] { graph_ = std::make_unique<flow::graph>(); });
    }
    ~Flow() override
    {
        arena_.execute([&] {
            nodes_.clear();
            graph_.reset();
        });
    }
    template <class Body> void node(Body body)
    {
        nodes_.emplace_back(*graph_, [body](const flow::continue_msg &) { body(); });
        roots_.push_back(true);
    }
    void edge(std::uint32_t before, std::uint32_t after)
    {
        flow::make_edge(nodes_[before], nodes_[after]);
        roots_[after] = false;
    }
    std::string form() const override
    {
        return "oneTBB " + std::to_string(TBB_VERSION_MAJOR) + "." + std::to_string(TBB_VERSION_MINOR) +
               ", flow graph of continue nodes, built once";
    }
    void pass() override
    {
        arena_.execute([&] {
            for (std::size_t node = 0; node < nodes_.size(); ++node) {
                if (roots_[node])
                    nodes_[node].try_put(flow::continue_msg());
            }
            graph_->wait_for_all();
        });
    }

private:
    bench::Setup setup_;
    oneapi::tbb::global_control limit_;
    oneapi::tbb::task_arena arena_;
    Placement placement_;
    std::unique_ptr<flow::graph> graph_;
    // Nodes neither move nor are copied.
    std::deque<Node> nodes_;
    std::vector<bool> roots_;
};

std::unique_ptr<bench::Engine> task_bench(const bench::Setup &setup, bench::Work &work)
{
    auto flow = std::make_unique<Flow>(setup);
    const auto &tasks = work.tasks();
    for (std::uint32_t number = 0; number < tasks.size(); ++number)
        flow->node([&work, number] { work.run(number); });
    for (std::uint32_t number = 0; number < tasks.size(); ++number) {
        const bench::Task &task = tasks[number];
        for (std::uint32_t at = 0; at < task.inputs.size; ++at)
            flow->edge(work.at(task.graph, task.step - 1, work.begin(task.inputs)[at]), number);
    }
    return flow;
}

std::unique_ptr<bench::Engine> counting(const bench::Setup &setup, bench::Dag &dag)
{
    auto flow = std::make_unique<Flow>(setup);
    for (std::uint32_t task = 0; task < dag.tasks; ++task)
        flow->node([&dag, task] { dag.count(task); });
    for (auto [before, after] : dag.edges)
        flow->edge(before, after);
    return flow;
}

} // namespace

int main() { return bench::serve(task_bench, counting); }
