#include "formats/safetensors_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/quoted.h"

namespace sterna {
namespace {

struct NamedType {
  std::string_view name;
  DType dtype;
};

constexpr std::array kTypes = {NamedType{"F64", DType::kF64},   NamedType{"F32", DType::kF32}, NamedType{"F16", DType::kF16},
                               NamedType{"BF16", DType::kBF16}, NamedType{"I64", DType::kI64}, NamedType{"I32", DType::kI32},
                               NamedType{"I16", DType::kI16},   NamedType{"I8", DType::kI8},   NamedType{"U64", DType::kU64},
                               NamedType{"U32", DType::kU32},   NamedType{"U16", DType::kU16}, NamedType{"U8", DType::kU8},
                               NamedType{"BOOL", DType::kBool}};

constexpr std::array<std::string_view, 9> kKnownOnly = {"F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E5M2FNUZ", "F8_E4M3FNUZ",
                                                        "F6_E2M3", "F6_E3M2", "F4",      "C64"};

}  // namespace

Result<DType> DTypeOfSafetensorsName(std::string_view name) {
  for (const NamedType& type : kTypes) {
    if (type.name == name) return type.dtype;
  }
  if (std::find(kKnownOnly.begin(), kKnownOnly.end(), name) != kKnownOnly.end()) {
    return Unsupported(fmt::format("dtype: {} tensors cannot be read here; save them as BF16 or F32", name));
  }
  return Malformed(fmt::format("dtype: expected the name of a safetensors type, found {}", Quoted(name)));
}

std::optional<std::string_view> SafetensorsNameOf(DType dtype) {
  for (const NamedType& type : kTypes) {
    if (type.dtype == dtype) return type.name;
  }
  return std::nullopt;
}

}  // namespace sterna
