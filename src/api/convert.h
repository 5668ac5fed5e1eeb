// Conversion as users ask for it: paths and type names.
#ifndef STERNA_API_CONVERT_H_
#define STERNA_API_CONVERT_H_

#include <string>
#include <vector>

#include "base/status.h"
#include "convert/convert.h"

namespace sterna {

struct ConvertRequest {
  std::string source;  ///< a Hugging Face directory, a GGUF file (of a series: the first), a PyTorch or ONNX file
  std::string output;  ///< the GGUF file, or the directory, to write
  /// Of the projections; empty: I2_S for ternary models, the source's own for dense ones. "COPY": every tensor of a GGUF source as
  /// it is. To safetensors: empty or "PACKED", F32, F16 or BF16.
  std::string type;
  std::string embedding_type;             ///< empty: the source's own
  std::string head_type;                  ///< empty: as the embedding
  std::vector<std::string> tensor_types;  ///< "REGEX=TYPE"; the first that finds a tensor's name decides
  std::vector<std::string> overrides;     ///< "KEY=TYPE:VALUE" (convert/metadata_override.h)
  std::string base;  ///< the model an adapter belongs to: needed for LoRA adapters, which `source` may be, and for nothing else
  bool to_safetensors = false;
  SplitLimits split;
  std::string i2s_layout;  ///< LoadOptions::i2s_layout
  bool dry_run = false;    ///< plan only
  bool overwrite = false;  ///< replace an existing output
  bool verify = true;
  std::function<bool(int64_t done, int64_t total, const std::string& name)> progress;         ///< ConvertOptions::progress
  std::function<bool(int64_t done, int64_t total, const std::string& name)> verify_progress;  ///< ConvertOptions::verify_progress
};

struct ConvertResult {
  ConvertReport report;
  std::vector<std::string> warnings;  ///< one sentence each
};

/// Ok where every type, rule and override of the request can be read; else InvalidArgument, naming the command line's flag. Opens
/// nothing.
Status CheckConvertRequest(const ConvertRequest& request);

/// ConvertToGguf, ConvertToSafetensors or CopyGguf (convert/convert.h), with the tokenizer and chat template of the source kept;
/// for a PEFT directory or a GGUF adapter ConvertPeftToGguf or ConvertGgufToPeft (convert/adapter.h). InvalidArgument where
/// CheckConvertRequest says so, the output may not be written (CheckOutputPath) or is the source itself.
Result<ConvertResult> Convert(const ConvertRequest& request);

}  // namespace sterna

#endif  // STERNA_API_CONVERT_H_
