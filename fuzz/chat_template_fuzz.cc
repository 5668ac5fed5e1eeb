// Any bytes as a chat template: an error, or a tree whose rendering ends within its limits and comes out the same again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "text/template/chat_template.h"

namespace {

const sterna::TemplateValue& Variables() {
  static const sterna::TemplateValue variables = *sterna::TemplateValue::FromJson(R"({
    "messages": [{"role": "user", "content": "Hi <b>\n é"}, {"role": "assistant", "content": null, "tool_calls": [
        {"id": "1", "function": {"name": "f", "arguments": {"a": [1, 2.5, true, null], "b": "x"}}}]}],
    "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"properties": {"a": {"type": "string"}}}}}],
    "documents": null, "add_generation_prompt": true, "bos_token": "<s>", "eos_token": "</s>",
    "s": "Hello, wörld", "n": 7, "f": 2.5, "xs": [3, 1, 2], "d": {"b": 1, "a": {"k": [1, "x"]}}})");
  return variables;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = sterna::ChatTemplate::Parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!parsed.ok()) {
    if (parsed.status().message().empty()) std::abort();
    return 0;
  }
  sterna::TemplateOptions options;
  options.limits.max_steps = 50'000;
  options.limits.max_output_bytes = size_t{1} << 20;
  options.limits.max_memory_bytes = size_t{16} << 20;
  options.now = sterna::TemplateTime{2026, 1, 15};
  const auto first = (*parsed)->Render(Variables(), options);
  const auto second = (*parsed)->Render(Variables(), options);
  if (first.ok() != second.ok() || (first.ok() && *first != *second)) std::abort();
  if (first.ok() ? first->size() > options.limits.max_output_bytes : first.status().message() != second.status().message())
    std::abort();
  return 0;
}
