#include "engine/generate.h"

#include <chrono>

namespace sterna {
namespace {

using Clock = std::chrono::steady_clock;
double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

std::string_view FinishReasonName(FinishReason reason) {
  switch (reason) {
    case FinishReason::kEndOfGeneration:
    case FinishReason::kStopped:
      return "stop";
    case FinishReason::kMaxTokens:
      return "length";
    case FinishReason::kContextFull:
      return "context";
  }
  return "unknown";
}

Result<Generation> Generate(Session& session, std::span<const int32_t> prompt, const GenerateOptions& options,
                            const std::function<bool(int32_t token)>& on_token) {
  STERNA_RETURN_IF_ERROR(CheckSamplerOptions(options.sampler));
  Generation out;
  const Clock::time_point start = Clock::now();
  STERNA_ASSIGN_OR_RETURN(std::span<const float> logits, session.Append(prompt, options.keep_reading));
  out.prompt_tokens = static_cast<int64_t>(prompt.size());
  out.prompt_seconds = SecondsSince(start);

  Sampler sampler(options.sampler);
  const Clock::time_point first_token = Clock::now();
  while (true) {
    if (options.max_tokens >= 0 && out.generated_tokens >= options.max_tokens) {
      out.finish = FinishReason::kMaxTokens;
      break;
    }
    STERNA_ASSIGN_OR_RETURN(const int32_t token, sampler.Sample(logits, session.tokens()));
    if (options.is_end && options.is_end(token)) {
      out.finish = FinishReason::kEndOfGeneration;
      break;
    }
    ++out.generated_tokens;
    if (!on_token(token)) {
      out.finish = FinishReason::kStopped;
      break;
    }
    if (out.generated_tokens == options.max_tokens) continue;  // nobody needs what would come after
    if (session.positions() >= session.max_context()) {
      out.finish = FinishReason::kContextFull;
      break;
    }
    STERNA_ASSIGN_OR_RETURN(logits, session.Append({&token, 1}));
  }
  out.generate_seconds = SecondsSince(first_token);
  return out;
}

}  // namespace sterna
