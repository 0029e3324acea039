#include "kernel.hpp"

#include <algorithm>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace bench {
namespace {

constexpr int NUMBERS = 64;

// No compiler may know a value that has been here.
template <class T> void opaque(T &value) { asm volatile("" : "+m"(value) : : "memory"); }

void fill(double (&numbers)[NUMBERS])
{
    for (int at = 0; at < NUMBERS; ++at)
        numbers[at] = -0.25 - at / 256.0;
    opaque(numbers);
}

#if defined(__x86_64__)
// 16 independent vectors of four, x + x * x each.
__attribute__((target("avx2,fma"))) double fused(std::uint64_t iterations)
{
    double numbers[NUMBERS];
    fill(numbers);
#define EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)
#define LOAD(at) __m256d x##at = _mm256_loadu_pd(numbers + 4 * at);
#define STEP(at) x##at = _mm256_fmadd_pd(x##at, x##at, x##at);
#define SUM(at) sum = _mm256_add_pd(sum, x##at);
    EACH(LOAD)
    for (std::uint64_t round = 0; round < iterations; ++round) {
        EACH(STEP)
    }
    __m256d sum = _mm256_setzero_pd();
    EACH(SUM)
    double four[4];
    _mm256_storeu_pd(four, sum);
    return four[0] + four[1] + four[2] + four[3];
}
#endif

double portable(std::uint64_t iterations)
{
    double numbers[NUMBERS];
    fill(numbers);
    for (std::uint64_t round = 0; round < iterations; ++round) {
        for (double &x : numbers)
            x += x * x;
    }
    double sum = 0;
    for (double x : numbers)
        sum += x;
    return sum;
}

using Arithmetic = double (*)(std::uint64_t);

Arithmetic choose()
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return fused;
#endif
    return portable;
}

const Arithmetic arithmetic = choose();

} // namespace

void compute(std::uint64_t iterations)
{
    double sum = arithmetic(iterations);
    opaque(sum);
}

void busy_wait(std::uint64_t iterations)
{
    std::uint64_t value = 113;
    for (std::uint64_t round = 0; round < iterations; ++round)
        value = value * 139 % 2147483647;
    opaque(value);
}

void copy(std::vector<std::uint64_t> &words, std::uint64_t step, std::uint64_t iterations, std::uint64_t samples)
{
    std::size_t each = words.size() / samples;
    std::uint64_t at = (step % samples) * (iterations % samples) % samples;
    for (std::uint64_t round = 0; round < iterations; ++round) {
        std::uint64_t *sample = words.data() + at * each;
        std::memcpy(sample + each / 2, sample, each / 2 * sizeof *sample);
        at = at + 1 == samples ? 0 : at + 1;
    }
}

} // namespace bench
