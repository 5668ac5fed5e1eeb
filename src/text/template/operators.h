// Python's operators on template values: truth, equality, order, arithmetic, membership, and walking over what is iterable.
#ifndef STERNA_TEXT_TEMPLATE_OPERATORS_H_
#define STERNA_TEXT_TEMPLATE_OPERATORS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "text/template/heap_object.h"

namespace sterna::jinja {

enum class Operator : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn
};

bool IsTrue(const Value& value);
/// ==, never an error: numbers by value across types, containers by members, everything else by identity.
bool Equal(const Value& left, const Value& right);
/// As Equal; first spends steps by the size of what is compared.
Result<bool> EqualWithin(Runtime& runtime, const Value& left, const Value& right);
/// InvalidArgument where a dict may not use the value as a key ("unhashable type: 'list'").
Status CheckHashable(const Value& value);
/// <, <=, > and >=.
Result<bool> Compare(Runtime& runtime, Operator op, const Value& left, const Value& right);
Result<bool> Contains(Runtime& runtime, const Value& container, const Value& item);

/// + - * / // % **, on numbers, texts and lists.
Result<Value> Arithmetic(Runtime& runtime, Operator op, const Value& left, const Value& right);
Result<Value> Negate(const Value& value);
Result<Value> UnaryPlus(const Value& value);
/// `text % value`, printf-style.
Result<Value> FormatPrintf(Runtime& runtime, const Value& format, const Value& arguments);

/// bool, int: the integer.
std::optional<int64_t> IntegerOf(const Value& value);
/// bool, int, float: the number.
std::optional<double> NumberOf(const Value& value);

/// The number of items, or characters. InvalidArgument where the type has no length.
Result<int64_t> Length(Runtime& runtime, const Value& value);
/// Whether Cursor can walk it.
bool IsIterable(const Value& value);

/// Walks over an iterable as Python's for does. Holds the value; an iterator is consumed as it goes.
class Cursor {
 public:
  /// InvalidArgument: "'NoneType' object is not iterable".
  static Result<Cursor> Over(const Value& value);
  /// The next item, or nothing at the end. Spends one step.
  Result<std::optional<Value>> Next(Runtime& runtime);

 private:
  Value value_;
  size_t position_ = 0;
};

/// All items of an iterable.
Result<std::vector<Value>> Collect(Runtime& runtime, const Value& value);

/// As Python's int(text, base) and float(text); nothing where the text is no such number.
std::optional<int64_t> ParseInteger(std::string_view text, int base);
std::optional<double> ParseFloat(std::string_view text);

}  // namespace sterna::jinja

#endif  // STERNA_TEXT_TEMPLATE_OPERATORS_H_
