#include "inspect/weight_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "model/tensor_names.h"
#include "tensor/encodings.h"
#include "tensor/ternary_rows.h"

namespace sterna {
namespace {

constexpr int64_t kBytesBetweenReleases = int64_t{32} << 20;

ScaleSpread SpreadOf(std::vector<float> scales) {
  const auto middle = scales.begin() + static_cast<std::ptrdiff_t>((scales.size() - 1) / 2);
  std::nth_element(scales.begin(), middle, scales.end());
  const auto [min, max] = std::minmax_element(scales.begin(), scales.end());
  return {*min, *middle, *max};
}

/// Scans one source, tensor by tensor.
class Scanner {
 public:
  Scanner(const WeightSource& source, const ModelConfig* config, const ScanProgress& progress)
      : source_(source), config_(config), progress_(progress) {
    for (const TensorEntry& entry : source.entries()) total_ += static_cast<int64_t>(entry.data.size());
    if (config == nullptr || config->float_projection != FloatProjection::kTernaryMaster) return;
    const TensorNames names({.is_gguf = source.format() == "GGUF", .has_post_norms = config->has_post_norms});
    for (int64_t layer = 0; layer < config->layers; ++layer) {
      for (int projection = 0; projection <= static_cast<int>(Projection::kDown); ++projection) {
        projections_.insert(names.Base(layer, static_cast<Projection>(projection)) + ".weight");
      }
    }
  }

  Result<WeightScan> Run() {
    WeightScan scan;
    std::vector<float> medians;
    for (const TensorEntry& entry : source_.entries()) {
      TensorScan tensor;
      if (const Status status = ScanTensor(entry, &tensor); !status.ok()) {
        if (status.code() == StatusCode::kCancelled) return status;
        tensor = {};
        tensor.problem = status.message();
      }
      Add(tensor, &scan, &medians);
      scan.tensors.push_back(std::move(tensor));
      // A tensor that failed half way counts as done.
      done_before_ += static_cast<int64_t>(entry.data.size());
      STERNA_RETURN_IF_ERROR(Report(entry, 0));
      source_.ReleasePages();
    }
    if (!medians.empty()) scan.ternary.scales->median = SpreadOf(std::move(medians)).median;
    STERNA_RETURN_IF_ERROR(source_.StillUnchanged());
    return scan;
  }

 private:
  static void Add(const TensorScan& tensor, WeightScan* scan, std::vector<float>* medians) {
    scan->nan += tensor.nan;
    scan->infinite += tensor.infinite;
    scan->problems += tensor.problem.empty() ? 0 : 1;
    if (!tensor.ternary) return;
    TernaryStatistics& all = scan->ternary;
    const TernaryStatistics& one = *tensor.ternary;
    ++scan->ternary_tensors;
    all.negative += one.negative;
    all.zero += one.zero;
    all.positive += one.positive;
    all.rows += one.rows;
    all.dead_rows += one.dead_rows;
    all.is_master = all.is_master || one.is_master;
    if (!one.scales) return;
    medians->push_back(one.scales->median);
    if (!all.scales) all.scales = one.scales;
    all.scales->min = std::min(all.scales->min, one.scales->min);
    all.scales->max = std::max(all.scales->max, one.scales->max);
  }

  Status Report(const TensorEntry& entry, int64_t bytes_of_tensor) {
    if (!progress_ || progress_(done_before_ + bytes_of_tensor, total_, entry.name)) return Status::Ok();
    return Cancelled("the scan was interrupted");
  }

  /// Called after each row or piece with the bytes of the tensor read so far.
  Status Advance(const TensorEntry& entry, int64_t bytes_of_tensor) {
    if (bytes_of_tensor - released_at_ < kBytesBetweenReleases) return Status::Ok();
    released_at_ = bytes_of_tensor;
    source_.ReleasePages();
    return Report(entry, bytes_of_tensor);
  }

  Status ScanTensor(const TensorEntry& entry, TensorScan* scan) {
    released_at_ = 0;
    if (entry.data.empty()) return Status::Ok();
    const bool is_matrix = entry.shape.size() == 2;
    if (is_matrix && entry.dtype == DType::kU8) return ScanPacked(entry, scan);
    if (Info(entry.dtype).is_ternary && !entry.shape.empty()) {
      const Status status = ScanEncoded(entry, scan);
      if (status.ok() || status.code() == StatusCode::kCancelled || FindRowDecoder(entry.dtype) == nullptr) return status;
      *scan = {};
      released_at_ = 0;
      // Blocks of one row with scales of their own, and codes of +2: the values tell. A scale that is no number is a mistake.
      const bool is_readable = status.code() == StatusCode::kUnsupported;
      if (!is_readable) scan->problem = status.message();
      return ScanValues(entry, /*as_ternary=*/is_readable, scan);
    }
    if (FindRowDecoder(entry.dtype) == nullptr) return Status::Ok();  // integers
    if (is_matrix && (entry.dtype == DType::kF32 || entry.dtype == DType::kF16 || entry.dtype == DType::kBF16)) {
      if (Status status = ScanFloatMatrix(entry, scan); scan->ternary || status.code() == StatusCode::kCancelled) return status;
    }
    return ScanValues(entry, /*as_ternary=*/false, scan);
  }

  Status ScanPacked(const TensorEntry& entry, TensorScan* scan) {
    constexpr std::string_view kWeight = ".weight";
    if (!entry.name.ends_with(kWeight)) return Status::Ok();
    const TensorEntry* beside = source_.Find(entry.name + "_scale");
    if (beside == nullptr) return Status::Ok();
    float scale = 0;
    STERNA_RETURN_IF_ERROR(Dequantize(beside->dtype, beside->data, 1, 1, {&scale, 1}));
    const bool multiplies = config_ != nullptr && config_->packed_scale == PackedScale::kMultiply;
    // The number of rows is not written down; a multiple of four in every published model.
    constexpr int64_t kRowsPerByte = 4;
    STERNA_ASSIGN_OR_RETURN(const TernaryRows rows,
                            TernaryRows::OpenPacked(entry.data, entry.shape[0] * kRowsPerByte, entry.shape[1], scale,
                                                    multiplies ? WeightScaleRule::kMultiply : WeightScaleRule::kDivide));
    return ScanRows(entry, rows, scan);
  }

  Status ScanEncoded(const TensorEntry& entry, TensorScan* scan) {
    const int64_t cols = entry.shape.back();
    STERNA_ASSIGN_OR_RETURN(const int64_t elements, ElementCount(entry.shape));
    if (cols == 0) return Status::Ok();
    STERNA_ASSIGN_OR_RETURN(const TernaryRows rows,
                            TernaryRows::OpenEncoded(entry.dtype, entry.data, elements / cols, cols, entry.tiling));
    return ScanRows(entry, rows, scan);
  }

  /// Floats that are ternary values, or masters of some. scan->ternary stays empty where they are neither.
  Status ScanFloatMatrix(const TensorEntry& entry, TensorScan* scan) {
    const int64_t rows = entry.shape[0], cols = entry.shape[1];
    STERNA_ASSIGN_OR_RETURN(const TernaryRows exact, TernaryRows::OpenExact(entry.dtype, entry.data, rows, cols));
    if (Status status = ScanRows(entry, exact, scan); status.ok() || status.code() == StatusCode::kCancelled) return status;
    *scan = {};
    released_at_ = 0;
    if (!projections_.contains(entry.name)) return Status::Ok();
    STERNA_ASSIGN_OR_RETURN(const TernaryRows master, TernaryRows::OpenMaster(entry.dtype, entry.data, rows, cols));
    STERNA_RETURN_IF_ERROR(ScanRows(entry, master, scan));
    scan->ternary->is_master = true;
    return Status::Ok();
  }

  Status ScanRows(const TensorEntry& entry, const TernaryRows& matrix, TensorScan* scan) {
    TernaryStatistics statistics;
    statistics.rows = matrix.rows();
    std::vector<int8_t> row(static_cast<size_t>(matrix.cols()));
    std::vector<float> scales;
    for (int64_t r = 0; r < matrix.rows(); ++r) {
      float scale = 0;
      STERNA_RETURN_IF_ERROR(matrix.Read(r, row, &scale));
      int64_t sum = 0, magnitude = 0;
      for (const int8_t value : row) {
        sum += value;
        magnitude += value * value;
      }
      statistics.positive += (magnitude + sum) / 2;
      statistics.negative += (magnitude - sum) / 2;
      statistics.zero += matrix.cols() - magnitude;
      if (magnitude == 0) {
        ++statistics.dead_rows;
      } else {
        scales.push_back(scale);
      }
      const double share = static_cast<double>(r + 1) / static_cast<double>(matrix.rows());
      STERNA_RETURN_IF_ERROR(Advance(entry, static_cast<int64_t>(share * static_cast<double>(entry.data.size()))));
    }
    if (!scales.empty()) statistics.scales = SpreadOf(std::move(scales));
    scan->ternary = statistics;
    return Status::Ok();
  }

  /// As numbers, a piece of a row at a time. `as_ternary`: and their signs, with the largest magnitude of a block as its scale.
  Status ScanValues(const TensorEntry& entry, bool as_ternary, TensorScan* scan) {
    STERNA_ASSIGN_OR_RETURN(const int64_t elements, ElementCount(entry.shape));
    const int64_t cols = entry.shape.empty() ? 1 : entry.shape.back();
    if (elements == 0 || cols == 0) return Status::Ok();
    const DTypeInfo& info = Info(entry.dtype);
    const int64_t rows = elements / cols;
    // Rows with a head of their own are read whole.
    const int64_t blocks_of_piece = std::max<int64_t>(1, (int64_t{1} << 16) / info.block_elements);
    const int64_t piece = info.row_head_bytes > 0 ? cols : std::min(cols, blocks_of_piece * info.block_elements);
    const float tensor_scale = TensorScale(entry.dtype, entry.data.data(), rows, cols);
    const int64_t row_bytes = RowBytes(entry.dtype, cols);
    std::vector<float> values(static_cast<size_t>(piece));
    std::vector<float> scales;
    TernaryStatistics statistics;
    statistics.rows = rows;
    bool has_finite = false;
    for (int64_t row = 0; row < rows; ++row) {
      bool is_dead = true;
      for (int64_t col = 0; col < cols; col += piece) {
        const int64_t n = std::min(piece, cols - col);
        const int64_t offset = row * row_bytes + (col == 0 ? 0 : RowBytes(entry.dtype, col));
        DequantizeRow(entry.dtype, entry.data.data() + offset, n, tensor_scale, values.data());
        const std::span<const float> read(values.data(), static_cast<size_t>(n));
        CountNumbers(read, scan, &has_finite);
        if (as_ternary) is_dead = CountSigns(read, info.block_elements, &statistics, &scales) && is_dead;
        STERNA_RETURN_IF_ERROR(Advance(entry, offset));
      }
      statistics.dead_rows += is_dead ? 1 : 0;
    }
    if (!as_ternary) return Status::Ok();
    if (!scales.empty()) statistics.scales = SpreadOf(std::move(scales));
    scan->ternary = statistics;
    return Status::Ok();
  }

  static void CountNumbers(std::span<const float> values, TensorScan* scan, bool* has_finite) {
    for (const float value : values) {
      if (std::isfinite(value)) {
        scan->min = *has_finite ? std::min(scan->min, value) : value;
        scan->max = *has_finite ? std::max(scan->max, value) : value;
        *has_finite = true;
      } else {
        ++(std::isnan(value) ? scan->nan : scan->infinite);
      }
    }
  }

  /// Whether all are 0.
  static bool CountSigns(std::span<const float> values, int64_t block, TernaryStatistics* statistics, std::vector<float>* scales) {
    bool is_dead = true;
    for (size_t begin = 0; begin < values.size(); begin += static_cast<size_t>(block)) {
      float scale = 0;
      for (const float value : values.subspan(begin, std::min(static_cast<size_t>(block), values.size() - begin))) {
        ++(value < 0 ? statistics->negative : value > 0 ? statistics->positive : statistics->zero);
        if (std::isfinite(value)) scale = std::max(scale, std::fabs(value));
      }
      if (scale == 0) continue;
      is_dead = false;
      scales->push_back(scale);
    }
    return is_dead;
  }

  const WeightSource& source_;
  const ModelConfig* config_;
  const ScanProgress& progress_;
  std::set<std::string, std::less<>> projections_;  // whose floats are masters
  int64_t total_ = 0, done_before_ = 0, released_at_ = 0;
};

}  // namespace

Result<WeightScan> ScanWeights(const WeightSource& source, const ModelConfig* config, const ScanProgress& progress) {
  return Scanner(source, config, progress).Run();
}

}  // namespace sterna
