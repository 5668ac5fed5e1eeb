#include "text/template/default_templates.h"

#include <algorithm>
#include <initializer_list>

namespace sterna {
namespace {

// A system message is a turn like any other; the first turn follows BOS.
constexpr DefaultTemplate kBitNet = {"bitnet-b1.58",
                                     R"({%- if tools -%}
  {{- raise_exception("the built-in template bitnet-b1.58 has no place for tools") -}}
{%- endif -%}
{%- for message in messages -%}
  {{- bos_token if loop.first -}}
  {{- message.role | capitalize ~ ": " ~ message.content | trim ~ "<|eot_id|>" -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- "Assistant: " -}}
{%- endif -%})"};

// No BOS; an answer ends with EOS, and the line feed that would follow the last one is left out: as the part without tools of the
// template that tiiuae/Falcon3-*-Instruct carry in tokenizer_config.json. That one passes over any other role without a word.
constexpr DefaultTemplate kFalcon3 = {"falcon3",
                                      R"({%- if tools -%}
  {{- raise_exception("the built-in template falcon3 has no place for tools") -}}
{%- endif -%}
{%- for message in messages -%}
  {%- if message.role not in ["system", "user", "assistant"] -%}
    {{- raise_exception("the built-in template falcon3 has no place for the role " ~ message.role) -}}
  {%- endif -%}
  {{- "<|" ~ message.role ~ "|>\n" ~ message.content -}}
  {%- if message.role == "assistant" -%}
    {{- eos_token -}}
  {%- endif -%}
  {%- if message.role != "assistant" or not loop.last -%}
    {{- "\n" -}}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- "<|assistant|>\n" -}}
{%- endif -%})"};

// No system message of its own: Qwen2.5 and SmolLM2 put one of their maker's in, which would be wrong for every other model.
constexpr DefaultTemplate kChatMl = {"chatml",
                                     R"({%- if tools -%}
  {{- raise_exception("the built-in template chatml has no place for tools") -}}
{%- endif -%}
{%- for message in messages -%}
  {{- "<|im_start|>" ~ message.role ~ "\n" ~ message.content ~ "<|im_end|>\n" -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- "<|im_start|>assistant\n" -}}
{%- endif -%})"};

// As Llama 3 itself; the releases from 3.1 on write dates into the system message, which their own files do.
constexpr DefaultTemplate kLlama3 = {"llama-3",
                                     R"({%- if tools -%}
  {{- raise_exception("the built-in template llama-3 has no place for tools") -}}
{%- endif -%}
{%- for message in messages -%}
  {{- bos_token if loop.first -}}
  {{- "<|start_header_id|>" ~ message.role ~ "<|end_header_id|>\n\n" ~ message.content | trim ~ "<|eot_id|>" -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- "<|start_header_id|>assistant<|end_header_id|>\n\n" -}}
{%- endif -%})"};

char LowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string Lowered(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), LowerAscii);
  return text;
}

bool IsLetter(char c) {
  return c >= 'a' && c <= 'z';
}

/// Whether `word` stands in `text` with no letter beside it, so that "database" has no "base". Both in lower case.
bool HasWord(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !IsLetter(text[at - 1])) && (end == text.size() || !IsLetter(text[end]))) return true;
  }
  return false;
}

}  // namespace

const DefaultTemplate* ChooseDefaultTemplate(const TemplateEvidence& evidence) {
  const std::string architecture = Lowered(evidence.architecture);
  const std::string name = Lowered(evidence.name);
  if (!evidence.has_token || HasWord(name, "base")) return nullptr;
  const auto has_all = [&](std::initializer_list<std::string_view> tokens) {
    return std::all_of(tokens.begin(), tokens.end(), evidence.has_token);
  };
  const auto chats_until = [&](std::string_view end_of_turn) {
    return evidence.eos == end_of_turn || HasWord(name, "instruct") || HasWord(name, "chat");
  };
  if (architecture.starts_with("bitnet") && has_all({"<|begin_of_text|>", "<|eot_id|>"})) return &kBitNet;
  const bool is_falcon3 = name.find("falcon3") != std::string::npos || name.find("falcon-3") != std::string::npos;
  if (is_falcon3 && has_all({"<|user|>", "<|assistant|>"})) return &kFalcon3;
  if (has_all({"<|im_start|>", "<|im_end|>"}) && chats_until("<|im_end|>")) return &kChatMl;
  if (has_all({"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}) && chats_until("<|eot_id|>")) return &kLlama3;
  return nullptr;
}

}  // namespace sterna
