#include "api/chat_prompt.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace sterna {
namespace {

// Two of the characters that Unicode keeps for uses like this one.
constexpr std::string_view kOpen = "\uFDD0";
constexpr std::string_view kClose = "\uFDD1";

size_t LongestRun(std::string_view text, std::string_view character) {
  size_t longest = 0, run = 0;
  for (size_t at = 0; at < text.size();) {
    const bool matches = text.substr(at, character.size()) == character;
    run = matches ? run + 1 : 0;
    longest = std::max(longest, run);
    at += matches ? character.size() : 1;
  }
  return longest;
}

std::string Repeat(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

/// Puts marks around control tokens' texts, and takes them out of what was rendered.
class Marker {
 public:
  /// The marks are longer than any run of their characters in `messages`, so that none of those is one.
  explicit Marker(std::span<const ChatMessage> messages) {
    size_t longest = 0;
    for (const ChatMessage& message : messages) {
      for (const std::string* text : {&message.role, &message.content}) {
        longest = std::max({longest, LongestRun(*text, kOpen), LongestRun(*text, kClose)});
      }
    }
    open_ = Repeat(kOpen, longest + 1);
    close_ = Repeat(kClose, longest + 1);
  }

  Result<std::string> Mark(const Tokenizer& tokenizer, const std::string& text) const {
    STERNA_ASSIGN_OR_RETURN(const TokenizedText tokens,
                            tokenizer.EncodeWithSpans(text, {.add_special = false, .parse_special = true}));
    std::string marked;
    size_t copied = 0;
    for (size_t i = 0; i < tokens.ids.size(); ++i) {
      const TokenSpan& span = tokens.spans[i];
      if (!tokenizer.IsControl(tokens.ids[i]) || span.begin_byte == span.end_byte) continue;
      marked.append(text, copied, span.begin_byte - copied);
      marked += open_;
      marked.append(text, span.begin_byte, span.end_byte - span.begin_byte);
      marked += close_;
      copied = span.end_byte;
    }
    marked.append(text, copied);
    return marked;
  }

  /// A template may have cut off one mark of a pair. An opening one then reaches to the end; a closing one back to the pair before
  /// it, over what the template itself wrote too: rather an answer that goes astray than a message in control.
  ChatPrompt Unmark(std::string_view rendered) const {
    ChatPrompt prompt;
    constexpr size_t kClosed = std::string_view::npos;
    size_t begin = kClosed;
    for (size_t at = 0; at < rendered.size();) {
      const size_t open = rendered.find(open_, at), close = rendered.find(close_, at);
      const size_t next = std::min({open, close, rendered.size()});
      prompt.text.append(rendered.substr(at, next - at));
      if (next == close || (begin != kClosed && next == rendered.size())) {
        const size_t before = prompt.literal.empty() ? 0 : prompt.literal.back().end;
        prompt.literal.push_back({begin == kClosed ? before : begin, prompt.text.size()});
        begin = kClosed;
      }
      if (next == open && begin == kClosed) begin = prompt.text.size();
      at = next == rendered.size() ? next : next + (next == open ? open_.size() : close_.size());
    }
    return prompt;
  }

 private:
  std::string open_, close_;
};

}  // namespace

Result<ChatPrompt> RenderChatPrompt(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                                    std::span<const ChatMessage> messages) {
  const Marker marker(messages);
  std::vector<ChatMessage> marked;
  for (const ChatMessage& message : messages) {
    STERNA_ASSIGN_OR_RETURN(std::string role, marker.Mark(tokenizer, message.role));
    STERNA_ASSIGN_OR_RETURN(std::string content, marker.Mark(tokenizer, message.content));
    marked.push_back({.role = std::move(role), .content = std::move(content)});
  }
  const auto token_text = [&](std::optional<TokenId> id) { return id ? std::string(tokenizer.TokenBytes(*id)) : std::string(); };
  STERNA_ASSIGN_OR_RETURN(const std::string rendered, RenderChat(chat_template, marked, /*add_generation_prompt=*/true,
                                                                 token_text(tokenizer.bos()), token_text(tokenizer.eos())));
  return marker.Unmark(rendered);
}

Result<std::vector<TokenId>> EncodeChatPrompt(const Tokenizer& tokenizer, const ChatPrompt& prompt) {
  return tokenizer.Encode(prompt.text, {.add_special = false, .parse_special = true, .literal = prompt.literal});
}

}  // namespace sterna
