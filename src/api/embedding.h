// Texts to embeddings: vectors whose cosine says how near their meanings are.
#ifndef STERNA_API_EMBEDDING_H_
#define STERNA_API_EMBEDDING_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "api/loaded_model.h"
#include "base/status.h"
#include "engine/session.h"

namespace sterna {

struct EmbeddingOptions {
  Pooling pooling = Pooling::kNone;  ///< kNone: the model's own; the mean where it names none
  bool normalize = true;             ///< to length 1
  bool truncate = false;             ///< cut texts longer than the context, instead of refusing them
};

struct Embedding {
  std::vector<float> values;  ///< [d_model]
  int64_t tokens = 0;         ///< evaluated, those added around the text included
};

/// One thread. Keeps the model alive.
class Embedder {
 public:
  /// InvalidArgument where `loaded` has no tokenizer or was not loaded with LoadOptions::output = kHidden.
  static Result<std::unique_ptr<Embedder>> Create(const LoadedModel& loaded, const EmbeddingOptions& options);

  /// The text is tokenized as data: what looks like a control token is not one. Errors: InvalidArgument for a text of no tokens,
  /// OutOfRange for one longer than the context.
  Result<Embedding> Embed(std::string_view text);

  Pooling pooling() const { return options_.pooling; }

 private:
  Embedder() = default;

  std::shared_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<Session> session_;
  EmbeddingOptions options_;
};

}  // namespace sterna

#endif  // STERNA_API_EMBEDDING_H_
