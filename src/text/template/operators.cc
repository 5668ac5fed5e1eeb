#include "text/template/operators.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/template/print.h"
#include "text/template/python_text.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

constexpr size_t kMaxKeyItems = 16;

bool IsNumber(const Value& value) {
  return value.is(Kind::kBool) || value.is(Kind::kInt) || value.is(Kind::kFloat);
}

// Exact: the 64 bits of mantissa of a long double hold every int64 and every double.
long double ExactNumber(const Value& value) {
  if (value.is(Kind::kFloat)) return static_cast<long double>(value.float_value());
  return static_cast<long double>(*IntegerOf(value));
}

// Members may be shared many times over, so that a small value is exponentially large when walked: `fuel` bounds the walk.
bool EqualBounded(const Value& left, const Value& right, uint64_t& fuel) {
  if (fuel == 0) return false;
  --fuel;
  if (IsNumber(left) && IsNumber(right)) return ExactNumber(left) == ExactNumber(right);
  if (left.kind() != right.kind()) return false;
  if (left.object() == right.object()) return true;
  switch (left.kind()) {
    case Kind::kString: {
      const std::string &a = left.text(), &b = right.text();
      if (a.size() != b.size()) return false;
      fuel -= std::min<uint64_t>(fuel, a.size() / 256);
      return a == b;
    }
    case Kind::kList:
    case Kind::kTuple: {
      const auto &a = AsList(left).items, &b = AsList(right).items;
      if (a.size() != b.size()) return false;
      for (size_t i = 0; i < a.size(); ++i) {
        if (!EqualBounded(a[i], b[i], fuel)) return false;
      }
      return true;
    }
    case Kind::kDict: {
      const DictObject &a = AsDict(left), &b = AsDict(right);
      if (a.entries.size() != b.entries.size()) return false;
      for (const auto& [key, value] : a.entries) {
        const Value* other = b.Find(key);
        if (!other || !EqualBounded(value, *other, fuel)) return false;
      }
      return true;
    }
    case Kind::kRange: {
      const RangeObject &a = AsRange(left), &b = AsRange(right);
      return a.size == b.size && (a.size == 0 || (a.start == b.start && (a.size == 1 || a.step == b.step)));
    }
    case Kind::kUndefined:
      return true;
    default:
      return false;
  }
}

std::string_view Symbol(Operator op) {
  switch (op) {
    case Operator::kLess:
      return "<";
    case Operator::kLessEqual:
      return "<=";
    case Operator::kGreater:
      return ">";
    default:
      return ">=";
  }
}

template <class T>
bool Ordered(Operator op, const T& left, const T& right) {
  switch (op) {
    case Operator::kLess:
      return left < right;
    case Operator::kLessEqual:
      return left <= right;
    case Operator::kGreater:
      return left > right;
    default:
      return left >= right;
  }
}

}  // namespace

bool IsTrue(const Value& value) {
  switch (value.kind()) {
    case Kind::kNone:
    case Kind::kUndefined:
      return false;
    case Kind::kBool:
      return value.bool_value();
    case Kind::kInt:
      return value.int_value() != 0;
    case Kind::kFloat:
      return value.float_value() != 0;
    case Kind::kString:
      return !value.text().empty();
    case Kind::kList:
    case Kind::kTuple:
      return !AsList(value).items.empty();
    case Kind::kDict:
      return !AsDict(value).entries.empty();
    case Kind::kDictView:
      return IsTrue(AsDictView(value).dict);
    case Kind::kRange:
      return AsRange(value).size != 0;
    default:
      return true;
  }
}

bool Equal(const Value& left, const Value& right) {
  uint64_t fuel = 1'000'000;
  return EqualBounded(left, right, fuel);
}

Result<bool> EqualWithin(Runtime& runtime, const Value& left, const Value& right) {
  const uint64_t limit = runtime.options().limits.max_steps;
  uint64_t fuel = limit + 1;
  const bool equal = EqualBounded(left, right, fuel);
  STERNA_RETURN_IF_ERROR(runtime.Spend(limit - fuel));
  return equal;
}

Status CheckHashable(const Value& value) {
  switch (value.kind()) {
    case Kind::kNone:
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kString:
    case Kind::kUndefined:
      return {};
    case Kind::kTuple:
      // Flat and short, so that comparing two keys is one step's work.
      for (const Value& item : value.items()) {
        STERNA_RETURN_IF_ERROR(item.is(Kind::kTuple) ? Status() : CheckHashable(item));
        if (item.is(Kind::kTuple) || value.items().size() > kMaxKeyItems) {
          return Unsupported(fmt::format("keys that are tuples of tuples or of more than {} items", kMaxKeyItems));
        }
      }
      return {};
    default:
      return InvalidArgument(fmt::format("unhashable type: '{}'", TypeName(value)));
  }
}

Result<bool> Compare(Runtime& runtime, Operator op, const Value& left, const Value& right) {
  STERNA_RETURN_IF_ERROR(runtime.Spend(1));
  for (const Value* side : {&left, &right}) {
    if (side->is(Kind::kUndefined)) return InvalidArgument(AsUndefined(*side).message);
  }
  if (IsNumber(left) && IsNumber(right)) return Ordered(op, ExactNumber(left), ExactNumber(right));
  if (left.is(Kind::kString) && right.is(Kind::kString)) {
    STERNA_RETURN_IF_ERROR(runtime.SpendOnBytes(std::min(left.text().size(), right.text().size())));
    return Ordered(op, left.text(), right.text());  // bytes of UTF-8 order as its characters do
  }
  if (left.kind() == right.kind() && (left.is(Kind::kList) || left.is(Kind::kTuple))) {
    const auto &a = AsList(left).items, &b = AsList(right).items;
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      STERNA_ASSIGN_OR_RETURN(const bool equal, EqualWithin(runtime, a[i], b[i]));
      if (!equal) return Compare(runtime, op, a[i], b[i]);
    }
    return Ordered(op, a.size(), b.size());
  }
  return InvalidArgument(
      fmt::format("'{}' not supported between instances of '{}' and '{}'", Symbol(op), TypeName(left), TypeName(right)));
}

Result<bool> Contains(Runtime& runtime, const Value& container, const Value& item) {
  if (container.is(Kind::kString)) {
    if (item.is(Kind::kUndefined)) {
      return InvalidArgument("'in <string>' requires string as left operand, not Undefined");
    }
    if (!item.is(Kind::kString)) {
      return InvalidArgument(fmt::format("'in <string>' requires string as left operand, not {}", TypeName(item)));
    }
    STERNA_RETURN_IF_ERROR(runtime.SpendOnBytes(container.text().size()));
    return FindText(container.text(), item.text()).has_value();
  }
  if (container.is(Kind::kDict)) {
    STERNA_RETURN_IF_ERROR(CheckHashable(item));
    if (!item.is(Kind::kString)) STERNA_RETURN_IF_ERROR(runtime.Spend(AsDict(container).entries.size()));
    return AsDict(container).Find(item) != nullptr;
  }
  if (!IsIterable(container)) {
    return InvalidArgument(fmt::format("argument of type '{}' is not iterable", TypeName(container)));
  }
  STERNA_ASSIGN_OR_RETURN(Cursor cursor, Cursor::Over(container));
  while (true) {
    STERNA_ASSIGN_OR_RETURN(const std::optional<Value> member, cursor.Next(runtime));
    if (!member) return false;
    STERNA_ASSIGN_OR_RETURN(const bool equal, EqualWithin(runtime, *member, item));
    if (equal) return true;
  }
}

}  // namespace sterna::jinja
