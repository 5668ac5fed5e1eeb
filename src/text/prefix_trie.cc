#include "text/prefix_trie.h"

#include <algorithm>
#include <deque>

namespace sterna {
namespace {

// Places tried for a node's children before they go to the end, which bounds the time of construction.
constexpr int kMaxTries = 64;

}  // namespace

PrefixTrie::PrefixTrie(std::vector<std::pair<std::string_view, int32_t>> entries) : nodes_(1) {
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  // Breadth first, so that nodes with many children come early, where places are free.
  struct Range {
    size_t begin;
    size_t end;
    size_t depth;
    uint32_t node;
  };
  std::deque<Range> open = {{0, entries.size(), 0, kRoot}};
  std::vector<uint8_t> is_taken(257, 0);
  is_taken[0] = 1;
  size_t first_free = 1;
  std::vector<std::pair<uint8_t, size_t>> children;  // byte and first entry
  while (!open.empty()) {
    const Range range = open.front();
    open.pop_front();
    size_t entry = range.begin;
    while (entry < range.end && entries[entry].first.size() == range.depth) {
      if (range.depth > 0) nodes_[range.node].value = entries[entry].second;
      ++entry;
    }
    if (entry == range.end) continue;
    children.clear();
    for (size_t i = entry; i < range.end; ++i) {
      const auto byte = static_cast<uint8_t>(entries[i].first[range.depth]);
      if (children.empty() || children.back().first != byte) children.emplace_back(byte, i);
    }
    while (first_free < is_taken.size() && is_taken[first_free]) ++first_free;
    const auto is_free = [&](size_t place) { return place >= is_taken.size() || !is_taken[place]; };
    // The base may not be negative, so the first child's place is at least its byte, and place 0 is the root's.
    size_t first_place = std::max<size_t>(first_free, size_t{children.front().first} + 1);
    for (int tries = 0;; ++tries, ++first_place) {
      if (tries == kMaxTries) first_place = std::max<size_t>(is_taken.size(), size_t{children.front().first} + 1);
      const size_t base = first_place - children.front().first;
      const auto fits = [&](const auto& child) { return is_free(base + child.first); };
      if (std::all_of(children.begin(), children.end(), fits)) break;
    }
    const size_t base = first_place - children.front().first;
    const size_t needed = base + children.back().first + 1;
    if (needed > is_taken.size()) is_taken.resize(needed, 0);
    if (needed > nodes_.size()) nodes_.resize(needed);
    nodes_[range.node].base = static_cast<uint32_t>(base);
    for (size_t i = 0; i < children.size(); ++i) {
      const size_t place = base + children[i].first;
      is_taken[place] = 1;
      nodes_[place].parent = range.node;
      const size_t end = i + 1 < children.size() ? children[i + 1].second : range.end;
      open.push_back({children[i].second, end, range.depth + 1, static_cast<uint32_t>(place)});
    }
  }
}

PrefixTrie::Match PrefixTrie::Longest(std::string_view text) const {
  Match match{-1, 0};
  uint32_t node = kRoot;
  for (size_t i = 0; i < text.size(); ++i) {
    node = Child(node, text[i]);
    if (node == kNone) break;
    if (Value(node) >= 0) match = {Value(node), i + 1};
  }
  return match;
}

}  // namespace sterna
