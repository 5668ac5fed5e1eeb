// Any bytes as a text: every vocabulary gives ids that decode to it, whatever the cuts at which the bytes come out.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_level.h"
#include "text/stop_matcher.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace {

void Demand(bool holds) {
  if (!holds) std::abort();
}

sterna::Metadata ByteLevelVocabulary(const char* pre) {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) sterna::AppendByteLevel(std::string(1, static_cast<char>(byte)), &tokens.emplace_back());
  std::vector<std::string> merges;
  for (const char* merge : {"a b", "ab ab", "1 2", "\u0120 a", "' s", "\u00ed \u0142", "\u00e7 \u013c", "\u00e7\u013c \u0126",
                            "\u00e7\u013c\u0126 \u00e6", "\u0126 a", "\u00e6 \u013a", "\u00e6\u013a \u00af"}) {
    merges.emplace_back(merge);
    std::string merged(merge);
    merged.erase(merged.find(' '), 1);
    tokens.push_back(merged);
  }
  std::vector<int32_t> types(tokens.size(), 1);
  tokens.emplace_back("<|eot_id|>");
  types.push_back(3);
  tokens.emplace_back("<ab>");
  types.push_back(4);
  sterna::Metadata metadata;
  metadata.Set("tokenizer.ggml.model", std::string("gpt2"));
  metadata.Set("tokenizer.ggml.pre", std::string(pre));
  metadata.Set("tokenizer.ggml.tokens", sterna::MetaArray(std::move(tokens)));
  metadata.Set("tokenizer.ggml.token_type", sterna::MetaArray(std::move(types)));
  metadata.Set("tokenizer.ggml.merges", sterna::MetaArray(std::move(merges)));
  return metadata;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<std::shared_ptr<const sterna::Tokenizer>> tokenizers = [] {
    std::vector<std::shared_ptr<const sterna::Tokenizer>> loaded;
    for (const char* pre : {"llama-bpe", "gpt-2", "qwen2", "qwen35", "default", "deepseek-llm", "gpt-4o"}) {
      loaded.push_back(*sterna::Tokenizer::FromMetadata(ByteLevelVocabulary(pre)));
    }
    return loaded;
  }();
  if (size == 0) return 0;
  const sterna::Tokenizer& tokenizer = *tokenizers[data[0] % tokenizers.size()];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto ids = tokenizer.Encode(text, {.add_special = false, .parse_special = (data[0] & 128) != 0});
  Demand(ids.ok());
  std::string bytes;
  std::string characters;
  sterna::Utf8Assembler assembler;
  auto matcher = sterna::StopMatcher::Create({"abab", "bc"});
  std::string before_stop;
  for (const sterna::TokenId id : *ids) {
    Demand(id >= 0 && id < tokenizer.vocab_size());
    bytes += tokenizer.TokenBytes(id);
    characters += assembler.Push(tokenizer.TokenBytes(id));
    before_stop += matcher->Push(tokenizer.TokenBytes(id));
  }
  characters += assembler.Flush();
  before_stop += matcher->Flush();
  Demand(bytes == text);
  Demand(characters == *tokenizer.Decode(*ids));
  Demand(sterna::ValidUtf8Prefix(characters) == characters.size());
  Demand(text.starts_with(before_stop) && matcher->stopped() == (before_stop.size() < text.size()));
  return 0;
}
