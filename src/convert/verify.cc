#include "convert/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/half.h"

namespace sterna {
namespace {

// A lossy type that is this far off holds nothing of the matrix: zeros give 1. The coarsest (Q2_K of noise) give about 0.3.
constexpr double kWorstRms = 0.75;
// Below the least f16 number every f16 scale is zero, rightly.
constexpr double kLeastHalf = 6e-8;

bool HasHalfScale(DType dtype) {
  switch (dtype) {
    case DType::kTQ1_0:
    case DType::kTQ2_0:
    case DType::kQ2_0:
    case DType::kPQ2_0:
    case DType::kPTQ1_0:
    case DType::kQ1_0:
    case DType::kQ1_0G32:
    case DType::kIQ1_BN:
      return true;
    default:
      return false;
  }
}

/// Whether every number of `from` is one of `to`.
bool Holds(DType to, DType from) {
  return to == from || (to == DType::kF32 && (from == DType::kF16 || from == DType::kBF16));
}

/// Gives file pages back after every so many elements, so that comparing takes no more memory than writing.
class PageRelease {
 public:
  PageRelease(const WeightSource& a, const WeightSource& b) : a_(a), b_(b) {}
  void Count(int64_t elements) {
    constexpr int64_t kElementsPerRelease = int64_t{1} << 24;
    elements_ += elements;
    if (elements_ >= kElementsPerRelease) Now();
  }
  void Now() {
    elements_ = 0;
    a_.ReleasePages();
    b_.ReleasePages();
  }

 private:
  const WeightSource& a_;
  const WeightSource& b_;
  int64_t elements_ = 0;
};

Status CheckEntries(const WeightSource& written, const std::vector<PlannedTensor>& planned) {
  if (written.entries().size() != planned.size()) {
    return Internal(fmt::format("expected {} tensors, found {}", planned.size(), written.entries().size()));
  }
  for (const PlannedTensor& tensor : planned) {
    const TensorEntry* entry = written.Find(tensor.spec.name);
    if (entry == nullptr) return Internal(fmt::format("{} is missing", tensor.spec.name));
    if (entry->dtype != tensor.spec.dtype || entry->shape != tensor.spec.shape) {
      return Internal(fmt::format("{}: expected {} {}, found {} {}", tensor.spec.name, Name(tensor.spec.dtype),
                                  ToString(tensor.spec.shape), Name(entry->dtype), ToString(entry->shape)));
    }
    if (tensor.role != TensorRole::kVector) continue;
    const auto expected = std::as_bytes(std::span(tensor.values));
    if (entry->data.size() != expected.size() || std::memcmp(entry->data.data(), expected.data(), expected.size()) != 0) {
      return Internal(fmt::format("{} differs from the source", tensor.spec.name));
    }
  }
  return Status::Ok();
}

Status CompareTernary(const TernaryMatrixSource& expected, const TernaryMatrixSource& found, PageRelease* release,
                      TensorComparison* out) {
  std::vector<int8_t> a(static_cast<size_t>(expected.cols)), b(a.size());
  double squared_error = 0, squared = 0;
  for (int64_t row = 0; row < expected.rows; ++row) {
    float scale_a = 0, scale_b = 0;
    STERNA_RETURN_IF_ERROR(expected.read_row(row, a.data(), &scale_a));
    STERNA_RETURN_IF_ERROR(found.read_row(row, b.data(), &scale_b));
    release->Count(expected.cols);
    if (std::memcmp(a.data(), b.data(), a.size()) != 0) return Internal(fmt::format("row {} differs from the source", row));
    const auto non_zeros = static_cast<double>(a.size() - static_cast<size_t>(std::ranges::count(a, int8_t{0})));
    if (non_zeros == 0) continue;  // the scale of zeros means nothing
    const float rounded = HasHalfScale(out->dtype)     ? F16ToFloat(FloatToF16(scale_a))
                          : out->dtype == DType::kF16  ? F16ToFloat(FloatToF16(scale_a))
                          : out->dtype == DType::kBF16 ? Bf16ToFloat(FloatToBf16(scale_a))
                                                       : scale_a;
    if (scale_b != rounded && scale_b != scale_a) {
      return Internal(fmt::format("row {}: expected the scale {}, found {}", row, rounded, scale_b));
    }
    const double difference = std::abs(static_cast<double>(scale_b) - static_cast<double>(scale_a));
    out->scale_error = std::max(out->scale_error, difference / static_cast<double>(scale_a));
    out->max_error = std::max(out->max_error, difference);
    squared_error += difference * difference * non_zeros;
    squared += static_cast<double>(scale_a) * static_cast<double>(scale_a) * non_zeros;
  }
  out->is_ternary = true;
  if (squared > 0) out->rms_relative_error = std::sqrt(squared_error / squared);
  return Status::Ok();
}

Status CompareFloats(const LinearSource& expected, const LinearSource& found, PageRelease* release, TensorComparison* out) {
  FloatRows a_rows(expected), b_rows(found);
  std::vector<float> a(static_cast<size_t>(a_rows.cols())), b(a.size());
  double squared_error = 0, squared = 0, largest = 0;
  for (int64_t row = 0; row < a_rows.rows(); ++row) {
    STERNA_RETURN_IF_ERROR(a_rows.Read(row, a.data()));
    STERNA_RETURN_IF_ERROR(b_rows.Read(row, b.data()));
    release->Count(a_rows.cols());
    for (size_t i = 0; i < a.size(); ++i) {
      if (!std::isfinite(b[i]) && std::isfinite(a[i])) return Internal(fmt::format("row {}, column {} became {}", row, i, b[i]));
      const double value = static_cast<double>(a[i]), difference = std::abs(static_cast<double>(b[i]) - value);
      out->max_error = std::max(out->max_error, difference);
      largest = std::max(largest, std::abs(value));
      squared_error += difference * difference;
      squared += value * value;
    }
  }
  if (squared > 0) out->rms_relative_error = std::sqrt(squared_error / squared);
  if (squared == 0 && squared_error > 0) return Internal("zeros became other numbers");
  if (out->rms_relative_error > kWorstRms && largest > kLeastHalf) {
    return Internal(
        fmt::format("rms relative error {:.3g}: {} keeps too little of the matrix", out->rms_relative_error, Name(out->dtype)));
  }
  return Status::Ok();
}

Status CompareMatrix(const LinearSource& expected, const LinearSource& found, PageRelease* release, TensorComparison* out) {
  const auto* a = std::get_if<TernaryMatrixSource>(&expected);
  const auto* b = std::get_if<TernaryMatrixSource>(&found);
  if (a != nullptr && b != nullptr) return CompareTernary(*a, *b, release, out);
  STERNA_RETURN_IF_ERROR(CompareFloats(expected, found, release, out));
  const auto* dense = std::get_if<DenseMatrixSource>(&expected);
  const bool is_held = dense == nullptr ? out->dtype == DType::kF32 : Holds(out->dtype, dense->dtype);
  if (is_held && out->max_error != 0) {
    return Internal(fmt::format("{} holds the source exactly, but differs by up to {}", Name(out->dtype), out->max_error));
  }
  return Status::Ok();
}

}  // namespace

Result<std::vector<TensorComparison>> CompareCheckpoints(
    OpenCheckpoint* source, OpenCheckpoint* written, const std::vector<PlannedTensor>& planned,
    const std::function<bool(int64_t, int64_t, const std::string&)>& progress) {
  STERNA_RETURN_IF_ERROR(CheckEntries(written->source(), planned));
  std::vector<TensorComparison> out;
  PageRelease release(source->source(), written->source());
  for (size_t i = 0; i < planned.size(); ++i) {
    const PlannedTensor& tensor = planned[i];
    if (tensor.role == TensorRole::kVector || tensor.role == TensorRole::kWeightScale) continue;
    if (progress && !progress(static_cast<int64_t>(i), static_cast<int64_t>(planned.size()), tensor.spec.name)) {
      return Cancelled("interrupted");
    }
    const bool is_projection = tensor.role == TensorRole::kProjection;
    STERNA_ASSIGN_OR_RETURN(const LinearSource before,
                            is_projection ? source->Linear(tensor.layer, tensor.projection) : source->Table(tensor.role));
    STERNA_ASSIGN_OR_RETURN(const LinearSource after,
                            is_projection ? written->Linear(tensor.layer, tensor.projection) : written->Table(tensor.role));
    TensorComparison comparison{.name = tensor.spec.name, .dtype = tensor.spec.dtype};
    STERNA_RETURN_IF_ERROR(CompareMatrix(before, after, &release, &comparison).WithContext(tensor.spec.name));
    out.push_back(std::move(comparison));
    release.Now();
  }
  return out;
}

}  // namespace sterna
