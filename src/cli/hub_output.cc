#include "cli/hub_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "cli/command.h"

namespace sterna {
namespace {

constexpr size_t kBarWidth = 24;
constexpr size_t kNameWidth = 32;

}  // namespace

std::string_view HubHintFor(std::string_view command, StatusCode code) {
  static constexpr std::array<std::string_view, 6> kCommands = {"pull", "show", "ls", "rm", "prune", "verify"};
  if (std::find(kCommands.begin(), kCommands.end(), command) == kCommands.end()) return {};
  switch (code) {
    case StatusCode::kNotFound:
      return "`sterna ls` lists the cached models, `sterna pull` downloads one";
    case StatusCode::kMalformed:
      if (command == "verify") return "`sterna verify --remove` takes damaged files away, `sterna pull` fetches them again";
      return "the endpoint, or a proxy in between, does not give what it promises: try again, or choose another in HF_ENDPOINT";
    case StatusCode::kResourceExhausted:
      if (command == "show") return "choose a smaller model or type, a shorter context with --ctx-size, or free some memory";
      return "make room (`sterna ls`, `sterna rm`, `sterna prune`), or put the cache elsewhere with HF_HUB_CACHE";
    case StatusCode::kIo:
      return "run the command again: what has arrived is kept";
    default:
      return "`sterna pull --help` lists what the hub's commands take";
  }
}

std::string HumanBytes(uint64_t bytes) {
  static constexpr std::array<std::string_view, 6> kUnits = {"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1000;
  size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string HumanTime(int64_t seconds_since_1970) {
  if (seconds_since_1970 == 0) return "-";
  const std::time_t time = seconds_since_1970;
  std::tm parts{};
  std::array<char, 32> text{};
  if (localtime_r(&time, &parts) == nullptr) return "-";
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M", &parts)};
}

std::string Padded(std::string_view text, size_t width) {
  std::string out(text);
  if (out.size() < width) out.append(width - out.size(), ' ');
  return out;
}

void ProgressBar::Draw(std::string_view activity, uint64_t done, uint64_t total) {
  if (!is_shown_) return;
  const auto now = std::chrono::steady_clock::now();
  if (!is_drawn_ && start_ == std::chrono::steady_clock::time_point()) {
    start_ = now;
    first_done_ = done;
  }
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = seconds > 0.5 && done > first_done_ ? static_cast<double>(done - first_done_) / seconds : 0;
  const double share = total == 0 ? 0 : static_cast<double>(done) / static_cast<double>(total);
  const auto filled = static_cast<size_t>(share * static_cast<double>(kBarWidth));
  std::string line =
      fmt::format("\r\x1b[K{} [{}{}] {:3.0f}% {} / {}", Padded(activity.substr(0, kNameWidth), kNameWidth),
                  std::string(filled, '#'), std::string(kBarWidth - filled, ' '), share * 100, HumanBytes(done), HumanBytes(total));
  if (rate > 0) {
    const auto left = static_cast<int64_t>(static_cast<double>(total - done) / rate);
    line += fmt::format(", {}/s, {}:{:02} left", HumanBytes(static_cast<uint64_t>(rate)), left / 60, left % 60);
  }
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
  is_drawn_ = true;
}

void ProgressBar::Clear() {
  if (!is_drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  is_drawn_ = false;
}

}  // namespace sterna
