#include "text/training/pair_queue.h"

#include <algorithm>
#include <utility>

namespace sterna {
namespace {

uint64_t HashPair(uint64_t key) {
  key *= 0x9E3779B97F4A7C15;
  return key ^ (key >> 29);
}

}  // namespace

void PairQueue::Change(TokenPair token_pair, int64_t change, uint32_t word) {
  const uint64_t key = uint64_t{token_pair.first} << 32 | token_pair.second;
  const auto next = static_cast<uint32_t>(pairs_.size());
  const uint32_t index = table_.FindOrAdd(HashPair(key), next, [&](uint32_t candidate) { return pairs_[candidate].key == key; });
  if (index == next) pairs_.push_back({key, 0, kUnchanged});
  Pair& pair = pairs_[index];
  pair.count += change;
  if (change <= 0) return;
  if (pair.changed == kUnchanged) {
    pair.changed = static_cast<uint32_t>(changed_.size());
    changed_.push_back({index, {}});
  }
  std::vector<uint32_t>& words = changed_[pair.changed].words;
  if (words.empty() || words.back() != word) words.push_back(word);
}

void PairQueue::EnqueueChanged() {
  for (Changed& changed : changed_) {
    Pair& pair = pairs_[changed.pair];
    pair.changed = kUnchanged;
    if (pair.count <= 0) continue;
    heap_.push_back({static_cast<uint64_t>(pair.count), pair.key, changed.pair, KeepWords(std::move(changed.words))});
    std::push_heap(heap_.begin(), heap_.end(), ComesLater);
  }
  changed_.clear();
}

bool PairQueue::Pop(PairToMerge* next) {
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), ComesLater);
    Entry& entry = heap_.back();
    // A count below zero belongs to a pair that was never enqueued, or it enters as a huge one, as in the reference.
    const auto current = static_cast<uint64_t>(pairs_[entry.pair].count);
    if (entry.count != current) {
      entry.count = current;
      std::push_heap(heap_.begin(), heap_.end(), ComesLater);
      continue;
    }
    next->pair = {static_cast<uint32_t>(entry.key >> 32), static_cast<uint32_t>(entry.key)};
    next->count = entry.count;
    next->words = std::move(words_[entry.words]);
    words_[entry.words].clear();
    free_words_.push_back(entry.words);
    heap_.pop_back();
    return true;
  }
  return false;
}

bool PairQueue::ComesLater(const Entry& a, const Entry& b) {
  if (a.count != b.count) return a.count < b.count;
  if (a.key != b.key) return a.key > b.key;
  return a.words > b.words;
}

uint32_t PairQueue::KeepWords(std::vector<uint32_t> words) {
  if (free_words_.empty()) {
    words_.push_back(std::move(words));
    return static_cast<uint32_t>(words_.size() - 1);
  }
  const uint32_t index = free_words_.back();
  free_words_.pop_back();
  words_[index] = std::move(words);
  return index;
}

}  // namespace sterna
