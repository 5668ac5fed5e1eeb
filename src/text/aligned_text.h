// A text on its way through rewritings that remembers, where asked, which part of the original every byte stands for.
#ifndef STERNA_TEXT_ALIGNED_TEXT_H_
#define STERNA_TEXT_ALIGNED_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sterna {

/// Half-open byte range of the original text.
struct TextRange {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool operator==(const TextRange&) const = default;
};

struct AlignedText {
  std::string text;
  std::vector<TextRange> origins;  ///< one a byte of `text` where is_tracked, else empty
  uint32_t base = 0;               ///< where in the original it starts: what is inserted in front of everything stands there
  bool is_tracked = false;

  /// Not tracked.
  static AlignedText Plain(std::string_view text) { return {std::string(text), {}, 0, false}; }
  /// Every byte stands for its character, which begins at `base` + its place in `original`.
  static AlignedText Tracked(std::string_view original, uint32_t base);
};

inline constexpr size_t kMaxNormalizedBytes = size_t{1} << 31;

/// One rewriting of a text from left to right. What is inserted takes the origin of the byte before it, what replaces takes the
/// origin of what it replaces (`tokenizers` NormalizedString::transform).
class TextEdit {
 public:
  /// `text` must outlive the edit, and changes at Finish.
  explicit TextEdit(AlignedText* text) : source_(text) { out_.reserve(text->text.size()); }

  size_t position() const { return position_; }
  std::string_view source() const { return source_->text; }

  void Keep(size_t bytes);
  void Drop(size_t bytes) { position_ += bytes; }
  /// `with` for the next `bytes` bytes; for none of them it is inserted.
  void Replace(size_t bytes, std::string_view with);
  void Insert(std::string_view with);
  /// Keeps the rest. OutOfRange where the text has grown past kMaxNormalizedBytes; the caller of a step that multiplies text also
  /// asks is_too_long from time to time.
  Status Finish();
  bool is_too_long() const { return out_.size() > kMaxNormalizedBytes; }

 private:
  void Append(std::string_view with, TextRange origin);

  AlignedText* source_;
  size_t position_ = 0;
  std::string out_;
  std::vector<TextRange> origins_;
};

}  // namespace sterna

#endif  // STERNA_TEXT_ALIGNED_TEXT_H_
