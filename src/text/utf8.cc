#include "text/utf8.h"

#include <array>

namespace sterna {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Sequence {
  uint32_t bytes;  // of the valid character, or of the maximal invalid part
  bool valid;
  bool may_continue;  // cut short by the end of the text, nothing wrong so far
};

// Table 3-7 of Unicode 15: only the second byte has a range that depends on the first.
Sequence Classify(std::string_view text, size_t position) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = at(position);
  if (first < 0x80) return {1, true, false};
  uint32_t length = 0;
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return {1, false, false};
  }
  for (uint32_t i = 1; i < length; ++i) {
    if (position + i >= text.size()) return {i, false, true};
    const uint8_t next = at(position + i);
    if (next < low || next > high) return {i, false, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true, false};
}

}  // namespace

Utf8Char DecodeUtf8Slow(std::string_view text, size_t position) {
  const Sequence sequence = Classify(text, position);
  if (!sequence.valid) return {kInvalidByte, 1};
  constexpr std::array<uint8_t, 5> kFirstByteMask = {0, 0x7F, 0x1F, 0x0F, 0x07};
  char32_t code = static_cast<uint8_t>(text[position]) & kFirstByteMask[sequence.bytes];
  for (uint32_t i = 1; i < sequence.bytes; ++i) code = (code << 6) | (static_cast<uint8_t>(text[position + i]) & 0x3F);
  return {code, sequence.bytes};
}

size_t ValidUtf8Prefix(std::string_view text) {
  size_t position = 0;
  while (position < text.size()) {
    if (static_cast<uint8_t>(text[position]) < 0x80) {
      ++position;
      continue;
    }
    const Sequence sequence = Classify(text, position);
    if (!sequence.valid) break;
    position += sequence.bytes;
  }
  return position;
}

void AppendUtf8(char32_t code, std::string* out) {
  const auto tail = [&](int shift) { out->push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3F))); };
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (code >> 6)));
    tail(0);
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | (code >> 12)));
    tail(6);
    tail(0);
  } else {
    out->push_back(static_cast<char>(0xF0 | (code >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

void AppendLossyUtf8(std::string_view bytes, std::string* out) {
  while (!bytes.empty()) {
    const size_t valid = ValidUtf8Prefix(bytes);
    out->append(bytes.substr(0, valid));
    bytes.remove_prefix(valid);
    if (bytes.empty()) return;
    out->append(kReplacement);
    bytes.remove_prefix(Classify(bytes, 0).bytes);
  }
}

std::string Utf8Assembler::Push(std::string_view bytes) {
  pending_.append(bytes);
  std::string out;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const size_t valid = ValidUtf8Prefix(rest);
    out.append(rest.substr(0, valid));
    rest.remove_prefix(valid);
    if (rest.empty()) break;
    const Sequence sequence = Classify(rest, 0);
    if (sequence.may_continue) break;
    out.append(kReplacement);
    rest.remove_prefix(sequence.bytes);
  }
  pending_ = std::string(rest);
  return out;
}

std::string Utf8Assembler::Flush() {
  std::string out;
  AppendLossyUtf8(pending_, &out);
  pending_.clear();
  return out;
}

}  // namespace sterna
