#include "backend/top_logits.h"

#include <fmt/format.h>

#include <algorithm>

namespace sterna {

void SelectTopLogits(std::span<const float> logits, std::span<TokenLogit> top) {
  size_t i = 0;
  for (; i < top.size(); ++i) top[i] = {static_cast<int32_t>(i), logits[i]};
  std::ranges::make_heap(top, ComesBefore);  // the last in order is in front
  for (; i < logits.size(); ++i) {
    if (logits[i] <= top.front().logit) continue;  // false where either is NaN
    const TokenLogit entry{static_cast<int32_t>(i), logits[i]};
    if (!ComesBefore(entry, top.front())) continue;
    std::ranges::pop_heap(top, ComesBefore);
    top.back() = entry;
    std::ranges::push_heap(top, ComesBefore);
  }
  std::ranges::sort_heap(top, ComesBefore);
}

Status Program::CheckTopCount(int64_t count, int64_t vocab) {
  const int64_t most = std::min(vocab, kMaxTopLogits);
  if (count >= 1 && count <= most) return Status::Ok();
  return Internal(fmt::format("logits of a step: expected 1 to {}, found {}", most, count));
}

std::span<const TokenLogit> Program::SelectTop(std::span<const float> logits, int64_t rows, int64_t count) {
  const size_t vocab = rows == 0 ? 0 : logits.size() / static_cast<size_t>(rows);
  top_.resize(static_cast<size_t>(rows * count));
  for (size_t row = 0; row < static_cast<size_t>(rows); ++row) {
    const auto of_row = std::span(top_).subspan(row * static_cast<size_t>(count), static_cast<size_t>(count));
    SelectTopLogits(logits.subspan(row * vocab, vocab), of_row);
  }
  return top_;
}

Result<std::span<const TokenLogit>> Program::RunTop(const StepBatch& batch, int64_t count) {
  STERNA_ASSIGN_OR_RETURN(const std::span<const float> logits, Run(batch));
  const auto rows = static_cast<int64_t>(batch.selected.size());
  if (rows > 0) STERNA_RETURN_IF_ERROR(CheckTopCount(count, static_cast<int64_t>(logits.size()) / rows));
  return SelectTop(logits, rows, count);
}

Result<WeightId> Backend::AddScreen(WeightId) {
  return WeightId{kNoWeight};
}

}  // namespace sterna
