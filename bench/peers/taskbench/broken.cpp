// Wrong in another way in each pass, for the tests of what finds that out.

#include "wire.hpp"

namespace {

class Broken : public bench::Engine {
public:
    explicit Broken(bench::Work &work) : work_(work) {}
    std::string form() const override { return "broken"; }
    void pass() override
    {
        auto tasks = std::uint32_t(work_.tasks().size());
        switch (++pass_) {
        case 1:
            // The first one's readers come before it.
            for (std::uint32_t number = tasks; number > 0; --number)
                work_.run(number - 1);
            break;
        case 2:
            for (std::uint32_t number = 0; number + 1 < tasks; ++number)
                work_.run(number);
            break;
        case 3:
            for (std::uint32_t number = 0; number < tasks; ++number)
                work_.run(number);
            work_.run(tasks - 1);
            break;
        case 4:
            // What the third pass has left is there, and stale.
            for (std::uint32_t number = 1; number < tasks; ++number)
                work_.run(number);
            break;
        default:
            for (std::uint32_t number = 0; number < tasks; ++number)
                work_.run(number);
        }
    }

private:
    bench::Work &work_;
    int pass_ = 0;
};

std::unique_ptr<bench::Engine> task_bench(const bench::Setup &, bench::Work &work) { return std::make_unique<Broken>(work); }

} // namespace

int main() { return bench::serve(task_bench); }
