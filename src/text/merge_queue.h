// Which merge is next: the one of the least rank, the leftmost of equals.
#ifndef STERNA_TEXT_MERGE_QUEUE_H_
#define STERNA_TEXT_MERGE_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace sterna {

/// A priority queue of (rank, position) for one word. A binary heap for words of usual length; for very long ones, whose heap would
/// leave the caches at every step, a list per rank, since long words have few ranks and meet positions from left to right.
class MergeQueue {
 public:
  /// Empties it, for a word of so many symbols.
  void Reset(size_t symbols);
  void Push(uint32_t rank, uint32_t position);
  /// Takes the least; false where there is none.
  bool Pop(uint32_t* rank, uint32_t* position);

 private:
  struct Bucket {
    std::vector<uint32_t> ascending;
    size_t next = 0;             // first of `ascending` not taken
    std::vector<uint32_t> late;  // heap of those that came out of order
  };

  std::vector<uint64_t> heap_;  // rank << 32 | position
  std::map<uint32_t, Bucket> buckets_;
  bool uses_buckets_ = false;
};

}  // namespace sterna

#endif  // STERNA_TEXT_MERGE_QUEUE_H_
