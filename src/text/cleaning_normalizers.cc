// Normalizers that clean text character by character: BertNormalizer, Nmt, Precompiled.
#include <memory>
#include <utility>
#include <vector>

#include "text/character_data.h"
#include "text/graphemes.h"
#include "text/normalizer.h"
#include "text/unicode_table.h"
#include "text/utf8.h"

namespace sterna {
namespace {

/// What becomes of one character: `decide` keeps it, drops it or makes it a space.
enum class Fate : uint8_t { kKeep, kDrop, kSpace };

template <class Decide>
Status Clean(AlignedText* text, const Decide& decide) {
  TextEdit edit(text);
  const std::string_view source = edit.source();
  for (size_t position = 0; position < source.size();) {
    const Utf8Char c = DecodeUtf8(source, position);
    const Fate fate = decide(c.code);
    if (fate != Fate::kKeep) {
      edit.Keep(position - edit.position());
      if (fate == Fate::kDrop) {
        edit.Drop(c.bytes);
      } else {
        edit.Replace(c.bytes, " ");
      }
    }
    position += c.bytes;
  }
  return edit.Finish();
}

bool IsChineseCharacter(char32_t code) {
  return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3400 && code <= 0x4DBF) || (code >= 0x20000 && code <= 0x2A6DF) ||
         (code >= 0x2A700 && code <= 0x2B73F) || (code >= 0x2B740 && code <= 0x2B81F) || (code >= 0x2B920 && code <= 0x2CEAF) ||
         (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x2F800 && code <= 0x2FA1F);
}

Status SurroundChineseCharacters(AlignedText* text) {
  TextEdit edit(text);
  const std::string_view source = edit.source();
  for (size_t position = 0; position < source.size();) {
    const Utf8Char c = DecodeUtf8(source, position);
    if (IsChineseCharacter(c.code)) {
      edit.Keep(position - edit.position());
      edit.Replace(c.bytes, " ");
      edit.Insert(source.substr(position, c.bytes));
      edit.Insert(" ");
    }
    position += c.bytes;
  }
  return edit.Finish();
}

class BertStep : public NormalizerStep {
 public:
  BertStep(const BertNormalizerOptions& options, std::unique_ptr<const NormalizerStep> decompose)
      : options_(options), decompose_(std::move(decompose)) {}

  Status Apply(AlignedText* text) const override {
    if (options_.clean_text) {
      STERNA_RETURN_IF_ERROR(Clean(text, [](char32_t code) {
        if (code == 0 || code == 0xFFFD || IsControlForBert(code)) return Fate::kDrop;
        return (UnicodeTable::Get().Classes(code) & kWhiteSpace) != 0 ? Fate::kSpace : Fate::kKeep;
      }));
    }
    if (options_.handle_chinese_chars) STERNA_RETURN_IF_ERROR(SurroundChineseCharacters(text));
    if (options_.strip_accents) {
      STERNA_RETURN_IF_ERROR(decompose_->Apply(text));
      STERNA_RETURN_IF_ERROR(Clean(text, [](char32_t code) { return IsNonspacingMarkForBert(code) ? Fate::kDrop : Fate::kKeep; }));
    }
    return options_.lowercase ? lowercase_->Apply(text) : Status::Ok();
  }

 private:
  BertNormalizerOptions options_;
  std::unique_ptr<const NormalizerStep> decompose_;
  std::unique_ptr<const NormalizerStep> lowercase_ = MakeLowercaseStep();
};

Fate NmtFate(char32_t code) {
  if ((code >= 1 && code <= 8) || code == 0xB || (code >= 0xE && code <= 0x1F)) return Fate::kDrop;
  switch (code) {
    case 0x7F:
    case 0x8F:
    case 0x9F:
      return Fate::kDrop;
    case 0x9:
    case 0xA:
    case 0xC:
    case 0xD:
    case 0x1680:
    case 0x200B:
    case 0x200C:
    case 0x200D:
    case 0x200E:
    case 0x200F:
    case 0x2028:
    case 0x2029:
    case 0x2581:
    case 0xFEFF:
    case 0xFFFD:
      return Fate::kSpace;
    default:
      return Fate::kKeep;
  }
}

class NmtStep : public NormalizerStep {
 public:
  Status Apply(AlignedText* text) const override { return Clean(text, NmtFate); }
};

size_t CountCharacters(std::string_view text) {
  size_t count = 0;
  for (size_t position = 0; position < text.size(); position += DecodeUtf8(text, position).bytes) ++count;
  return count;
}

class PrecompiledStep : public NormalizerStep {
 public:
  explicit PrecompiledStep(PrecompiledCharsmap charsmap) : charsmap_(std::move(charsmap)) {}

  Status Apply(AlignedText* text) const override { return text->is_tracked ? ApplyTracked(text) : ApplyPlain(text); }

 private:
  // The reference looks up the whole part, takes the shortest rule that matches at its start, and replaces all of the part by it.
  // keep(begin, end), replace(begin, end, content): what becomes of successive parts.
  template <class Keep, class Replace>
  void Walk(std::string_view source, const Keep& keep, const Replace& replace) const {
    for (size_t position = 0; position < source.size();) {
      const size_t end = GraphemeEnd(source, position);
      const auto rewrite = [&](size_t from, size_t to) {
        const auto rule = charsmap_.Shortest(source.substr(from, to - from));
        if (rule) replace(from, to, rule->content);
        return rule.has_value();
      };
      const bool is_short = end - position < 6;
      if (!is_short || !rewrite(position, end)) {
        for (size_t at = position; at < end;) {
          const size_t character_end = at + DecodeUtf8(source, at).bytes;
          if (!rewrite(at, character_end)) keep(at, character_end);
          at = character_end;
        }
      }
      position = end;
    }
  }

  Status ApplyPlain(AlignedText* text) const {
    TextEdit edit(text);
    Walk(
        edit.source(), [](size_t, size_t) {},
        [&](size_t begin, size_t end, std::string_view content) {
          if (edit.is_too_long()) return;
          edit.Keep(begin - edit.position());
          edit.Drop(end - begin);
          edit.Insert(content);
        });
    return edit.Finish();
  }

  // As the reference counts: new characters take the places of old ones in order, the last of a part takes all that is left of it,
  // and what a part has too many of is inserted. A part that vanishes before there is any character is not taken out, so that all
  // that follows stands one part too early.
  Status ApplyTracked(AlignedText* text) const {
    struct Change {
      std::string_view character;
      int64_t consumes;  // 1: inserted; 0, -1, …: replaces one, two, … characters
    };
    std::vector<Change> changes;
    TextEdit edit(text);
    const std::string_view source = edit.source();
    size_t bytes = 0;
    bool is_modified = false;
    Walk(
        source,
        [&](size_t begin, size_t end) {
          changes.push_back({source.substr(begin, end - begin), 0});
        },
        [&](size_t begin, size_t end, std::string_view content) {
          is_modified = true;
          if ((bytes += content.size()) > kMaxNormalizedBytes) return;
          const auto old_count = static_cast<int64_t>(CountCharacters(source.substr(begin, end - begin)));
          int64_t index = 0;
          for (size_t at = 0; at < content.size(); ++index) {
            const size_t size = DecodeUtf8(content, at).bytes;
            changes.push_back({content.substr(at, size), index < old_count ? 0 : 1});
            at += size;
          }
          if (index < old_count && !changes.empty()) changes.back().consumes -= old_count - index;
        });
    if (!is_modified) return Status::Ok();
    for (const Change& change : changes) {
      if (change.consumes > 0) {
        edit.Insert(change.character);
        continue;
      }
      size_t replaced = 0;
      for (int64_t i = change.consumes; i <= 0 && edit.position() + replaced < source.size(); ++i) {
        replaced += DecodeUtf8(source, edit.position() + replaced).bytes;
      }
      edit.Replace(replaced, change.character);
      if (edit.is_too_long()) break;
    }
    edit.Drop(source.size() - edit.position());
    return edit.Finish();
  }

  PrecompiledCharsmap charsmap_;
};

}  // namespace

std::unique_ptr<const NormalizerStep> MakeNmtStep() {
  return std::make_unique<NmtStep>();
}

std::unique_ptr<const NormalizerStep> MakePrecompiledStep(PrecompiledCharsmap charsmap) {
  return std::make_unique<PrecompiledStep>(std::move(charsmap));
}

Result<std::unique_ptr<const NormalizerStep>> MakeBertStep(const BertNormalizerOptions& options) {
  STERNA_ASSIGN_OR_RETURN(std::unique_ptr<const NormalizerStep> decompose, MakeNormalFormStep(NormalForm::kNfd));
  return std::unique_ptr<const NormalizerStep>(std::make_unique<BertStep>(options, std::move(decompose)));
}

}  // namespace sterna
