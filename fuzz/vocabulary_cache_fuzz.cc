// Any bytes as a cache file whose checksums are right: an error, or a tokenizer whose ids are its own.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "text/vocabulary_cache.h"

namespace {

constexpr std::string_view kJson = "{}";

void Demand(bool holds) {
  if (!holds) std::abort();
}

void Put(std::string* bytes, size_t at, uint64_t number) {
  std::memcpy(bytes->data() + at, &number, sizeof(number));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view given(reinterpret_cast<const char*>(data), size);
  [[maybe_unused]] const auto as_it_is = sterna::ParseVocabularyCache(given, kJson);
  // What protects from accidents would keep the fuzzer out: magic number, key, and three of the header's numbers are put right.
  const std::string valid = sterna::FormatVocabularyCache(kJson, "", {}, {});
  if (size < valid.size()) return 0;
  std::string bytes(given);
  std::memcpy(bytes.data(), valid.data(), 40);
  Put(&bytes, 40, sterna::KeyedHash({}, given.substr(valid.size())));
  const auto cached = sterna::ParseVocabularyCache(bytes, kJson);
  if (!cached.ok()) return 0;
  const auto tokenizer = sterna::BuildFromJson({cached->rest, {}, {}}, &cached->parts, nullptr);
  if (!tokenizer.ok()) return 0;
  for (const std::string_view text : {"", "a", "abab \xFFx"}) {
    const auto ids = (*tokenizer)->Encode(text);
    if (!ids.ok()) continue;
    for (const sterna::TokenId id : *ids) Demand(id >= 0 && id < (*tokenizer)->vocab_size());
  }
  return 0;
}
