#include "api/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "api/model_path.h"
#include "backend/cpu/cpu_memory_counter.h"
#include "base/cpu_topology.h"
#include "engine/session.h"
#include "model/named_shapes.h"
#include "model/random_weights.h"

namespace sterna {
namespace {

// The program itself and a vocabulary of a few hundred thousand tokens, measured at 20 to 60 MiB.
constexpr int64_t kOtherBytes = int64_t{64} << 20;
constexpr int64_t kShortestContext = 512;

/// Fills in what depends on the context.
class ContextPlanner {
 public:
  ContextPlanner(const CpuMemoryCounter& counter, const KvShape& kv_shape, MemoryPlan* plan)
      : counter_(counter), kv_block_bytes_(KvBlockBytes(kv_shape)), plan_(*plan) {}

  void AddRows(int64_t longest, bool only_longest) {
    for (int64_t context = kShortestContext; !only_longest && context < longest; context *= 2) plan_.rows.push_back(Row(context));
    plan_.rows.push_back(Row(longest));
    plan_.longest_context = LongestThatFits(longest);
  }

 private:
  MemoryPlanRow Row(int64_t context) const {
    MemoryPlanRow row;
    row.context = context;
    row.kv_bytes = (context + kKvBlockPositions - 1) / kKvBlockPositions * kv_block_bytes_;
    row.rope_bytes = counter_.RopeBytes(context);
    row.total_bytes = plan_.weight_bytes + plan_.activation_bytes + plan_.other_bytes + row.kv_bytes + row.rope_bytes;
    row.fits = !plan_.available || row.total_bytes <= plan_.available->bytes;
    return row;
  }

  int64_t LongestThatFits(int64_t longest) const {
    int64_t fits = 0, too_long = longest + 1;
    while (too_long - fits > 1) {
      const int64_t middle = fits + (too_long - fits) / 2;
      (Row(middle).fits ? fits : too_long) = middle;
    }
    return fits;
  }

  const CpuMemoryCounter& counter_;
  int64_t kv_block_bytes_;
  MemoryPlan& plan_;
};

/// `model` was bound to `counter`.
Result<MemoryPlan> MakePlan(std::string name, const Model& model, const CpuMemoryCounter& counter, const LoadOptions& options) {
  const ModelConfig& config = model.config();
  MemoryPlan plan;
  plan.model = std::move(name);
  plan.architecture = config.architecture;
  plan.parameters = ParameterCount(config);
  plan.model_context = config.context;
  plan.weight_bytes = counter.weight_bytes();
  plan.mapped_bytes = counter.mapped_bytes();
  const bool is_asked_for = options.max_context > 0;
  const int64_t longest = is_asked_for ? std::min(options.max_context, config.context) : config.context;
  const ProgramLimits limits{.max_tokens = std::min(SessionOptions().max_chunk, longest),
                             .max_selected = SessionOptions().max_selected};
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<Program> program, model.NewProgram(limits));
  plan.activation_bytes = program->activation_bytes();
  plan.other_bytes = kOtherBytes;
  plan.available = ReadAvailableMemory();
  ContextPlanner(counter, model.kv_shape(), &plan).AddRows(longest, is_asked_for);
  return plan;
}

Result<std::shared_ptr<CpuMemoryCounter>> MakeCounter(const LoadOptions& options) {
  STERNA_ASSIGN_OR_RETURN(const ThreadPoolOptions placed,
                          PlaceThreads({.threads = options.threads, .cpus = options.cpus, .is_pinned = options.pin_threads}));
  return std::make_shared<CpuMemoryCounter>(placed.threads);
}

/// Any context will do: rotary tables are counted apart.
ModelOptions ToModelOptions(const LoadOptions& options) {
  return {.max_context = 1,
          .dense_activations = options.dense_activations,
          .output = options.output,
          .screen_head = options.screen_head};
}

}  // namespace

Status MemoryPlan::CheckAnyFits() const {
  if (!available || rows.empty() || rows.front().fits) return Status::Ok();
  constexpr double kGigabyte = 1e9;
  const auto gigabytes = [](int64_t bytes) { return static_cast<double>(bytes) / kGigabyte; };
  return ResourceExhausted(fmt::format(
      "{}: {:.2f} GB are needed for a context of {} (weights {:.2f}, cache {:.2f}, activations and the rest {:.2f}), but {} leaves "
      "{:.2f} GB",
      model, gigabytes(rows.front().total_bytes), rows.front().context, gigabytes(weight_bytes), gigabytes(rows.front().kv_bytes),
      gigabytes(rows.front().total_bytes - weight_bytes - rows.front().kv_bytes), available->limited_by,
      gigabytes(available->bytes)));
}

Result<MemoryPlan> PlanMemory(const std::string& model, const LoadOptions& options) {
  STERNA_ASSIGN_OR_RETURN(const std::string path, FindModelPath(model));
  STERNA_ASSIGN_OR_RETURN(std::shared_ptr<const WeightSource> source, OpenWeightsWithLayout(path, options.i2s_layout, nullptr));
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<CpuMemoryCounter> counter, MakeCounter(options));
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const Model> loaded,
                          Model::Load(std::move(source), counter, ToModelOptions(options)));
  return MakePlan(path, *loaded, *counter, options);
}

Result<MemoryPlan> PlanShapeMemory(std::string_view shape, std::string_view head_type, const LoadOptions& options) {
  STERNA_ASSIGN_OR_RETURN(const ModelConfig config, ShapeConfig(shape));
  STERNA_ASSIGN_OR_RETURN(const DType dtype, ShapeHeadType(config, head_type));
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<CpuMemoryCounter> counter, MakeCounter(options));
  RandomWeights weights(config, dtype, /*seed=*/1, RandomWeights::Tables::kSizes);
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model,
                          Model::Build(config, weights, counter, ToModelOptions(options)));
  return MakePlan(std::string(shape), *model, *counter, options);
}

}  // namespace sterna
