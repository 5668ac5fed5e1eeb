// How the hub's commands show sizes, times and what is going on.
#ifndef STERNA_CLI_HUB_OUTPUT_H_
#define STERNA_CLI_HUB_OUTPUT_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace sterna {

/// "1.2 GB": decimal units, as the hub's pages show them.
std::string HumanBytes(uint64_t bytes);

/// "2026-11-23 15:04", local time; "-" for 0.
std::string HumanTime(int64_t seconds_since_1970);

/// `text` with spaces behind it up to `width` characters.
std::string Padded(std::string_view text, size_t width);

/// A bar on standard error, drawn over itself; nothing where that is no terminal.
class ProgressBar {
 public:
  explicit ProgressBar(bool is_shown) : is_shown_(is_shown) {}
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() { Clear(); }

  void Draw(std::string_view activity, uint64_t done, uint64_t total);
  /// Takes the bar off the screen, so that a line can be printed.
  void Clear();

 private:
  bool is_shown_;
  bool is_drawn_ = false;
  uint64_t first_done_ = 0;
  std::chrono::steady_clock::time_point start_{};
};

}  // namespace sterna

#endif  // STERNA_CLI_HUB_OUTPUT_H_
