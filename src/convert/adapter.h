// LoRA adapters between PEFT's directories and GGUF files.
#ifndef STERNA_CONVERT_ADAPTER_H_
#define STERNA_CONVERT_ADAPTER_H_

#include <memory>
#include <string>

#include "base/status.h"
#include "convert/convert.h"
#include "formats/weight_source.h"
#include "model/config.h"

namespace sterna {

/// Whether `path` is a directory with adapter_config.json.
bool IsPeftAdapter(const std::string& path);
/// Whether a GGUF file says general.type "adapter".
bool IsGgufAdapter(const WeightSource& source);

/// PEFT's adapter_config.json and adapter_model.safetensors (or .bin) of a model with configuration `base` to GGUF as llama.cpp
/// reads it: general.type "adapter", adapter.type "lora", adapter.lora.alpha, tensors NAME.weight.lora_a [r, in] and .lora_b [out,
/// r], rows of lora_b of q and k interleaved where the architecture's are. y += alpha / r * B A x in both; with use_rslora PEFT
/// scales by alpha / sqrt(r), so alpha * sqrt(r) is written. Numbers keep their type. Uses of `options`: dry_run, verify. Errors:
/// Unsupported, by name, for what GGUF has no place for (other PEFT types, use_dora, biases, modules_to_save, patterns of ranks,
/// embeddings, tensors outside the seven projections); Malformed for shapes that suit neither each other nor the base.
Result<ConvertReport> ConvertPeftToGguf(const std::string& directory, const ModelConfig& base, const ConvertOptions& options,
                                        const std::string& path);

/// The other way: a directory that did not exist or was empty. QVAC's tensor names (NAME.lora_a) are read, too. Unsupported where
/// ranks differ.
Result<ConvertReport> ConvertGgufToPeft(std::shared_ptr<const WeightSource> source, const ModelConfig& base,
                                        const ConvertOptions& options, const std::string& directory);

}  // namespace sterna

#endif  // STERNA_CONVERT_ADAPTER_H_
