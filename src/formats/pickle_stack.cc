#include "formats/pickle_stack_internal.h"

#include <fmt/format.h>

namespace sterna {

Status PickleStack::TooMany(std::string_view what) const {
  return OutOfRange(fmt::format("{}: more than {} {}", reader_.Where(at_), kPickleMaxValues, what));
}

Status PickleStack::Push(PickleIndex index) {
  if (stack_.size() >= kPickleMaxValues) return TooMany("objects on the stack");
  stack_.push_back(index);
  return Status::Ok();
}

Status PickleStack::PushNew(PickleValue value) {
  if (values_.size() >= kPickleMaxValues) return TooMany("objects");
  values_.push_back(std::move(value));
  return Push(static_cast<PickleIndex>(values_.size() - 1));
}

Status PickleStack::PushKind(PickleKind kind, int64_t number) {
  PickleValue value;
  value.kind = kind;
  value.number = number;
  return PushNew(std::move(value));
}

Result<PickleIndex> PickleStack::Pop() {
  if (stack_.empty() || stack_.back() == kMarkIndex) return Wrong("stack", "an object", "none");
  const PickleIndex index = stack_.back();
  stack_.pop_back();
  return index;
}

Result<PickleIndex> PickleStack::Top() {
  if (stack_.empty() || stack_.back() == kMarkIndex) return Wrong("stack", "an object", "none");
  return stack_.back();
}

Result<std::vector<PickleIndex>> PickleStack::PopToMark() {
  size_t first = stack_.size();
  while (first > 0 && stack_[first - 1] != kMarkIndex) --first;
  if (first == 0) return Wrong("stack", "a mark", "none");
  std::vector<PickleIndex> items(stack_.begin() + static_cast<std::ptrdiff_t>(first), stack_.end());
  stack_.resize(first - 1);
  return items;
}

Status PickleStack::PushTuple(size_t count) {
  PickleValue tuple;
  tuple.kind = PickleKind::kTuple;
  tuple.items.resize(count);
  for (size_t i = count; i-- > 0;) {
    STERNA_ASSIGN_OR_RETURN(tuple.items[i], Pop());
  }
  return PushNew(std::move(tuple));
}

Status PickleStack::PushContainer(PickleKind kind) {
  PickleValue value;
  value.kind = kind;
  STERNA_ASSIGN_OR_RETURN(value.items, PopToMark());
  if (kind == PickleKind::kDict) STERNA_RETURN_IF_ERROR(CheckPairs(value.items));
  return PushNew(std::move(value));
}

Status PickleStack::CheckPairs(const std::vector<PickleIndex>& items) const {
  if (items.size() % 2 != 0) return Wrong("dict", "pairs of key and value", fmt::format("{} objects", items.size()));
  for (size_t i = 0; i < items.size(); i += 2) {
    const PickleKind kind = values_[items[i]].kind;
    if (kind != PickleKind::kString && kind != PickleKind::kInt)
      return Wrong("dict key", "a string or number", PickleKindName(kind));
  }
  return Status::Ok();
}

Status PickleStack::Extend(const std::vector<PickleIndex>& items, bool is_dict) {
  STERNA_ASSIGN_OR_RETURN(const PickleIndex target, Top());
  PickleValue& container = values_[target];
  const bool suits = is_dict ? container.kind == PickleKind::kDict || container.kind == PickleKind::kOrderedDict
                             : container.kind == PickleKind::kList;
  if (!suits) return Wrong(is_dict ? "SETITEMS" : "APPENDS", is_dict ? "a dict" : "a list", PickleKindName(container.kind));
  if (is_dict) STERNA_RETURN_IF_ERROR(CheckPairs(items));
  item_count_ += items.size();
  if (item_count_ > kPickleMaxValues) return TooMany("items in containers");
  container.items.insert(container.items.end(), items.begin(), items.end());
  return Status::Ok();
}

Status PickleStack::Memoize(uint64_t key) {
  STERNA_ASSIGN_OR_RETURN(const PickleIndex index, Top());
  if (key >= kPickleMaxValues)
    return OutOfRange(fmt::format("{}: memo entry {}: expected at most {}", reader_.Where(at_), key, kPickleMaxValues - 1));
  memo_[static_cast<uint32_t>(key)] = index;
  return Status::Ok();
}

Status PickleStack::PushMemo(uint64_t key) {
  const auto found = memo_.find(static_cast<uint32_t>(key));
  if (found == memo_.end()) return Wrong("memo entry", "one that was stored", fmt::format("{}", key));
  return Push(found->second);
}

}  // namespace sterna
