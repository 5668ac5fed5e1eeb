// The key-value cache: fixed-size blocks of 32 positions from one pool with a budget, held by sequences.
#ifndef STERNA_MODEL_KV_POOL_H_
#define STERNA_MODEL_KV_POOL_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "base/status.h"

namespace sterna {

/// Hands out blocks and takes them back; freed blocks are kept for the next sequence. One thread at a time.
class KvPool {
 public:
  /// At most `max_blocks` blocks exist at once; each is allocated when first needed.
  KvPool(std::shared_ptr<Backend> backend, const KvShape& shape, int64_t max_blocks)
      : backend_(std::move(backend)), shape_(shape), max_blocks_(max_blocks) {}

  /// ResourceExhausted where the budget or the device's memory is used up.
  Result<std::unique_ptr<DeviceMemory>> Take();
  void GiveBack(std::unique_ptr<DeviceMemory> block) { free_.push_back(std::move(block)); }

  /// Bytes of all blocks that exist, used or free.
  int64_t allocated_bytes() const { return existing_ * KvBlockBytes(shape_); }

 private:
  std::shared_ptr<Backend> backend_;
  KvShape shape_;
  int64_t max_blocks_;
  int64_t existing_ = 0;
  std::vector<std::unique_ptr<DeviceMemory>> free_;
};

/// The cached positions of one sequence. Owned by one session; returns its blocks to the pool when destroyed.
class KvSequence {
 public:
  explicit KvSequence(std::shared_ptr<KvPool> pool) : pool_(std::move(pool)) {}
  KvSequence(const KvSequence&) = delete;
  KvSequence& operator=(const KvSequence&) = delete;
  ~KvSequence() { ShrinkTo(0); }

  /// Makes sure that blocks for `positions` positions exist. On an error the sequence keeps what it had.
  Status Reserve(int64_t positions);
  /// Gives back the blocks that `positions` positions do not need.
  void ShrinkTo(int64_t positions);

  SequenceBlocks blocks() const { return {addresses_}; }

 private:
  std::shared_ptr<KvPool> pool_;
  std::vector<std::unique_ptr<DeviceMemory>> blocks_;
  std::vector<void*> addresses_;
};

}  // namespace sterna

#endif  // STERNA_MODEL_KV_POOL_H_
