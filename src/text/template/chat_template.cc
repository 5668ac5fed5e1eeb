#include "text/template/chat_template.h"

#include <fmt/format.h>

#include "text/template/evaluator.h"
#include "text/template/parser.h"

namespace sterna {

struct ChatTemplate::Tree {
  jinja::Body body;
};

ChatTemplate::ChatTemplate(std::unique_ptr<const Tree> tree) : tree_(std::move(tree)) {}

ChatTemplate::~ChatTemplate() = default;

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::Parse(std::string_view source) {
  if (source.size() > kMaxSourceBytes) {
    return OutOfRange(fmt::format("chat template: expected at most {} bytes, found {}", kMaxSourceBytes, source.size()));
  }
  STERNA_ASSIGN_OR_RETURN(jinja::Body body, jinja::ParseTemplate(source));
  auto tree = std::make_unique<Tree>();
  tree->body = std::move(body);
  return std::shared_ptr<const ChatTemplate>(new ChatTemplate(std::move(tree)));
}

Result<std::string> ChatTemplate::Render(const TemplateValue& variables, const TemplateOptions& options) const {
  if (!variables.is(TemplateValue::Kind::kDict)) return InvalidArgument("template variables: expected a dict");
  if (variables.depth() > jinja::kMaxValueDepth) {
    return InvalidArgument(fmt::format("template variables: expected at most {} levels of lists and dicts, found {}",
                                       jinja::kMaxValueDepth, variables.depth()));
  }
  return jinja::Evaluator(variables, options).Run(tree_->body);
}

Result<std::string> RenderChat(const ChatTemplate& chat_template, std::span<const ChatMessage> messages, bool add_generation_prompt,
                               std::string_view bos_token, std::string_view eos_token, const TemplateOptions& options) {
  std::vector<TemplateValue> list;
  list.reserve(messages.size());
  for (const ChatMessage& message : messages) {
    list.push_back(
        TemplateValue::Dict({{"role", TemplateValue::String(message.role)}, {"content", TemplateValue::String(message.content)}}));
  }
  return chat_template.Render(TemplateValue::Dict({{"messages", TemplateValue::List(std::move(list))},
                                                   {"tools", TemplateValue()},
                                                   {"documents", TemplateValue()},
                                                   {"add_generation_prompt", TemplateValue::Bool(add_generation_prompt)},
                                                   {"bos_token", TemplateValue::String(std::string(bos_token))},
                                                   {"eos_token", TemplateValue::String(std::string(eos_token))}}),
                              options);
}

}  // namespace sterna
