#include "text/unigram_model.h"

#include <algorithm>
#include <utility>

#include "text/utf8.h"

namespace sterna {

using BestPath = SubwordScratch::BestPath;

UnigramModel::UnigramModel(const TokenTable& texts, const std::vector<double>& scores, const std::vector<uint8_t>& can_form,
                           const UnigramOptions& options)
    : scores_(scores), options_(options) {
  std::vector<std::pair<std::string_view, int32_t>> entries;
  for (size_t id = 0; id < texts.size(); ++id) {
    if (can_form[id] && !texts[id].empty()) entries.emplace_back(texts[id], static_cast<int32_t>(id));
  }
  trie_ = PrefixTrie(std::move(entries));
}

Status UnigramModel::AddUnknown(std::string_view word, uint32_t begin, uint32_t end, const WordTokens& out) const {
  const std::string_view part = word.substr(begin, end - begin);
  if (options_.fuses_before_lookup) {
    const PrefixTrie::Match match = trie_.Longest(part);
    if (match.value >= 0 && match.bytes == part.size()) {
      out.Add(match.value, begin, end);
      return Status::Ok();
    }
  }
  const auto id_of = [&](char byte) { return options_.byte_ids[static_cast<uint8_t>(byte)]; };
  if (options_.has_byte_tokens && std::all_of(part.begin(), part.end(), [&](char byte) { return id_of(byte) >= 0; })) {
    for (size_t i = 0; i < part.size(); ++i) {
      const bool has_range = !options_.last_byte_has_range || i + 1 == part.size();
      out.Add(id_of(part[i]), begin, has_range ? end : begin);
    }
    return Status::Ok();
  }
  if (options_.unknown_id < 0) return Malformed("the vocabulary has no token for unknown characters, and the text has one");
  out.Add(options_.unknown_id, begin, end);
  return Status::Ok();
}

Status UnigramModel::EncodeWord(std::string_view word, SubwordScratch* scratch, const WordTokens& out) const {
  constexpr uint32_t kUnreached = SubwordScratch::kEnd;
  std::vector<BestPath>& paths = scratch->paths;
  paths.assign(word.size() + 1, {0, kUnreached, -1});
  const auto sum = [&](double a, double b) {
    return options_.single_precision ? static_cast<double>(static_cast<float>(a) + static_cast<float>(b)) : a + b;
  };
  for (uint32_t begin = 0; begin < word.size();) {
    const double score_here = paths[begin].score;
    const uint32_t character_bytes = DecodeUtf8(word, begin).bytes;
    bool covers_character = false;
    const auto reach = [&](size_t end, double score, int32_t id) {
      BestPath& path = paths[end];
      const double total = sum(score, score_here);
      if (path.begin == kUnreached || total > path.score) path = {total, begin, id};
    };
    uint32_t node = PrefixTrie::kRoot;
    for (size_t at = begin; at < word.size();) {
      node = trie_.Child(node, word[at++]);
      if (node == PrefixTrie::kNone) break;
      const int32_t id = trie_.Value(node);
      if (id < 0) continue;
      reach(at, scores_[static_cast<size_t>(id)], id);
      covers_character |= at == begin + character_bytes;
    }
    if (!covers_character) reach(begin + character_bytes, options_.unknown_score, options_.unknown_id);
    begin += character_bytes;
  }

  // From the end: chain the tokens of the best path through `begin`, then read them forwards.
  uint32_t next = static_cast<uint32_t>(word.size());
  uint32_t at = next;
  while (at > 0) {
    const uint32_t begin = paths[at].begin;
    // The place's own entry is done with once its begin is known; the entry before it will point here.
    paths[at].begin = next;
    next = at;
    at = begin;
  }
  const bool is_sentencepiece = !options_.fuses_before_lookup;
  uint32_t begin = 0;
  bool after_unknown = false;
  while (next != begin) {
    uint32_t end = next;
    const bool is_unknown = paths[end].id == options_.unknown_id;
    next = paths[end].begin == end ? end : paths[end].begin;
    if (is_unknown && options_.fuses_before_lookup) {
      while (next != end && paths[next].id == options_.unknown_id) {
        end = next;
        next = paths[end].begin;
      }
    }
    if (!is_unknown) {
      out.Add(paths[end].id, begin, end);
    } else if (is_sentencepiece && after_unknown && !options_.has_byte_tokens) {
      if (out.ranges != nullptr) out.ranges->back().end = end;
    } else {
      STERNA_RETURN_IF_ERROR(AddUnknown(word, begin, end, out));
    }
    after_unknown = is_unknown;
    begin = end;
  }
  return Status::Ok();
}

}  // namespace sterna
