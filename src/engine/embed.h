// The embedding of a text: the rows of the final norm, pooled.
#ifndef STERNA_ENGINE_EMBED_H_
#define STERNA_ENGINE_EMBED_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "engine/session.h"

namespace sterna {

/// Evaluates `tokens` from the start of the session, whose model must give ModelOutput::kHidden, and pools its rows: [d_model]
/// numbers (sentence-transformers, Pooling: the mean of all rows, the first or the last). `normalize`: divided by their length, at
/// least 1e-12 (torch.nn.functional.normalize). Errors: InvalidArgument for Pooling::kNone and a model that gives logits; those of
/// Session::EvaluateAll.
Result<std::vector<float>> Embed(Session& session, std::span<const int32_t> tokens, Pooling pooling, bool normalize);

}  // namespace sterna

#endif  // STERNA_ENGINE_EMBED_H_
