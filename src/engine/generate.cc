#include "engine/generate.h"

#include <chrono>

namespace sterna {
namespace {

using Clock = std::chrono::steady_clock;
double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Asks the session for as many logits as the sampler needs, and no more.
class NextToken {
 public:
  NextToken(Session& session, Sampler& sampler) : session_(session), sampler_(sampler) {}

  Status Append(std::span<const int32_t> tokens, const std::function<bool()>& keep_going = nullptr) {
    const int64_t needed = sampler_.LogitsNeeded(session_.positions() + static_cast<int64_t>(tokens.size()));
    needs_all_ = needed == 0 || needed > kMaxTopLogits;
    if (needs_all_) {
      STERNA_ASSIGN_OR_RETURN(logits_, session_.Append(tokens, keep_going));
    } else {
      STERNA_ASSIGN_OR_RETURN(top_, session_.AppendTop(tokens, needed, keep_going));
    }
    return Status::Ok();
  }

  Result<int32_t> Sample() {
    return needs_all_ ? sampler_.Sample(logits_, session_.tokens()) : sampler_.SampleTop(top_, session_.tokens());
  }

 private:
  Session& session_;
  Sampler& sampler_;
  bool needs_all_ = true;
  std::span<const float> logits_;
  std::span<const TokenLogit> top_;
};

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
  Sampler sampler(options.sampler);
  NextToken next(session, sampler);
  STERNA_RETURN_IF_ERROR(next.Append(prompt, options.keep_reading));
  out.prompt_tokens = static_cast<int64_t>(prompt.size());
  out.prompt_seconds = SecondsSince(start);

  const Clock::time_point first_token = Clock::now();
  while (true) {
    if (options.max_tokens >= 0 && out.generated_tokens >= options.max_tokens) {
      out.finish = FinishReason::kMaxTokens;
      break;
    }
    STERNA_ASSIGN_OR_RETURN(const int32_t token, next.Sample());
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
    STERNA_RETURN_IF_ERROR(next.Append({&token, 1}));
  }
  out.generate_seconds = SecondsSince(first_token);
  return out;
}

}  // namespace sterna
