// The list of model families: what each adds to the common decoder, and how its tensors are called.
#ifndef STERNA_MODEL_ARCH_ARCHITECTURE_H_
#define STERNA_MODEL_ARCH_ARCHITECTURE_H_

#include <span>
#include <string>
#include <string_view>

#include "base/metadata.h"
#include "base/status.h"
#include "model/config.h"

namespace sterna {

/// One family. `names`: the values of general.architecture (GGUF) and model_type (Hugging Face) that select it.
struct Architecture {
  std::span<const std::string_view> names;
  /// Fills in what the family fixes and refuses what it cannot run. Called after the common keys are read.
  Status (*adapt)(const Metadata& metadata, bool is_gguf, ModelConfig* config);
};

/// Null where no family has this name.
const Architecture* FindArchitecture(std::string_view name);
/// "bitnet, bitnet-25, …" for messages.
std::string SupportedArchitectures();

// One per file in this folder.
extern const Architecture kBitnetArchitecture;
extern const Architecture kGemma3Architecture;
extern const Architecture kLlamaArchitecture;
extern const Architecture kQwen2Architecture;
extern const Architecture kQwen3Architecture;

// The keys that all families share.
Result<ModelConfig> ReadGgufConfig(const Metadata& metadata, std::string_view architecture);
Result<ModelConfig> ReadHuggingFaceConfig(const Metadata& metadata);

/// Unsupported where Qwen's `use_sliding_window` is on; no published ternary model uses it.
Status RefuseSlidingWindow(const Metadata& metadata);

}  // namespace sterna

#endif  // STERNA_MODEL_ARCH_ARCHITECTURE_H_
