// What a checkpoint holds: types, shapes, sizes, metadata, and the model and tokenizer they describe.
#ifndef STERNA_INSPECT_REPORT_H_
#define STERNA_INSPECT_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/config.h"
#include "tensor/dtype.h"

namespace sterna {

struct TensorSummary {
  std::string name;
  DType dtype;
  Shape shape;
  int64_t elements = 0;  ///< weights; packed uint8 counts the four weights of each byte
  int64_t bytes = 0;
};

struct TypeSummary {
  DType dtype;
  int64_t tensors = 0;
  int64_t elements = 0;
  int64_t bytes = 0;
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
  int64_t parameters = 0;
  int64_t bytes = 0;
  /// All tensor bytes over all weights: scales, norms and embeddings counted.
  double bits_per_weight = 0;
  std::optional<ModelConfig> config;  ///< where the architecture is known
  std::string config_problem;         ///< why there is none
  std::string tokenizer;              ///< one line, or why there is none
  std::vector<std::string> warnings;  ///< what may be wrong although it opens
  std::string chat_template;          ///< where it comes from ("built-in chatml"); empty where there is none
};

/// Reads headers, and of I2_S files some weights to see how they lie. `model`: a path, or the name of a cached model. `i2s_layout`:
/// LoadOptions::i2s_layout. Errors: those of FindModelPath and of OpenWeights.
Result<InspectReport> Inspect(const std::string& model, const std::string& i2s_layout = {});

/// For people: a few lines of summary, then metadata and tensors.
std::string ToText(const InspectReport& report);

}  // namespace sterna

#endif  // STERNA_INSPECT_REPORT_H_
