// Energy the processor used, from the counters of Linux powercap (RAPL).
#ifndef STERNA_API_ENERGY_H_
#define STERNA_API_ENERGY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace sterna {

/// Reads the energy counters of all processor packages. They count the whole package: other programs, cores and the idle machine
/// too. One thread.
class EnergyMeter {
 public:
  /// Finds the counters in `directory`. NotFound or Io, saying why, where there is none that this user may read.
  static Result<EnergyMeter> Open(const std::string& directory = "/sys/class/powercap");

  /// Joules since the last call, or since Open. Reads at least every few minutes, because the counters wrap around.
  Result<double> JoulesSinceLast();

 private:
  struct Counter {
    std::string path;              // energy_uj
    int64_t wraps_at_microjoules;  // max_energy_range_uj
    int64_t last_microjoules;
  };

  std::vector<Counter> counters_;
};

}  // namespace sterna

#endif  // STERNA_API_ENERGY_H_
