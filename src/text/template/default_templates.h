// Built-in chat templates for checkpoints that come without one, and the evidence by which one is chosen.
#ifndef STERNA_TEXT_TEMPLATE_DEFAULT_TEMPLATES_H_
#define STERNA_TEXT_TEMPLATE_DEFAULT_TEMPLATES_H_

#include <functional>
#include <string>
#include <string_view>

namespace sterna {

struct DefaultTemplate {
  std::string_view name;    ///< "chatml"; stable, for people and logs
  std::string_view source;  ///< Jinja2, for ChatTemplate::Parse
};

/// What a checkpoint says about itself.
struct TemplateEvidence {
  std::string architecture;                               ///< general.architecture of GGUF, model_type of config.json; may be empty
  std::string name;                                       ///< general.name, _name_or_path; may be empty
  std::string eos;                                        ///< text of the declared EOS token; may be empty
  std::function<bool(std::string_view token)> has_token;  ///< whether the vocabulary has a token of this exact text
};

/// The template the authors' own files of such a model carry, or null where the evidence does not name one; then the model is
/// better fed plain text. Rules, first match wins; a name with the word "base" never matches:
///   bitnet-b1.58  architecture bitnet…, <|begin_of_text|> and <|eot_id|>        (BitNet-b1.58-2B-4T)
///   falcon3       name with "falcon3" (or "falcon-3"), <|user|> and <|assistant|>
///   chatml        <|im_start|> and <|im_end|>, and the latter is EOS or the name says instruct or chat  (Qwen, SmolLM, Falcon-E)
///   llama-3       <|start_header_id|>, <|end_header_id|> and <|eot_id|>, and the last is EOS or the name says instruct or chat
/// The rule on EOS is there because base models carry the same tokens, unused. Every default raises an exception where it is given
/// tools: it has no place for them. Thread-safe.
const DefaultTemplate* ChooseDefaultTemplate(const TemplateEvidence& evidence);

}  // namespace sterna

#endif  // STERNA_TEXT_TEMPLATE_DEFAULT_TEMPLATES_H_
