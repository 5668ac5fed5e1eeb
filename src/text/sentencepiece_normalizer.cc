#include "text/sentencepiece_normalizer.h"

#include <string>

#include "text/pipeline_tokenizer.h"
#include "text/utf8.h"

namespace sterna {
namespace {

class SentencePieceStep : public NormalizerStep {
 public:
  SentencePieceStep(SentencePieceRules rules, std::vector<std::pair<std::string_view, int32_t>> user_defined)
      : rules_(std::move(rules)), user_defined_(std::move(user_defined)) {}

  Status Apply(AlignedText* text) const override {
    const std::string_view space = rules_.escape_whitespaces ? kSpaceSymbol : std::string_view(" ");
    TextEdit edit(text);
    const std::string_view source = edit.source();
    size_t position = 0;
    if (rules_.remove_extra_whitespaces) {
      while (position < source.size()) {
        const PrecompiledCharsmap::Rule next = Next(source, position);
        if (next.content != " ") break;
        position += next.bytes;
      }
    }
    edit.Drop(position);
    const bool is_blank = position == source.size();
    if (!is_blank && rules_.add_dummy_prefix && !rules_.whitespace_as_suffix) edit.Insert(space);
    bool after_space = rules_.remove_extra_whitespaces;
    std::string content;
    while (position < source.size() && !edit.is_too_long()) {
      const PrecompiledCharsmap::Rule next = Next(source, position);
      std::string_view rest = next.content;
      while (after_space && rest.starts_with(' ')) rest.remove_prefix(1);
      if (rest.empty()) {
        edit.Keep(position - edit.position());
        edit.Drop(next.bytes);
      } else {
        const bool is_same = rest.data() == source.data() + position && rest.find(' ') == std::string_view::npos;
        if (!is_same) {
          edit.Keep(position - edit.position());
          content.clear();
          for (const char c : rest) content.append(c == ' ' ? space : std::string_view(&c, 1));
          edit.Replace(next.bytes, content);
        }
        after_space = rules_.remove_extra_whitespaces && rest.ends_with(' ');
      }
      position += next.bytes;
    }
    STERNA_RETURN_IF_ERROR(edit.Finish());
    if (is_blank) return Status::Ok();
    if (rules_.remove_extra_whitespaces) {
      while (text->text.ends_with(space)) text->text.resize(text->text.size() - space.size());
      if (text->is_tracked) text->origins.resize(text->text.size());
    }
    if (rules_.add_dummy_prefix && rules_.whitespace_as_suffix) {
      text->text.append(space);
      if (text->is_tracked) text->origins.resize(text->text.size(), text->origins.empty() ? TextRange{} : text->origins.back());
    }
    return Status::Ok();
  }

 private:
  // What the next bytes become.
  PrecompiledCharsmap::Rule Next(std::string_view source, size_t position) const {
    const std::string_view rest = source.substr(position);
    if (!user_defined_.empty()) {
      const PrefixTrie::Match match = user_defined_.Longest(rest);
      if (match.value >= 0) return {match.bytes, rest.substr(0, match.bytes)};
    }
    if (rules_.charsmap) {
      if (const auto rule = rules_.charsmap->Longest(rest)) return *rule;
    }
    const size_t bytes = DecodeUtf8(rest, 0).bytes;
    return {bytes, rest.substr(0, bytes)};
  }

  SentencePieceRules rules_;
  PrefixTrie user_defined_;
};

}  // namespace

std::unique_ptr<const NormalizerStep> MakeSentencePieceStep(SentencePieceRules rules,
                                                            std::vector<std::pair<std::string_view, int32_t>> user_defined) {
  return std::make_unique<SentencePieceStep>(std::move(rules), std::move(user_defined));
}

}  // namespace sterna
