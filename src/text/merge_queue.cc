#include "text/merge_queue.h"

#include <algorithm>
#include <functional>

namespace sterna {
namespace {

// About where a heap of 8-byte entries outgrows the first-level cache.
constexpr size_t kBucketsFrom = 4096;

}  // namespace

void MergeQueue::Reset(size_t symbols) {
  heap_.clear();
  buckets_.clear();
  uses_buckets_ = symbols >= kBucketsFrom;
}

void MergeQueue::Push(uint32_t rank, uint32_t position) {
  if (!uses_buckets_) {
    heap_.push_back(uint64_t{rank} << 32 | position);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    return;
  }
  Bucket& bucket = buckets_[rank];
  if (bucket.ascending.empty() || bucket.ascending.back() < position) {
    bucket.ascending.push_back(position);
  } else {
    bucket.late.push_back(position);
    std::push_heap(bucket.late.begin(), bucket.late.end(), std::greater<>());
  }
}

bool MergeQueue::Pop(uint32_t* rank, uint32_t* position) {
  if (!uses_buckets_) {
    if (heap_.empty()) return false;
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    *rank = static_cast<uint32_t>(heap_.back() >> 32);
    *position = static_cast<uint32_t>(heap_.back());
    heap_.pop_back();
    return true;
  }
  if (buckets_.empty()) return false;
  const auto least = buckets_.begin();
  Bucket& bucket = least->second;
  *rank = least->first;
  const bool has_ascending = bucket.next < bucket.ascending.size();
  if (has_ascending && (bucket.late.empty() || bucket.ascending[bucket.next] <= bucket.late.front())) {
    *position = bucket.ascending[bucket.next++];
  } else {
    std::pop_heap(bucket.late.begin(), bucket.late.end(), std::greater<>());
    *position = bucket.late.back();
    bucket.late.pop_back();
  }
  if (bucket.next == bucket.ascending.size() && bucket.late.empty()) buckets_.erase(least);
  return true;
}

}  // namespace sterna
