#include "matrix/type_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/file.h"
#include "base/half.h"
#include "convert/convert.h"
#include "formats/gguf_writer.h"
#include "matrix/weights.h"
#include "tensor/encodings.h"
#include "tensor/ternary_rows.h"

namespace sterna::matrix {
namespace {

// Any tiling that all matrices of the models can be cut by; the readers are told the same one.
constexpr TlTiling kTl1Tiling = {.tile_rows = 64, .tile_cols = 64, .inner_rows = 32};
constexpr TlTiling kTl2Tiling = {.tile_rows = 64, .tile_cols = 96, .inner_rows = 32};

std::optional<TlTiling> TilingOf(DType dtype) {
  if (dtype == DType::kTL1) return kTl1Tiling;
  if (dtype == DType::kTL2) return kTl2Tiling;
  return std::nullopt;
}

/// The nearest of the 16 values of e2m1 to value / scale: sign in bit 3, then 0, 0.5, 1, 1.5, 2, 3, 4, 6.
uint8_t NearestE2m1(float value, float scale) {
  constexpr float kMagnitudes[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  uint8_t best = 0;
  for (uint8_t code = 1; code < 8; ++code) {
    if (std::abs(std::abs(value / scale) - kMagnitudes[code]) < std::abs(std::abs(value / scale) - kMagnitudes[best])) best = code;
  }
  return value < 0 ? best | 8 : best;
}

/// A power of two so that the group's largest magnitude becomes at most 6.
int ScaleExponent(std::span<const float> group) {
  float largest = 0;
  for (const float value : group) largest = std::max(largest, std::abs(value));
  return largest == 0 ? 0 : static_cast<int>(std::ceil(std::log2(largest / 6)));
}

/// MXFP4 (tensor/encodings.h): groups of 32, an exponent byte, then nibbles of j and j + 16.
void EncodeMxfp4(std::span<const float> values, std::span<std::byte> out) {
  for (size_t block = 0; block * 32 < values.size(); ++block) {
    const auto group = values.subspan(block * 32, 32);
    const int exponent = ScaleExponent(group);
    const float scale = std::ldexp(1.0f, exponent);
    std::byte* bytes = out.data() + block * 17;
    bytes[0] = static_cast<std::byte>(exponent + 127);
    for (size_t j = 0; j < 16; ++j) {
      bytes[1 + j] = static_cast<std::byte>(NearestE2m1(group[j], scale) | NearestE2m1(group[j + 16], scale) << 4);
    }
  }
}

/// NVFP4: groups of 16 with an e4m3 scale each (a power of two here: its exponent field in bits 3 to 6), four in a block.
void EncodeNvfp4(std::span<const float> values, std::span<std::byte> out) {
  for (size_t block = 0; block * 64 < values.size(); ++block) {
    std::byte* bytes = out.data() + block * 36;
    for (size_t g = 0; g < 4; ++g) {
      const auto group = values.subspan(block * 64 + g * 16, 16);
      const int exponent = std::clamp(ScaleExponent(group), -6, 7);
      const float scale = std::ldexp(1.0f, exponent);
      bytes[g] = static_cast<std::byte>((exponent + 7) << 3);
      for (size_t j = 0; j < 8; ++j) {
        bytes[4 + g * 8 + j] = static_cast<std::byte>(NearestE2m1(group[j], scale) | NearestE2m1(group[j + 8], scale) << 4);
      }
    }
  }
}

/// F32 bytes as a type that conversion does not write.
Status EncodeFloats(DType dtype, const TensorEntry& entry, std::span<std::byte> out) {
  std::vector<float> values(entry.data.size() / sizeof(float));
  std::memcpy(values.data(), entry.data.data(), entry.data.size());
  if (dtype == DType::kMXFP4) {
    EncodeMxfp4(values, out);
  } else if (dtype == DType::kNVFP4) {
    EncodeNvfp4(values, out);
  } else if (dtype == DType::kF64) {
    const std::vector<double> wide(values.begin(), values.end());
    std::memcpy(out.data(), wide.data(), out.size());
  } else {
    return InvalidArgument(fmt::format("no encoder for {}", Name(dtype)));
  }
  return Status::Ok();
}

/// I2_S bytes as another ternary type.
Status EncodeCodes(const FileType& type, const TensorEntry& entry, std::span<std::byte> out) {
  const int64_t rows = entry.shape[0], cols = entry.shape[1];
  STERNA_ASSIGN_OR_RETURN(TernaryRows matrix, TernaryRows::OpenEncoded(entry.dtype, entry.data, rows, cols));
  std::vector<int8_t> codes(static_cast<size_t>(rows * cols));
  std::vector<float> factors(static_cast<size_t>(rows));
  for (int64_t row = 0; row < rows; ++row) {
    const auto values = std::span(codes).subspan(static_cast<size_t>(row * cols), static_cast<size_t>(cols));
    STERNA_RETURN_IF_ERROR(matrix.Read(row, values, &factors[static_cast<size_t>(row)]));
  }
  if (IsBinary(type)) std::ranges::transform(codes, codes.begin(), [](int8_t code) { return code < 0 ? int8_t{-1} : int8_t{1}; });
  STERNA_ASSIGN_OR_RETURN(matrix, TernaryRows::OpenValues(codes, factors, rows, cols));
  return EncodeTernary(type.dtype, matrix, out, TilingOf(type.dtype));
}

/// Replaces the type ids of the projections: in the header behind their names, the number of dimensions, and these.
Status PatchTypeIds(const std::string& path, const WeightSource& base, uint32_t id) {
  STERNA_ASSIGN_OR_RETURN(std::string bytes, ReadWholeFile(path, size_t{16} << 20));
  for (const TensorEntry& entry : base.entries()) {
    if (!IsProjection(entry)) continue;
    std::string record(sizeof(uint64_t), '\0');
    const uint64_t length = entry.name.size();
    std::memcpy(record.data(), &length, sizeof length);
    const size_t at = bytes.find(record + entry.name);
    if (at == std::string::npos) return InvalidArgument(fmt::format("no record of {}", entry.name));
    const size_t type_at = at + sizeof(uint64_t) + entry.name.size() + sizeof(uint32_t) + entry.shape.size() * sizeof(uint64_t);
    std::memcpy(bytes.data() + type_at, &id, sizeof id);
  }
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFile> file, AtomicFile::Create(path));
  STERNA_RETURN_IF_ERROR(file->Append(bytes));
  return file->Commit();
}

void SetRotation(const WeightSource& source, Metadata* metadata) {
  std::vector<std::string> names;
  std::vector<int32_t> widths;
  for (const TensorEntry& entry : source.entries()) {
    if (!IsProjection(entry)) continue;
    names.push_back(entry.name);
    const auto width = static_cast<int32_t>(entry.shape[1]);
    if (std::ranges::find(widths, width) == widths.end()) widths.push_back(width);
  }
  std::vector<int8_t> signs;
  for (const int32_t width : widths) {
    for (int64_t column = 0; column < width; ++column) signs.push_back(RotationSign(column));
  }
  metadata->Set("prism.hadamard.version", uint32_t{1});
  metadata->Set("prism.hadamard.block_size", static_cast<uint32_t>(kRotationBlock));
  metadata->Set("prism.hadamard.transform", std::string("normalized-sylvester-walsh-hadamard"));
  metadata->Set("prism.hadamard.axis", std::string("input-last-dimension"));
  metadata->Set("prism.hadamard.sign_mode", std::string("explicit"));
  metadata->Set("prism.hadamard.sign_widths", MetaArray(widths));
  metadata->Set("prism.hadamard.sign_values", MetaArray(signs));
  metadata->Set("prism.hadamard.weight_names", MetaArray(names));
}

/// The type as which GgufWriter writes the bytes: the layouts of I2_S share a number and a size.
DType WrittenType(DType dtype) {
  const bool is_i2s = dtype == DType::kI2_SArm || dtype == DType::kI2_SRows4 || dtype == DType::kI2_SSequential;
  return is_i2s ? DType::kI2_S : dtype;
}

/// A copy of `base` whose projections have another type.
Status WriteReencoded(const FileType& type, const WeightSource& base, const std::string& path) {
  std::vector<TensorSpec> specs;
  for (const TensorEntry& entry : base.entries()) {
    specs.push_back({entry.name, IsProjection(entry) ? WrittenType(type.dtype) : entry.dtype, entry.shape});
  }
  Metadata metadata = base.metadata();
  if (type.is_rotated) SetRotation(base, &metadata);
  STERNA_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::Create(path, metadata, specs));
  for (const TensorEntry& entry : base.entries()) {
    if (!IsProjection(entry)) {
      STERNA_RETURN_IF_ERROR(writer.Write(entry.name, entry.data));
      continue;
    }
    STERNA_ASSIGN_OR_RETURN(const int64_t bytes, TensorBytes(type.dtype, entry.shape));
    std::vector<std::byte> encoded(static_cast<size_t>(bytes));
    STERNA_RETURN_IF_ERROR(Info(type.dtype).is_ternary ? EncodeCodes(type, entry, encoded)
                                                       : EncodeFloats(type.dtype, entry, encoded));
    STERNA_RETURN_IF_ERROR(writer.Write(entry.name, encoded));
  }
  STERNA_RETURN_IF_ERROR(writer.Finish());
  return type.id ? PatchTypeIds(path, base, *type.id) : Status::Ok();
}

}  // namespace

const std::vector<FileType>& FileTypes() {
  static const std::vector<FileType> types = [] {
    std::vector<FileType> all = {
        {.name = "I2_S, `64`", .dtype = DType::kI2_SArm, .layout = I2sLayout::kInterleaved64},
        {.name = "I2_S, `4row`", .dtype = DType::kI2_SRows4, .layout = I2sLayout::kRows4},
        {.name = "I2_S, `sequential`", .dtype = DType::kI2_SSequential, .layout = I2sLayout::kSequential},
        {.name = "TL1", .dtype = DType::kTL1},
        {.name = "TL2 (39)", .dtype = DType::kTL2},
        {.name = "TL2 (42)", .dtype = DType::kTL2, .id = 42},
        {.name = "Q2_0 of 128 (42)", .dtype = DType::kPQ2_0, .id = 42},
        {.name = "PTQ1_0, rotated", .dtype = DType::kPTQ1_0, .is_rotated = true},
        {.name = "Q1_0", .dtype = DType::kQ1_0},
        {.name = "Q1_0 of 32 (40)", .dtype = DType::kQ1_0G32},
        {.name = "F64", .dtype = DType::kF64},
        {.name = "MXFP4", .dtype = DType::kMXFP4},
        {.name = "NVFP4", .dtype = DType::kNVFP4},
    };
    for (const DType dtype : {DType::kI2_S, DType::kTQ1_0, DType::kTQ2_0,  DType::kIQ1_BN, DType::kIQ2_BN, DType::kIQ2_BN_R4,
                              DType::kQ2_0, DType::kPQ2_0, DType::kPTQ1_0, DType::kF32,    DType::kF16,    DType::kBF16,
                              DType::kQ8_0, DType::kQ4_0,  DType::kQ4_1,   DType::kQ5_0,   DType::kQ5_1,   DType::kQ2_K,
                              DType::kQ3_K, DType::kQ4_K,  DType::kQ5_K,   DType::kQ6_K,   DType::kIQ4_NL}) {
      all.push_back({.name = std::string(Name(dtype)), .dtype = dtype, .is_converted = true});
    }
    return all;
  }();
  return types;
}

bool IsBinary(const FileType& type) {
  return type.dtype == DType::kQ1_0 || type.dtype == DType::kQ1_0G32;
}

bool IsProjection(const TensorEntry& entry) {
  return entry.shape.size() == 2 && entry.name.starts_with("blk.");
}

Status WriteFile(const FileType& type, const std::shared_ptr<const WeightSource>& golden, const std::string& path,
                 const std::string& tokenizer_json) {
  ConvertOptions options;
  options.tokenizer_json = tokenizer_json;
  options.overwrite = true;
  options.types.projection = type.dtype;
  if (type.is_converted) return ConvertToGguf(golden, options, path).status();
  options.types.projection = Info(type.dtype).is_ternary ? DType::kI2_S : DType::kF32;
  const std::string base_path = path + ".base";
  STERNA_RETURN_IF_ERROR(ConvertToGguf(golden, options, base_path).status());
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightSource> base, OpenWeights(base_path));
  return WriteReencoded(type, *base, path);
}

Result<std::shared_ptr<const WeightSource>> OpenFile(const FileType& type, const std::string& path) {
  OpenOptions options;
  options.i2s_layout = type.layout;
  for (const DType dtype : {DType::kTL1, DType::kTL2}) {
    for (const int64_t rows : {64, 128, 256, 512}) {
      for (const int64_t cols : {128, 256, 512}) options.tl_presets.push_back({dtype, rows, cols, *TilingOf(dtype)});
    }
  }
  return OpenWeights(path, options);
}

}  // namespace sterna::matrix
