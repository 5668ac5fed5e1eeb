// The compiled replacement rules of SentencePiece models: a double array over bytes that points into a pool of texts.
#ifndef STERNA_TEXT_PRECOMPILED_CHARSMAP_H_
#define STERNA_TEXT_PRECOMPILED_CHARSMAP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sterna {

/// Immutable after construction; look-ups are thread-safe and stay inside the data whatever it says.
class PrecompiledCharsmap {
 public:
  static constexpr size_t kMaxBytes = size_t{1} << 26;

  /// blob: u32 bytes of the double array, little endian; the array, u32 units of darts-clone; texts, each ended by a zero byte
  /// (sentencepiece normalizer.cc). Malformed where it is cut short, its sizes disagree, the pool is not ended or not UTF-8;
  /// `where` begins the message.
  static Result<PrecompiledCharsmap> Parse(std::string_view blob, std::string_view where);

  struct Rule {
    size_t bytes;              ///< of the text that the rule replaces
    std::string_view content;  ///< what it becomes; valid as long as the map
  };
  /// The rule of the longest prefix of `text` that has one.
  std::optional<Rule> Longest(std::string_view text) const { return Find(text, true); }
  /// The same, of the shortest.
  std::optional<Rule> Shortest(std::string_view text) const { return Find(text, false); }

 private:
  std::optional<Rule> Find(std::string_view text, bool longest) const;
  std::string_view Content(uint32_t offset) const;

  std::vector<uint32_t> units_;
  std::string pool_;
};

}  // namespace sterna

#endif  // STERNA_TEXT_PRECOMPILED_CHARSMAP_H_
