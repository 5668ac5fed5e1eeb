#include "tensor/dtype.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cctype>

#include "base/checked_math.h"

namespace sterna {
namespace {

// In the order of DType.
constexpr std::array<DTypeInfo, kDTypes> kInfos = {{
    {"F32", 1, 4, 0, false},
    {"F16", 1, 2, 0, false},
    {"BF16", 1, 2, 0, false},
    {"F64", 1, 8, 0, false},
    {"U8", 1, 1, 0, false},
    {"I8", 1, 1, 0, false},
    {"U16", 1, 2, 0, false},
    {"I16", 1, 2, 0, false},
    {"U32", 1, 4, 0, false},
    {"I32", 1, 4, 0, false},
    {"U64", 1, 8, 0, false},
    {"I64", 1, 8, 0, false},
    {"BOOL", 1, 1, 0, false},
    {"Q8_0", 32, 34, 0, false},
    {"Q4_0", 32, 18, 0, false},
    {"Q4_1", 32, 20, 0, false},
    {"Q6_K", 256, 210, 0, false},
    {"TQ1_0", 256, 54, 0, true},
    {"TQ2_0", 256, 66, 0, true},
    {"I2_S", 128, 32, 32, true},
    {"Q5_0", 32, 22, 0, false},
    {"Q5_1", 32, 24, 0, false},
    {"Q2_K", 256, 84, 0, false},
    {"Q3_K", 256, 110, 0, false},
    {"Q4_K", 256, 144, 0, false},
    {"Q5_K", 256, 176, 0, false},
    {"IQ4_NL", 32, 18, 0, false},
    {"MXFP4", 32, 17, 0, false},
    {"NVFP4", 64, 36, 0, false},
    {"I2_S_ARM", 64, 16, 32, true},
    {"I2_S_4ROW", 4, 1, 32, true, 0, 4},
    {"I2_S_SEQ", 4, 1, 32, true},
    {"TL1", 4, 1, 32, true},
    {"TL2", 32, 0, 32, true},  // bytes by Tl2PayloadBytes
    {"IQ1_BN", 64, 13, 0, true, 2},
    {"IQ2_BN", 64, 16, 0, true, 4},
    {"IQ2_BN_R4", 64, 16, 0, true, 4, 4},
    {"Q2_0", 64, 18, 0, true},
    {"PQ2_0", 128, 34, 0, true},
    {"PTQ1_0", 128, 28, 0, true},
    {"Q1_0", 128, 18, 0, true},
    {"Q1_0_G32", 32, 6, 0, true},
}};

/// What bitnet.cpp's writer pads TL2 codes to: by its own formula, from left to right, then to a multiple of 32. It leaves room
/// whatever the tiling, so the size says nothing about it.
std::optional<int64_t> Tl2PayloadBytes(int64_t rows, int64_t cols) {
  constexpr int64_t kPairCols = 256;
  if (cols < kPairCols) return std::nullopt;
  const auto triples = CheckedMul(cols - kPairCols, rows);
  const auto triple_halves = triples ? CheckedMul(*triples / 3, int64_t{5}) : std::nullopt;
  const auto pair_halves = CheckedMul(kPairCols * 2, rows);
  if (!triple_halves || !pair_halves) return std::nullopt;
  const auto sum = CheckedAdd(*triple_halves / 8, *pair_halves / 8);
  return sum ? CheckedRoundUp(*sum, int64_t{32}) : std::nullopt;
}

}  // namespace

const DTypeInfo& Info(DType dtype) {
  return kInfos[static_cast<size_t>(dtype)];
}
std::string_view Name(DType dtype) {
  return Info(dtype).name;
}

std::optional<DType> DTypeFromName(std::string_view name) {
  const auto same = [](char a, char b) { return std::toupper(static_cast<unsigned char>(a)) == b; };
  for (size_t i = 0; i < kInfos.size(); ++i) {
    if (std::ranges::equal(name, kInfos[i].name, same)) return static_cast<DType>(i);
  }
  return std::nullopt;
}

Result<int64_t> ElementCount(std::span<const int64_t> shape) {
  int64_t count = 1;
  for (const int64_t dimension : shape) {
    const auto product = dimension < 0 ? std::nullopt : CheckedMul(count, dimension);
    if (!product) return Malformed(fmt::format("shape {} has a negative dimension or too many elements", ToString(shape)));
    count = *product;
  }
  return count;
}

Result<int64_t> TensorBytes(DType dtype, std::span<const int64_t> shape) {
  const DTypeInfo& info = Info(dtype);
  STERNA_ASSIGN_OR_RETURN(const int64_t count, ElementCount(shape));
  const int64_t cols = shape.empty() ? 1 : shape.back();
  if (cols % info.block_elements != 0) {
    return Malformed(fmt::format("{} holds blocks of {} elements, but rows of shape {} have {}", info.name, info.block_elements,
                                 ToString(shape), cols));
  }
  const int64_t rows = cols == 0 ? 0 : count / cols;
  if (rows % info.row_group != 0) {
    return Malformed(
        fmt::format("{} interleaves groups of {} rows, but shape {} has {}", info.name, info.row_group, ToString(shape), rows));
  }
  const auto blocks =
      dtype == DType::kTL2 ? Tl2PayloadBytes(rows, cols) : CheckedMul(count / info.block_elements, info.block_bytes);
  const auto heads = CheckedMul(rows, info.row_head_bytes);
  const auto payload = blocks && heads ? CheckedAdd(*blocks, *heads) : std::nullopt;
  const auto total = payload ? CheckedAdd(*payload, info.tensor_tail_bytes) : std::nullopt;
  if (!total) {
    if (dtype == DType::kTL2 && cols < 256)
      return Malformed(fmt::format("TL2 needs rows of 256 or more, shape is {}", ToString(shape)));
    return Malformed(fmt::format("shape {} as {} has too many bytes", ToString(shape), info.name));
  }
  return *total;
}

int64_t RowBytes(DType dtype, int64_t cols) {
  const DTypeInfo& info = Info(dtype);
  assert(cols % info.block_elements == 0);
  return info.row_head_bytes + cols / info.block_elements * info.block_bytes;
}

std::string ToString(std::span<const int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace sterna
