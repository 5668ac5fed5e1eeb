// Text in, text out: template, tokenizer, generation and stop strings in one call.
#ifndef STERNA_API_COMPLETION_H_
#define STERNA_API_COMPLETION_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/loaded_model.h"
#include "api/memory_report.h"
#include "base/status.h"
#include "engine/generate.h"

namespace sterna {

struct CompletionRequest {
  std::string prompt;
  std::string system;  ///< system message; ignored where raw
  bool raw = false;    ///< the prompt goes to the tokenizer as it is, no chat template
  int64_t max_tokens = -1;
  bool ignore_end = false;        ///< go on after the model's end tokens
  std::vector<std::string> stop;  ///< the answer ends before the first of these
  SamplerOptions sampler;
  /// Asked before each chunk of the prompt (SessionOptions::max_chunk tokens); Cancelled where it says no. May be empty.
  std::function<bool()> keep_reading = nullptr;
};

struct Completion {
  std::string text;
  std::vector<int32_t> prompt_ids;
  std::vector<int32_t> ids;  ///< generated, the end token not included
  Generation generation;
  MemoryReport memory;  ///< at the end, with the cache still there
};

/// Generates the answer to one prompt. `on_text` gets the answer piece by piece, always whole UTF-8 characters, and returns false
/// to stop; it is called after every token, with an empty piece where the token finishes no text. Errors before anything is
/// generated leave on_text uncalled: InvalidArgument (empty prompt, options, a model without tokenizer), OutOfRange (prompt longer
/// than the context). One thread per call.
Result<Completion> Complete(const LoadedModel& loaded, const CompletionRequest& request,
                            const std::function<bool(std::string_view text)>& on_text);

}  // namespace sterna

#endif  // STERNA_API_COMPLETION_H_
