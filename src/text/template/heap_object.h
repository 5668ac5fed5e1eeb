// What the kinds of TemplateValue hold on the heap. Everything is immutable once a value shares it, but for iterators, namespaces
// and loops, which belong to one rendering.
#ifndef STERNA_TEXT_TEMPLATE_HEAP_OBJECT_H_
#define STERNA_TEXT_TEMPLATE_HEAP_OBJECT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/template/template_value.h"

namespace sterna::jinja {

using Value = TemplateValue;
using Kind = TemplateValue::Kind;

class Runtime;
class Scope;
struct Arguments;
struct Statement;

/// Bytes that one rendering holds on the heap, and how many it may.
struct MemoryBudget {
  size_t live_bytes = 0;
  size_t limit_bytes = 0;
};

struct HeapObject {
  HeapObject() = default;
  HeapObject(const HeapObject&) = delete;
  HeapObject& operator=(const HeapObject&) = delete;
  virtual ~HeapObject() {
    if (budget) budget->live_bytes -= charged_bytes;
  }

  int depth = 0;                   ///< of containers, as TemplateValue::depth; bounds every recursion over values
  MemoryBudget* budget = nullptr;  ///< null for what was made outside a rendering
  size_t charged_bytes = 0;
};

struct StringObject : HeapObject {
  std::string text;
  bool is_markup = false;  ///< from |safe or |escape: joined to it with +, a plain string is escaped (MarkupSafe's Markup)
};

/// kList and kTuple.
struct ListObject : HeapObject {
  std::vector<Value> items;
  bool is_group = false;  ///< of |groupby: a tuple whose members are also called `grouper` and `list`
};

struct DictObject : HeapObject {
  std::vector<std::pair<Value, Value>> entries;

  const Value* Find(std::string_view key) const;
  /// Any kind of key, by Python's equality; strings by hash, others by looking at each.
  const Value* Find(const Value& key) const;
  /// While the dict is built: adds, or replaces the value of an equal key.
  void Set(Value key, Value value);

 private:
  std::unordered_map<std::string_view, size_t> index_;  // views into keys; filled when there are more than kLinearSearch entries
  static constexpr size_t kLinearSearch = 8;
  std::optional<size_t> Place(std::string_view key) const;
};

/// Never spelled out in memory: the i-th element is start + i * step.
struct RangeObject : HeapObject {
  int64_t start = 0, stop = 0, step = 1;
  int64_t size = 0;
};

struct DictViewObject : HeapObject {
  enum class What : uint8_t { kKeys, kValues, kItems };
  Value dict;
  What what = What::kItems;
};

/// What Python gives as a generator: can be walked once.
struct IteratorObject : HeapObject {
  std::vector<Value> items;
  size_t next = 0;
};

struct UndefinedObject : HeapObject {
  std::string message;  ///< of the error that any use but printing, testing and iterating gives
};

/// A function, filter, test or method of Python's: `self` is the receiver, the filtered or the tested value.
using Builtin = Result<Value> (*)(Runtime& runtime, const Value& self, const Arguments& arguments);

struct CallableObject : HeapObject {
  Builtin function = nullptr;
  Value self;
};

/// Also the `caller` of a call block. The scope is the one the macro was defined in; the rendering keeps it.
struct MacroObject : HeapObject {
  const Statement* definition = nullptr;
  Scope* scope = nullptr;
};

struct NamespaceObject : HeapObject {
  std::unordered_map<std::string, Value> attributes;
};

/// The `loop` variable. Pulls items from its loop one ahead where `last` or `nextitem` is asked, as jinja2.runtime.LoopContext.
struct LoopObject : HeapObject {
  /// The next item that passes the loop's condition; nothing at the end. Empty once the loop has ended.
  std::function<Result<std::optional<Value>>()> pull;
  /// What the body of the loop writes for other items, one level deeper. Empty where it is not marked recursive, or has ended.
  std::function<Result<Value>(const Value& iterable)> recurse;
  int depth0 = 0;
  std::optional<int64_t> known_length;  ///< where the loop has no condition
  int64_t index0 = -1;
  std::vector<Value> ahead;  ///< pulled but not yet visited, in order
  size_t ahead_next = 0;
  Value previous, current;
  std::optional<Value> last_changed;

  Result<std::optional<Value>> Next();
  Result<const Value*> Peek();  ///< null at the end
  Result<int64_t> Length();
  /// Lets go of everything the loop held: a loop kept in a namespace must not keep a chain of others alive.
  void End();
};

inline const StringObject& AsString(const Value& value) {
  return *static_cast<const StringObject*>(value.object());
}
inline const ListObject& AsList(const Value& value) {
  return *static_cast<const ListObject*>(value.object());
}
inline const DictObject& AsDict(const Value& value) {
  return *static_cast<const DictObject*>(value.object());
}
inline const RangeObject& AsRange(const Value& value) {
  return *static_cast<const RangeObject*>(value.object());
}
inline const DictViewObject& AsDictView(const Value& value) {
  return *static_cast<const DictViewObject*>(value.object());
}
inline const UndefinedObject& AsUndefined(const Value& value) {
  return *static_cast<const UndefinedObject*>(value.object());
}
inline const CallableObject& AsCallable(const Value& value) {
  return *static_cast<const CallableObject*>(value.object());
}
inline const MacroObject& AsMacro(const Value& value) {
  return *static_cast<const MacroObject*>(value.object());
}
inline IteratorObject& AsIterator(const Value& value) {
  return *static_cast<IteratorObject*>(value.object());
}
inline NamespaceObject& AsNamespace(const Value& value) {
  return *static_cast<NamespaceObject*>(value.object());
}
inline LoopObject& AsLoop(const Value& value) {
  return *static_cast<LoopObject*>(value.object());
}

}  // namespace sterna::jinja

#endif  // STERNA_TEXT_TEMPLATE_HEAP_OBJECT_H_
