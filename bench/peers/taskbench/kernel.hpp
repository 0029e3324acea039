// What tasks compute.

#pragma once

#include "work.hpp"

namespace bench {

void busy_wait(std::uint64_t iterations);
void compute(std::uint64_t iterations);
// Copies within the memory of a column.
void copy(std::vector<std::uint64_t> &words, std::uint64_t step, std::uint64_t iterations, std::uint64_t samples);

// What scratch memory is filled with; copies don't change it.
constexpr std::uint64_t MAGIC = 0x5ca7c4b0a2d5c4a7;

// 64 multiplications and 64 additions an iteration, and 64 additions at the end.
inline std::uint64_t flops(std::uint64_t iterations) { return 128 * iterations + 64; }

} // namespace bench
