// Regular expressions of vocabularies that no scanner knows, with a bound on backtracking. Wraps PCRE2.
#ifndef STERNA_TEXT_REGEX_H_
#define STERNA_TEXT_REGEX_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sterna {

/// Half-open byte range of a text, and whether the pattern matched it or it lies between matches.
struct Span {
  size_t begin;
  size_t end;
  bool is_match;
};

/// A compiled pattern over Unicode characters and classes, in the dialect of Oniguruma's Ruby syntax that Hugging Face tokenizers
/// use as far as patterns of tokenizers need it: `^` and `$` match at line feeds, \s is White_Space, \w has its members. The
/// Unicode version is PCRE2's, a little older. Immutable; matching is thread-safe.
class Regex {
 public:
  static constexpr size_t kMaxPatternBytes = 16 * 1024;

  /// Malformed where the pattern does not compile, Unsupported where it is longer than kMaxPatternBytes.
  static Result<std::shared_ptr<const Regex>> Compile(std::string_view pattern);
  virtual ~Regex() = default;

  /// Appends spans that tile `text`: matches from left to right, and what lies between. An empty match splits without covering
  /// anything, as a span with begin == end. Invalid bytes are never matched. ResourceExhausted where the pattern backtracks too
  /// much.
  virtual Status Tile(std::string_view text, std::vector<Span>* spans) const = 0;
};

}  // namespace sterna

#endif  // STERNA_TEXT_REGEX_H_
