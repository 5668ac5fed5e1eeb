#include "model/kv_pool.h"

#include <fmt/format.h>

namespace sterna {

Result<std::unique_ptr<DeviceMemory>> KvPool::Take() {
  if (!free_.empty()) {
    std::unique_ptr<DeviceMemory> block = std::move(free_.back());
    free_.pop_back();
    return block;
  }
  if (existing_ >= max_blocks_) {
    return ResourceExhausted(
        fmt::format("the key-value cache is full: {} blocks of {} positions are in use", existing_, kKvBlockPositions));
  }
  STERNA_ASSIGN_OR_RETURN(std::unique_ptr<DeviceMemory> block, backend_->AllocateKvBlock(shape_));
  ++existing_;
  return block;
}

int64_t KvPool::ReleaseFree() {
  const auto released = static_cast<int64_t>(free_.size());
  free_.clear();
  existing_ -= released;
  return released * KvBlockBytes(shape_);
}

Status KvSequence::Reserve(int64_t positions) {
  const auto needed = static_cast<size_t>((positions + kKvBlockPositions - 1) / kKvBlockPositions);
  const auto before = static_cast<int64_t>(blocks_.size());
  while (blocks_.size() < needed) {
    auto block = pool_->Take();
    if (!block.ok()) {
      ShrinkTo(before * kKvBlockPositions);
      return block.status();
    }
    addresses_.push_back((*block)->address());
    blocks_.push_back(*std::move(block));
  }
  return Status::Ok();
}

void KvSequence::ShrinkTo(int64_t positions) {
  const auto needed = static_cast<size_t>((positions + kKvBlockPositions - 1) / kKvBlockPositions);
  while (blocks_.size() > needed) {
    pool_->GiveBack(std::move(blocks_.back()));
    blocks_.pop_back();
    addresses_.pop_back();
  }
}

}  // namespace sterna
