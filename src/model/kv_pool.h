// The key-value cache: fixed-size blocks of 32 positions from one pool with a budget, held by sequences.
#ifndef STERNA_MODEL_KV_POOL_H_
#define STERNA_MODEL_KV_POOL_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "base/status.h"

namespace sterna {

/// Blocks of a pool.
struct KvPoolUse {
  int64_t blocks = 0;       ///< that exist
  int64_t free_blocks = 0;  ///< of these, held by no sequence
  int64_t block_bytes = 0;

  /// Share of the pool's memory that no sequence holds; 0 of an empty pool.
  double fragmentation() const { return blocks > 0 ? static_cast<double>(free_blocks) / static_cast<double>(blocks) : 0; }
};

/// Hands out blocks and takes them back; freed blocks are kept for the next sequence. One thread at a time.
class KvPool {
 public:
  /// At most `max_blocks` blocks exist at once; each is allocated when first needed.
  KvPool(std::shared_ptr<Backend> backend, const KvShape& shape, int64_t max_blocks)
      : backend_(std::move(backend)), shape_(shape), max_blocks_(max_blocks) {}

  /// ResourceExhausted where the budget or the device's memory is used up.
  Result<std::unique_ptr<DeviceMemory>> Take();
  void GiveBack(std::unique_ptr<DeviceMemory> block) { free_.push_back(std::move(block)); }

  /// Gives the blocks that no sequence holds back to the device, and returns their bytes. Blocks are allocated one by one, so that
  /// nothing has to be moved for that.
  int64_t ReleaseFree();

  /// Bytes of all blocks that exist, used or free.
  int64_t allocated_bytes() const { return existing_ * KvBlockBytes(shape_); }
  KvPoolUse use() const { return {existing_, static_cast<int64_t>(free_.size()), KvBlockBytes(shape_)}; }

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
