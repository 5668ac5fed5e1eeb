// Logits of a token sequence, for parity checks against other engines.
#ifndef STERNA_API_LOGITS_H_
#define STERNA_API_LOGITS_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "api/loaded_model.h"
#include "base/status.h"

namespace sterna {

/// Evaluates `tokens` and writes their logits to a safetensors file: tensor `logits`, F32 [tokens, vocab]. The file appears whole
/// or not at all. `chunk`: tokens per step (0: a default); the result does not depend on it. `keep_going` is asked once a token and
/// may be empty. Errors: those of Session::Append and of the disk; Cancelled where keep_going says no.
Status WriteLogits(const LoadedModel& loaded, std::span<const int32_t> tokens, int64_t chunk, const std::string& path,
                   const std::function<bool()>& keep_going = nullptr);

}  // namespace sterna

#endif  // STERNA_API_LOGITS_H_
