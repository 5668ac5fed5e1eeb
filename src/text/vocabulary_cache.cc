// Layout of a cache file, all numbers in the byte order of the machine that made it (another order is another magic number):
// the header, then `rest_bytes` of text, the ids of the tokens (i32), the lengths of their texts (u32), the texts, the merges
// (three i32 each). source_hash is KeyedHash of tokenizer.json, payload_hash of what follows the header, both under the file's own
// key.
#include "text/vocabulary_cache.h"

#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <optional>
#include <random>
#include <span>
#include <type_traits>
#include <vector>

#include "base/checked_math.h"
#include "base/file.h"
#include "text/token_table.h"

namespace sterna {
namespace {

constexpr uint64_t kMagic = 0x31434F5641545253u;  // "SRTAVOC1" where the least byte comes first; the last one is the version
constexpr size_t kMaxCacheBytes = size_t{1} << 29;

struct Header {
  uint64_t magic;
  HashKey key;
  uint64_t source_bytes;
  uint64_t source_hash;
  uint64_t payload_hash;
  uint64_t rest_bytes;
  uint64_t tokens;
  uint64_t text_bytes;
  uint64_t merges;
};
static_assert(sizeof(Header) == 80 && std::has_unique_object_representations_v<Header>);
static_assert(sizeof(BpeMergeIds) == 12 && std::is_trivially_copyable_v<BpeMergeIds>);

template <class T>
void AppendBytes(std::span<const T> values, std::string* out) {
  const auto bytes = std::as_bytes(values);
  out->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

/// The payload's size as the header has it, or nothing where it does not fit.
std::optional<uint64_t> PayloadBytes(const Header& header) {
  std::optional<uint64_t> total = CheckedAdd(header.rest_bytes, header.text_bytes);
  for (const auto& [count, bytes] :
       {std::pair(header.tokens, sizeof(int32_t) + sizeof(uint32_t)), {header.merges, sizeof(BpeMergeIds)}}) {
    const auto part = CheckedMul<uint64_t>(count, bytes);
    if (!part || !total) return std::nullopt;
    total = CheckedAdd(*total, *part);
  }
  return total;
}

/// Takes parts from the front of bytes whose length was checked before.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  std::string_view Take(uint64_t bytes) {
    const std::string_view part = bytes_.substr(0, static_cast<size_t>(bytes));
    bytes_.remove_prefix(part.size());
    return part;
  }
  template <class T>
  std::vector<T> TakeAll(uint64_t count) {
    std::vector<T> values(static_cast<size_t>(count));
    const std::string_view part = Take(count * sizeof(T));
    if (!part.empty()) std::memcpy(values.data(), part.data(), part.size());
    return values;
  }

 private:
  std::string_view bytes_;
};

HashKey RandomKey() {
  std::random_device device;
  const auto word = [&] { return uint64_t{device()} << 32 | device(); };
  return {word(), word()};
}

bool WriteFile(const std::string& folder, const std::string& path, std::string_view bytes) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return false;
  const auto file = AtomicFile::Create(path);
  return file.ok() && (*file)->Append(bytes).ok() && (*file)->Commit().ok();
}

}  // namespace

std::string VocabularyCacheName(std::string_view tokenizer_json) {
  return fmt::format("{:016x}.vocabulary", HashLongBytes(tokenizer_json));
}

std::string FormatVocabularyCache(std::string_view tokenizer_json, std::string_view rest, const VocabularyParts& parts,
                                  HashKey key) {
  std::vector<int32_t> ids;
  std::vector<uint32_t> lengths;
  std::string texts;
  for (const auto& [text, id] : parts.entries) {
    ids.push_back(static_cast<int32_t>(id));
    lengths.push_back(static_cast<uint32_t>(text.size()));
    texts += text;
  }
  std::string payload(rest);
  AppendBytes(std::span<const int32_t>(ids), &payload);
  AppendBytes(std::span<const uint32_t>(lengths), &payload);
  payload += texts;
  AppendBytes(std::span<const BpeMergeIds>(parts.merges), &payload);
  const Header header{
      kMagic,     key,          tokenizer_json.size(), KeyedHash(key, tokenizer_json), KeyedHash(key, payload), rest.size(),
      ids.size(), texts.size(), parts.merges.size()};
  std::string bytes;
  AppendBytes(std::span(&header, 1), &bytes);
  return bytes + payload;
}

Result<CachedVocabulary> ParseVocabularyCache(std::string_view bytes, std::string_view tokenizer_json) {
  Header header;
  if (bytes.size() < sizeof(header)) return Malformed(fmt::format("{} bytes, fewer than a header has", bytes.size()));
  std::memcpy(&header, bytes.data(), sizeof(header));
  const std::string_view payload = bytes.substr(sizeof(header));
  if (header.magic != kMagic) return Malformed("not a vocabulary of this format");
  if (header.source_bytes != tokenizer_json.size()) {
    return Malformed(fmt::format("made from {} bytes of tokenizer.json, not {}", header.source_bytes, tokenizer_json.size()));
  }
  if (PayloadBytes(header) != payload.size()) return Malformed(fmt::format("{} bytes are not what the header says", bytes.size()));
  if (header.payload_hash != KeyedHash(header.key, payload)) return Malformed("the checksum is wrong");
  if (header.source_hash != KeyedHash(header.key, tokenizer_json)) return Malformed("made from another tokenizer.json");

  CachedVocabulary cached;
  Cursor cursor(payload);
  cached.rest = cursor.Take(header.rest_bytes);
  const std::vector<int32_t> ids = cursor.TakeAll<int32_t>(header.tokens);
  const std::vector<uint32_t> lengths = cursor.TakeAll<uint32_t>(header.tokens);
  std::string_view texts = cursor.Take(header.text_bytes);
  cached.parts.merges = cursor.TakeAll<BpeMergeIds>(header.merges);
  cached.parts.entries.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] > kMaxTokenId) return Malformed(fmt::format("token {} has the id {}", i, ids[i]));
    if (lengths[i] > texts.size()) return Malformed(fmt::format("token {}: {} bytes of {} left", i, lengths[i], texts.size()));
    cached.parts.entries.emplace_back(texts.substr(0, lengths[i]), ids[i]);
    texts.remove_prefix(lengths[i]);
  }
  if (!texts.empty()) return Malformed(fmt::format("{} bytes of text without a token", texts.size()));
  return cached;
}

Result<std::shared_ptr<const Tokenizer>> TokenizerFromCachedJson(std::string_view tokenizer_json, std::string_view config_json,
                                                                 std::string_view special_tokens_map_json,
                                                                 const std::string& folder, VocabularyCacheUse* use,
                                                                 size_t least_bytes) {
  VocabularyCacheUse ignored;
  if (use == nullptr) use = &ignored;
  *use = VocabularyCacheUse::kUnsuited;
  JsonTexts texts{tokenizer_json, config_json, special_tokens_map_json};
  if (folder.empty() || tokenizer_json.size() < least_bytes) return BuildFromJson(texts, nullptr, nullptr);

  const std::string path = (std::filesystem::path(folder) / VocabularyCacheName(tokenizer_json)).string();
  if (const auto bytes = ReadWholeFile(path, kMaxCacheBytes); bytes.ok()) {
    if (const auto cached = ParseVocabularyCache(*bytes, tokenizer_json); cached.ok()) {
      texts.tokenizer = cached->rest;
      auto tokenizer = BuildFromJson(texts, &cached->parts, nullptr);
      // An error may be the config's, which the cache knows nothing of: the whole way says it in the right words.
      if (tokenizer.ok()) {
        *use = VocabularyCacheUse::kRead;
        return tokenizer;
      }
      texts.tokenizer = tokenizer_json;
    }
  }
  return BuildFromJson(texts, nullptr, [&](std::string_view rest, const VocabularyParts& parts) {
    const bool is_written = WriteFile(folder, path, FormatVocabularyCache(tokenizer_json, rest, parts, RandomKey()));
    *use = is_written ? VocabularyCacheUse::kWritten : VocabularyCacheUse::kNotWritten;
  });
}

}  // namespace sterna
