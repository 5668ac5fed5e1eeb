// The stack, memo and objects of the pickle interpreter, with their limits.
#ifndef STERNA_FORMATS_PICKLE_STACK_INTERNAL_H_
#define STERNA_FORMATS_PICKLE_STACK_INTERNAL_H_

#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "formats/pickle_values_internal.h"

namespace sterna {

/// What the opcodes work on. Errors name the file and the byte of the opcode in progress; OutOfRange past kPickleMaxValues.
class PickleStack {
 protected:
  PickleStack(std::span<const std::byte> pickle, std::string_view name) : reader_(pickle, name) {}

  Status Wrong(std::string_view field, std::string_view expected, std::string_view found) const {
    return reader_.Wrong(at_, field, expected, found);
  }
  Status PushMark() { return Push(kMarkIndex); }
  Status Push(PickleIndex index);
  Status PushNew(PickleValue value);
  Status PushKind(PickleKind kind, int64_t number = 0);
  /// Malformed where the stack is empty or a mark is on top.
  Result<PickleIndex> Pop();
  Result<PickleIndex> Top();
  /// The objects above the last mark; both leave the stack.
  Result<std::vector<PickleIndex>> PopToMark();
  /// A tuple of the top `count` objects.
  Status PushTuple(size_t count);
  /// A container of the objects above the last mark.
  Status PushContainer(PickleKind kind);
  /// Adds items to the list or dict on top.
  Status Extend(const std::vector<PickleIndex>& items, bool is_dict);
  Status Memoize(uint64_t key);
  Status PushMemo(uint64_t key);
  bool is_empty() const { return stack_.empty(); }
  size_t memo_size() const { return memo_.size(); }

  ByteReader reader_;
  uint64_t at_ = 0;  ///< of the opcode in progress
  std::vector<PickleValue> values_;

 private:
  static constexpr PickleIndex kMarkIndex = kPickleMaxValues;  // no value has it

  Status TooMany(std::string_view what) const;
  Status CheckPairs(const std::vector<PickleIndex>& items) const;

  std::vector<PickleIndex> stack_;
  std::map<uint32_t, PickleIndex> memo_;
  uint64_t item_count_ = 0;
};

}  // namespace sterna

#endif  // STERNA_FORMATS_PICKLE_STACK_INTERNAL_H_
