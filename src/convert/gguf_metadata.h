// The metadata of a GGUF file for a model configuration.
#ifndef STERNA_CONVERT_GGUF_METADATA_H_
#define STERNA_CONVERT_GGUF_METADATA_H_

#include "base/metadata.h"
#include "base/status.h"
#include "convert/convert.h"
#include "model/config.h"

namespace sterna {

/// The architecture string that makes readers run the same graph: sub-norms with relu^2 are `bitnet-b1.58`, with SiLU `bitnet`.
/// Unsupported for features that GGUF has no key for.
Result<std::string> GgufArchitecture(const ModelConfig& config);

/// Keys of `architecture` (reference: llama.cpp gguf-py constants.py), general.*, and the tokenizer keys of a GGUF source.
Result<Metadata> MakeGgufMetadata(const ModelConfig& config, const WeightSource& source, const ConvertOptions& options);

}  // namespace sterna

#endif  // STERNA_CONVERT_GGUF_METADATA_H_
