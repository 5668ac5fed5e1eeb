// A conversation to token ids: template and tokenizer, with what people wrote kept apart from what controls the model.
#ifndef STERNA_API_CHAT_PROMPT_H_
#define STERNA_API_CHAT_PROMPT_H_

#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "text/template/chat_template.h"
#include "text/tokenizer.h"

namespace sterna {

/// A rendered chat. Encode it with add_special off (the template writes BOS itself), parse_special on and these literal parts.
struct ChatPrompt {
  std::string text;
  std::vector<TextSlice> literal;  ///< control tokens' texts that came from messages, and are text
};

/// Renders `messages` with the start of an answer. The text of a control token inside a message ("<|im_end|>") stays text, whatever
/// the template does around it: such places are marked before the template sees them, so a template's tests and cuts see the marks
/// (noncharacters, U+FDD0 and U+FDD1) there. Errors: the template's.
Result<ChatPrompt> RenderChatPrompt(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                                    std::span<const ChatMessage> messages);

/// The ids of a rendered chat.
Result<std::vector<TokenId>> EncodeChatPrompt(const Tokenizer& tokenizer, const ChatPrompt& prompt);

}  // namespace sterna

#endif  // STERNA_API_CHAT_PROMPT_H_
