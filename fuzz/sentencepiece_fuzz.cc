// Any bytes as a SentencePiece model file: an error, or a tokenizer whose ids are its own.
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
  const auto tokenizer = sterna::Tokenizer::FromSentencePiece({reinterpret_cast<const char*>(data), size});
  if (!tokenizer.ok()) {
    Demand(!tokenizer.status().message().empty());
    return 0;
  }
  const sterna::Tokenizer& loaded = **tokenizer;
  for (const std::string_view text :
       {"", "a", "  ab  12 \u00e9\uFB01\u6f22 <s> \u2581", "\xED\xA0\x80\xFFx", "aaaaaaaaaaaaaaaaab"}) {
    const auto tokenized = loaded.EncodeWithSpans(text, {.add_special = true, .parse_special = true});
    Demand(tokenized.ok());
    for (size_t i = 0; i < tokenized->ids.size(); ++i) {
      const sterna::TokenSpan& span = tokenized->spans[i];
      Demand(tokenized->ids[i] >= 0 && tokenized->ids[i] < loaded.vocab_size());
      Demand(span.begin_byte <= span.end_byte && span.end_byte <= text.size());
    }
    Demand(loaded.Decode(tokenized->ids).ok());
  }
  return 0;
}
