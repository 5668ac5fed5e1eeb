// Many texts at once, on the threads of a pool.
#ifndef STERNA_TEXT_BATCH_ENCODER_H_
#define STERNA_TEXT_BATCH_ENCODER_H_

#include <span>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "text/tokenizer.h"

namespace sterna {

/// The ids of every text, as Encode gives them one by one. The error is that of the first text in order that has one, with its
/// number. Rules of ThreadPool::Run.
Result<std::vector<std::vector<TokenId>>> EncodeBatch(const Tokenizer& tokenizer, std::span<const std::string_view> texts,
                                                      const EncodeOptions& options, ThreadPool* pool);

}  // namespace sterna

#endif  // STERNA_TEXT_BATCH_ENCODER_H_
