// The decode loop: sample, report, feed back, until a stop.
#ifndef STERNA_ENGINE_GENERATE_H_
#define STERNA_ENGINE_GENERATE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "base/status.h"
#include "engine/sampler.h"
#include "engine/session.h"

namespace sterna {

enum class FinishReason : uint8_t {
  kEndOfGeneration,  ///< the model ended its answer
  kStopped,          ///< the caller's callback said so: a stop string, a cancellation
  kMaxTokens,        ///< as many tokens as were asked for
  kContextFull,      ///< the next token would not fit the context
};
/// "stop", "stop", "length", "context": the words of OpenAI's API, and one of our own.
std::string_view FinishReasonName(FinishReason reason);

struct GenerateOptions {
  int64_t max_tokens = -1;  ///< -1: until the model ends or the context is full
  SamplerOptions sampler;
  std::function<bool(int32_t token)> is_end;  ///< may be empty: then nothing ends a generation early
  /// Asked before each chunk of the prompt; Cancelled where it says no. May be empty.
  std::function<bool()> keep_reading = nullptr;
};

struct Generation {
  FinishReason finish = FinishReason::kMaxTokens;
  int64_t prompt_tokens = 0;
  int64_t generated_tokens = 0;  ///< the end token not counted
  double prompt_seconds = 0;
  double generate_seconds = 0;  ///< from the first sampled token on
};

/// Appends `prompt` to the session and generates. `on_token` gets each token in order and returns whether to go on. Deterministic
/// for given tokens, options and model. Errors: those of Session::Append and CheckSamplerOptions.
Result<Generation> Generate(Session& session, std::span<const int32_t> prompt, const GenerateOptions& options,
                            const std::function<bool(int32_t token)>& on_token);

}  // namespace sterna

#endif  // STERNA_ENGINE_GENERATE_H_
