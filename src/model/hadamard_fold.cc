#include "model/hadamard_fold.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace sterna {
namespace {

constexpr std::string_view kPrefix = "prism.hadamard.";
constexpr int64_t kMaxBlock = 65536;

std::string Key(std::string_view name) {
  return std::string(kPrefix) + std::string(name);
}

Status CheckKeys(const Metadata& metadata) {
  constexpr std::array<std::string_view, 9> kKnown = {"version",     "block_size",   "transform",
                                                      "axis",        "sign_mode",    "sign_widths",
                                                      "sign_values", "weight_names", "inverse_weight_names"};
  for (const Metadata::Item& item : metadata.items()) {
    if (!item.key.starts_with(kPrefix)) continue;
    if (std::ranges::find(kKnown, std::string_view(item.key).substr(kPrefix.size())) == kKnown.end()) {
      return Unsupported(fmt::format("{}: a rotation of weights this engine does not know", item.key));
    }
  }
  return Status::Ok();
}

Status CheckWord(const Metadata& metadata, std::string_view name, std::string_view expected) {
  STERNA_ASSIGN_OR_RETURN(const std::string_view found, metadata.GetString(Key(name)));
  if (found == expected) return Status::Ok();
  return Unsupported(fmt::format("{}: expected {}, found {}", Key(name), expected, found));
}

Status ReadSigns(const Metadata& metadata, HadamardFold* fold) {
  STERNA_ASSIGN_OR_RETURN(const std::vector<int64_t> widths, metadata.GetInts(Key("sign_widths")));
  STERNA_ASSIGN_OR_RETURN(const std::vector<int64_t> values, metadata.GetInts(Key("sign_values")));
  size_t at = 0;
  for (const int64_t width : widths) {
    if (width < 1 || static_cast<uint64_t>(width) > values.size() - at) {
      return Malformed(
          fmt::format("{}: expected widths that sum to the {} sign_values, found {}", Key("sign_widths"), values.size(), width));
    }
    std::vector<int8_t> signs;
    for (int64_t c = 0; c < width; ++c) {
      const int64_t sign = values[at++];
      if (sign != 1 && sign != -1) return Malformed(fmt::format("{}: expected 1 or -1, found {}", Key("sign_values"), sign));
      signs.push_back(static_cast<int8_t>(sign));
    }
    if (!fold->signs.emplace(width, std::move(signs)).second) {
      return Malformed(fmt::format("{}: expected each width once, found {} again", Key("sign_widths"), width));
    }
  }
  if (at == values.size() && at > 0) return Status::Ok();
  return Malformed(fmt::format("{}: expected {} values, the sum of sign_widths, found {}", Key("sign_values"), at, values.size()));
}

// In place, times 1 / sqrt(n): n is a power of two.
void HadamardTransform(std::span<float> values) {
  for (size_t half = 1; half < values.size(); half *= 2) {
    for (size_t first = 0; first < values.size(); first += 2 * half) {
      for (size_t i = first; i < first + half; ++i) {
        const float a = values[i], b = values[i + half];
        values[i] = a + b;
        values[i + half] = a - b;
      }
    }
  }
  const float factor = 1.0f / std::sqrt(static_cast<float>(values.size()));
  for (float& value : values) value *= factor;
}

}  // namespace

Result<std::optional<HadamardFold>> ReadHadamardFold(const Metadata& metadata) {
  const bool is_folded =
      std::ranges::any_of(metadata.items(), [](const Metadata::Item& item) { return item.key.starts_with(kPrefix); });
  if (!is_folded) return std::optional<HadamardFold>();
  STERNA_RETURN_IF_ERROR(CheckKeys(metadata));
  STERNA_ASSIGN_OR_RETURN(const uint64_t version, metadata.GetUint(Key("version")));
  if (version != 1) return Unsupported(fmt::format("{}: expected 1, found {}", Key("version"), version));
  STERNA_RETURN_IF_ERROR(CheckWord(metadata, "transform", "normalized-sylvester-walsh-hadamard"));
  STERNA_RETURN_IF_ERROR(CheckWord(metadata, "axis", "input-last-dimension"));
  HadamardFold fold;
  STERNA_ASSIGN_OR_RETURN(fold.block, metadata.GetInt(Key("block_size")));
  if (fold.block < 2 || fold.block > kMaxBlock || (fold.block & (fold.block - 1)) != 0) {
    return Malformed(fmt::format("{}: expected a power of two from 2 to {}, found {}", Key("block_size"), kMaxBlock, fold.block));
  }
  STERNA_ASSIGN_OR_RETURN(const std::string_view mode, metadata.GetString(Key("sign_mode")));
  if (mode == "explicit") {
    STERNA_RETURN_IF_ERROR(ReadSigns(metadata, &fold));
  } else if (mode != "identity") {
    return Unsupported(fmt::format("{}: expected identity or explicit, found {}", Key("sign_mode"), mode));
  }
  for (const std::string_view list : {"weight_names", "inverse_weight_names"}) {
    if (!metadata.Has(Key(list))) continue;
    STERNA_ASSIGN_OR_RETURN(const std::vector<std::string>* names, metadata.GetStrings(Key(list)));
    fold.tensors.insert(names->begin(), names->end());
  }
  return std::optional<HadamardFold>(std::move(fold));
}

Status UnfoldRows(const HadamardFold& fold, std::span<float> values, int64_t cols) {
  if (cols < 1 || cols % fold.block != 0) {
    return Malformed(fmt::format("rows of {} columns cannot be rotated in blocks of {}", cols, fold.block));
  }
  const auto signs = fold.signs.find(cols);
  if (!fold.signs.empty() && signs == fold.signs.end()) {
    return Malformed(fmt::format("{}: no signs for {} columns", Key("sign_widths"), cols));
  }
  for (size_t first = 0; first < values.size(); first += static_cast<size_t>(fold.block)) {
    HadamardTransform(values.subspan(first, static_cast<size_t>(fold.block)));
  }
  if (fold.signs.empty()) return Status::Ok();
  for (size_t i = 0; i < values.size(); ++i) values[i] *= signs->second[i % static_cast<size_t>(cols)];
  return Status::Ok();
}

}  // namespace sterna
