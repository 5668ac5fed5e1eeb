// What the weights of a checkpoint are like: shares of -1, 0 and +1, scales, dead rows, and numbers that are none.
#ifndef STERNA_INSPECT_WEIGHT_SCAN_H_
#define STERNA_INSPECT_WEIGHT_SCAN_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "formats/weight_source.h"
#include "model/config.h"

namespace sterna {

/// Smallest, middle and largest of the scales of rows (or of blocks, where these have their own) that hold a non-zero weight. The
/// middle of an even number is the lower of two.
struct ScaleSpread {
  float min = 0, median = 0, max = 0;
};

struct TernaryStatistics {
  int64_t negative = 0, zero = 0, positive = 0;
  int64_t rows = 0;
  int64_t dead_rows = 0;              ///< rows of zeros
  std::optional<ScaleSpread> scales;  ///< nothing where all weights are 0
  bool is_master = false;             ///< full-precision weights, counted as a load makes them ternary
};

struct TensorScan {
  int64_t nan = 0, infinite = 0;             ///< of weights, or of the scales that make them
  float min = 0, max = 0;                    ///< of finite values; 0 where there are none, and for ternary matrices
  std::optional<TernaryStatistics> ternary;  ///< ternary matrices
  std::string problem;                       ///< why the weights cannot be read; empty where they can
};

struct WeightScan {
  std::vector<TensorScan> tensors;  ///< in the order of WeightSource::entries
  TernaryStatistics ternary;        ///< all ternary matrices; scales.median: the middle of the matrices' medians
  int64_t ternary_tensors = 0;
  int64_t nan = 0, infinite = 0, problems = 0;
};

/// Bytes read so far, bytes there are, the tensor; false ends the scan.
using ScanProgress = std::function<bool(int64_t done, int64_t total, std::string_view tensor)>;

/// Reads every tensor once (masters twice), a row or a piece of one at a time: memory stays below the scales of one tensor and 64
/// MiB. `config` may be null: then no full-precision matrix counts as a master. `progress` may be empty. Errors: Cancelled;
/// Malformed where the file changed meanwhile. Weights that cannot be read are a TensorScan::problem.
Result<WeightScan> ScanWeights(const WeightSource& source, const ModelConfig* config, const ScanProgress& progress);

}  // namespace sterna

#endif  // STERNA_INSPECT_WEIGHT_SCAN_H_
