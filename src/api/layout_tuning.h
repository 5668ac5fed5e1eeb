// Which layouts of ternary weights are fastest on this machine: measured once, then read from the user's cache folder.
#ifndef STERNA_API_LAYOUT_TUNING_H_
#define STERNA_API_LAYOUT_TUNING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/layout_choice.h"
#include "base/status.h"

namespace sterna {

struct LayoutTuning {
  std::vector<LayoutMeasurement> measurements;
  std::string file;  ///< where they are kept; empty: nowhere, or there is nothing to choose
};

enum class TuneMode : uint8_t {
  kReadOnly,      ///< what the file says; no measurements where there is none
  kWhereUnknown,  ///< measure and write where the file is missing, damaged, or of another processor, instruction set or thread
                  ///< count
  kAlways,        ///< measure and write
};

/// The measurements for `options` (threads, isa and refused count) in a file below `folder`, which is made where it is missing. A
/// folder that cannot be written costs the next start its time and is no error. Errors: ResourceExhausted where
/// measuring finds no memory, and those of PlaceThreads.
Result<LayoutTuning> TuneLayouts(const CpuBackendOptions& options, const std::string& folder, TuneMode mode);

}  // namespace sterna

#endif  // STERNA_API_LAYOUT_TUNING_H_
