#include "text/end_of_generation.h"

#include <array>
#include <string_view>

namespace sterna {
namespace {

constexpr std::array<std::string_view, 23> kEndTexts = {"<|eot_id|>",
                                                        "<|im_end|>",
                                                        "<|end|>",
                                                        "<|return|>",
                                                        "<|call|>",
                                                        "<|flush|>",
                                                        "<|calls|>",
                                                        "<end_of_turn>",
                                                        "<|endoftext|>",
                                                        "</s>",
                                                        "<|eom_id|>",
                                                        "<EOT>",
                                                        "_<EOT>",
                                                        "[EOT]",
                                                        "[EOS]",
                                                        "<|end_of_text|>",
                                                        "<end_of_utterance>",
                                                        "<eos>",
                                                        "<turn|>",
                                                        "<|tool_response>",
                                                        "<｜end▁of▁sentence｜>",
                                                        "[e~[",
                                                        "<|end_of_turn|>"};

}  // namespace

std::vector<int32_t> KnownEndTokens(const TokenTable& texts, const TokenIndex& index) {
  const auto has = [&](std::string_view text) { return index.Find(texts, text) >= 0; };
  const bool end_is_of_message = (has("<|return|>") && has("<|call|>")) || (has("<|calls|>") && has("<|flush|>"));
  const bool has_tool_response = has("<|tool_response>");
  std::vector<int32_t> ids;
  for (const std::string_view text : kEndTexts) {
    if (text == "<|end|>" && end_is_of_message) continue;
    if (text == "</s>" && has_tool_response) continue;
    const int32_t id = index.Find(texts, text);
    if (id >= 0) ids.push_back(id);
  }
  return ids;
}

}  // namespace sterna
