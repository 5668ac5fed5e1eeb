// From any checkpoint the model room reads to a GGUF file, one tensor at a time, verified afterwards.
#ifndef STERNA_CONVERT_CONVERT_H_
#define STERNA_CONVERT_CONVERT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "formats/weight_source.h"
#include "tensor/dtype.h"

namespace sterna {

struct ConvertOptions {
  /// Type of the projections. Ternary models: I2_S, TQ1_0 or TQ2_0. Dense models: any type Quantize writes, or nothing for the
  /// source's.
  std::optional<DType> projection_type;
  /// Type of embedding and head; nothing for the source's own.
  std::optional<DType> embedding_type;
  /// Text of a tokenizer.json to keep in the file (key tokenizer.huggingface.json); may be empty.
  std::string tokenizer_json;
  /// Text of the tokenizer_config.json beside it (key tokenizer.huggingface.config): which tokens begin and end a text; may be
  /// empty.
  std::string tokenizer_config_json;
  /// Text of a chat template to keep in the file (key tokenizer.chat_template); may be empty.
  std::string chat_template;
  /// Read the file back and compare every ternary value and scale with the source before it takes its name.
  bool verify = true;
  /// Called before each tensor with its number and the count; false cancels. May be empty.
  std::function<bool(int64_t done, int64_t total, const std::string& name)> progress;
};

struct ConvertReport {
  int64_t tensors = 0;
  int64_t bytes = 0;
  /// Largest relative difference between a ternary row's scale and what the file holds: 0 for I2_S, up to 2^-11 where a type keeps
  /// its scale in f16.
  double max_scale_error = 0;
};

/// Writes a file beside `path`, verifies it, and renames it to `path`, replacing what is there; after an error `path` is as it was.
/// Memory: the largest matrix as int8 plus its encoding. Errors: those of reading the model; Unsupported where the type does not
/// suit the tensors (named); Io; Cancelled; Internal where verification finds a difference.
Result<ConvertReport> ConvertToGguf(std::shared_ptr<const WeightSource> source, const ConvertOptions& options,
                                    const std::string& path);

}  // namespace sterna

#endif  // STERNA_CONVERT_CONVERT_H_
