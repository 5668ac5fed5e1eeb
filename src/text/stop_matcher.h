// Finds stop strings in text that arrives piece by piece, and holds back what may still become one.
#ifndef STERNA_TEXT_STOP_MATCHER_H_
#define STERNA_TEXT_STOP_MATCHER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sterna {

/// One generation's stop strings. Text before the first stop comes out exactly once and in order; the stop itself and what follows
/// never do. Where several stops could match, the one that ends first wins, and of those that end together the longest.
/// Linear in the text whatever the stops are (Knuth-Morris-Pratt per stop). One thread.
class StopMatcher {
 public:
  static constexpr size_t kMaxStops = 16;
  static constexpr size_t kMaxStopBytes = 4096;

  /// InvalidArgument where there are more than kMaxStops, or one is empty or longer than kMaxStopBytes. No stops at all is fine.
  static Result<StopMatcher> Create(std::vector<std::string> stops);

  /// The text that is now certain not to belong to a stop. Empty once stopped().
  std::string Push(std::string_view text);
  /// The end of the text: what was held back, unless stopped().
  std::string Flush();

  bool stopped() const { return matched_ >= 0; }
  /// Index of the stop that matched, -1 while none has.
  int matched_stop() const { return matched_; }

 private:
  struct Pattern {
    std::string text;
    std::vector<uint32_t> border;  // longest proper border of each prefix
    uint32_t matched_bytes = 0;    // of `text`, as a suffix of everything seen
  };

  std::vector<Pattern> patterns_;
  std::string held_;
  int matched_ = -1;
};

}  // namespace sterna

#endif  // STERNA_TEXT_STOP_MATCHER_H_
