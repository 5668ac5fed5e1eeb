#include "hub/file_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <set>

#include "hub/quoted.h"

namespace sterna {
namespace {

constexpr std::array<std::string_view, 8> kPreferred = {"I2_S", "TQ2_0", "TQ1_0", "Q4_K_M", "Q4_0", "Q8_0", "BF16", "F16"};
constexpr size_t kShownQuantizations = 30;

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

/// "model-00001-of-00003.gguf" is part 1 of 3 of "model.gguf".
struct SplitName {
  std::string whole;
  int part = 1, parts = 1;
};

SplitName SplitOf(std::string_view path) {
  constexpr size_t kSuffixBytes = std::string_view("-00001-of-00003").size();
  const std::string_view stem = path.substr(0, path.size() - std::string_view(".gguf").size());
  if (stem.size() <= kSuffixBytes) return {std::string(path)};
  const std::string_view suffix = stem.substr(stem.size() - kSuffixBytes);
  const auto number = [&](size_t at) -> int {
    int value = 0;
    for (size_t i = at; i < at + 5; ++i) {
      if (!IsDigit(suffix[i])) return -1;
      value = value * 10 + (suffix[i] - '0');
    }
    return value;
  };
  const int part = number(1), parts = number(10);
  if (suffix[0] != '-' || suffix.substr(6, 4) != "-of-" || part < 1 || parts < part) return {std::string(path)};
  return {std::string(stem.substr(0, stem.size() - kSuffixBytes)) + ".gguf", part, parts};
}

/// A GGUF model: its parts in order.
struct Candidate {
  std::string whole;                 ///< the path without the numbers of a part
  std::map<int, std::string> parts;  ///< by number
  int expected = 1;
};

std::vector<Candidate> Candidates(std::span<const std::string> paths) {
  std::map<std::pair<std::string, int>, Candidate> found;
  for (const std::string& path : paths) {
    const std::string name = Lower(BaseName(path));
    if (!name.ends_with(".gguf") || name.find("mmproj") != std::string::npos || name.find("imatrix") != std::string::npos) continue;
    const SplitName split = SplitOf(path);
    Candidate& candidate = found[{split.whole, split.parts}];
    candidate.whole = split.whole;
    candidate.expected = split.parts;
    candidate.parts[split.part] = path;
  }
  std::vector<Candidate> out;
  for (auto& [key, candidate] : found) out.push_back(std::move(candidate));
  return out;
}

/// `tag` in `path` with a separator, or an end, on both sides. An underscore ends a tag only before it: Q4_K is not Q4_K_M.
bool HasTag(std::string_view path, std::string_view tag) {
  const std::string text = Lower(path), wanted = Lower(tag);
  for (size_t at = text.find(wanted); at != std::string::npos; at = text.find(wanted, at + 1)) {
    const size_t end = at + wanted.size();
    const bool begins = at == 0 || std::string_view("-_./").find(text[at - 1]) != std::string_view::npos;
    const bool ends = end == text.size() || std::string_view("-./").find(text[end]) != std::string_view::npos;
    if (begins && ends) return true;
  }
  return false;
}

/// The shortest of those with the tag; they are sorted by name.
const Candidate* BestWithTag(const std::vector<Candidate>& candidates, std::string_view tag) {
  const Candidate* best = nullptr;
  for (const Candidate& candidate : candidates) {
    if (HasTag(candidate.whole, tag) && (best == nullptr || candidate.whole.size() < best->whole.size())) best = &candidate;
  }
  return best;
}

const Candidate* WithName(const std::vector<Candidate>& candidates, std::string_view name) {
  const std::string wanted = Lower(name);
  for (const Candidate& candidate : candidates) {
    if (Lower(candidate.whole) == wanted || Lower(BaseName(candidate.whole)) == wanted) return &candidate;
    for (const auto& [number, path] : candidate.parts) {
      if (Lower(path) == wanted || Lower(BaseName(path)) == wanted) return &candidate;
    }
  }
  return nullptr;
}

Result<FileChoice> FromCandidate(const Candidate& candidate) {
  if (static_cast<int>(candidate.parts.size()) != candidate.expected) {
    return InvalidArgument(
        fmt::format("{}: expected {} parts, found {}", candidate.whole, candidate.expected, candidate.parts.size()));
  }
  FileChoice choice;
  for (const auto& [number, path] : candidate.parts) choice.paths.push_back(path);
  choice.entry = choice.paths.front();
  return choice;
}

bool IsCheckpointText(std::string_view name) {
  static constexpr std::array<std::string_view, 6> kEndings = {".json", ".jinja", ".model", ".txt", ".tiktoken", ".vocab"};
  return std::any_of(kEndings.begin(), kEndings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

Result<FileChoice> ChooseCheckpoint(std::span<const std::string> paths) {
  const auto is_torch = [](std::string_view name) {
    return name.ends_with(".bin") || name.ends_with(".pt") || name.ends_with(".pth");
  };
  bool has_safetensors = false, has_torch = false, has_config = false;
  for (const std::string& path : paths) {
    if (path.find('/') != std::string::npos) continue;
    has_safetensors = has_safetensors || path.ends_with(".safetensors");
    has_torch = has_torch || is_torch(path);
    has_config = has_config || path == "config.json";
  }
  if (!has_config || (!has_safetensors && !has_torch)) {
    return InvalidArgument("no model found: expected a GGUF file, or config.json with safetensors or PyTorch weights");
  }
  FileChoice choice;
  for (const std::string& path : paths) {
    if (path.find('/') != std::string::npos) continue;
    const bool is_weights = has_safetensors ? path.ends_with(".safetensors") : is_torch(path);
    if (is_weights || IsCheckpointText(path)) choice.paths.push_back(path);
  }
  std::sort(choice.paths.begin(), choice.paths.end());
  return choice;
}

/// A tag that finds `candidate`: the quantization in its name, as far as it can be told, else the file's name.
std::string TagOf(const Candidate& candidate) {
  std::string_view stem = BaseName(candidate.whole);
  stem.remove_suffix(std::string_view(".gguf").size());
  // The last piece with a digit that begins like a type: Q8_0, IQ4_NL, TQ2_0, i2_s, F16, BF16, MXFP4.
  for (size_t end = stem.size(); end > 0;) {
    const size_t begin = stem.find_last_of("-.", end - 1);
    const std::string_view piece =
        stem.substr(begin == std::string_view::npos ? 0 : begin + 1, begin == std::string_view::npos ? end : end - begin - 1);
    const std::string lower = Lower(piece);
    for (const std::string_view prefix : {"q", "iq", "tq", "pq", "ptq", "i2", "tl", "f", "bf", "mxfp"}) {
      if (lower.size() > prefix.size() && lower.starts_with(prefix) &&
          (IsDigit(lower[prefix.size()]) || lower[prefix.size()] == '_')) {
        return std::string(piece);
      }
    }
    if (begin == std::string_view::npos) break;
    end = begin;
  }
  return std::string(BaseName(candidate.whole));
}

}  // namespace

std::vector<std::string> Quantizations(std::span<const std::string> paths) {
  std::set<std::string> tags;
  for (const Candidate& candidate : Candidates(paths)) tags.insert(TagOf(candidate));
  return {tags.begin(), tags.end()};
}

Result<FileChoice> ChooseModelFiles(std::span<const std::string> paths, std::string_view quant) {
  const std::vector<Candidate> candidates = Candidates(paths);
  if (!quant.empty()) {
    const Candidate* named = WithName(candidates, quant);
    if (named == nullptr) named = BestWithTag(candidates, quant);
    if (named != nullptr) return FromCandidate(*named);
    if (candidates.empty()) return InvalidArgument(fmt::format("no GGUF file, so no quantization {} to choose", InQuotes(quant)));
    std::vector<std::string> tags = Quantizations(paths);
    if (tags.size() > kShownQuantizations) tags.resize(kShownQuantizations);
    return InvalidArgument(fmt::format("no GGUF file has {} in its name; there are: {}", InQuotes(quant), fmt::join(tags, ", ")));
  }
  if (candidates.empty()) return ChooseCheckpoint(paths);
  for (const std::string_view tag : kPreferred) {
    if (const Candidate* preferred = BestWithTag(candidates, tag)) return FromCandidate(*preferred);
  }
  return FromCandidate(candidates.front());
}

}  // namespace sterna
