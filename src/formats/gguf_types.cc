#include "formats/gguf_types.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <variant>

namespace sterna {
namespace {

struct SupportedId {
  uint32_t id;
  DType dtype;
};

constexpr std::array kSupported = {SupportedId{0, DType::kF32},    SupportedId{1, DType::kF16},    SupportedId{2, DType::kQ4_0},
                                   SupportedId{3, DType::kQ4_1},   SupportedId{8, DType::kQ8_0},   SupportedId{14, DType::kQ6_K},
                                   SupportedId{24, DType::kI8},    SupportedId{25, DType::kI16},   SupportedId{26, DType::kI32},
                                   SupportedId{27, DType::kI64},   SupportedId{28, DType::kF64},   SupportedId{30, DType::kBF16},
                                   SupportedId{34, DType::kTQ1_0}, SupportedId{35, DType::kTQ2_0}, SupportedId{36, DType::kI2_S}};

struct KnownId {
  uint32_t id;
  std::string_view meaning;
};

constexpr std::array kKnown = {
    KnownId{4, "Q4_2, retired by llama.cpp in 2023"},
    KnownId{5, "Q4_3, retired by llama.cpp in 2023"},
    KnownId{6, "Q5_0"},
    KnownId{7, "Q5_1"},
    KnownId{9, "Q8_1"},
    KnownId{10, "Q2_K"},
    KnownId{11, "Q3_K"},
    KnownId{12, "Q4_K"},
    KnownId{13, "Q5_K"},
    KnownId{15, "Q8_K"},
    KnownId{16, "IQ2_XXS"},
    KnownId{17, "IQ2_XS"},
    KnownId{18, "IQ3_XXS"},
    KnownId{19, "IQ1_S"},
    KnownId{20, "IQ4_NL"},
    KnownId{21, "IQ3_S"},
    KnownId{22, "IQ2_S"},
    KnownId{23, "IQ4_XS"},
    KnownId{29, "IQ1_M"},
    KnownId{31, "Q4_0_4_4, retired by llama.cpp in 2024; quantize again as Q4_0"},
    KnownId{32, "Q4_0_4_8, retired by llama.cpp in 2024; quantize again as Q4_0"},
    KnownId{33, "Q4_0_8_8, retired by llama.cpp in 2024; quantize again as Q4_0"},
    KnownId{37, "I8_S in bitnet.cpp, or IQ4_NL_4_8, retired by llama.cpp"},
    KnownId{38,
            "TL1 in bitnet.cpp (a layout for one ARM kernel whose preset the file does not name), or IQ4_NL_8_8, retired by "
            "llama.cpp; convert the original checkpoint to I2_S"},
    KnownId{39, "MXFP4 in llama.cpp, TL2 in older bitnet.cpp"},
    KnownId{40, "NVFP4 in llama.cpp, Q1_0 with groups of 32 in the Prism fork"},
    KnownId{41, "Q1_0 with groups of 128"},
    KnownId{42, "Q2_0 with groups of 64 in llama.cpp, Q2_0 with groups of 128 in the Prism fork, TL2 in newer bitnet.cpp"},
    KnownId{133, "Q6_0 in ik_llama.cpp"},
    KnownId{134, "IQ1_BN in ik_llama.cpp"},
    KnownId{135, "IQ2_BN in ik_llama.cpp"},
    KnownId{142, "PQ2_0 in the Prism fork, or IQ2_TN, retired by ik_llama.cpp"},
    KnownId{143, "PTQ1_0 in the Prism fork, or IQ1_TN, retired by ik_llama.cpp"},
    KnownId{335, "IQ2_BN_R4 in ik_llama.cpp"},
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

Result<DType> DTypeOfGgufId(uint32_t id) {
  for (const SupportedId& supported : kSupported) {
    if (supported.id == id) return supported.dtype;
  }
  return Unsupported(fmt::format("tensor type id {} ({})", static_cast<int32_t>(id), MeaningOf(id)));
}

std::optional<uint32_t> GgufIdOf(DType dtype) {
  for (const SupportedId& supported : kSupported) {
    if (supported.dtype == dtype) return supported.id;
  }
  return std::nullopt;
}

}  // namespace sterna
