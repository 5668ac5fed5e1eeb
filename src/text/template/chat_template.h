// Chat templates as Hugging Face transformers renders them: the part of Jinja2 they use, in a closed interpreter.
#ifndef STERNA_TEXT_TEMPLATE_CHAT_TEMPLATE_H_
#define STERNA_TEXT_TEMPLATE_CHAT_TEMPLATE_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "text/template/template_options.h"
#include "text/template/template_value.h"

namespace sterna {

/// One message of the plain case: text only.
struct ChatMessage {
  std::string role;
  std::string content;
};

/// A parsed template. Immutable and thread-safe: renderings share nothing but the tree. The reference is jinja2 3.1.6 as
/// transformers 5.23 sets it up (ImmutableSandboxedEnvironment; trim_blocks, lstrip_blocks, loop controls, {% generation %},
/// raise_exception, strftime_now, tojson without HTML escapes); README.md lists what is left out.
class ChatTemplate {
 public:
  static constexpr size_t kMaxSourceBytes = size_t{1} << 20;

  /// Errors: Malformed as "MESSAGE (line L, column C)", also where it nests deeper than 100 levels; Unsupported for what can only
  /// be meant for a file system or another template (include, import, extends, block); OutOfRange where it is longer than
  /// kMaxSourceBytes.
  static Result<std::shared_ptr<const ChatTemplate>> Parse(std::string_view source);

  ChatTemplate(const ChatTemplate&) = delete;
  ChatTemplate& operator=(const ChatTemplate&) = delete;
  ~ChatTemplate();

  /// `variables`: a dict of what the template reads: messages, tools, documents, add_generation_prompt, bos_token, eos_token, …
  /// A variable that is None is defined; one that is missing is not. Errors: InvalidArgument with the template's own words where it
  /// calls raise_exception; InvalidArgument as "MESSAGE (line L, column C)" for every other mistake, with Python's message;
  /// ResourceExhausted where a limit of `options` is passed; InvalidArgument where `variables` is no dict or nested deeper than
  /// 100. Needs at most 1 MiB of stack.
  Result<std::string> Render(const TemplateValue& variables, const TemplateOptions& options = {}) const;

 private:
  struct Tree;
  explicit ChatTemplate(std::unique_ptr<const Tree> tree);

  std::unique_ptr<const Tree> tree_;
};

/// Renders plain messages with these special tokens; `tools` and `documents` are None, as transformers passes them.
Result<std::string> RenderChat(const ChatTemplate& chat_template, std::span<const ChatMessage> messages, bool add_generation_prompt,
                               std::string_view bos_token, std::string_view eos_token, const TemplateOptions& options = {});

}  // namespace sterna

#endif  // STERNA_TEXT_TEMPLATE_CHAT_TEMPLATE_H_
