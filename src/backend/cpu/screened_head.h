// The largest products of a large dense matrix with a vector, found by reading 6 bits of most weights and all bits of a few.
#ifndef STERNA_BACKEND_CPU_SCREENED_HEAD_H_
#define STERNA_BACKEND_CPU_SCREENED_HEAD_H_

#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/cpu_context.h"

namespace sterna {

/// Finds the first k logits, in the order of ComesBefore, and their values as the dense kernel gives them, to the bit:
///   1. Screen all rows: lower <= logit <= upper (kernels/screen/screen.h). The k-th largest lower bound is one that k logits
///      reach, so rows whose upper bound lies below it are out.
///   2. Of the rest, compute 2k logits with the largest upper bounds. The k-th largest of them is again one that k logits reach.
///   3. Compute every row whose upper bound reaches that; ties included, because ids decide among equals.
/// Where more than a quarter of the rows would be left, or the input is not finite or too large for a bound, all rows are computed.
/// The result never depends on the number of threads. One thread calls at a time; no call allocates.
class ScreenedHead {
 public:
  /// Tokens screened in one pass; programs made for fewer selected tokens have smaller buffers.
  static constexpr int64_t kMaxTokens = 4;

  /// `matrix` and `screen` are weights of `context`.
  static Result<std::unique_ptr<ScreenedHead>> Make(std::shared_ptr<CpuContext> context, const CpuDense& matrix,
                                                    const CpuScreen& screen, int64_t max_tokens);

  /// x: [tokens][x_stride] as DenseLinearArgs wants them, 1 <= tokens <= max_tokens(); top: [tokens][k], with 1 <= k <= rows and
  /// k <= kMaxTopLogits.
  void Top(const float* x, int64_t x_stride, int64_t tokens, std::span<TokenLogit> top);

  int64_t max_tokens() const { return max_tokens_; }
  const ScreenCounts& counts() const { return counts_; }
  /// Memory of a head for a program of `threads` workers.
  static int64_t BufferBytes(int64_t rows, int64_t cols, int64_t max_tokens, int threads);
  int64_t buffer_bytes() const;

 private:
  ScreenedHead(std::shared_ptr<CpuContext> context, const CpuDense& matrix, const CpuScreen& screen, int64_t max_tokens);

  /// Fills lower_ and upper_; false where an input has no bounds.
  bool Screen(const float* x, int64_t x_stride, int64_t tokens);
  /// One screened token; false, with `top` untouched, where too many rows are left.
  bool Rescore(const float* x, int64_t token, std::span<TokenLogit> top);
  /// The logits of all rows.
  void Full(const float* x, std::span<TokenLogit> top);
  /// The k-th largest lower bound of a token.
  float KthLower(const float* lower, int64_t k);
  /// Appends the exact logits of `rows` to rescored_.
  void AppendExact(const float* x, std::span<const int32_t> rows);
  void PrefetchRow(int32_t row) const;
  void Multiply(const float* x, int64_t row_begin, int64_t row_end, int worker);

  std::shared_ptr<CpuContext> context_;  // keeps the weights
  DenseMatrixSource matrix_;
  int64_t row_bytes_;
  CpuScreen screen_;
  int64_t max_tokens_;
  DenseLinearFunction dense_linear_;
  std::vector<Buffer> input_memory_;  // one per token
  std::vector<ScreenInput> inputs_;
  Buffer lower_, upper_;           // [max_tokens][rows] floats
  Buffer exact_;                   // [rows] floats
  std::vector<Buffer> scratch_;    // one per worker
  std::vector<float> best_lower_;  // the largest lower bounds
  std::vector<int32_t> left_;      // rows that are not out
  std::vector<TokenLogit> rescored_;
  ScreenCounts counts_;
};

}  // namespace sterna

#endif  // STERNA_BACKEND_CPU_SCREENED_HEAD_H_
