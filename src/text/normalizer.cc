#include "text/normalizer.h"

#include <fmt/format.h>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>

#include <utility>

#include "text/byte_level.h"
#include "text/unicode_table.h"
#include "text/utf8.h"

namespace sterna {
namespace {

Status TooLong() {
  return OutOfRange(fmt::format("text grows past {} bytes when it is normalized", kMaxNormalizedBytes));
}

class NormalFormStep : public NormalizerStep {
 public:
  NormalFormStep(const icu::Normalizer2& all, std::unique_ptr<const icu::UnicodeSet> characters)
      : characters_(std::move(characters)), normalizer_(all, *characters_) {}
  Result<std::string> Apply(std::string text) const override {
    bool is_ascii = true;
    for (const char c : text) is_ascii &= static_cast<uint8_t>(c) < 0x80;
    if (is_ascii) return text;
    std::string out;
    out.reserve(text.size());
    for (size_t begin = 0; begin < text.size();) {
      const size_t bytes = ValidUtf8Prefix(std::string_view(text).substr(begin));
      UErrorCode error = U_ZERO_ERROR;
      icu::StringByteSink<std::string> sink(&out);
      normalizer_.normalizeUTF8(0, icu::StringPiece(text.data() + begin, static_cast<int32_t>(bytes)), sink, nullptr, error);
      if (U_FAILURE(error)) return ResourceExhausted(fmt::format("Unicode normalization: {}", u_errorName(error)));
      if (out.size() > kMaxNormalizedBytes) return TooLong();
      begin += bytes;
      if (begin < text.size()) out.push_back(text[begin++]);
    }
    return out;
  }

 private:
  std::unique_ptr<const icu::UnicodeSet> characters_;
  icu::FilteredNormalizer2 normalizer_;  // refers to the set and to a singleton of ICU
};

class PrependStep : public NormalizerStep {
 public:
  explicit PrependStep(std::string_view prefix) : prefix_(prefix) {}
  Result<std::string> Apply(std::string text) const override {
    if (!text.empty()) text.insert(0, prefix_);
    return text;
  }

 private:
  std::string prefix_;
};

class ReplaceLiteralStep : public NormalizerStep {
 public:
  ReplaceLiteralStep(std::string_view literal, std::string_view replacement) : literal_(literal), replacement_(replacement) {}
  Result<std::string> Apply(std::string text) const override {
    std::string out;
    out.reserve(text.size());
    size_t covered = 0;
    for (size_t at = text.find(literal_); at != std::string::npos; at = text.find(literal_, covered)) {
      out.append(text, covered, at - covered).append(replacement_);
      covered = at + literal_.size();
      if (out.size() > kMaxNormalizedBytes) return TooLong();
    }
    if (covered == 0) return text;
    return out.append(text, covered);
  }

 private:
  std::string literal_;
  std::string replacement_;
};

class ReplaceRegexStep : public NormalizerStep {
 public:
  ReplaceRegexStep(std::shared_ptr<const Regex> regex, std::string_view replacement)
      : regex_(std::move(regex)), replacement_(replacement) {}
  Result<std::string> Apply(std::string text) const override {
    std::vector<Span> spans;
    STERNA_RETURN_IF_ERROR(regex_->Tile(text, &spans));
    std::string out;
    for (const Span& span : spans) {
      if (span.is_match) {
        out.append(replacement_);
      } else {
        out.append(text, span.begin, span.end - span.begin);
      }
      if (out.size() > kMaxNormalizedBytes) return TooLong();
    }
    return out;
  }

 private:
  std::shared_ptr<const Regex> regex_;
  std::string replacement_;
};

class LowercaseStep : public NormalizerStep {
 public:
  Result<std::string> Apply(std::string text) const override {
    std::string out;
    out.reserve(text.size());
    for (size_t position = 0; position < text.size();) {
      const Utf8Char c = DecodeUtf8(text, position);
      if (c.code == 0x130) {
        out.append("i\xCC\x87");  // the one character whose full lower case is two whatever its context (SpecialCasing.txt)
      } else if (c.code == kInvalidByte) {
        out.push_back(text[position]);
      } else {
        AppendUtf8(static_cast<char32_t>(u_tolower(static_cast<UChar32>(c.code))), &out);
      }
      position += c.bytes;
    }
    return out;
  }
};

class StripStep : public NormalizerStep {
 public:
  StripStep(bool left, bool right) : left_(left), right_(right) {}
  Result<std::string> Apply(std::string text) const override {
    size_t begin = text.size();  // of what is not white space
    size_t end = 0;
    for (size_t position = 0; position < text.size();) {
      const Utf8Char c = DecodeUtf8(text, position);
      if ((UnicodeTable::Get().Classes(c.code) & kWhiteSpace) == 0) {
        if (begin == text.size()) begin = position;
        end = position + c.bytes;
      }
      position += c.bytes;
    }
    if (right_) text.resize(end);
    if (left_) text.erase(0, begin);
    return text;
  }

 private:
  bool left_;
  bool right_;
};

class ByteLevelNormalizerStep : public NormalizerStep {
 public:
  Result<std::string> Apply(std::string text) const override {
    std::string out;
    AppendByteLevel(text, &out);
    return out;
  }
};

class StripAccentsStep : public NormalizerStep {
 public:
  Result<std::string> Apply(std::string text) const override {
    std::string out;
    for (size_t position = 0; position < text.size();) {
      const Utf8Char c = DecodeUtf8(text, position);
      if ((UnicodeTable::Get().Classes(c.code) & kMark) == 0) out.append(text, position, c.bytes);
      position += c.bytes;
    }
    return out;
  }
};

}  // namespace

Result<std::unique_ptr<const NormalizerStep>> MakeNormalFormStep(NormalForm form) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = nullptr;
  switch (form) {
    case NormalForm::kNfc:
      normalizer = icu::Normalizer2::getNFCInstance(error);
      break;
    case NormalForm::kNfd:
      normalizer = icu::Normalizer2::getNFDInstance(error);
      break;
    case NormalForm::kNfkc:
      normalizer = icu::Normalizer2::getNFKCInstance(error);
      break;
    case NormalForm::kNfkd:
      normalizer = icu::Normalizer2::getNFKDInstance(error);
      break;
  }
  if (U_FAILURE(error) || normalizer == nullptr) return Internal(fmt::format("Unicode normalization: {}", u_errorName(error)));
  auto characters = std::make_unique<icu::UnicodeSet>(icu::UnicodeString("[:age=11.0:]"), error);
  if (U_FAILURE(error)) return Internal(fmt::format("Unicode character sets: {}", u_errorName(error)));
  characters->freeze();
  return std::unique_ptr<const NormalizerStep>(std::make_unique<NormalFormStep>(*normalizer, std::move(characters)));
}

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

Result<std::string> RunNormalizer(const NormalizerSteps& steps, std::string_view text) {
  std::string current(text);
  for (const auto& step : steps) {
    STERNA_ASSIGN_OR_RETURN(current, step->Apply(std::move(current)));
  }
  return current;
}

}  // namespace sterna
