#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "formats/gguf_type_choice_internal.h"
#include "formats/gguf_types.h"
#include "formats/quoted.h"

namespace sterna {
namespace {

/// Offsets in rising order, and the end of the data.
std::vector<uint64_t> Boundaries(std::span<const GgufExtent> extents, uint64_t data_bytes) {
  std::vector<uint64_t> boundaries = {data_bytes};
  for (const GgufExtent& extent : extents) boundaries.push_back(extent.offset);
  std::sort(boundaries.begin(), boundaries.end());
  return boundaries;
}

bool WritesTl2(const Metadata& metadata) {
  const Result<std::string_view> architecture = metadata.GetString("general.architecture");
  return architecture.ok() && (architecture->starts_with("bitnet") || *architecture == "llama");
}

/// How well one meaning suits the tensors of an id.
struct Fit {
  size_t exact = 0;      ///< tensors that fill their gap
  bool fits_all = true;  ///< none is larger than its gap
  Status unsuitable;     ///< why the type cannot have the shape of some tensor
};

Fit FitOf(DType dtype, uint32_t id, const GgufContents& contents, std::span<const GgufExtent> extents,
          std::span<const uint64_t> boundaries) {
  Fit fit;
  for (size_t i = 0; i < extents.size(); ++i) {
    if (extents[i].type_id != id) continue;
    const TensorEntry& entry = contents.tensors[i];
    const auto bytes = TensorBytes(dtype, entry.shape);
    if (!bytes.ok()) {
      if (fit.unsuitable.ok()) fit.unsuitable = bytes.status().WithContext(fmt::format("tensor {} {}", i, Quoted(entry.name)));
      continue;
    }
    const auto next = std::ranges::upper_bound(boundaries, extents[i].offset);
    const uint64_t gap = next == boundaries.end() ? 0 : *next - extents[i].offset;
    const auto needed = static_cast<uint64_t>(*bytes);
    if (needed > gap) {
      fit.fits_all = false;
    } else if (gap - needed < contents.alignment) {
      ++fit.exact;
    }
  }
  return fit;
}

}  // namespace

Status ChooseGgufTypes(GgufContents& contents, std::span<GgufExtent> extents, uint64_t data_bytes) {
  std::set<uint32_t> ids;
  for (const GgufExtent& extent : extents) {
    const auto meanings = DTypesOfGgufId(extent.type_id);
    if (meanings.ok() && meanings->size() > 1) ids.insert(extent.type_id);
  }
  if (ids.empty()) return Status::Ok();
  const std::vector<uint64_t> boundaries = Boundaries(extents, data_bytes);
  for (const uint32_t id : ids) {
    STERNA_ASSIGN_OR_RETURN(const std::span<const DType> meanings, DTypesOfGgufId(id));
    std::optional<DType> best;
    Fit best_fit;
    Status first_unsuitable;
    for (const DType dtype : meanings) {
      if (dtype == DType::kTL2 && !WritesTl2(contents.metadata)) continue;
      Fit fit = FitOf(dtype, id, contents, extents, boundaries);
      if (!fit.unsuitable.ok()) {
        if (first_unsuitable.ok()) first_unsuitable = fit.unsuitable;
        continue;
      }
      const bool is_better =
          !best || fit.exact > best_fit.exact || (fit.exact == best_fit.exact && fit.fits_all && !best_fit.fits_all);
      if (is_better) {
        best = dtype;
        best_fit = fit;
      }
    }
    if (!best) return first_unsuitable;
    for (size_t i = 0; i < extents.size(); ++i) {
      if (extents[i].type_id != id) continue;
      contents.tensors[i].dtype = *best;
      STERNA_ASSIGN_OR_RETURN(const int64_t bytes, TensorBytes(*best, contents.tensors[i].shape));
      extents[i].bytes = static_cast<uint64_t>(bytes);
    }
  }
  return Status::Ok();
}

}  // namespace sterna
