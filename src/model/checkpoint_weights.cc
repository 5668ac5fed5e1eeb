#include "model/checkpoint_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/checked_math.h"
#include "tensor/encodings.h"
#include "tensor/ternary_rows.h"

namespace sterna {
namespace {

Status CheckShape(const TensorEntry& entry, std::span<const int64_t> expected) {
  if (std::ranges::equal(entry.shape, expected)) return Status::Ok();
  return Malformed(fmt::format("tensor {}: expected shape {}, found {}", entry.name, ToString(expected), ToString(entry.shape)));
}

/// Row of the file that holds row `row` of the model, where the converter has turned the heads' [2, half] rows into [half, 2].
int64_t InterleavedRow(int64_t row, int64_t head_dim) {
  const int64_t head = row / head_dim, within = row % head_dim, half = head_dim / 2;
  return head * head_dim + within % half * 2 + within / half;
}

/// Rows of `matrix` in the model's order, each factor multiplied by `factor`.
TernaryMatrixSource FromRows(TernaryRows matrix, std::string name, float factor, std::shared_ptr<const void> keep_alive) {
  TernaryMatrixSource out{.rows = matrix.rows(), .cols = matrix.cols(), .read_row = nullptr};
  out.read_row = [matrix, name = std::move(name), factor, keep_alive = std::move(keep_alive)](int64_t row, int8_t* values,
                                                                                              float* scale) {
    Status status = matrix.Read(row, {values, static_cast<size_t>(matrix.cols())}, scale);
    *scale *= factor;
    return status.WithContext(fmt::format("tensor {}", name));
  };
  return out;
}

/// The matrix with its rows put back into the model's order: a copy, since kernels want rows back to back.
Result<DenseMatrixSource> Unpermute(DenseMatrixSource source, int64_t head_dim) {
  const int64_t row_bytes = RowBytes(source.dtype, source.cols);
  STERNA_ASSIGN_OR_RETURN(Buffer copy, Buffer::Allocate(source.bytes.size()));
  for (int64_t row = 0; row < source.rows; ++row) {
    std::memcpy(copy.data() + row * row_bytes, source.bytes.data() + InterleavedRow(row, head_dim) * row_bytes,
                static_cast<size_t>(row_bytes));
  }
  const auto tail = static_cast<size_t>(source.rows * row_bytes);
  std::memcpy(copy.data() + tail, source.bytes.data() + tail, source.bytes.size() - tail);
  auto owner = std::make_shared<const Buffer>(std::move(copy));
  source.bytes = owner->bytes();
  source.keep_alive = std::move(owner);
  return source;
}

TernaryMatrixSource Unpermute(TernaryMatrixSource source, int64_t head_dim) {
  source.read_row = [inner = std::move(source.read_row), head_dim](int64_t row, int8_t* values, float* scale) {
    return inner(InterleavedRow(row, head_dim), values, scale);
  };
  return source;
}

/// How the names of this checkpoint are formed. A body saved without its head has no "model." before them.
NamingScheme SchemeOf(const WeightSource& source, const ModelConfig& config) {
  const bool is_bare = source.Find("embed_tokens.weight") != nullptr && source.Find("model.embed_tokens.weight") == nullptr;
  return {.is_gguf = source.format() == "GGUF", .has_post_norms = config.has_post_norms, .prefix = is_bare ? "" : "model."};
}

/// Master weights, or F64, which nothing makes ternary: as a dense matrix it would give wrong answers.
bool IsMasterType(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF64;
}

}  // namespace

CheckpointWeights::CheckpointWeights(std::shared_ptr<const WeightSource> source, const ModelConfig& config)
    : source_(std::move(source)),
      config_(config),
      names_(SchemeOf(*source_, config)),
      fold_(ReadHadamardFold(source_->metadata())) {}

const TensorEntry* CheckpointWeights::FindOptional(const std::string& name) {
  const TensorEntry* entry = source_->Find(name);
  if (entry != nullptr) used_.insert(name);
  return entry;
}

const TensorEntry* CheckpointWeights::FindFirst(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (const TensorEntry* entry = FindOptional(name)) return entry;
  }
  return nullptr;
}

Result<const TensorEntry*> CheckpointWeights::Require(const std::vector<std::string>& names) {
  if (const TensorEntry* entry = FindFirst(names)) return entry;
  return NotFound(fmt::format("tensor {} is missing (architecture {}, {} layers)", fmt::join(names, " or "), config_.architecture,
                              config_.layers));
}

Result<std::vector<float>> CheckpointWeights::Vector(const TensorEntry& entry, int64_t size) const {
  STERNA_RETURN_IF_ERROR(CheckShape(entry, {{size}}));
  std::vector<float> values(static_cast<size_t>(size));
  STERNA_RETURN_IF_ERROR(Dequantize(entry.dtype, entry.data, 1, size, values).WithContext(fmt::format("tensor {}", entry.name)));
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) return Malformed(fmt::format("tensor {}: element {} is {}", entry.name, i, values[i]));
  }
  return values;
}

Result<DenseMatrixSource> CheckpointWeights::Matrix(const TensorEntry& entry, int64_t rows, int64_t cols) const {
  STERNA_RETURN_IF_ERROR(CheckShape(entry, {{rows, cols}}));
  STERNA_RETURN_IF_ERROR(fold_.status());
  const bool is_interleaved = Info(entry.dtype).is_ternary && FindRowDecoder(entry.dtype) == nullptr;
  if (IsFolded(entry) || is_interleaved) return DecodedMatrix(entry, rows, cols);
  if (FindRowDecoder(entry.dtype) == nullptr) {
    return Unsupported(fmt::format("tensor {}: a matrix of type {} cannot be multiplied", entry.name, Name(entry.dtype)));
  }
  return DenseMatrixSource{
      .dtype = entry.dtype, .rows = rows, .cols = cols, .bytes = entry.data, .keep_alive = source_, .is_resident = false};
}

Result<DenseMatrixSource> CheckpointWeights::DecodedMatrix(const TensorEntry& entry, int64_t rows, int64_t cols) const {
  const std::string context = fmt::format("tensor {}", entry.name);
  const int64_t shape[] = {rows, cols};
  STERNA_ASSIGN_OR_RETURN(const int64_t bytes, TensorBytes(DType::kF32, shape));
  STERNA_ASSIGN_OR_RETURN(Buffer decoded, Buffer::Allocate(static_cast<size_t>(bytes)));
  const std::span<float> values = decoded.as<float>();
  if (FindRowDecoder(entry.dtype) == nullptr && Info(entry.dtype).is_ternary) {
    STERNA_ASSIGN_OR_RETURN(const TernaryRows matrix,
                            TernaryRows::OpenEncoded(entry.dtype, entry.data, rows, cols, entry.tiling).WithContext(context));
    std::vector<int8_t> row(static_cast<size_t>(cols));
    for (int64_t r = 0; r < rows; ++r) {
      float scale = 0;
      STERNA_RETURN_IF_ERROR(matrix.Read(r, row, &scale).WithContext(context));
      std::ranges::transform(row, values.begin() + r * cols, [scale](int8_t value) { return scale * static_cast<float>(value); });
    }
  } else {
    STERNA_RETURN_IF_ERROR(Dequantize(entry.dtype, entry.data, rows, cols, values).WithContext(context));
  }
  if (IsFolded(entry)) STERNA_RETURN_IF_ERROR(UnfoldRows(**fold_, values, cols).WithContext(context));
  auto owner = std::make_shared<const Buffer>(std::move(decoded));
  return DenseMatrixSource{
      .dtype = DType::kF32, .rows = rows, .cols = cols, .bytes = owner->bytes(), .keep_alive = owner, .is_resident = true};
}

Result<std::optional<float>> CheckpointWeights::Scale(const std::string& name) {
  const TensorEntry* entry = FindOptional(name);
  if (entry == nullptr) return std::optional<float>();
  STERNA_ASSIGN_OR_RETURN(const int64_t count, ElementCount(entry->shape));
  if (count != 1) return Malformed(fmt::format("tensor {}: expected one number, found shape {}", name, ToString(entry->shape)));
  float value = 0;
  STERNA_RETURN_IF_ERROR(Dequantize(entry->dtype, entry->data, 1, 1, {&value, 1}).WithContext(fmt::format("tensor {}", name)));
  if (!(std::isfinite(value) && value > 0))
    return Malformed(fmt::format("tensor {}: expected a positive number, found {}", name, value));
  return std::optional<float>(value);
}

Result<std::vector<float>> CheckpointWeights::Norm(int64_t layer, LayerNorm norm, int64_t size) {
  STERNA_ASSIGN_OR_RETURN(const TensorEntry* entry, Require(names_.Norm(layer, norm)));
  return NormVector(*entry, size);
}

Result<std::vector<float>> CheckpointWeights::FinalNorm(int64_t size) {
  STERNA_ASSIGN_OR_RETURN(const TensorEntry* entry, Require({names_.FinalNorm()}));
  return NormVector(*entry, size);
}

Result<std::vector<float>> CheckpointWeights::NormVector(const TensorEntry& entry, int64_t size) const {
  STERNA_ASSIGN_OR_RETURN(std::vector<float> values, Vector(entry, size));
  if (config_.norms_add_one) {
    for (float& value : values) value += 1.0f;
  }
  return values;
}

Result<std::vector<float>> CheckpointWeights::LinearNorm(int64_t layer, Projection projection, int64_t size) {
  const std::vector<std::string> names = names_.LinearNorm(layer, projection);
  const TensorEntry* entry = FindFirst(names);
  if (entry == nullptr && !config_.has_linear_norms) return std::vector<float>();
  if (entry == nullptr) return Require(names).status();
  return Vector(*entry, size);
}

Result<std::vector<float>> CheckpointWeights::Bias(int64_t layer, Projection projection, int64_t rows) {
  const std::string name = names_.Base(layer, projection) + ".bias";
  const TensorEntry* entry = FindOptional(name);
  const bool is_needed = (config_.needs_attention_bias && projection <= Projection::kValue) ||
                         (config_.needs_feed_forward_bias && projection >= Projection::kGate);
  if (entry == nullptr && !is_needed) return std::vector<float>();
  if (entry == nullptr) return Require({name}).status();
  STERNA_ASSIGN_OR_RETURN(std::vector<float> values, Vector(*entry, rows));
  if (!IsPermuted(projection)) return values;
  std::vector<float> ordered(values.size());
  for (int64_t row = 0; row < rows; ++row) {
    ordered[static_cast<size_t>(row)] = values[static_cast<size_t>(InterleavedRow(row, config_.head_dim))];
  }
  return ordered;
}

Result<TernaryMatrixSource> CheckpointWeights::PackedMatrix(const TensorEntry& entry, const std::string& base, int64_t rows,
                                                            int64_t cols) {
  STERNA_RETURN_IF_ERROR(CheckShape(entry, {{(rows + 3) / 4, cols}}));
  const std::string scale_name = base + ".weight_scale";
  STERNA_ASSIGN_OR_RETURN(const std::optional<float> scale, Scale(scale_name));
  if (!scale) return NotFound(fmt::format("tensor {} is missing beside the packed weights {}", scale_name, entry.name));
  const WeightScaleRule rule =
      config_.packed_scale == PackedScale::kMultiply ? WeightScaleRule::kMultiply : WeightScaleRule::kDivide;
  STERNA_ASSIGN_OR_RETURN(
      TernaryRows matrix,
      TernaryRows::OpenPacked(entry.data, rows, cols, *scale, rule).WithContext(fmt::format("tensor {}", entry.name)));
  return FromRows(std::move(matrix), entry.name, 1.0f, source_);
}

Result<TernaryMatrixSource> CheckpointWeights::MasterMatrix(const TensorEntry& entry, const std::string& base, int64_t rows,
                                                            int64_t cols) {
  STERNA_RETURN_IF_ERROR(CheckShape(entry, {{rows, cols}}));
  const std::string context = fmt::format("tensor {}", entry.name);
  // A scale beside float weights: they are -1, 0, +1 already (an `offline` checkpoint stored unpacked).
  STERNA_ASSIGN_OR_RETURN(const std::optional<float> scale, Scale(base + ".weight_scale"));
  STERNA_ASSIGN_OR_RETURN(TernaryRows exact, TernaryRows::OpenExact(entry.dtype, entry.data, rows, cols).WithContext(context));
  if (scale) {
    return FromRows(std::move(exact), entry.name, config_.packed_scale == PackedScale::kMultiply ? *scale : 1.0f / *scale, source_);
  }
  // GGUF converters store the ternary values themselves as floats; masters are full of other values, the first row shows which.
  std::vector<int8_t> row(static_cast<size_t>(cols));
  float row_scale = 0;
  if (names_.is_gguf() && exact.Read(0, row, &row_scale).ok()) return FromRows(std::move(exact), entry.name, 1.0f, source_);
  STERNA_ASSIGN_OR_RETURN(TernaryRows master, TernaryRows::OpenMaster(entry.dtype, entry.data, rows, cols).WithContext(context));
  return FromRows(std::move(master), entry.name, 1.0f, source_);
}

Result<std::optional<TernaryMatrixSource>> CheckpointWeights::EncodedMatrix(const TensorEntry& entry, const std::string& base,
                                                                            int64_t rows, int64_t cols) {
  STERNA_RETURN_IF_ERROR(CheckShape(entry, {{rows, cols}}));
  // mainline llama.cpp's `bitnet` files may keep the factor in a tensor of its own.
  STERNA_ASSIGN_OR_RETURN(const std::optional<float> scale, Scale(base + ".scale"));
  const std::string context = fmt::format("tensor {}", entry.name);
  STERNA_ASSIGN_OR_RETURN(TernaryRows matrix,
                          TernaryRows::OpenEncoded(entry.dtype, entry.data, rows, cols, entry.tiling).WithContext(context));
  if (!matrix.HasOneScalePerRow()) {
    if (!scale) return std::optional<TernaryMatrixSource>();
    return Unsupported(fmt::format("{}: groups of {} with scales of their own beside {}.scale", context, Name(entry.dtype), base));
  }
  return std::optional<TernaryMatrixSource>(FromRows(std::move(matrix), entry.name, scale.value_or(1.0f), source_));
}

Result<LinearSource> CheckpointWeights::Linear(int64_t layer, Projection projection, int64_t rows, int64_t cols) {
  const std::string base = names_.Base(layer, projection);
  STERNA_ASSIGN_OR_RETURN(const TensorEntry* entry, Require({base + ".weight"}));
  const bool permuted = IsPermuted(projection);
  const auto ternary = [&](Result<TernaryMatrixSource> source) -> Result<LinearSource> {
    if (!source.ok()) return source.status();
    return LinearSource(permuted ? Unpermute(*std::move(source), config_.head_dim) : *std::move(source));
  };
  if (entry->dtype == DType::kU8) return ternary(PackedMatrix(*entry, base, rows, cols));
  if (Info(entry->dtype).is_ternary && !IsFolded(*entry)) {
    STERNA_ASSIGN_OR_RETURN(std::optional<TernaryMatrixSource> encoded, EncodedMatrix(*entry, base, rows, cols));
    if (encoded) return ternary(*std::move(encoded));
  }
  // Only ternary projections have norms of their own: the embedding models keep their masters in floats without saying so.
  const bool has_norm = std::ranges::any_of(names_.LinearNorm(layer, projection),
                                            [this](const std::string& name) { return source_->Find(name) != nullptr; });
  if ((config_.float_projection == FloatProjection::kTernaryMaster || has_norm) && IsMasterType(entry->dtype)) {
    return ternary(MasterMatrix(*entry, base, rows, cols));
  }
  STERNA_ASSIGN_OR_RETURN(DenseMatrixSource dense, Matrix(*entry, rows, cols));
  if (!permuted) return LinearSource(std::move(dense));
  STERNA_ASSIGN_OR_RETURN(DenseMatrixSource ordered, Unpermute(std::move(dense), config_.head_dim));
  return LinearSource(std::move(ordered));
}

Result<DenseMatrixSource> CheckpointWeights::Embedding(int64_t rows, int64_t cols) {
  STERNA_ASSIGN_OR_RETURN(const TensorEntry* entry, Require({names_.Embedding()}));
  return Matrix(*entry, rows, cols);
}

Result<std::optional<DenseMatrixSource>> CheckpointWeights::Head(int64_t rows, int64_t cols) {
  const TensorEntry* entry = FindOptional(names_.Head());
  // A GGUF file has no tied flag: there the head is tied where it has no tensor of its own.
  if (entry == nullptr && !names_.is_gguf() && !config_.tied_head) {
    return NotFound(fmt::format("tensor {} is missing, and tie_word_embeddings is false", names_.Head()));
  }
  if (entry == nullptr || (config_.tied_head && !names_.is_gguf())) return std::optional<DenseMatrixSource>();
  STERNA_ASSIGN_OR_RETURN(DenseMatrixSource head, Matrix(*entry, rows, cols));
  return std::optional<DenseMatrixSource>(std::move(head));
}

Result<std::vector<float>> CheckpointWeights::RopeFactors(int64_t size) {
  const TensorEntry* entry = names_.is_gguf() ? FindOptional(names_.RopeFactors()) : nullptr;
  if (entry == nullptr) return std::vector<float>();
  STERNA_ASSIGN_OR_RETURN(std::vector<float> factors, Vector(*entry, size));
  for (const float factor : factors) {
    if (!(factor > 0)) return Malformed(fmt::format("tensor {}: expected positive factors, found {}", entry->name, factor));
  }
  return factors;
}

Status CheckpointWeights::CheckAllUsed() const {
  for (const TensorEntry& entry : source_->entries()) {
    // Older checkpoints keep the rotary frequencies, which the configuration gives already.
    if (used_.contains(entry.name) || entry.name.ends_with("rotary_emb.inv_freq")) continue;
    return Unsupported(
        fmt::format("tensor {} {} has no place in architecture {} with {} layers; running without it would give wrong answers",
                    entry.name, ToString(entry.shape), config_.architecture, config_.layers));
  }
  return Status::Ok();
}

}  // namespace sterna
