#include "formats/gguf_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <variant>

namespace sterna {
namespace {

constexpr size_t kMaxMeanings = 3;
constexpr uint32_t kGgufIdPQ2_0 = 142;

struct SupportedId {
  uint32_t id;
  std::array<DType, kMaxMeanings> meanings;  ///< mainline's first; repeated where there are fewer
};
constexpr SupportedId One(uint32_t id, DType dtype) {
  return {id, {dtype, dtype, dtype}};
}

constexpr std::array kSupported = {
    One(0, DType::kF32),
    One(1, DType::kF16),
    One(2, DType::kQ4_0),
    One(3, DType::kQ4_1),
    One(6, DType::kQ5_0),
    One(7, DType::kQ5_1),
    One(8, DType::kQ8_0),
    One(10, DType::kQ2_K),
    One(11, DType::kQ3_K),
    One(12, DType::kQ4_K),
    One(13, DType::kQ5_K),
    One(14, DType::kQ6_K),
    One(20, DType::kIQ4_NL),
    One(24, DType::kI8),
    One(25, DType::kI16),
    One(26, DType::kI32),
    One(27, DType::kI64),
    One(28, DType::kF64),
    One(30, DType::kBF16),
    One(34, DType::kTQ1_0),
    One(35, DType::kTQ2_0),
    One(36, DType::kI2_S),
    One(38, DType::kTL1),
    SupportedId{39, {DType::kMXFP4, DType::kTL2, DType::kTL2}},
    SupportedId{40, {DType::kNVFP4, DType::kQ1_0G32, DType::kQ1_0G32}},
    One(41, DType::kQ1_0),
    SupportedId{42, {DType::kQ2_0, DType::kPQ2_0, DType::kTL2}},
    One(134, DType::kIQ1_BN),
    One(135, DType::kIQ2_BN),
    One(142, DType::kPQ2_0),
    One(143, DType::kPTQ1_0),
    One(335, DType::kIQ2_BN_R4),
};

struct KnownId {
  uint32_t id;
  std::string_view meaning;
};

constexpr std::array kKnown = {
    KnownId{4, "Q4_2, retired by llama.cpp in 2023"},
    KnownId{5, "Q4_3, retired by llama.cpp in 2023"},
    KnownId{9, "Q8_1"},
    KnownId{15, "Q8_K"},
    KnownId{16, "IQ2_XXS"},
    KnownId{17, "IQ2_XS"},
    KnownId{18, "IQ3_XXS"},
    KnownId{19, "IQ1_S"},
    KnownId{21, "IQ3_S"},
    KnownId{22, "IQ2_S"},
    KnownId{23, "IQ4_XS"},
    KnownId{29, "IQ1_M"},
    KnownId{31, "Q4_0_4_4, retired by llama.cpp in 2024"},
    KnownId{32, "Q4_0_4_8, retired by llama.cpp in 2024"},
    KnownId{33, "Q4_0_8_8, retired by llama.cpp in 2024"},
    KnownId{37, "I8_S in bitnet.cpp, or IQ4_NL_4_8, retired by llama.cpp"},
    KnownId{133, "Q6_0 in ik_llama.cpp"},
};

// ik_llama.cpp numbers its own quantizations from here.
constexpr uint32_t kIkFirst = 133, kIkLast = 158, kIkRepackedFirst = 200, kIkRepackedLast = 399;

std::string_view MeaningOf(uint32_t id) {
  for (const KnownId& known : kKnown) {
    if (known.id == id) return known.meaning;
  }
  if (id >= kIkFirst && id <= kIkLast) return "one of the quantizations of ik_llama.cpp";
  if (id >= kIkRepackedFirst && id <= kIkRepackedLast) return "one of the row-interleaved quantizations of ik_llama.cpp";
  return "no engine known here uses it";
}

bool IsKnown(uint32_t id) {
  return std::ranges::find(kKnown, id, &KnownId::id) != kKnown.end() || (id >= kIkFirst && id <= kIkLast) ||
         (id >= kIkRepackedFirst && id <= kIkRepackedLast);
}

// MetaValue and MetaArray list their alternatives in the order of the GGUF numbers, except that the array (9) comes last.
constexpr size_t kFirstBehindArray = static_cast<size_t>(GgufValueType::kArray);
static_assert(std::is_same_v<std::variant_alternative_t<kFirstBehindArray, MetaValue>, uint64_t>);
static_assert(std::is_same_v<std::variant_alternative_t<12, MetaValue>, MetaArray>);

GgufValueType TypeOfIndex(size_t index) {
  return static_cast<GgufValueType>(index < kFirstBehindArray ? index : index + 1);
}

}  // namespace

GgufValueType GgufTypeOf(const MetaValue& value) {
  return std::holds_alternative<MetaArray>(value) ? GgufValueType::kArray : TypeOfIndex(value.index());
}

GgufValueType GgufTypeOf(const MetaArray& array) {
  return TypeOfIndex(array.index());
}

Result<std::span<const DType>> DTypesOfGgufId(uint32_t id) {
  for (const SupportedId& supported : kSupported) {
    if (supported.id != id) continue;
    const auto& all = supported.meanings;
    const size_t count = all[0] == all[1] ? 1 : (all[1] == all[2] ? 2 : 3);
    return std::span<const DType>(all).first(count);
  }
  const std::string_view advice =
      IsKnown(id)
          ? "is not read; quantize the model again, as Q4_K for one, or as TQ2_0 or IQ2_BN where it is ternary"
          : "is unknown; the file is damaged, or of a newer program: quantize it again as Q8_0 for one, or see docs/formats.md";
  return Unsupported(fmt::format("tensor type id {} ({}) {}", static_cast<int32_t>(id), MeaningOf(id), advice));
}

std::optional<uint32_t> GgufIdOf(DType dtype) {
  if (dtype == DType::kPQ2_0) return kGgufIdPQ2_0;  // not 42, which mainline reads as groups of 64
  for (const SupportedId& supported : kSupported) {
    for (const DType meaning : supported.meanings) {
      if (meaning == dtype) return supported.id;
    }
  }
  return std::nullopt;
}

}  // namespace sterna
