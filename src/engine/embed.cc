#include "engine/embed.h"

#include <algorithm>
#include <cmath>

namespace sterna {
namespace {

void Normalize(std::vector<float>& values) {
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * static_cast<double>(value);
  constexpr double kLeastLength = 1e-12;
  const double length = std::max(std::sqrt(squares), kLeastLength);
  for (float& value : values) value = static_cast<float>(static_cast<double>(value) / length);
}

}  // namespace

Result<std::vector<float>> Embed(Session& session, std::span<const int32_t> tokens, Pooling pooling, bool normalize) {
  if (session.model().output() != ModelOutput::kHidden) return InvalidArgument("the model was loaded for logits, not embeddings");
  if (pooling == Pooling::kNone) return InvalidArgument("no pooling was chosen: expected mean, first or last");
  session.Rewind(0);
  std::vector<float> pooled;
  if (pooling == Pooling::kLast) {
    STERNA_ASSIGN_OR_RETURN(const std::span<const float> last, session.Append(tokens));
    pooled.assign(last.begin(), last.end());
  } else {
    std::vector<double> sum(static_cast<size_t>(session.model().output_width()));
    STERNA_RETURN_IF_ERROR(session.EvaluateAll(tokens, [&](size_t index, std::span<const float> row) {
      if (pooling == Pooling::kFirst && index > 0) return Status::Ok();
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(row[i]);
      return Status::Ok();
    }));
    const double rows = pooling == Pooling::kFirst ? 1.0 : static_cast<double>(tokens.size());
    for (const double value : sum) pooled.push_back(static_cast<float>(value / rows));
  }
  if (normalize) Normalize(pooled);
  return pooled;
}

}  // namespace sterna
