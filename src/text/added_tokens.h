// Finds the tokens that are matched as plain text before anything else: "<|eot_id|>" and its like.
#ifndef STERNA_TEXT_ADDED_TOKENS_H_
#define STERNA_TEXT_ADDED_TOKENS_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/tokenizer.h"

namespace sterna {

struct AddedToken {
  std::string text;  ///< what is searched; 1..kMaxAddedTokenBytes bytes
  int32_t id = -1;
  bool is_control = false;    ///< found only where the caller parses special tokens
  bool single_word = false;   ///< not inside a word
  bool strips_left = false;   ///< takes the white space before it
  bool strips_right = false;  ///< takes the white space after it
};
inline constexpr size_t kMaxAddedTokenBytes = 1024;

/// Which control tokens are found.
struct ControlTokens {
  bool is_parsed = false;
  /// Parts of the text, rising and apart, that none may overlap.
  std::span<const TextSlice> literal = {};

  /// Whether a control token at [begin, end) is one.
  bool Allows(size_t begin, size_t end) const {
    if (!is_parsed) return false;
    const auto next = std::ranges::upper_bound(literal, begin, {}, &TextSlice::end);
    return next == literal.end() || next->begin >= end;
  }
};

/// A stretch of text, or one token (id >= 0) that stands for it.
struct Fragment {
  std::string_view text;
  int32_t id = -1;
};

/// Immutable after construction.
class AddedTokenMatcher {
 public:
  AddedTokenMatcher() : AddedTokenMatcher(std::vector<AddedToken>()) {}
  /// Errors are the caller's to exclude: texts of 1..kMaxAddedTokenBytes bytes.
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }
  const std::vector<AddedToken>& tokens() const { return tokens_; }

  /// Hugging Face: from left to right, the longest at each place; a control token that is not parsed still hides what lies in it
  /// (`tokenizers` AddedVocabulary::find_matches). Appends fragments that are views of `text`.
  void PartitionLeftmostLongest(std::string_view text, const ControlTokens& control, std::vector<Fragment>* fragments) const;
  /// GGUF: the longest token wherever it occurs, then the next in what is left (llama.cpp tokenizer_st_partition).
  void PartitionLongestFirst(std::string_view text, const ControlTokens& control, std::vector<Fragment>* fragments) const;

 private:
  struct Node {
    int32_t token = -1;  // index into tokens_ of the text that ends here
    int32_t first_child = -1;
    int32_t sibling = -1;
    char byte = 0;
  };

  int32_t Child(int32_t node, char byte) const;
  void Insert(size_t token);
  /// Index of the longest token that starts at `position`, or -1.
  int32_t LongestAt(std::string_view text, size_t position) const;
  size_t NextCandidate(std::string_view text, size_t position) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;
  std::vector<int32_t> roots_;           // child of the root by first byte
  std::optional<char> only_first_byte_;  // of all tokens, where they agree: "<" in most vocabularies
};

}  // namespace sterna

#endif  // STERNA_TEXT_ADDED_TOKENS_H_
