#include "convert/gguf_parts.h"

#include <fmt/format.h>

#include "formats/gguf_writer.h"

namespace sterna {

std::vector<size_t> CutIntoParts(std::span<const uint64_t> sizes, const SplitLimits& limits) {
  std::vector<size_t> parts(1, 0);
  uint64_t bytes = 0;
  for (const uint64_t size : sizes) {
    const bool is_full =
        (limits.max_tensors > 0 && parts.back() >= limits.max_tensors) ||
        (limits.max_bytes > 0 && parts.back() > 0 && (bytes > limits.max_bytes || size > limits.max_bytes - bytes));
    if (is_full) {
      parts.push_back(0);
      bytes = 0;
    }
    ++parts.back();
    bytes += size;
  }
  return parts;
}

std::vector<std::string> PartPaths(const std::string& path, size_t count) {
  if (count == 1) return {path};
  std::string_view prefix = path;
  if (prefix.ends_with(".gguf")) prefix.remove_suffix(5);
  std::vector<std::string> paths;
  for (size_t i = 1; i <= count; ++i) paths.push_back(fmt::format("{}-{:05}-of-{:05}.gguf", prefix, i, count));
  return paths;
}

Result<uint64_t> WriteGgufParts(const std::vector<std::string>& paths, std::span<const size_t> parts, const Metadata& metadata,
                                std::span<const TensorSpec> tensors,
                                const std::function<Status(size_t index, const PieceSink& sink)>& write) {
  constexpr size_t kMaxParts = 65535;  // split.count is a u16
  if (parts.size() > kMaxParts) return InvalidArgument(fmt::format("{} files are too many: at most {}", parts.size(), kMaxParts));
  uint64_t bytes = 0;
  size_t begin = 0;
  for (size_t part = 0; part < parts.size(); ++part) {
    Metadata keys;
    if (part == 0) keys = metadata;
    if (parts.size() > 1) {
      // The types of llama.cpp's gguf-split.
      keys.Set("split.no", static_cast<uint16_t>(part));
      keys.Set("split.count", static_cast<uint16_t>(parts.size()));
      keys.Set("split.tensors.count", static_cast<int32_t>(tensors.size()));
      // Every file of a series is padded as the first one says.
      if (const MetaValue* alignment = metadata.Find("general.alignment")) keys.Set("general.alignment", *alignment);
    }
    STERNA_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::Create(paths[part], keys, tensors.subspan(begin, parts[part])));
    for (size_t i = begin; i < begin + parts[part]; ++i) {
      STERNA_RETURN_IF_ERROR(write(i, [&](std::span<const std::byte> piece) { return writer.Write(tensors[i].name, piece); }));
    }
    STERNA_RETURN_IF_ERROR(writer.Finish());
    bytes += writer.file_bytes();
    begin += parts[part];
  }
  return bytes;
}

}  // namespace sterna
