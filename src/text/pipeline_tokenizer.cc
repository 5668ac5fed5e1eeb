#include "text/pipeline_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <span>
#include <utility>

#include "text/utf8.h"
#include "text/word_encoder.h"

namespace sterna {
namespace {

constexpr size_t kMaxTextBytes = size_t{1} << 30;

Status CheckLength(std::string_view text) {
  if (text.size() <= kMaxTextBytes) return Status::Ok();
  return OutOfRange(fmt::format("text of {} bytes: at most {} can be tokenized at once", text.size(), kMaxTextBytes));
}

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
  EncodeCall(const PipelineParts& parts, std::string_view text, const EncodeOptions& options, bool wants_ranges)
      : parts_(parts),
        text_(text),
        options_(options),
        wants_ranges_(wants_ranges),
        is_tracked_(wants_ranges || parts.needs_origins),
        words_(*parts.model, wants_ranges ? 0 : text.size()) {}

  Status Run() {
    if (options_.add_special) ids_ = parts_.prefix;
    ids_.reserve(ids_.size() + text_.size() / 4 + 4);
    first_ = ids_.size();
    ranges_.resize(first_);
    for (const Fragment& fragment : Partition(parts_.added, text_, {options_.parse_special, options_.literal})) {
      if (fragment.id >= 0) {
        const auto begin = static_cast<uint32_t>(fragment.text.data() - text_.data());
        AddToken(fragment, {begin, begin + static_cast<uint32_t>(fragment.text.size())});
        continue;
      }
      STERNA_RETURN_IF_ERROR(EncodeFragment(fragment.text));
    }
    last_ = ids_.size();
    if (options_.add_special) ids_.insert(ids_.end(), parts_.suffix.begin(), parts_.suffix.end());
    return Status::Ok();
  }

  std::vector<TokenId> TakeIds() { return std::move(ids_); }

  std::vector<TokenSpan> Spans() {
    ranges_.resize(ids_.size());
    std::vector<TokenSpan> spans = MakeSpans(text_, ranges_);
    if (parts_.span_trims.empty()) return spans;
    std::vector<TrimmedToken> tokens;
    for (size_t i = first_; i < last_; ++i) tokens.push_back({parts_.texts[static_cast<size_t>(ids_[i])], &spans[i]});
    for (const auto& [index, matched] : added_texts_) tokens[index - first_].text = matched;
    for (const SpanTrim& trim : parts_.span_trims) TrimSpans(trim, text_, trim.after_special ? first_ : 0, &tokens);
    return spans;
  }

 private:
  std::vector<Fragment> Partition(const AddedTokenMatcher& matcher, std::string_view text, const ControlTokens& control) const {
    std::vector<Fragment> fragments;
    if (matcher.empty()) {
      fragments.push_back({text, -1});
    } else if (parts_.longest_first) {
      matcher.PartitionLongestFirst(text, control, &fragments);
    } else {
      matcher.PartitionLeftmostLongest(text, control, &fragments);
    }
    return fragments;
  }

  /// Positions of the text mean nothing in its normalized form, so a literal part anywhere in the fragment speaks for all of it.
  bool MayHoldControl(std::string_view fragment) const {
    const auto begin = static_cast<size_t>(fragment.data() - text_.data());
    return ControlTokens{options_.parse_special, options_.literal}.Allows(begin, begin + fragment.size());
  }

  void AddToken(const Fragment& fragment, TextRange range) {
    if (wants_ranges_) {
      added_texts_.emplace_back(ids_.size(), fragment.text);
      ranges_.push_back(range);
    }
    ids_.push_back(fragment.id);
  }

  Status EncodeFragment(std::string_view fragment) {
    if (fragment.empty()) return Status::Ok();
    const auto base = static_cast<uint32_t>(fragment.data() - text_.data());
    Piece normalized{fragment, nullptr, base == 0};
    // A fragment begins the text or follows an added token.
    const bool adds_space = parts_.space_after_special;
    if (adds_space || is_tracked_ || !parts_.normalizer.empty()) {
      AlignedText* changed =
          &storage_.emplace_back(is_tracked_ ? AlignedText::Tracked(fragment, base) : AlignedText::Plain(fragment));
      if (adds_space) {
        changed->text.insert(0, 1, ' ');
        if (is_tracked_) changed->origins.insert(changed->origins.begin(), TextRange{base, base});
      }
      STERNA_RETURN_IF_ERROR(RunNormalizer(parts_.normalizer, changed));
      normalized = PieceSink::Changed(normalized, *changed);
    }
    for (const Fragment& part : Partition(parts_.added_normalized, normalized.text, {MayHoldControl(fragment), {}})) {
      if (part.text.empty()) continue;
      const auto begin = static_cast<size_t>(part.text.data() - normalized.text.data());
      const Piece whole = normalized.Part(begin, begin + part.text.size());
      if (part.id >= 0) {
        AddToken(part, wants_ranges_ ? TextRange{whole.origins[0].begin, whole.origins[part.text.size() - 1].end} : TextRange{});
        continue;
      }
      STERNA_RETURN_IF_ERROR(RunPreTokenizer(parts_.pre_tokenizer, whole, &storage_, [&](std::span<const Piece> words) {
        return wants_ranges_ ? EncodeWithRanges(words) : words_.Encode(words, whole.text, &ids_);
      }));
    }
    return Status::Ok();
  }

  Status EncodeWithRanges(std::span<const Piece> words) {
    for (const Piece& piece : words) {
      const size_t first = ranges_.size();
      STERNA_RETURN_IF_ERROR(parts_.model->EncodeWord(piece.text, &scratch_, {&ids_, &ranges_}));
      for (size_t i = first; i < ranges_.size(); ++i) ranges_[i] = InOriginal(piece, ranges_[i]);
    }
    return Status::Ok();
  }

  static TextRange InOriginal(const Piece& piece, TextRange range) {
    const size_t begin = std::min<size_t>(range.begin, piece.text.size() - 1);
    if (range.begin == range.end) return {piece.origins[begin].begin, piece.origins[begin].begin};
    const size_t end = std::clamp<size_t>(range.end, begin + 1, piece.text.size());
    return {piece.origins[begin].begin, piece.origins[end - 1].end};
  }

  const PipelineParts& parts_;
  std::string_view text_;
  EncodeOptions options_;
  bool wants_ranges_;
  bool is_tracked_;
  WordEncoder words_;
  std::deque<AlignedText> storage_;
  SubwordScratch scratch_;
  std::vector<TokenId> ids_;
  size_t first_ = 0;  // of the ids that are of the text
  size_t last_ = 0;
  std::vector<TextRange> ranges_;                                 // one an id, where wanted
  std::vector<std::pair<size_t, std::string_view>> added_texts_;  // index of an id, and the text that was an added token
};

Result<std::vector<TokenId>> PipelineTokenizer::Encode(std::string_view text, const EncodeOptions& options) const {
  STERNA_RETURN_IF_ERROR(CheckLength(text));
  EncodeCall call(parts_, text, options, false);
  STERNA_RETURN_IF_ERROR(call.Run());
  return call.TakeIds();
}

Result<TokenizedText> PipelineTokenizer::EncodeWithSpans(std::string_view text, const EncodeOptions& options) const {
  STERNA_RETURN_IF_ERROR(CheckLength(text));
  EncodeCall call(parts_, text, options, true);
  STERNA_RETURN_IF_ERROR(call.Run());
  TokenizedText result;
  result.spans = call.Spans();
  result.ids = call.TakeIds();
  return result;
}

Result<std::string> PipelineTokenizer::Decode(std::span<const TokenId> ids, const DecodeOptions& options) const {
  STERNA_ASSIGN_OR_RETURN(std::string text, DecodeAsIs(ids, options.skip_special));
  if (options.clean_up_spaces) CleanUpSpaces(false, &text);
  return text;
}

Result<std::string> PipelineTokenizer::DecodeAsIs(std::span<const TokenId> ids, bool skip_special) const {
  std::vector<TokenId> kept;
  kept.reserve(ids.size());
  for (const TokenId id : ids) {
    if (!InRange(id)) return InvalidArgument(fmt::format("token id {}: expected 0 to {}", id, vocab_size() - 1));
    if (skip_special && IsSkipped(id)) continue;
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

std::vector<SpecialToken> PipelineTokenizer::special_tokens() const {
  std::map<TokenId, SpecialToken> by_id;
  const auto at = [&](TokenId id) -> SpecialToken& {
    SpecialToken& token = by_id[id];
    token.id = id;
    return token;
  };
  for (size_t id = 0; id < parts_.is_control.size(); ++id) {
    if (parts_.is_control[id] != 0) at(static_cast<TokenId>(id));
  }
  for (const AddedTokenMatcher* matcher : {&parts_.added, &parts_.added_normalized}) {
    for (const AddedToken& added : matcher->tokens()) {
      SpecialToken& token = at(added.id);
      token.single_word = added.single_word;
      token.strips_left = added.strips_left;
      token.strips_right = added.strips_right;
      token.normalized = matcher == &parts_.added_normalized;
    }
  }
  if (parts_.bos) at(*parts_.bos).roles.emplace_back("bos");
  if (parts_.eos) at(*parts_.eos).roles.emplace_back("eos");
  for (const auto& [role, id] : parts_.roles) at(id).roles.push_back(role);
  std::vector<SpecialToken> tokens;
  for (auto& [id, token] : by_id) {
    token.text = parts_.texts[static_cast<size_t>(id)];
    token.is_control = IsControl(id);
    token.is_end = IsEndOfGeneration(id);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::optional<TokenId> PipelineTokenizer::Find(std::string_view token_text) const {
  const int32_t id = parts_.index.Find(parts_.texts, token_text);
  if (id < 0) return std::nullopt;
  return id;
}

}  // namespace sterna
