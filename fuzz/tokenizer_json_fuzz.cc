// Any bytes as a tokenizer.json: an error, or a tokenizer whose ids are its own.
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
  const auto tokenizer = sterna::Tokenizer::FromJson({reinterpret_cast<const char*>(data), size});
  if (!tokenizer.ok()) {
    Demand(!tokenizer.status().message().empty());
    return 0;
  }
  const sterna::Tokenizer& loaded = **tokenizer;
  for (const std::string_view text :
       {"", "a", " ab  12'S\r\n\u00e9\u6f22 <s>", "\xED\xA0\x80\xFFx", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"}) {
    for (const bool parse_special : {false, true}) {
      const auto ids = loaded.Encode(text, {.add_special = parse_special, .parse_special = parse_special});
      if (!ids.ok()) continue;  // a pattern that gives up
      for (const sterna::TokenId id : *ids) Demand(id >= 0 && id < loaded.vocab_size());
      Demand(loaded.Decode(*ids).ok());
    }
  }
  return 0;
}
