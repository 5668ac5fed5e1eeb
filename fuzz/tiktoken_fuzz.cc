// Any bytes as a tiktoken rank file: an error, or a tokenizer whose ids are its own.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "text/tokenizer.h"

namespace {

void Demand(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view ranks(reinterpret_cast<const char*>(data), size);
  const auto tokenizer = sterna::Tokenizer::FromTiktoken(ranks, sterna::TiktokenKind::kCl100kBase);
  if (!tokenizer.ok()) {
    Demand(!tokenizer.status().message().empty());
    return 0;
  }
  for (const std::string_view text : {"", "abab 12\n", "\xFF\xC3\xA9"}) {
    const auto ids = (*tokenizer)->Encode(text);
    Demand(ids.ok());
    for (const sterna::TokenId id : *ids) Demand(id >= 0 && id < (*tokenizer)->vocab_size());
    Demand((*tokenizer)->Decode(*ids).ok());
  }
  return 0;
}
