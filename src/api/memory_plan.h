// What a model will take before it is loaded: weights, cache and activations, beside the memory there is.
#ifndef STERNA_API_MEMORY_PLAN_H_
#define STERNA_API_MEMORY_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/loaded_model.h"
#include "api/memory_limits.h"
#include "base/status.h"

namespace sterna {

/// One context length: what a single sequence of that many positions takes.
struct MemoryPlanRow {
  int64_t context = 0;
  int64_t kv_bytes = 0;    ///< keys and values
  int64_t rope_bytes = 0;  ///< rotary tables
  int64_t total_bytes = 0;
  bool fits = false;
};

struct MemoryPlan {
  std::string model;  ///< the path, or the shape's name
  std::string architecture;
  int64_t parameters = 0;
  int64_t model_context = 0;     ///< positions the model was made for
  int64_t weight_bytes = 0;      ///< in the kernels' layouts
  int64_t mapped_bytes = 0;      ///< tables read from the mapped file; not in the totals: the system can take these pages back
  int64_t activation_bytes = 0;  ///< of one session (engine/session.h)
  int64_t other_bytes = 0;       ///< an allowance for the program and the tokenizer
  std::optional<AvailableMemory> available;  ///< nothing where the system does not tell: then everything fits
  std::vector<MemoryPlanRow> rows;           ///< rising contexts, the model's own (or the one asked for) last
  int64_t longest_context = 0;               ///< longest that fits, at most the last row's; 0: none

  /// Ok, or ResourceExhausted with the figures where not even the first row fits.
  Status CheckAnyFits() const;
};

/// The plan for a path or cached model. Opens it as LoadModel would and checks every tensor's name, shape and scale with the same
/// errors, but keeps nothing: full-precision masters and rotated weights are read once. LoadOptions::max_context: that length
/// alone.
Result<MemoryPlan> PlanMemory(const std::string& model, const LoadOptions& options);

/// The plan for a name of model/named_shapes.h with ternary projections and a head of `head_type` (ShapeHeadType).
Result<MemoryPlan> PlanShapeMemory(std::string_view shape, std::string_view head_type, const LoadOptions& options);

}  // namespace sterna

#endif  // STERNA_API_MEMORY_PLAN_H_
