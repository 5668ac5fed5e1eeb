#include "text/aligned_text.h"

#include <fmt/format.h>

#include <utility>

#include "text/utf8.h"

namespace sterna {

AlignedText AlignedText::Tracked(std::string_view original, uint32_t base) {
  AlignedText aligned{std::string(original), {}, base, true};
  aligned.origins.reserve(original.size());
  for (size_t position = 0; position < original.size();) {
    const uint32_t bytes = DecodeUtf8(original, position).bytes;
    const uint32_t begin = base + static_cast<uint32_t>(position);
    aligned.origins.insert(aligned.origins.end(), bytes, {begin, begin + bytes});
    position += bytes;
  }
  return aligned;
}

void TextEdit::Keep(size_t bytes) {
  out_.append(source_->text, position_, bytes);
  if (source_->is_tracked) {
    const auto first = source_->origins.begin() + static_cast<ptrdiff_t>(position_);
    origins_.insert(origins_.end(), first, first + static_cast<ptrdiff_t>(bytes));
  }
  position_ += bytes;
}

void TextEdit::Append(std::string_view with, TextRange origin) {
  out_.append(with);
  origins_.insert(origins_.end(), with.size(), origin);
}

void TextEdit::Replace(size_t bytes, std::string_view with) {
  if (bytes == 0) return Insert(with);
  if (source_->is_tracked) {
    Append(with, source_->origins[position_]);
  } else {
    out_.append(with);
  }
  position_ += bytes;
}

void TextEdit::Insert(std::string_view with) {
  if (!source_->is_tracked) {
    out_.append(with);
    return;
  }
  Append(with, position_ == 0 ? TextRange{source_->base, source_->base} : source_->origins[position_ - 1]);
}

Status TextEdit::Finish() {
  if (position_ < source_->text.size()) Keep(source_->text.size() - position_);
  if (is_too_long()) return OutOfRange(fmt::format("text grows past {} bytes when it is normalized", kMaxNormalizedBytes));
  source_->text = std::move(out_);
  source_->origins = std::move(origins_);
  return Status::Ok();
}

}  // namespace sterna
