// Unicode normal forms over ICU's character data: decompose, sort marks by class, compose (Unicode 15, section 3.11).
#include <fmt/format.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <utility>

#include "text/normalizer.h"
#include "text/utf8.h"

namespace sterna {
namespace {

// Version of the tables in unicode-normalization-alignments, which `tokenizers` normalizes by.
constexpr uint8_t kUnicodeOfForms = 11;

bool IsNewer(char32_t code) {
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(code), age);
  return age[0] > kUnicodeOfForms || age[0] == 0;
}

/// A character of the result, and how it consumes the source as TextEdit does: 0 replaces the next character, 1 is inserted,
/// -n replaces the next 1 + n characters.
struct Change {
  char32_t code;
  int32_t consumes;
  uint8_t combining_class;
};

class NormalFormStep : public NormalizerStep {
 public:
  NormalFormStep(const icu::Normalizer2& data, const icu::Normalizer2& canonical, bool composes, UProperty quick_check)
      : data_(data), canonical_(canonical), composes_(composes), quick_check_(quick_check) {}

  Status Apply(AlignedText* text) const override {
    bool is_ascii = true;
    for (const char c : text->text) is_ascii &= static_cast<uint8_t>(c) < 0x80;
    if (is_ascii) return Status::Ok();
    TextEdit edit(text);
    const std::string_view source = edit.source();
    std::vector<Change> changes;
    std::string utf8;
    // A segment is what can interact: from one character before which nothing composes or sorts to the next such.
    for (size_t begin = 0; begin < source.size() && !edit.is_too_long();) {
      const Utf8Char first = DecodeUtf8(source, begin);
      size_t end = begin + first.bytes;
      if ((end == source.size() || HasBoundaryBefore(DecodeUtf8(source, end).code)) && IsStable(first.code)) {
        begin = end;
        continue;
      }
      edit.Keep(begin - edit.position());
      changes.clear();
      Decompose(first.code, &changes);
      while (end < source.size()) {
        const Utf8Char next = DecodeUtf8(source, end);
        if (HasBoundaryBefore(next.code)) break;
        Decompose(next.code, &changes);
        end += next.bytes;
      }
      SortMarks(&changes);
      if (composes_) Compose(&changes);
      for (const Change& change : changes) {
        utf8.clear();
        AppendUtf8(change.code, &utf8);
        if (change.consumes > 0) {
          edit.Insert(utf8);
        } else {
          size_t bytes = 0;
          for (int32_t i = change.consumes; i <= 0; ++i) bytes += DecodeUtf8(source, edit.position() + bytes).bytes;
          edit.Replace(bytes, utf8);
        }
      }
      begin = end;
    }
    return edit.Finish();
  }

 private:
  // Nothing before it can change it or be changed by it.
  bool HasBoundaryBefore(char32_t code) const {
    if (code < 0x300 || code == kInvalidByte) return true;
    return data_.hasBoundaryBefore(static_cast<UChar32>(code)) || IsNewer(code);
  }
  // By itself it is its own normal form.
  bool IsStable(char32_t code) const {
    if (code < 0x80 || code == kInvalidByte) return true;
    return u_getIntPropertyValue(static_cast<UChar32>(code), quick_check_) == UNORM_YES || IsNewer(code);
  }

  void Decompose(char32_t code, std::vector<Change>* changes) const {
    const auto add = [&](char32_t part, bool is_first) {
      const uint8_t combining_class = part < 0x300 || IsNewer(part) ? 0 : data_.getCombiningClass(static_cast<UChar32>(part));
      changes->push_back({part, is_first ? 0 : 1, combining_class});
    };
    icu::UnicodeString parts;
    if (code < 0x80 || IsNewer(code) || !data_.getDecomposition(static_cast<UChar32>(code), parts)) {
      add(code, true);
      return;
    }
    for (int32_t i = 0; i < parts.length();) {
      const UChar32 part = parts.char32At(i);
      add(static_cast<char32_t>(part), i == 0);
      i += U16_LENGTH(part);
    }
  }

  static void SortMarks(std::vector<Change>* changes) {
    for (auto begin = changes->begin(); begin != changes->end();) {
      if (begin->combining_class == 0) {
        ++begin;
        continue;
      }
      const auto end = std::find_if(begin, changes->end(), [](const Change& c) { return c.combining_class == 0; });
      std::stable_sort(begin, end, [](const Change& a, const Change& b) { return a.combining_class < b.combining_class; });
      begin = end;
    }
  }

  void Compose(std::vector<Change>* changes) const {
    std::vector<Change> out;
    out.reserve(changes->size());
    size_t starter = SIZE_MAX;  // index in `out` of the last character of class 0
    for (const Change& change : *changes) {
      const bool is_starter = change.combining_class == 0;
      if (starter != SIZE_MAX) {
        const bool is_adjacent = starter + 1 == out.size();
        const bool is_blocked = !is_adjacent && out.back().combining_class >= change.combining_class;
        const char32_t composed = is_blocked ? 0 : Pair(out[starter].code, change.code);
        if (composed != 0) {
          out[starter].code = composed;
          out[starter].consumes += change.consumes - 1;
          continue;
        }
      }
      if (is_starter) starter = out.size();
      out.push_back(change);
    }
    changes->swap(out);
  }

  // The composition of two characters, or 0.
  char32_t Pair(char32_t first, char32_t second) const {
    const UChar32 composed = canonical_.composePair(static_cast<UChar32>(first), static_cast<UChar32>(second));
    return composed < 0 || IsNewer(static_cast<char32_t>(composed)) ? 0 : static_cast<char32_t>(composed);
  }

  const icu::Normalizer2& data_;       // singletons of ICU
  const icu::Normalizer2& canonical_;  // that composes
  bool composes_;
  UProperty quick_check_;
};

}  // namespace

Result<std::unique_ptr<const NormalizerStep>> MakeNormalFormStep(NormalForm form) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* canonical = icu::Normalizer2::getNFCInstance(error);
  const icu::Normalizer2* data = nullptr;
  UProperty quick_check = UCHAR_NFC_QUICK_CHECK;
  switch (form) {
    case NormalForm::kNfc:
      data = canonical;
      break;
    case NormalForm::kNfd:
      data = icu::Normalizer2::getNFDInstance(error);
      quick_check = UCHAR_NFD_QUICK_CHECK;
      break;
    case NormalForm::kNfkc:
      data = icu::Normalizer2::getNFKCInstance(error);
      quick_check = UCHAR_NFKC_QUICK_CHECK;
      break;
    case NormalForm::kNfkd:
      data = icu::Normalizer2::getNFKDInstance(error);
      quick_check = UCHAR_NFKD_QUICK_CHECK;
      break;
  }
  if (U_FAILURE(error) || data == nullptr) return Internal(fmt::format("Unicode normalization: {}", u_errorName(error)));
  const bool composes = form == NormalForm::kNfc || form == NormalForm::kNfkc;
  return std::unique_ptr<const NormalizerStep>(std::make_unique<NormalFormStep>(*data, *canonical, composes, quick_check));
}

}  // namespace sterna
