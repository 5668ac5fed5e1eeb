// What a checkpoint holds: types, shapes, sizes, metadata, and the model and tokenizer they describe.
#ifndef STERNA_INSPECT_REPORT_H_
#define STERNA_INSPECT_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "inspect/weight_scan.h"
#include "model/config.h"
#include "tensor/dtype.h"

namespace sterna {

/// By what a tensor is for, as far as its name and shape tell.
enum class TensorPart : uint8_t {
  kEmbedding,   ///< token embedding and output head
  kProjection,  ///< other matrices, and the scales beside them
  kVector,      ///< norms, biases and what else has one dimension
};
std::string_view TensorPartName(TensorPart part);

struct TensorSummary {
  std::string name;
  DType dtype;
  Shape shape;
  TensorPart part = TensorPart::kVector;
  int64_t elements = 0;  ///< weights; packed uint8 counts the four weights of each byte, a scale of a matrix none
  int64_t bytes = 0;
};

/// Tensors that belong together. Scales that lie in tensors of their own (`weight_scale`) count their bytes, but no weights.
struct TensorGroup {
  int64_t tensors = 0;
  int64_t elements = 0;
  int64_t bytes = 0;

  /// 8 * bytes / elements; 0 without elements.
  double bits_per_weight() const;
};

struct TypeSummary {
  DType dtype;
  TensorGroup group;
};

struct PartSummary {
  TensorPart part;
  TensorGroup group;
};

struct MetadataSummary {
  std::string key;
  std::string type;   ///< "u32", "array of string"
  int64_t count = 1;  ///< elements of an array
  std::string value;  ///< shortened for display
};

struct InspectReport {
  std::string path;
  std::string format;
  std::vector<MetadataSummary> metadata;
  std::vector<TensorSummary> tensors;
  std::vector<TypeSummary> types;  ///< most bytes first
  std::vector<PartSummary> parts;  ///< those there are
  int64_t parameters = 0;
  int64_t bytes = 0;
  /// All tensor bytes over all weights: scales, norms and embeddings counted.
  double bits_per_weight = 0;
  std::optional<ModelConfig> config;  ///< where the architecture is known
  std::string config_problem;         ///< why there is none
  std::string tokenizer;              ///< one line, or why there is none
  std::vector<std::string> warnings;  ///< what may be wrong although it opens
  std::optional<WeightScan> scan;     ///< where InspectOptions asked for one; in the order of `tensors`
  std::string chat_template;          ///< where it comes from ("built-in chatml"); empty where there is none
};

struct InspectOptions {
  std::string i2s_layout = {};  ///< LoadOptions::i2s_layout
  bool scan_weights = false;    ///< read all weights too (weight_scan.h)
  ScanProgress scan_progress = {};
};

/// Reads headers, and of I2_S files some weights to see how they lie. `model`: a path, or the name of a cached model. Errors: those
/// of FindModelPath, OpenWeights and ScanWeights.
Result<InspectReport> Inspect(const std::string& model, const InspectOptions& options = {});

/// For people: a few lines of summary, then metadata and tensors. Nothing in it has a say over a terminal, whatever the file holds.
std::string ToText(const InspectReport& report);

/// The same as one HTML page that needs no other file and runs no script. Every text from the file is escaped.
std::string ToHtml(const InspectReport& report);

/// Shares of -1, 0 and +1 in percent: "25.1 / 49.8 / 25.1". Empty where there are no weights.
std::string ShowShares(const TernaryStatistics& statistics);
/// "0.01171", or "0.0105 / 0.0117 / 0.0131" (smallest, middle, largest). Empty where there are none.
std::string ShowScales(const std::optional<ScaleSpread>& scales);

}  // namespace sterna

#endif  // STERNA_INSPECT_REPORT_H_
