#include "text/word_models.h"

#include <utility>

#include "text/utf8.h"

namespace sterna {
namespace {

Status NoUnknownToken() {
  return Malformed("the vocabulary has no token for unknown words, and the text has one");
}

class WordLevelModel : public SubwordModel {
 public:
  WordLevelModel(const TokenTable& texts, const std::vector<uint8_t>& is_control, int32_t unknown_id)
      : texts_(texts), index_(texts.size()), unknown_id_(unknown_id) {
    for (size_t id = 0; id < texts_.size(); ++id) {
      if (!is_control[id] && !texts_[id].empty()) index_.Insert(texts_, static_cast<int32_t>(id));
    }
  }

  Status EncodeWord(std::string_view word, SubwordScratch*, const WordTokens& out) const override {
    int32_t id = index_.Find(texts_, word);
    if (id < 0) id = unknown_id_;
    if (id < 0) return NoUnknownToken();
    out.Add(id, 0, static_cast<uint32_t>(word.size()));
    return Status::Ok();
  }

 private:
  TokenTable texts_;
  TokenIndex index_;
  int32_t unknown_id_;
};

class WordPieceModel : public SubwordModel {
 public:
  WordPieceModel(const TokenTable& texts, const std::vector<uint8_t>& is_control, const WordPieceOptions& options)
      : max_characters_(options.max_characters), unknown_id_(options.unknown_id) {
    std::vector<std::pair<std::string_view, int32_t>> first;
    std::vector<std::pair<std::string_view, int32_t>> rest;
    for (size_t id = 0; id < texts.size(); ++id) {
      const std::string_view text = texts[id];
      if (is_control[id] || text.empty()) continue;
      first.emplace_back(text, static_cast<int32_t>(id));
      if (text.starts_with(options.continuing_prefix)) {
        rest.emplace_back(text.substr(options.continuing_prefix.size()), static_cast<int32_t>(id));
      }
    }
    first_ = PrefixTrie(std::move(first));
    rest_ = PrefixTrie(std::move(rest));
  }

  Status EncodeWord(std::string_view word, SubwordScratch*, const WordTokens& out) const override {
    const size_t first_id = out.ids->size();
    const size_t first_range = out.ranges == nullptr ? 0 : out.ranges->size();
    bool is_known = !HasMoreCharacters(word, max_characters_);
    for (size_t position = 0; is_known && position < word.size();) {
      const PrefixTrie::Match match = LongestPiece(word, position);
      is_known = match.value >= 0;
      if (!is_known) break;
      out.Add(match.value, static_cast<uint32_t>(position), static_cast<uint32_t>(position + match.bytes));
      position += match.bytes;
    }
    if (is_known) return Status::Ok();
    if (unknown_id_ < 0) return NoUnknownToken();
    out.ids->resize(first_id);
    if (out.ranges != nullptr) out.ranges->resize(first_range);
    out.Add(unknown_id_, 0, static_cast<uint32_t>(word.size()));
    return Status::Ok();
  }

 private:
  static bool HasMoreCharacters(std::string_view word, size_t limit) {
    if (word.size() <= limit) return false;
    size_t count = 0;
    for (size_t position = 0; position < word.size(); position += DecodeUtf8(word, position).bytes) {
      if (++count > limit) return true;
    }
    return false;
  }

  PrefixTrie::Match LongestPiece(std::string_view word, size_t position) const {
    return (position == 0 ? first_ : rest_).Longest(word.substr(position));
  }

  PrefixTrie first_;  // all tokens: one with the prefix can begin a word that begins so
  PrefixTrie rest_;   // tokens with the prefix, without it
  size_t max_characters_;
  int32_t unknown_id_;
};

}  // namespace

std::unique_ptr<const SubwordModel> MakeWordLevelModel(const TokenTable& texts, const std::vector<uint8_t>& is_control,
                                                       int32_t unknown_id) {
  return std::make_unique<WordLevelModel>(texts, is_control, unknown_id);
}

std::unique_ptr<const SubwordModel> MakeWordPieceModel(const TokenTable& texts, const std::vector<uint8_t>& is_control,
                                                       const WordPieceOptions& options) {
  return std::make_unique<WordPieceModel>(texts, is_control, options);
}

}  // namespace sterna
