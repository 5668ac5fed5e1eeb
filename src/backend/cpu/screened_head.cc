#include "backend/cpu/screened_head.h"

#include <algorithm>
#include <functional>

#include "backend/top_logits.h"
#include "base/checked_math.h"

namespace sterna {
namespace {

constexpr int64_t kMaxShareLeft = 4;  // a quarter of the rows
constexpr int64_t kGrainRows = 16;
constexpr int64_t kMinFirstRound = 32;
constexpr int64_t kRowsAhead = 3;
// Below this many products a fork-join costs more than it saves.
constexpr int64_t kForkThreshold = 1 << 16;

Result<Buffer> Allocate(size_t bytes) {
  return Buffer::Allocate(bytes, MemoryTag::kActivations);
}

Result<Buffer> AllocateFloats(int64_t n) {
  return Allocate(static_cast<size_t>(n) * sizeof(float));
}

int64_t ClampTokens(int64_t max_tokens) {
  return std::clamp<int64_t>(max_tokens, 1, ScreenedHead::kMaxTokens);
}

}  // namespace

ScreenedHead::ScreenedHead(std::shared_ptr<CpuContext> context, const CpuDense& matrix, const CpuScreen& screen, int64_t max_tokens)
    : context_(std::move(context)),
      matrix_(matrix.source),
      row_bytes_(matrix.row_bytes),
      screen_(screen),
      max_tokens_(max_tokens),
      dense_linear_(context_->kernels.dense_linear(matrix.source.dtype).function) {}

Result<std::unique_ptr<ScreenedHead>> ScreenedHead::Make(std::shared_ptr<CpuContext> context, const CpuDense& matrix,
                                                         const CpuScreen& screen, int64_t max_tokens) {
  max_tokens = ClampTokens(max_tokens);
  auto head = std::unique_ptr<ScreenedHead>(new ScreenedHead(std::move(context), matrix, screen, max_tokens));
  for (int64_t t = 0; t < max_tokens; ++t) {
    STERNA_ASSIGN_OR_RETURN(Buffer memory, Allocate(ScreenInputBytes(screen.cols)));
    head->inputs_.push_back(ScreenInputAt(memory.data(), screen.cols));
    head->input_memory_.push_back(std::move(memory));
  }
  STERNA_ASSIGN_OR_RETURN(head->lower_, AllocateFloats(max_tokens * screen.rows));
  STERNA_ASSIGN_OR_RETURN(head->upper_, AllocateFloats(max_tokens * screen.rows));
  STERNA_ASSIGN_OR_RETURN(head->exact_, AllocateFloats(screen.rows));
  const int workers = head->context_->pool->threads();
  for (int i = 0; i < workers; ++i) {
    STERNA_ASSIGN_OR_RETURN(Buffer scratch, Allocate(DenseLinearScratchBytes(screen.cols, 1)));
    head->scratch_.push_back(std::move(scratch));
  }
  head->best_lower_.resize(static_cast<size_t>(kMaxTopLogits));
  head->left_.resize(static_cast<size_t>(screen.rows));
  head->rescored_.reserve(static_cast<size_t>(screen.rows));
  return head;
}

int64_t ScreenedHead::BufferBytes(int64_t rows, int64_t cols, int64_t max_tokens, int threads) {
  const auto row_count = static_cast<size_t>(rows), tokens = static_cast<size_t>(ClampTokens(max_tokens));
  const size_t of_a_token = ScreenInputBytes(cols) + 2 * row_count * sizeof(float);
  const size_t of_a_row = sizeof(float) + sizeof(int32_t) + sizeof(TokenLogit);
  return static_cast<int64_t>(tokens * of_a_token + row_count * of_a_row + kMaxTopLogits * sizeof(float) +
                              static_cast<size_t>(threads) * DenseLinearScratchBytes(cols, 1));
}

int64_t ScreenedHead::buffer_bytes() const {
  return BufferBytes(screen_.rows, screen_.cols, max_tokens_, context_->pool->threads());
}

void ScreenedHead::Top(const float* x, int64_t x_stride, int64_t tokens, std::span<TokenLogit> top) {
  const size_t k = top.size() / static_cast<size_t>(tokens);
  const bool is_screened = Screen(x, x_stride, tokens);
  for (int64_t t = 0; t < tokens; ++t) {
    const auto of_token = top.subspan(static_cast<size_t>(t) * k, k);
    ++counts_.rows;
    if (is_screened && Rescore(x + t * x_stride, t, of_token)) continue;
    ++counts_.fallbacks;
    Full(x + t * x_stride, of_token);
  }
}

bool ScreenedHead::Screen(const float* x, int64_t x_stride, int64_t tokens) {
  for (int64_t t = 0; t < tokens; ++t) {
    if (!PrepareScreenInput(x + t * x_stride, screen_.cols, &inputs_[static_cast<size_t>(t)])) return false;
  }
  const int64_t workers = context_->pool->threads();
  const int64_t share = RoundUp((screen_.rows + workers - 1) / workers, kGrainRows);
  context_->pool->Run([&](int worker) {
    const int64_t begin = std::min(worker * share, screen_.rows);
    context_->kernels.screen.function({.rows = screen_.bytes.data(),
                                       .cols = screen_.cols,
                                       .row_begin = begin,
                                       .row_end = std::min(begin + share, screen_.rows),
                                       .inputs = inputs_.data(),
                                       .tokens = tokens,
                                       .lower = lower_.as<float>().data(),
                                       .upper = upper_.as<float>().data(),
                                       .stride = screen_.rows});
  });
  return true;
}

float ScreenedHead::KthLower(const float* lower, int64_t k) {
  // A heap of the k largest so far, the smallest of them in front.
  const std::span<float> best = std::span(best_lower_).first(static_cast<size_t>(k));
  std::copy(lower, lower + k, best.begin());
  std::ranges::make_heap(best, std::greater<>());
  for (int64_t row = k; row < screen_.rows; ++row) {
    if (lower[row] <= best.front()) continue;
    std::ranges::pop_heap(best, std::greater<>());
    best.back() = lower[row];
    std::ranges::push_heap(best, std::greater<>());
  }
  return best.front();
}

bool ScreenedHead::Rescore(const float* x, int64_t token, std::span<TokenLogit> top) {
  const auto k = static_cast<int64_t>(top.size());
  const float* upper = upper_.as<float>().data() + token * screen_.rows;
  const float reached = KthLower(lower_.as<float>().data() + token * screen_.rows, k);
  int64_t count = 0;
  for (int64_t row = 0; row < screen_.rows; ++row) {
    // Always stores and sometimes keeps: no branch to mispredict.
    left_[static_cast<size_t>(count)] = static_cast<int32_t>(row);
    count += upper[row] >= reached ? 1 : 0;
  }
  const auto left = std::span(left_).first(static_cast<size_t>(count));
  const auto higher = [upper](int32_t a, int32_t b) { return upper[a] != upper[b] ? upper[a] > upper[b] : a < b; };
  const auto first = left.begin() + static_cast<std::ptrdiff_t>(std::min(count, std::max(2 * k, kMinFirstRound)));
  if (first != left.end()) std::nth_element(left.begin(), first, left.end(), higher);
  rescored_.clear();
  AppendExact(x, {left.begin(), first});
  const auto kth = rescored_.begin() + static_cast<std::ptrdiff_t>(k) - 1;
  std::nth_element(rescored_.begin(), kth, rescored_.end(), ComesBefore);
  const float reached_exactly = kth->logit;
  const auto last = std::partition(first, left.end(), [&](int32_t row) { return upper[row] >= reached_exactly; });
  const auto needed = static_cast<int64_t>(last - left.begin());
  if (needed > screen_.rows / kMaxShareLeft) return false;
  std::sort(first, last);  // rows in the order of memory
  AppendExact(x, {first, last});
  std::partial_sort(rescored_.begin(), rescored_.begin() + static_cast<std::ptrdiff_t>(k), rescored_.end(), ComesBefore);
  std::copy_n(rescored_.begin(), k, top.begin());
  counts_.rescored += needed;
  return true;
}

void ScreenedHead::AppendExact(const float* x, std::span<const int32_t> rows) {
  const auto count = static_cast<int64_t>(rows.size());
  const auto multiply = [&](int64_t begin, int64_t end, int worker) {
    for (int64_t i = begin; i < end; ++i) {
      if (i + kRowsAhead < end) PrefetchRow(rows[static_cast<size_t>(i + kRowsAhead)]);
      const int64_t row = rows[static_cast<size_t>(i)];
      Multiply(x, row, row + 1, worker);
    }
  };
  if (count * screen_.cols < kForkThreshold) {
    multiply(0, count, 0);
  } else {
    context_->pool->ParallelFor(count, kGrainRows, multiply);
  }
  const float* exact = exact_.as<float>().data();
  for (const int32_t row : rows) rescored_.push_back({row, exact[row]});
}

/// Rows far from each other: without this, each waits for memory anew.
void ScreenedHead::PrefetchRow(int32_t row) const {
  constexpr int64_t kLineBytes = 64;
  const std::byte* bytes = matrix_.bytes.data() + row * row_bytes_;
  for (int64_t at = 0; at < row_bytes_; at += kLineBytes) __builtin_prefetch(bytes + at);
}

void ScreenedHead::Full(const float* x, std::span<TokenLogit> top) {
  const int64_t workers = context_->pool->threads();
  const int64_t share = RoundUp((screen_.rows + workers - 1) / workers, kGrainRows);
  context_->pool->Run([&](int worker) {
    const int64_t begin = std::min(worker * share, screen_.rows);
    Multiply(x, begin, std::min(begin + share, screen_.rows), worker);
  });
  SelectTopLogits(exact_.as<float>().first(static_cast<size_t>(screen_.rows)), top);
}

void ScreenedHead::Multiply(const float* x, int64_t row_begin, int64_t row_end, int worker) {
  if (row_begin >= row_end) return;
  dense_linear_({.weights = matrix_.bytes.data(),
                 .row_bytes = row_bytes_,
                 .rows = screen_.rows,
                 .cols = screen_.cols,
                 .row_begin = row_begin,
                 .row_end = row_end,
                 .x = x,
                 .x_stride = RoundUp(screen_.cols, int64_t{16}),
                 .tokens = 1,
                 .y = exact_.as<float>().data(),
                 .y_stride = screen_.rows,
                 .scratch = scratch_[static_cast<size_t>(worker)].data()});
}

}  // namespace sterna
