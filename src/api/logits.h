// Logits of a token sequence, for parity checks against other engines.
#ifndef STERNA_API_LOGITS_H_
#define STERNA_API_LOGITS_H_

#include <cstdint>
#include <span>
#include <string>

#include "api/loaded_model.h"
#include "base/status.h"

namespace sterna {

/// Evaluates `tokens` and writes their logits to a safetensors file: tensor `logits`, F32 [tokens, vocab]. The file appears whole
/// or not at all. `chunk`: tokens per step (0: a default); the result does not depend on it. Errors: those of Session::Append and
/// of the disk.
Status WriteLogits(const LoadedModel& loaded, std::span<const int32_t> tokens, int64_t chunk, const std::string& path);

}  // namespace sterna

#endif  // STERNA_API_LOGITS_H_
