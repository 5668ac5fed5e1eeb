#include "text/stop_matcher.h"

#include <fmt/format.h>

#include <algorithm>

namespace sterna {

Result<StopMatcher> StopMatcher::Create(std::vector<std::string> stops) {
  if (stops.size() > kMaxStops) {
    return InvalidArgument(fmt::format("stop: at most {} strings, found {}", kMaxStops, stops.size()));
  }
  StopMatcher matcher;
  for (size_t i = 0; i < stops.size(); ++i) {
    if (stops[i].empty()) return InvalidArgument(fmt::format("stop[{}]: an empty string would stop at once", i));
    if (stops[i].size() > kMaxStopBytes) {
      return InvalidArgument(fmt::format("stop[{}]: at most {} bytes, found {}", i, kMaxStopBytes, stops[i].size()));
    }
    Pattern pattern;
    pattern.text = std::move(stops[i]);
    pattern.border.resize(pattern.text.size());
    for (size_t end = 1; end < pattern.text.size(); ++end) {
      uint32_t border = pattern.border[end - 1];
      while (border > 0 && pattern.text[end] != pattern.text[border]) border = pattern.border[border - 1];
      pattern.border[end] = border + (pattern.text[end] == pattern.text[border] ? 1 : 0);
    }
    matcher.patterns_.push_back(std::move(pattern));
  }
  return matcher;
}

std::string StopMatcher::Push(std::string_view text) {
  if (stopped()) return {};
  for (const char c : text) {
    held_.push_back(c);
    size_t longest = 0;
    for (size_t i = 0; i < patterns_.size(); ++i) {
      Pattern& pattern = patterns_[i];
      while (pattern.matched_bytes > 0 && pattern.text[pattern.matched_bytes] != c) {
        pattern.matched_bytes = pattern.border[pattern.matched_bytes - 1];
      }
      if (pattern.text[pattern.matched_bytes] == c) ++pattern.matched_bytes;
      if (pattern.matched_bytes == pattern.text.size() && pattern.text.size() > longest) {
        longest = pattern.text.size();
        matched_ = static_cast<int>(i);
      }
    }
    if (stopped()) {
      std::string out = held_.substr(0, held_.size() - longest);
      held_.clear();
      return out;
    }
  }
  size_t keep = 0;
  for (const Pattern& pattern : patterns_) keep = std::max<size_t>(keep, pattern.matched_bytes);
  std::string out = held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return out;
}

std::string StopMatcher::Flush() {
  std::string out;
  if (!stopped()) out.swap(held_);
  for (Pattern& pattern : patterns_) pattern.matched_bytes = 0;
  return out;
}

}  // namespace sterna
