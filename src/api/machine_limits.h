// How fast this machine reads memory and multiplies int8 numbers: the limits that no inference passes.
#ifndef STERNA_API_MACHINE_LIMITS_H_
#define STERNA_API_MACHINE_LIMITS_H_

#include <cstdint>

#include "base/cpu_features.h"
#include "base/status.h"
#include "base/thread_pool.h"

namespace sterna {

struct MachineLimits {
  double read_gb_per_s = 0;       ///< 10^9 bytes a second, read in order by all threads
  double int8_gmac_per_s = 0;     ///< 10^9 multiply-accumulates a second by all threads, in registers
  int64_t read_buffer_bytes = 0;  ///< what was read: more than the caches hold, where memory allows
};

/// Measures with `threads` threads and the instructions of level `isa`, several times, and keeps the best: other programs can only
/// make a figure too small. Takes well below a second and some hundred megabytes for that time. ResourceExhausted where memory is
/// used up.
Result<MachineLimits> MeasureMachineLimits(const ThreadPoolOptions& threads, Isa isa);

}  // namespace sterna

#endif  // STERNA_API_MACHINE_LIMITS_H_
