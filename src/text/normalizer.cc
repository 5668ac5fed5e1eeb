#include "text/normalizer.h"

#include <utility>

#include "text/byte_level.h"
#include "text/character_data.h"
#include "text/unicode_table.h"
#include "text/utf8.h"

namespace sterna {
namespace {

class PrependStep : public NormalizerStep {
 public:
  explicit PrependStep(std::string_view prefix) : prefix_(prefix) {}
  Status Apply(AlignedText* text) const override {
    if (text->text.empty()) return Status::Ok();
    text->text.insert(0, prefix_);
    // The prefix stands for the first character.
    if (text->is_tracked) text->origins.insert(text->origins.begin(), prefix_.size(), text->origins.front());
    return Status::Ok();
  }

 private:
  std::string prefix_;
};

class ReplaceLiteralStep : public NormalizerStep {
 public:
  ReplaceLiteralStep(std::string_view literal, std::string_view replacement) : literal_(literal), replacement_(replacement) {}
  Status Apply(AlignedText* text) const override {
    size_t at = text->text.find(literal_);
    if (at == std::string::npos) return Status::Ok();
    TextEdit edit(text);
    for (; at != std::string::npos && !edit.is_too_long(); at = text->text.find(literal_, edit.position())) {
      edit.Keep(at - edit.position());
      edit.Drop(literal_.size());
      edit.Insert(replacement_);
    }
    return edit.Finish();
  }

 private:
  std::string literal_;
  std::string replacement_;
};

class ReplaceRegexStep : public NormalizerStep {
 public:
  ReplaceRegexStep(std::shared_ptr<const Regex> regex, std::string_view replacement)
      : regex_(std::move(regex)), replacement_(replacement) {}
  Status Apply(AlignedText* text) const override {
    std::vector<Span> spans;
    STERNA_RETURN_IF_ERROR(regex_->Tile(text->text, &spans));
    TextEdit edit(text);
    for (const Span& span : spans) {
      if (span.is_match) {
        edit.Drop(span.end - span.begin);
        edit.Insert(replacement_);
      } else {
        edit.Keep(span.end - span.begin);
      }
      if (edit.is_too_long()) break;
    }
    return edit.Finish();
  }

 private:
  std::shared_ptr<const Regex> regex_;
  std::string replacement_;
};

class LowercaseStep : public NormalizerStep {
 public:
  Status Apply(AlignedText* text) const override {
    TextEdit edit(text);
    const std::string_view source = edit.source();
    std::string lower;
    for (size_t position = 0; position < source.size();) {
      const Utf8Char c = DecodeUtf8(source, position);
      position += c.bytes;
      const char32_t code = LowercaseOf(c.code);
      if (c.code == kCapitalIWithDot) {
        edit.Replace(c.bytes, "i");
        edit.Insert("\xCC\x87");  // the one character whose full lower case is two whatever its context (SpecialCasing.txt)
      } else if (code != c.code) {
        lower.clear();
        AppendUtf8(code, &lower);
        edit.Replace(c.bytes, lower);
      } else {
        edit.Keep(c.bytes);
      }
    }
    return edit.Finish();
  }

 private:
  static constexpr char32_t kCapitalIWithDot = 0x130;
};

class StripStep : public NormalizerStep {
 public:
  StripStep(bool left, bool right) : left_(left), right_(right) {}
  Status Apply(AlignedText* text) const override {
    const std::string& source = text->text;
    size_t begin = source.size();  // of what is not white space
    size_t end = 0;
    for (size_t position = 0; position < source.size();) {
      const Utf8Char c = DecodeUtf8(source, position);
      if ((UnicodeTable::Get().Classes(c.code) & kWhiteSpace) == 0) {
        if (begin == source.size()) begin = position;
        end = position + c.bytes;
      }
      position += c.bytes;
    }
    if (!left_) begin = 0;
    if (!right_) end = source.size();
    TextEdit edit(text);
    edit.Drop(begin);
    if (end > begin) edit.Keep(end - begin);
    edit.Drop(source.size() - edit.position());
    return edit.Finish();
  }

 private:
  bool left_;
  bool right_;
};

class ByteLevelNormalizerStep : public NormalizerStep {
 public:
  Status Apply(AlignedText* text) const override {
    std::string out;
    std::vector<TextRange> origins;
    for (size_t i = 0; i < text->text.size(); ++i) {
      const size_t before = out.size();
      AppendByteLevel(std::string_view(text->text).substr(i, 1), &out);
      // The second byte of a character is inserted after the first, so its origin is that of the byte before: the same.
      if (text->is_tracked) origins.insert(origins.end(), out.size() - before, text->origins[i]);
    }
    text->text = std::move(out);
    text->origins = std::move(origins);
    return Status::Ok();
  }
};

class StripAccentsStep : public NormalizerStep {
 public:
  Status Apply(AlignedText* text) const override {
    TextEdit edit(text);
    const std::string_view source = edit.source();
    for (size_t position = 0; position < source.size();) {
      const Utf8Char c = DecodeUtf8(source, position);
      position += c.bytes;
      if (IsMarkForNormalization(c.code)) {
        edit.Drop(c.bytes);
      } else {
        edit.Keep(c.bytes);
      }
    }
    return edit.Finish();
  }
};

}  // namespace

std::unique_ptr<const NormalizerStep> MakePrependStep(std::string_view prefix) {
  return std::make_unique<PrependStep>(prefix);
}

std::unique_ptr<const NormalizerStep> MakeReplaceLiteralStep(std::string_view literal, std::string_view replacement) {
  return std::make_unique<ReplaceLiteralStep>(literal, replacement);
}

std::unique_ptr<const NormalizerStep> MakeReplaceRegexStep(std::shared_ptr<const Regex> regex, std::string_view replacement) {
  return std::make_unique<ReplaceRegexStep>(std::move(regex), replacement);
}

std::unique_ptr<const NormalizerStep> MakeLowercaseStep() {
  return std::make_unique<LowercaseStep>();
}

std::unique_ptr<const NormalizerStep> MakeStripStep(bool left, bool right) {
  return std::make_unique<StripStep>(left, right);
}

std::unique_ptr<const NormalizerStep> MakeByteLevelNormalizerStep() {
  return std::make_unique<ByteLevelNormalizerStep>();
}

std::unique_ptr<const NormalizerStep> MakeStripAccentsStep() {
  return std::make_unique<StripAccentsStep>();
}

Status RunNormalizer(const NormalizerSteps& steps, AlignedText* text) {
  for (const auto& step : steps) STERNA_RETURN_IF_ERROR(step->Apply(text));
  return Status::Ok();
}

Result<std::string> NormalizeText(const NormalizerSteps& steps, std::string_view text) {
  AlignedText aligned = AlignedText::Plain(text);
  STERNA_RETURN_IF_ERROR(RunNormalizer(steps, &aligned));
  return std::move(aligned.text);
}

}  // namespace sterna
