#include "text/pre_tokenizer.h"

#include <algorithm>
#include <utility>

#include "text/byte_level.h"
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

class ClassStep : public PreTokenizerStep {
 public:
  ClassStep(uint32_t classes, bool with_ascii_symbols, SplitBehavior behavior)
      : classes_(classes), with_ascii_symbols_(with_ascii_symbols), behavior_(behavior) {}
  Status Split(const Piece& piece, PieceSink* sink) const override {
    const UnicodeTable& table = UnicodeTable::Get();
    std::vector<Span> spans;
    for (size_t position = 0; position < piece.text.size();) {
      const Utf8Char c = DecodeUtf8(piece.text, position);
      const uint32_t classes = table.Classes(c.code);
      const bool is_match = (classes & classes_) != 0 || (with_ascii_symbols_ && c.code < 0x80 && (classes & kSymbol) != 0);
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
  uint32_t classes_;
  bool with_ascii_symbols_;
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

class PrefixSpaceStep : public PreTokenizerStep {
 public:
  Status Split(const Piece& piece, PieceSink* sink) const override {
    if (piece.text.starts_with(' ')) {
      sink->Add(piece.text, piece.at_text_start);
    } else {
      sink->Add(sink->Keep(" " + std::string(piece.text)), piece.at_text_start);
    }
    return Status::Ok();
  }
};

class ByteLevelTextStep : public PreTokenizerStep {
 public:
  Status Split(const Piece& piece, PieceSink* sink) const override {
    std::string text;
    AppendByteLevel(piece.text, &text);
    sink->Add(sink->Keep(std::move(text)), piece.at_text_start);
    return Status::Ok();
  }
};

class MetaspaceStep : public PreTokenizerStep {
 public:
  MetaspaceStep(std::string_view replacement, PrependScheme scheme, bool split)
      : replacement_(replacement), scheme_(scheme), split_(split) {}
  Status Split(const Piece& piece, PieceSink* sink) const override {
    std::string changed;
    const bool starts_with_it = piece.text.starts_with(' ') || piece.text.starts_with(replacement_);
    const bool prepends = scheme_ == PrependScheme::kAlways || (scheme_ == PrependScheme::kFirst && piece.at_text_start);
    if (prepends && !starts_with_it) changed = replacement_;
    for (const char c : piece.text) {
      if (c == ' ') {
        changed += replacement_;
      } else {
        changed += c;
      }
    }
    const Piece replaced{sink->Keep(std::move(changed)), piece.at_text_start};
    if (split_) {
      AddSpans(replaced, TileLiteral(replaced.text, replacement_), SplitBehavior::kMergedWithNext, false, sink);
    } else {
      sink->Add(replaced.text, replaced.at_text_start);
    }
    return Status::Ok();
  }

 private:
  std::string replacement_;
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
  return std::make_unique<ClassStep>(classes, with_ascii_symbols, behavior);
}

std::unique_ptr<const PreTokenizerStep> MakeWhitespaceStep() {
  return std::make_unique<WhitespaceStep>();
}

std::unique_ptr<const PreTokenizerStep> MakePrefixSpaceStep() {
  return std::make_unique<PrefixSpaceStep>();
}

std::unique_ptr<const PreTokenizerStep> MakeByteLevelTextStep() {
  return std::make_unique<ByteLevelTextStep>();
}

std::unique_ptr<const PreTokenizerStep> MakeMetaspaceStep(std::string_view replacement, PrependScheme scheme, bool split) {
  return std::make_unique<MetaspaceStep>(replacement, scheme, split);
}

Result<std::vector<Piece>> RunPreTokenizer(const PreTokenizerSteps& steps, const Piece& text, std::deque<std::string>* storage) {
  std::vector<Piece> pieces;
  if (!text.text.empty()) pieces.push_back(text);
  for (const auto& step : steps) {
    PieceSink sink(storage);
    for (const Piece& piece : pieces) STERNA_RETURN_IF_ERROR(step->Split(piece, &sink));
    pieces.swap(sink.pieces);
  }
  return pieces;
}

}  // namespace sterna
