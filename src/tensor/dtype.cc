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
constexpr std::array<DTypeInfo, 20> kInfos = {{
    {"F32", 1, 4, 0, false},      {"F16", 1, 2, 0, false},     {"BF16", 1, 2, 0, false},    {"F64", 1, 8, 0, false},
    {"U8", 1, 1, 0, false},       {"I8", 1, 1, 0, false},      {"U16", 1, 2, 0, false},     {"I16", 1, 2, 0, false},
    {"U32", 1, 4, 0, false},      {"I32", 1, 4, 0, false},     {"U64", 1, 8, 0, false},     {"I64", 1, 8, 0, false},
    {"BOOL", 1, 1, 0, false},     {"Q8_0", 32, 34, 0, false},  {"Q4_0", 32, 18, 0, false},  {"Q4_1", 32, 20, 0, false},
    {"Q6_K", 256, 210, 0, false}, {"TQ1_0", 256, 54, 0, true}, {"TQ2_0", 256, 66, 0, true}, {"I2_S", 128, 32, 32, true},
}};

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
  const auto payload = CheckedMul(count / info.block_elements, info.block_bytes);
  const auto total = payload ? CheckedAdd(*payload, info.tensor_tail_bytes) : std::nullopt;
  if (!total) return Malformed(fmt::format("shape {} as {} has too many bytes", ToString(shape), info.name));
  return *total;
}

int64_t RowBytes(DType dtype, int64_t cols) {
  const DTypeInfo& info = Info(dtype);
  assert(cols % info.block_elements == 0);
  return cols / info.block_elements * info.block_bytes;
}

std::string ToString(std::span<const int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace sterna
