#include "api/embedding.h"

#include <algorithm>

#include "engine/embed.h"

namespace sterna {
namespace {

constexpr int64_t kChunk = 256;

/// Keeps the last `tail` ids: what stands around a text, as the end token that some models pool, stays at its end.
void Truncate(std::vector<TokenId>& ids, size_t limit, size_t tail) {
  if (ids.size() <= limit || limit < tail) return;
  ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(limit - tail), ids.end() - static_cast<std::ptrdiff_t>(tail));
}

}  // namespace

Result<std::unique_ptr<Embedder>> Embedder::Create(const LoadedModel& loaded, const EmbeddingOptions& options) {
  if (loaded.tokenizer == nullptr)
    return InvalidArgument(loaded.path + ": the checkpoint has no tokenizer, so it cannot read text");
  if (loaded.model->output() != ModelOutput::kHidden) {
    return InvalidArgument(loaded.path + ": loaded for logits, not embeddings");
  }
  auto embedder = std::unique_ptr<Embedder>(new Embedder());
  embedder->tokenizer_ = loaded.tokenizer;
  embedder->options_ = options;
  if (options.pooling == Pooling::kNone) {
    const Pooling own = loaded.model->config().pooling;
    embedder->options_.pooling = own == Pooling::kNone ? Pooling::kMean : own;
  }
  const int64_t selected = embedder->options_.pooling == Pooling::kMean ? kChunk : 1;
  STERNA_ASSIGN_OR_RETURN(embedder->session_, Session::Create(loaded.model, {.max_chunk = kChunk, .max_selected = selected}));
  return embedder;
}

Result<Embedding> Embedder::Embed(std::string_view text) {
  STERNA_ASSIGN_OR_RETURN(std::vector<TokenId> ids, tokenizer_->Encode(text, {.add_special = true, .parse_special = false}));
  if (options_.truncate) {
    const bool ends = !ids.empty() && tokenizer_->IsControl(ids.back());
    Truncate(ids, static_cast<size_t>(session_->max_context()), ends ? 1 : 0);
  }
  Embedding out;
  out.tokens = static_cast<int64_t>(ids.size());
  STERNA_ASSIGN_OR_RETURN(out.values, sterna::Embed(*session_, ids, options_.pooling, options_.normalize));
  return out;
}

}  // namespace sterna
