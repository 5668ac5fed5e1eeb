// Walking over what is iterable, and lengths.
#include <fmt/format.h>

#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/python_text.h"
#include "text/template/runtime.h"

namespace sterna::jinja {

bool IsIterable(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kDictView:
    case Kind::kRange:
    case Kind::kIterator:
    case Kind::kUndefined:
      return true;
    default:
      return false;
  }
}

Result<int64_t> Length(Runtime& runtime, const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
      STERNA_RETURN_IF_ERROR(runtime.SpendOnBytes(value.text().size()));
      return static_cast<int64_t>(CountCharacters(value.text()));
    case Kind::kList:
    case Kind::kTuple:
      return static_cast<int64_t>(AsList(value).items.size());
    case Kind::kDict:
      return static_cast<int64_t>(AsDict(value).entries.size());
    case Kind::kDictView:
      return static_cast<int64_t>(AsDict(AsDictView(value).dict).entries.size());
    case Kind::kRange:
      return AsRange(value).size;
    case Kind::kUndefined:
      return 0;
    case Kind::kLoop:
      return AsLoop(value).Length();
    default:
      return InvalidArgument(fmt::format("object of type '{}' has no len()", TypeName(value)));
  }
}

Result<Cursor> Cursor::Over(const Value& value) {
  if (!IsIterable(value)) return InvalidArgument(fmt::format("'{}' object is not iterable", TypeName(value)));
  Cursor cursor;
  cursor.value_ = value;
  return cursor;
}

Result<std::optional<Value>> Cursor::Next(Runtime& runtime) {
  using Item = std::optional<Value>;
  STERNA_RETURN_IF_ERROR(runtime.Spend(1));
  switch (value_.kind()) {
    case Kind::kString: {
      const std::string& text = value_.text();
      if (position_ >= text.size()) return Item();
      const size_t start = position_;
      NextCharacter(text, position_);
      STERNA_ASSIGN_OR_RETURN(Value character, runtime.MakeString(text.substr(start, position_ - start)));
      return Item(std::move(character));
    }
    case Kind::kList:
    case Kind::kTuple: {
      const auto& items = AsList(value_).items;
      return position_ < items.size() ? Item(items[position_++]) : Item();
    }
    case Kind::kDict: {
      const auto& entries = AsDict(value_).entries;
      return position_ < entries.size() ? Item(entries[position_++].first) : Item();
    }
    case Kind::kDictView: {
      const DictViewObject& view = AsDictView(value_);
      const auto& entries = AsDict(view.dict).entries;
      if (position_ >= entries.size()) return Item();
      const auto& [key, member] = entries[position_++];
      if (view.what == DictViewObject::What::kKeys) return Item(key);
      if (view.what == DictViewObject::What::kValues) return Item(member);
      STERNA_ASSIGN_OR_RETURN(Value pair, runtime.MakeTuple({key, member}));
      return Item(std::move(pair));
    }
    case Kind::kRange: {
      const RangeObject& range = AsRange(value_);
      const auto i = static_cast<int64_t>(position_);
      if (i >= range.size) return Item();
      ++position_;
      return Item(Value::Int(range.start + i * range.step));
    }
    case Kind::kIterator: {
      IteratorObject& iterator = AsIterator(value_);
      return iterator.next < iterator.items.size() ? Item(iterator.items[iterator.next++]) : Item();
    }
    default:
      return Item();  // undefined: nothing in it
  }
}

Result<std::vector<Value>> Collect(Runtime& runtime, const Value& value) {
  if (value.is(Kind::kList) || value.is(Kind::kTuple)) {
    const auto& items = AsList(value).items;
    STERNA_RETURN_IF_ERROR(runtime.CheckItemCount(items.size()));
    STERNA_RETURN_IF_ERROR(runtime.Spend(items.size()));
    return items;
  }
  STERNA_ASSIGN_OR_RETURN(Cursor cursor, Cursor::Over(value));
  std::vector<Value> items;
  while (true) {
    STERNA_ASSIGN_OR_RETURN(std::optional<Value> item, cursor.Next(runtime));
    if (!item) return items;
    items.push_back(*std::move(item));
  }
}

Result<std::optional<Value>> LoopObject::Next() {
  std::optional<Value> item;
  if (ahead_next < ahead.size()) {
    item = std::move(ahead[ahead_next++]);
    if (ahead_next == ahead.size()) {
      ahead.clear();
      ahead_next = 0;
    }
  } else if (pull) {
    STERNA_ASSIGN_OR_RETURN(item, pull());
  }
  if (item) {
    ++index0;
    previous = std::move(current);
    current = *item;
  }
  return item;
}

Result<const Value*> LoopObject::Peek() {
  if (ahead_next == ahead.size() && pull) {
    STERNA_ASSIGN_OR_RETURN(std::optional<Value> item, pull());
    if (item) ahead.push_back(*std::move(item));
  }
  return ahead_next < ahead.size() ? &ahead[ahead_next] : nullptr;
}

Result<int64_t> LoopObject::Length() {
  if (known_length) return *known_length;
  while (pull) {
    STERNA_ASSIGN_OR_RETURN(std::optional<Value> item, pull());
    if (!item) break;
    ahead.push_back(*std::move(item));
  }
  known_length = index0 + 1 + static_cast<int64_t>(ahead.size() - ahead_next);
  return *known_length;
}

void LoopObject::End() {
  pull = nullptr;
  recurse = nullptr;
  ahead.clear();
  ahead_next = 0;
  previous = Value();
  current = Value();
  last_changed.reset();
}

}  // namespace sterna::jinja
