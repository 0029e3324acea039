// OpenMP: one thread of the team creates a task for each task, with the outputs that it reads and its own as dependences.

#include "wire.hpp"

#include <omp.h>

namespace {

class Depend : public bench::Engine {
public:
    Depend(const bench::Setup &setup, bench::Work &work) : setup_(setup), work_(work), cells_(work.cells())
    {
        omp_set_dynamic(0);
        omp_set_num_threads(int(setup.threads));
        // Threads keep their numbers from region to region.
#pragma omp parallel
        setup_.place(std::size_t(omp_get_thread_num()));
    }
    std::string form() const override
    {
#if defined(__clang__)
        std::string compiler = "clang " + std::to_string(__clang_major__);
#else
        std::string compiler = "gcc " + std::to_string(__GNUC__);
#endif
        return "OpenMP of " + compiler + ", tasks with depend, created in each pass";
    }
    void pass() override
    {
#pragma omp parallel
#pragma omp single
        for (std::uint32_t number = 0; number < work_.tasks().size(); ++number)
            create(number);
    }

private:
    void create(std::uint32_t number);

    bench::Setup setup_;
    bench::Work &work_;
    // Only their addresses count.
    std::vector<char> cells_;
};

void Depend::create(std::uint32_t number)
{
    const bench::Task &task = work_.tasks()[number];
    bench::Work *work = &work_;
    char *own = &cells_[work_.cell(task)];
    const std::uint32_t *points = work_.begin(task.inputs);
    [[maybe_unused]] char *before = task.step == 0 ? nullptr : own - task.point - work_.graphs()[task.graph].width;
    // A list whose length is known at compile time needs no loop in the runtime.
    switch (task.inputs.size) {
    case 0:
#pragma omp task firstprivate(work, number) depend(out : *own)
        work->run(number);
        break;
    case 1:
#pragma omp task firstprivate(work, number) depend(in : before[points[0]]) depend(out : *own)
        work->run(number);
        break;
    case 2:
#pragma omp task firstprivate(work, number) depend(in : before[points[0]], before[points[1]]) depend(out : *own)
        work->run(number);
        break;
    case 3:
#pragma omp task firstprivate(work, number) depend(in : before[points[0]], before[points[1]], before[points[2]]) depend(out : *own)
        work->run(number);
        break;
    case 4:
#pragma omp task firstprivate(work, number) depend(in : before[points[0]], before[points[1]], before[points[2]], before[points[3]]) \
    depend(out : *own)
        work->run(number);
        break;
    case 5:
#pragma omp task firstprivate(work, number)                                                                                          \
    depend(in : before[points[0]], before[points[1]], before[points[2]], before[points[3]], before[points[4]]) depend(out : *own)
        work->run(number);
        break;
    default: {
        int inputs = int(task.inputs.size);
#pragma omp task firstprivate(work, number) depend(iterator(at = 0 : inputs), in : before[points[at]]) depend(out : *own)
        work->run(number);
    }
    }
}

std::unique_ptr<bench::Engine> task_bench(const bench::Setup &setup, bench::Work &work)
{
    return std::make_unique<Depend>(setup, work);
}

} // namespace

int main() { return bench::serve(task_bench); }
