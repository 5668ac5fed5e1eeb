#include "text/added_tokens.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "text/unicode_table.h"
#include "text/utf8.h"

namespace sterna {
namespace {

bool StartsWithClass(std::string_view text, uint8_t classes) {
  return !text.empty() && (UnicodeTable::Get().Classes(DecodeUtf8(text, 0).code) & classes) != 0;
}

// Bytes of the last character of a text that is not empty.
size_t LastCharacterBytes(std::string_view text) {
  size_t bytes = 1;
  while (bytes < 4 && bytes < text.size() && (static_cast<uint8_t>(text[text.size() - bytes]) & 0xC0) == 0x80) ++bytes;
  return DecodeUtf8(text, text.size() - bytes).bytes == bytes ? bytes : 1;
}

bool EndsWithClass(std::string_view text, uint8_t classes) {
  return !text.empty() && StartsWithClass(text.substr(text.size() - LastCharacterBytes(text)), classes);
}

size_t LeadingWhiteSpace(std::string_view text) {
  size_t bytes = 0;
  while (StartsWithClass(text.substr(bytes), kWhiteSpace)) bytes += DecodeUtf8(text, bytes).bytes;
  return bytes;
}

// At most `limit` bytes of it, so that tokens that strip do not scan the same white space again.
size_t TrailingWhiteSpace(std::string_view text, size_t limit) {
  size_t bytes = 0;
  while (bytes < limit && EndsWithClass(text.substr(0, text.size() - bytes), kWhiteSpace)) {
    bytes += LastCharacterBytes(text.substr(0, text.size() - bytes));
  }
  return std::min(bytes, limit);
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)), roots_(256, -1) {
  for (size_t i = 0; i < tokens_.size(); ++i) Insert(i);
  const auto is_start = [&](int32_t root) { return root >= 0; };
  if (std::count_if(roots_.begin(), roots_.end(), is_start) == 1) only_first_byte_ = tokens_[0].text[0];
}

int32_t AddedTokenMatcher::Child(int32_t node, char byte) const {
  for (int32_t child = nodes_[static_cast<size_t>(node)].first_child; child >= 0;
       child = nodes_[static_cast<size_t>(child)].sibling) {
    if (nodes_[static_cast<size_t>(child)].byte == byte) return child;
  }
  return -1;
}

void AddedTokenMatcher::Insert(size_t token) {
  const std::string& text = tokens_[token].text;
  const auto add_node = [&](char byte, int32_t sibling) {
    nodes_.push_back({-1, -1, sibling, byte});
    return static_cast<int32_t>(nodes_.size() - 1);
  };
  int32_t& root = roots_[static_cast<uint8_t>(text[0])];
  if (root < 0) root = add_node(text[0], -1);
  int32_t node = root;
  for (size_t i = 1; i < text.size(); ++i) {
    int32_t child = Child(node, text[i]);
    if (child < 0) {
      child = add_node(text[i], nodes_[static_cast<size_t>(node)].first_child);
      nodes_[static_cast<size_t>(node)].first_child = child;
    }
    node = child;
  }
  if (nodes_[static_cast<size_t>(node)].token < 0) nodes_[static_cast<size_t>(node)].token = static_cast<int32_t>(token);
}

size_t AddedTokenMatcher::NextCandidate(std::string_view text, size_t position) const {
  if (only_first_byte_) {
    const void* found =
        position < text.size() ? std::memchr(text.data() + position, *only_first_byte_, text.size() - position) : nullptr;
    return found == nullptr ? text.size() : static_cast<size_t>(static_cast<const char*>(found) - text.data());
  }
  while (position < text.size() && roots_[static_cast<uint8_t>(text[position])] < 0) ++position;
  return position;
}

int32_t AddedTokenMatcher::LongestAt(std::string_view text, size_t position) const {
  int32_t node = roots_[static_cast<uint8_t>(text[position])];
  int32_t longest = -1;
  while (node >= 0) {
    if (nodes_[static_cast<size_t>(node)].token >= 0) longest = nodes_[static_cast<size_t>(node)].token;
    if (++position >= text.size()) break;
    node = Child(node, text[position]);
  }
  return longest;
}

void AddedTokenMatcher::PartitionLeftmostLongest(std::string_view text, const ControlTokens& control,
                                                 std::vector<Fragment>* fragments) const {
  size_t covered = 0;
  for (size_t position = NextCandidate(text, 0); position < text.size(); position = NextCandidate(text, position)) {
    const int32_t found = LongestAt(text, position);
    if (found < 0) {
      ++position;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<size_t>(found)];
    size_t begin = position;
    size_t end = position + token.text.size();
    position = end;
    if (token.is_control && !control.Allows(begin, end)) continue;
    if (token.single_word && (EndsWithClass(text.substr(0, begin), kWord) || StartsWithClass(text.substr(end), kWord))) continue;
    if (begin < covered) continue;  // a token that stripped to its right has taken the start of this one
    if (token.strips_left && begin > covered) begin -= TrailingWhiteSpace(text.substr(0, begin), begin - covered);
    if (token.strips_right) end += LeadingWhiteSpace(text.substr(end));
    if (covered < begin) fragments->push_back({text.substr(covered, begin - covered), -1});
    fragments->push_back({text.substr(begin, end - begin), token.id});
    covered = end;
  }
  if (covered < text.size()) fragments->push_back({text.substr(covered), -1});
}

void AddedTokenMatcher::PartitionLongestFirst(std::string_view text, const ControlTokens& control,
                                              std::vector<Fragment>* fragments) const {
  // Most texts hold none or a few of the tokens, so a first pass finds which are worth a search of their own.
  std::vector<uint8_t> occurs(tokens_.size(), 0);
  for (size_t position = NextCandidate(text, 0); position < text.size(); position = NextCandidate(text, position + 1)) {
    int32_t node = roots_[static_cast<uint8_t>(text[position])];
    for (size_t end = position; node >= 0;) {
      const int32_t token = nodes_[static_cast<size_t>(node)].token;
      if (token >= 0) occurs[static_cast<size_t>(token)] = 1;
      if (++end >= text.size()) break;
      node = Child(node, text[end]);
    }
  }
  std::vector<size_t> order;
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (occurs[i] && (control.is_parsed || !tokens_[i].is_control)) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const size_t bytes_a = tokens_[a].text.size();
    const size_t bytes_b = tokens_[b].text.size();
    return bytes_a != bytes_b ? bytes_a > bytes_b : a < b;
  });

  std::vector<Fragment> current;
  if (!text.empty()) current.push_back({text, -1});
  for (const size_t index : order) {
    const AddedToken& token = tokens_[index];
    std::vector<Fragment> next;
    for (const Fragment& fragment : current) {
      if (fragment.id >= 0) {
        next.push_back(fragment);
        continue;
      }
      std::string_view rest = fragment.text;
      for (size_t at = rest.find(token.text); at != std::string_view::npos;) {
        const size_t begin = static_cast<size_t>(rest.data() - text.data()) + at;
        if (token.is_control && !control.Allows(begin, begin + token.text.size())) {
          at = rest.find(token.text, at + 1);
          continue;
        }
        std::string_view before = rest.substr(0, at);
        if (token.strips_left) before.remove_suffix(TrailingWhiteSpace(before, before.size()));
        if (!before.empty()) next.push_back({before, -1});
        next.push_back({rest.substr(at, token.text.size()), token.id});
        rest.remove_prefix(at + token.text.size());
        if (token.strips_right) rest.remove_prefix(LeadingWhiteSpace(rest));
        at = rest.find(token.text);
      }
      if (!rest.empty()) next.push_back({rest, -1});
    }
    current.swap(next);
  }
  fragments->insert(fragments->end(), current.begin(), current.end());
}

}  // namespace sterna
