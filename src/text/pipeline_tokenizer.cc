#include "text/pipeline_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <deque>
#include <utility>

#include "text/utf8.h"

namespace sterna {
namespace {

constexpr size_t kMaxTextBytes = size_t{1} << 30;

/// Remembers where in the output the ids of a word already stand. Direct-mapped, so that hostile words cost nothing but misses.
class WordCache {
 public:
  explicit WordCache(size_t text_bytes) : entries_(std::bit_ceil(std::clamp<size_t>(text_bytes / 16, 1, 16384))) {}

  /// Appends the ids of `word` again, if it is known.
  bool Repeat(std::string_view word, std::vector<TokenId>* ids) const {
    const Entry& entry = entries_[Slot(word)];
    if (entry.word != word) return false;
    for (size_t i = 0; i < entry.count; ++i) {
      const TokenId id = (*ids)[entry.first + i];
      ids->push_back(id);
    }
    return true;
  }
  /// `word` must live as long as the cache; its ids are ids[first..].
  void Remember(std::string_view word, const std::vector<TokenId>& ids, size_t first) {
    entries_[Slot(word)] = {word, first, ids.size() - first};
  }

 private:
  struct Entry {
    std::string_view word;
    size_t first;
    size_t count;
  };
  size_t Slot(std::string_view word) const { return HashBytes(word) & (entries_.size() - 1); }

  std::vector<Entry> entries_;
};

constexpr size_t kMaxCachedWordBytes = 64;

class CutBeforeSpacesStep : public PreTokenizerStep {
 public:
  Status Split(const Piece& piece, PieceSink* sink) const override {
    size_t begin = 0;
    for (size_t at = piece.text.find(kSpaceSymbol); at != std::string_view::npos; at = piece.text.find(kSpaceSymbol, at)) {
      if (at > begin) sink->AddPart(piece, begin, at);
      begin = at;
      while (piece.text.substr(at, kSpaceSymbol.size()) == kSpaceSymbol) at += kSpaceSymbol.size();
    }
    sink->AddPart(piece, begin, piece.text.size());
    return Status::Ok();
  }
};

}  // namespace

bool MayCutBeforeSpaces(const TokenTable& texts, const std::vector<uint8_t>& is_control) {
  for (size_t id = 0; id < texts.size(); ++id) {
    if (is_control[id]) continue;
    std::string_view rest = texts[id];
    while (rest.starts_with(kSpaceSymbol)) rest.remove_prefix(kSpaceSymbol.size());
    if (rest.find(kSpaceSymbol) != std::string_view::npos) return false;
  }
  return true;
}

std::unique_ptr<const PreTokenizerStep> MakeCutBeforeSpacesStep() {
  return std::make_unique<CutBeforeSpacesStep>();
}

/// One Encode: its output, its scratch and the texts it had to change.
class PipelineTokenizer::EncodeCall {
 public:
  EncodeCall(const PipelineParts& parts, std::string_view text, const EncodeOptions& options)
      : parts_(parts), text_(text), options_(options), cache_(text.size()) {}

  Result<std::vector<TokenId>> Run() {
    if (options_.add_special) ids_ = parts_.prefix;
    ids_.reserve(ids_.size() + text_.size() / 4 + 4);
    for (const Fragment& fragment : Partition(parts_.added, text_)) {
      if (fragment.id >= 0) {
        ids_.push_back(fragment.id);
        continue;
      }
      STERNA_RETURN_IF_ERROR(EncodeFragment(fragment.text));
    }
    if (options_.add_special) ids_.insert(ids_.end(), parts_.suffix.begin(), parts_.suffix.end());
    return std::move(ids_);
  }

 private:
  std::vector<Fragment> Partition(const AddedTokenMatcher& matcher, std::string_view text) const {
    std::vector<Fragment> fragments;
    if (matcher.empty()) {
      fragments.push_back({text, -1});
    } else if (parts_.longest_first) {
      matcher.PartitionLongestFirst(text, options_.parse_special, &fragments);
    } else {
      matcher.PartitionLeftmostLongest(text, options_.parse_special, &fragments);
    }
    return fragments;
  }

  Status EncodeFragment(std::string_view fragment) {
    if (fragment.empty()) return Status::Ok();
    const bool at_text_start = fragment.data() == text_.data();
    std::string_view normalized = fragment;
    // A fragment begins the text or follows an added token.
    const bool adds_space = parts_.space_after_special;
    if (adds_space || !parts_.normalizer.empty()) {
      std::string changed(adds_space ? " " : "");
      changed += fragment;
      STERNA_ASSIGN_OR_RETURN(changed, RunNormalizer(parts_.normalizer, std::move(changed)));
      normalized = storage_.emplace_back(std::move(changed));
    }
    for (const Fragment& part : Partition(parts_.added_normalized, normalized)) {
      if (part.id >= 0) {
        ids_.push_back(part.id);
        continue;
      }
      const Piece whole{part.text, at_text_start && part.text.data() == normalized.data()};
      STERNA_ASSIGN_OR_RETURN(const std::vector<Piece> pieces, RunPreTokenizer(parts_.pre_tokenizer, whole, &storage_));
      for (const Piece& piece : pieces) EncodeWord(piece.text);
    }
    return Status::Ok();
  }

  void EncodeWord(std::string_view word) {
    const bool is_cached = word.size() <= kMaxCachedWordBytes;
    if (is_cached && cache_.Repeat(word, &ids_)) return;
    const size_t first = ids_.size();
    parts_.model->EncodeWord(word, &scratch_, &ids_);
    if (is_cached) cache_.Remember(word, ids_, first);
  }

  const PipelineParts& parts_;
  std::string_view text_;
  EncodeOptions options_;
  WordCache cache_;
  std::deque<std::string> storage_;  // outlives the cache's views
  SubwordScratch scratch_;
  std::vector<TokenId> ids_;
};

Result<std::vector<TokenId>> PipelineTokenizer::Encode(std::string_view text, const EncodeOptions& options) const {
  if (text.size() > kMaxTextBytes) {
    return OutOfRange(fmt::format("text of {} bytes: at most {} can be tokenized at once", text.size(), kMaxTextBytes));
  }
  return EncodeCall(parts_, text, options).Run();
}

Result<std::string> PipelineTokenizer::Decode(std::span<const TokenId> ids, bool skip_special) const {
  std::vector<TokenId> kept;
  kept.reserve(ids.size());
  for (const TokenId id : ids) {
    if (!InRange(id)) return InvalidArgument(fmt::format("token id {}: expected 0 to {}", id, vocab_size() - 1));
    if (skip_special && IsControl(id)) continue;
    if (parts_.texts[static_cast<size_t>(id)].empty()) continue;
    kept.push_back(id);
  }
  std::string text;
  if (parts_.joins_bytes) {
    std::string joined;
    for (const TokenId id : kept) joined += TokenBytes(id);
    std::string_view rest = joined;
    if (parts_.drops_first_space && rest.starts_with(' ')) rest.remove_prefix(1);
    AppendLossyUtf8(rest, &text);
    return text;
  }
  std::vector<std::string> tokens;
  tokens.reserve(kept.size());
  for (const TokenId id : kept) {
    const auto normalized = parts_.normalized_texts.find(id);
    const bool differs = normalized != parts_.normalized_texts.end();
    tokens.emplace_back(differs ? std::string_view(normalized->second) : parts_.texts[static_cast<size_t>(id)]);
  }
  if (!parts_.decoder) {
    for (const std::string& token : tokens) text.append(text.empty() ? "" : " ").append(token);
    return text;
  }
  for (const auto& step : *parts_.decoder) STERNA_RETURN_IF_ERROR(step->Apply(&tokens));
  for (const std::string& token : tokens) text += token;
  return text;
}

std::optional<TokenId> PipelineTokenizer::Find(std::string_view token_text) const {
  const int32_t id = parts_.index.Find(parts_.texts, token_text);
  if (id < 0) return std::nullopt;
  return id;
}

}  // namespace sterna
