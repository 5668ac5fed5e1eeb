// Header lines of an answer, and the few of them that decide what is written to the disk.
#ifndef STERNA_HUB_RESPONSE_HEADERS_H_
#define STERNA_HUB_RESPONSE_HEADERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sterna {

/// Names are compared without regard to case. Bounded: Add refuses what is over 256 headers or 128 KiB.
class ResponseHeaders {
 public:
  Status Add(std::string_view name, std::string_view value);
  /// "Name: value\r\n"; a line without a colon is passed over.
  Status AddLine(std::string_view line);
  /// Nothing where it is absent; Malformed where it is there with two different values.
  Result<std::optional<std::string_view>> Find(std::string_view name) const;
  /// Find, with an empty text for an absent or contradictory header.
  std::string_view Text(std::string_view name) const;

 private:
  struct Header {
    std::string name, value;
  };
  std::vector<Header> headers_;
  size_t bytes_ = 0;
};

/// "bytes 0-9/100": the first and last byte of an answer with status 206, and the size of the whole.
struct ContentRange {
  uint64_t first = 0, last = 0, size = 0;
};
/// Malformed for every other form, also for an unknown size ("*") and for bounds that contradict each other.
Result<ContentRange> ParseContentRange(std::string_view value);

/// Decimal digits alone, up to 2^63 - 1.
Result<uint64_t> ParseByteCount(std::string_view name, std::string_view value);

/// The text between the quotes of an ETag, weak or not: W/"abc" is abc.
std::string EtagValue(std::string_view value);

/// The address of the next page in a Link header: <URL>; rel="next". Nothing where there is none.
std::optional<std::string> NextPage(std::string_view link);

/// Seconds of a Retry-After header; nothing for a date, as huggingface_hub reads it.
std::optional<int64_t> RetryAfterSeconds(std::string_view value);

}  // namespace sterna

#endif  // STERNA_HUB_RESPONSE_HEADERS_H_
