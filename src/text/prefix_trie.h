// All strings of a set that begin a text, found in one walk over its bytes.
#ifndef STERNA_TEXT_PREFIX_TRIE_H_
#define STERNA_TEXT_PREFIX_TRIE_H_

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace sterna {

/// A double array: the child of a node by a byte is one addition and one comparison away. Immutable after construction.
class PrefixTrie {
 public:
  PrefixTrie() : nodes_(1) {}
  /// (string, value >= 0); empty strings are left out; of equal strings the last one counts.
  explicit PrefixTrie(std::vector<std::pair<std::string_view, int32_t>> entries);

  bool empty() const { return nodes_.size() == 1; }

  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t Child(uint32_t node, char byte) const {
    const size_t child = size_t{nodes_[node].base} + static_cast<uint8_t>(byte);
    return child < nodes_.size() && nodes_[child].parent == node ? static_cast<uint32_t>(child) : kNone;
  }
  /// Of the string that ends at the node, or -1.
  int32_t Value(uint32_t node) const { return nodes_[node].value; }

  struct Match {
    int32_t value;  // -1: none
    size_t bytes;
  };
  Match Longest(std::string_view text) const;

 private:
  struct Node {
    uint32_t base = kNone - 0xFF;  // of its children: child by byte b at base + b; far outside where it has none
    uint32_t parent = kNone;
    int32_t value = -1;
  };
  std::vector<Node> nodes_;
};

}  // namespace sterna

#endif  // STERNA_TEXT_PREFIX_TRIE_H_
