#include "text/batch_encoder.h"

#include <fmt/format.h>

#include <utility>

namespace sterna {

Result<std::vector<std::vector<TokenId>>> EncodeBatch(const Tokenizer& tokenizer, std::span<const std::string_view> texts,
                                                      const EncodeOptions& options, ThreadPool* pool) {
  std::vector<std::vector<TokenId>> ids(texts.size());
  std::vector<Status> errors(texts.size());
  pool->ParallelFor(static_cast<int64_t>(texts.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      auto encoded = tokenizer.Encode(texts[i], options);
      if (encoded.ok()) {
        ids[i] = std::move(encoded).value();
      } else {
        errors[i] = encoded.status();
      }
    }
  });
  for (size_t i = 0; i < errors.size(); ++i) {
    if (!errors[i].ok()) return errors[i].WithContext(fmt::format("text {}", i));
  }
  return ids;
}

}  // namespace sterna
