// From any checkpoint the model room reads to a GGUF file or a Hugging Face directory, one tensor at a time, verified afterwards.
#ifndef STERNA_CONVERT_CONVERT_H_
#define STERNA_CONVERT_CONVERT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "convert/gguf_parts.h"
#include "convert/metadata_override.h"
#include "convert/type_choice.h"
#include "convert/verify.h"
#include "formats/weight_source.h"

namespace sterna {

/// A file that goes along with the weights into a Hugging Face directory.
struct SideFile {
  std::string name;
  std::string text;
};

struct ConvertOptions {
  /// Ternary projections need a type in GGUF; dense ones keep their own where none is asked.
  TypeChoice types;
  /// Set in the metadata of a GGUF file, after all else.
  std::vector<MetadataOverride> overrides;
  SplitLimits split;
  /// Text of a tokenizer.json to keep in the file (key tokenizer.huggingface.json); may be empty.
  std::string tokenizer_json;
  /// Text of the tokenizer_config.json beside it (key tokenizer.huggingface.config): which tokens begin and end a text; may be
  /// empty.
  std::string tokenizer_config_json;
  /// Text of a chat template to keep in the file (key tokenizer.chat_template); may be empty.
  std::string chat_template;
  /// Written into a Hugging Face directory as they are; names without a path.
  std::vector<SideFile> side_files;
  /// Plan only: the report tells tensors and bytes, nothing is written.
  bool dry_run = false;
  /// Files of a series that exist may be replaced.
  bool overwrite = false;
  /// Read the file back and compare every matrix with the source before it takes its name.
  bool verify = true;
  /// Called before each tensor with its number and the count; false cancels. May be empty.
  std::function<bool(int64_t done, int64_t total, const std::string& name)> progress;
  /// The same, before each matrix is compared.
  std::function<bool(int64_t done, int64_t total, const std::string& name)> verify_progress;
};

struct ConvertReport {
  int64_t tensors = 0;
  int64_t bytes = 0;                               ///< of all files with weights; of a plan: of the tensors alone
  std::vector<std::string> files = {};             ///< with weights, by their final names
  std::vector<TensorSpec> plan = {};               ///< every tensor of the new checkpoint
  std::vector<TensorComparison> comparisons = {};  ///< every matrix, where verified
  /// Largest relative difference between a ternary row's scale and what the file holds: 0 for I2_S, up to 2^-11 where a type keeps
  /// its scale in f16.
  double max_scale_error = 0;
};

/// Writes files beside `path`, verifies them, and renames them to `path` or, of a series, to PartPaths; after an error what was
/// there is as it was. Memory: a few MB and the largest tensor that is permuted or rotated. Errors: those of reading the model;
/// Unsupported where a type does not suit a tensor (named); InvalidArgument for rules and overrides; Io; Cancelled; Internal where
/// verification finds a difference.
Result<ConvertReport> ConvertToGguf(std::shared_ptr<const WeightSource> source, const ConvertOptions& options,
                                    const std::string& path);

/// Writes a folder beside `directory` with config.json, model.safetensors (shards and their index where options.split cuts them)
/// and the side files, verifies it, and renames it. Errors as above; InvalidArgument where `directory` exists and is not empty.
Result<ConvertReport> ConvertToSafetensors(std::shared_ptr<const WeightSource> source, const ConvertOptions& options,
                                           const std::string& directory);

/// Every tensor and key of a GGUF source as they are, whatever its architecture: merges and splits series and changes metadata.
/// Uses of `options`: overrides, split, dry_run, overwrite, verify, progress. Unsupported where the source is no GGUF file.
Result<ConvertReport> CopyGguf(std::shared_ptr<const WeightSource> source, const ConvertOptions& options, const std::string& path);

}  // namespace sterna

#endif  // STERNA_CONVERT_CONVERT_H_
