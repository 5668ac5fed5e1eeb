#include "text/pre_tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "text/character_data.h"
#include "text/normalizer.h"
#include "text/regex.h"
#include "text/unicode_table.h"
#include "text/utf8.h"

namespace sterna {
namespace {

// Joins matches and gaps as `tokenizers` NormalizedString::split does; an inverted pattern swaps what is a match.
void AddSpans(const Piece& piece, std::vector<Span> spans, SplitBehavior behavior, bool invert, PieceSink* sink) {
  if (invert) {
    for (Span& span : spans) span.is_match = !span.is_match;
  }
  const auto add = [&](const Span& span) { sink->AddPart(piece, span.begin, span.end); };
  if (behavior == SplitBehavior::kIsolated) {
    for (const Span& span : spans) add(span);
    return;
  }
  if (behavior == SplitBehavior::kRemoved) {
    for (const Span& span : spans) {
      if (!span.is_match) add(span);
    }
    return;
  }
  const bool from_right = behavior == SplitBehavior::kMergedWithNext;
  if (from_right) std::reverse(spans.begin(), spans.end());
  std::vector<Span> joined;
  bool previous_is_match = false;
  for (const Span& span : spans) {
    const bool joins =
        behavior == SplitBehavior::kContiguous ? span.is_match == previous_is_match : span.is_match && !previous_is_match;
    previous_is_match = span.is_match;
    if (!joins || joined.empty()) {
      joined.push_back(span);
    } else if (from_right) {
      joined.back().begin = span.begin;
    } else {
      joined.back().end = span.end;
    }
  }
  if (from_right) std::reverse(joined.begin(), joined.end());
  for (const Span& span : joined) add(span);
}

class WordStep : public PreTokenizerStep {
 public:
  explicit WordStep(WordPattern pattern) : pattern_(pattern) {}
  Status Split(const Piece& piece, PieceSink* sink) const override {
    for (size_t begin = 0; begin < piece.text.size();) {
      const size_t end = ScanWord(pattern_, piece.text, begin);
      sink->AddPart(piece, begin, end);
      begin = end;
    }
    return Status::Ok();
  }
  std::optional<WordPattern> words() const override { return pattern_; }

 private:
  WordPattern pattern_;
};

class RegexStep : public PreTokenizerStep {
 public:
  RegexStep(std::shared_ptr<const Regex> regex, SplitBehavior behavior, bool invert)
      : regex_(std::move(regex)), behavior_(behavior), invert_(invert) {}
  Status Split(const Piece& piece, PieceSink* sink) const override {
    std::vector<Span> spans;
    STERNA_RETURN_IF_ERROR(regex_->Tile(piece.text, &spans));
    AddSpans(piece, std::move(spans), behavior_, invert_, sink);
    return Status::Ok();
  }

 private:
  std::shared_ptr<const Regex> regex_;
  SplitBehavior behavior_;
  bool invert_;
};

std::vector<Span> TileLiteral(std::string_view text, std::string_view literal) {
  std::vector<Span> spans;
  size_t covered = 0;
  for (size_t at = text.find(literal); at != std::string_view::npos; at = text.find(literal, covered)) {
    if (at > covered) spans.push_back({covered, at, false});
    covered = at + literal.size();
    spans.push_back({at, covered, true});
  }
  if (covered < text.size()) spans.push_back({covered, text.size(), false});
  return spans;
}

class LiteralStep : public PreTokenizerStep {
 public:
  LiteralStep(std::string_view literal, SplitBehavior behavior, bool invert)
      : literal_(literal), behavior_(behavior), invert_(invert) {}
  Status Split(const Piece& piece, PieceSink* sink) const override {
    AddSpans(piece, TileLiteral(piece.text, literal_), behavior_, invert_, sink);
    return Status::Ok();
  }

 private:
  std::string literal_;
  SplitBehavior behavior_;
  bool invert_;
};

struct IsOfClass {
  bool operator()(char32_t code) const {
    const uint32_t found = UnicodeTable::Get().Classes(code);
    return (found & classes) != 0 || (with_ascii_symbols && code < 0x80 && (found & kSymbol) != 0);
  }
  uint32_t classes;
  bool with_ascii_symbols;
};

struct IsNumeric {
  bool operator()(char32_t code) const { return code < 0x80 ? code >= '0' && code <= '9' : IsNumericForDigits(code); }
};

template <class Predicate>
class CharacterStep : public PreTokenizerStep {
 public:
  CharacterStep(Predicate matches, SplitBehavior behavior) : matches_(matches), behavior_(behavior) {}
  Status Split(const Piece& piece, PieceSink* sink) const override {
    std::vector<Span> spans;
    for (size_t position = 0; position < piece.text.size();) {
      const Utf8Char c = DecodeUtf8(piece.text, position);
      const bool is_match = matches_(c.code);
      const size_t end = position + c.bytes;
      if (!is_match && !spans.empty() && !spans.back().is_match) {
        spans.back().end = end;
      } else {
        spans.push_back({position, end, is_match});
      }
      position = end;
    }
    AddSpans(piece, std::move(spans), behavior_, false, sink);
    return Status::Ok();
  }

 private:
  Predicate matches_;
  SplitBehavior behavior_;
};

class WhitespaceStep : public PreTokenizerStep {
 public:
  Status Split(const Piece& piece, PieceSink* sink) const override {
    const UnicodeTable& table = UnicodeTable::Get();
    const auto kind = [&](char32_t code) { return table.Classes(code) & (kWord | kWhiteSpace); };
    for (size_t begin = 0; begin < piece.text.size();) {
      const int first_kind = kind(DecodeUtf8(piece.text, begin).code);
      size_t end = begin;
      while (end < piece.text.size()) {
        const Utf8Char c = DecodeUtf8(piece.text, end);
        if (kind(c.code) != first_kind) break;
        end += c.bytes;
      }
      if ((first_kind & kWhiteSpace) == 0) sink->AddPart(piece, begin, end);
      begin = end;
    }
    return Status::Ok();
  }
};

// What a normalizer does, to every piece by itself.
class RewriteStep : public PreTokenizerStep {
 public:
  explicit RewriteStep(std::unique_ptr<const NormalizerStep> rewrite) : rewrite_(std::move(rewrite)) {}
  Status Split(const Piece& piece, PieceSink* sink) const override {
    AlignedText* text = sink->Copy(piece);
    STERNA_RETURN_IF_ERROR(rewrite_->Apply(text));
    sink->Add(PieceSink::Changed(piece, *text));
    return Status::Ok();
  }

 private:
  std::unique_ptr<const NormalizerStep> rewrite_;
};

class PrefixSpaceStep : public PreTokenizerStep {
 public:
  Status Split(const Piece& piece, PieceSink* sink) const override {
    if (piece.text.starts_with(' ')) {
      sink->Add(piece);
      return Status::Ok();
    }
    AlignedText* text = sink->Copy(piece);
    STERNA_RETURN_IF_ERROR(prefix_->Apply(text));
    sink->Add(PieceSink::Changed(piece, *text));
    return Status::Ok();
  }

 private:
  std::unique_ptr<const NormalizerStep> prefix_ = MakePrependStep(" ");
};

class MetaspaceStep : public PreTokenizerStep {
 public:
  MetaspaceStep(std::string_view replacement, PrependScheme scheme, bool split)
      : replacement_(replacement),
        replace_(MakeReplaceLiteralStep(" ", replacement)),
        prepend_(MakePrependStep(replacement)),
        scheme_(scheme),
        split_(split) {}
  Status Split(const Piece& piece, PieceSink* sink) const override {
    AlignedText* text = sink->Copy(piece);
    STERNA_RETURN_IF_ERROR(replace_->Apply(text));
    const bool prepends = scheme_ == PrependScheme::kAlways || (scheme_ == PrependScheme::kFirst && piece.at_text_start);
    if (prepends && !text->text.starts_with(replacement_)) STERNA_RETURN_IF_ERROR(prepend_->Apply(text));
    const Piece replaced = PieceSink::Changed(piece, *text);
    if (split_) {
      AddSpans(replaced, TileLiteral(replaced.text, replacement_), SplitBehavior::kMergedWithNext, false, sink);
    } else {
      sink->Add(replaced);
    }
    return Status::Ok();
  }

 private:
  std::string replacement_;
  std::unique_ptr<const NormalizerStep> replace_;
  std::unique_ptr<const NormalizerStep> prepend_;
  PrependScheme scheme_;
  bool split_;
};

}  // namespace

std::unique_ptr<const PreTokenizerStep> MakeWordStep(WordPattern pattern) {
  return std::make_unique<WordStep>(pattern);
}

Result<std::unique_ptr<const PreTokenizerStep>> MakeRegexStep(std::string_view regex, SplitBehavior behavior, bool invert) {
  const std::optional<WordPattern> known = FindWordPattern(regex);
  // The matches of a known pattern leave no gaps, so keeping matches alone is the same as isolating them.
  const bool isolates = behavior == SplitBehavior::kIsolated || (behavior == SplitBehavior::kRemoved && invert);
  if (known && isolates) return MakeWordStep(*known);
  STERNA_ASSIGN_OR_RETURN(std::shared_ptr<const Regex> compiled, Regex::Compile(regex));
  return std::unique_ptr<const PreTokenizerStep>(std::make_unique<RegexStep>(std::move(compiled), behavior, invert));
}

Result<std::unique_ptr<const PreTokenizerStep>> MakeLiteralStep(std::string_view literal, SplitBehavior behavior, bool invert) {
  if (literal.empty()) return Unsupported("splitting by an empty text");
  return std::unique_ptr<const PreTokenizerStep>(std::make_unique<LiteralStep>(literal, behavior, invert));
}

std::unique_ptr<const PreTokenizerStep> MakeClassStep(uint32_t classes, bool with_ascii_symbols, SplitBehavior behavior) {
  return std::make_unique<CharacterStep<IsOfClass>>(IsOfClass{classes, with_ascii_symbols}, behavior);
}

std::unique_ptr<const PreTokenizerStep> MakeDigitsStep(SplitBehavior behavior) {
  return std::make_unique<CharacterStep<IsNumeric>>(IsNumeric{}, behavior);
}

std::unique_ptr<const PreTokenizerStep> MakeWhitespaceStep() {
  return std::make_unique<WhitespaceStep>();
}

std::unique_ptr<const PreTokenizerStep> MakePrefixSpaceStep() {
  return std::make_unique<PrefixSpaceStep>();
}

std::unique_ptr<const PreTokenizerStep> MakeRewriteStep(std::unique_ptr<const NormalizerStep> rewrite) {
  return std::make_unique<RewriteStep>(std::move(rewrite));
}

std::unique_ptr<const PreTokenizerStep> MakeByteLevelTextStep() {
  return MakeRewriteStep(MakeByteLevelNormalizerStep());
}

std::unique_ptr<const PreTokenizerStep> MakeMetaspaceStep(std::string_view replacement, PrependScheme scheme, bool split) {
  return std::make_unique<MetaspaceStep>(replacement, scheme, split);
}

AlignedText* PieceSink::Copy(const Piece& piece) {
  AlignedText copy = AlignedText::Plain(piece.text);
  if (piece.origins != nullptr) {
    copy.is_tracked = true;
    copy.origins.assign(piece.origins, piece.origins + piece.text.size());
    copy.base = copy.origins.front().begin;
  }
  return &storage_->emplace_back(std::move(copy));
}

namespace {

Status UseWords(WordPattern pattern, const Piece& piece, FunctionRef<Status(std::span<const Piece>)> use) {
  constexpr size_t kAtOnce = 128;
  std::array<size_t, kAtOnce> ends;
  std::array<Piece, kAtOnce> words;
  for (size_t begin = 0; begin < piece.text.size();) {
    const size_t count = ScanWords(pattern, piece.text, begin, ends);
    for (size_t i = 0; i < count; ++i) {
      words[i] = piece.Part(begin, ends[i]);
      begin = ends[i];
    }
    STERNA_RETURN_IF_ERROR(use(std::span(words).first(count)));
  }
  return Status::Ok();
}

}  // namespace

Status RunPreTokenizer(const PreTokenizerSteps& steps, const Piece& text, std::deque<AlignedText>* storage,
                       FunctionRef<Status(std::span<const Piece>)> use) {
  std::vector<Piece> pieces;
  if (!text.text.empty()) pieces.push_back(text);
  for (const auto& step : steps) {
    const std::optional<WordPattern> words = &step == &steps.back() ? step->words() : std::nullopt;
    if (words) {
      for (const Piece& piece : pieces) STERNA_RETURN_IF_ERROR(UseWords(*words, piece, use));
      return Status::Ok();
    }
    PieceSink sink(storage);
    for (const Piece& piece : pieces) STERNA_RETURN_IF_ERROR(step->Split(piece, &sink));
    pieces.swap(sink.pieces);
  }
  return use(pieces);
}

}  // namespace sterna
