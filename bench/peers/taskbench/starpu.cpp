// StarPU: a data handle for each output; tasks are inserted in order and run when their data allows it.

#include "wire.hpp"

#include <starpu.h>

#include <pthread.h>
#include <sched.h>

#include <cstdio>
#include <cstdlib>

namespace {

bench::Work *the_work = nullptr;

void body(void **, void *argument) { the_work->run(std::uint32_t(reinterpret_cast<std::uintptr_t>(argument))); }

class Handles : public bench::Engine {
public:
    Handles(const bench::Setup &setup, bench::Work &work) : work_(work), handles_(work.cells())
    {
        the_work = &work;
        starpu_conf conf;
        starpu_conf_init(&conf);
        conf.ncpus = int(setup.threads);
        conf.ncuda = 0;
        conf.nopencl = 0;
        if (!setup.processors.empty()) {
            conf.use_explicit_workers_bindid = 1;
            for (std::size_t worker = 0; worker < setup.threads && worker < STARPU_NMAXWORKERS; ++worker)
                conf.workers_bindid[worker] = unsigned(setup.processors[worker % setup.processors.size()]);
        }
        if (int why = starpu_init(&conf)) {
            std::fprintf(stderr, "starpu: can't start %zu workers: %d\n", setup.threads, why);
            std::exit(1);
        }
        starpu_codelet_init(&codelet_);
        codelet_.cpu_funcs[0] = body;
        codelet_.cpu_funcs_name[0] = "body";
        codelet_.nbuffers = STARPU_VARIABLE_NBUFFERS;
        for (const bench::Task &task : work.tasks()) {
            const bench::Graph &graph = work.graphs()[task.graph];
            auto output = reinterpret_cast<std::uintptr_t>(graph.output(task.step, task.point));
            starpu_variable_data_register(&handles_[work.cell(task)], STARPU_MAIN_RAM, output, graph.output_bytes);
        }
        starpu_pause();
        precede_workers();
    }
    ~Handles() override
    {
        starpu_resume();
        for (const bench::Task &task : work_.tasks())
            starpu_data_unregister(handles_[work_.cell(task)]);
        starpu_shutdown();
    }
    std::string form() const override
    {
        int version[3];
        starpu_get_version(&version[0], &version[1], &version[2]);
        return "StarPU " + std::to_string(version[0]) + "." + std::to_string(version[1]) + "." + std::to_string(version[2]) +
               ", a handle for each output, tasks inserted in each pass by a thread of their own";
    }
    // Its workers would spin between passes.
    void wake() override { starpu_resume(); }
    void rest() override { starpu_pause(); }
    void pass() override
    {
        for (std::uint32_t number = 0; number < work_.tasks().size(); ++number)
            insert(number);
        starpu_task_wait_for_all();
    }

private:
    // At a real-time priority workers that spin for tasks would keep the one thread that inserts them off the processors until their slice ends.
    static void precede_workers()
    {
        int policy = 0;
        sched_param param;
        if (pthread_getschedparam(pthread_self(), &policy, &param) == 0 && policy != SCHED_OTHER) {
            ++param.sched_priority;
            // It is only slower where that isn't allowed.
            (void)pthread_setschedparam(pthread_self(), policy, &param);
        }
    }
    void insert(std::uint32_t number)
    {
        const bench::Task &task = work_.tasks()[number];
        std::size_t own = work_.cell(task);
        starpu_task *inserted = starpu_task_create();
        inserted->cl = &codelet_;
        inserted->cl_arg = reinterpret_cast<void *>(std::uintptr_t(number));
        int buffers = int(task.inputs.size) + 1;
        inserted->nbuffers = buffers;
        starpu_data_handle_t *handles = inserted->handles;
        starpu_data_access_mode *modes = inserted->modes;
        if (buffers > STARPU_NMAXBUFS) {
            // StarPU frees them with the task.
            handles = inserted->dyn_handles = static_cast<starpu_data_handle_t *>(std::malloc(sizeof *handles * std::size_t(buffers)));
            modes = inserted->dyn_modes = static_cast<starpu_data_access_mode *>(std::malloc(sizeof *modes * std::size_t(buffers)));
        }
        std::size_t before = own - task.point - work_.graphs()[task.graph].width;
        const std::uint32_t *points = work_.begin(task.inputs);
        for (std::uint32_t at = 0; at < task.inputs.size; ++at) {
            handles[at] = handles_[before + points[at]];
            modes[at] = STARPU_R;
        }
        handles[buffers - 1] = handles_[own];
        modes[buffers - 1] = STARPU_W;
        if (int why = starpu_task_submit(inserted)) {
            std::fprintf(stderr, "starpu: a task was refused: %d\n", why);
            std::exit(1);
        }
    }

    bench::Work &work_;
    std::vector<starpu_data_handle_t> handles_;
    starpu_codelet codelet_;
};

std::unique_ptr<bench::Engine> task_bench(const bench::Setup &setup, bench::Work &work)
{
    return std::make_unique<Handles>(setup, work);
}

} // namespace

int main() { return bench::serve(task_bench); }
