// Arithmetic by Python's rules, on 64-bit integers: what Python would widen further is an error here.
#include <fmt/format.h>

#include <cmath>

#include "base/checked_math.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/python_text.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

std::string_view Symbol(Operator op) {
  switch (op) {
    case Operator::kAdd:
      return "+";
    case Operator::kSubtract:
      return "-";
    case Operator::kMultiply:
      return "*";
    case Operator::kDivide:
      return "/";
    case Operator::kFloorDivide:
      return "//";
    case Operator::kModulo:
      return "%";
    default:
      return "** or pow()";
  }
}

Result<Value> Checked(std::optional<int64_t> value) {
  if (!value) return InvalidArgument("integer result does not fit 64 bits");
  return Value::Int(*value);
}

std::optional<int64_t> Power(int64_t base, int64_t exponent) {
  if (base == 0 || base == 1) return exponent == 0 ? 1 : base;
  if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  std::optional<int64_t> out = 1;
  for (int64_t i = 0; i < exponent && out; ++i) out = CheckedMul(*out, base);  // |base| >= 2: at most 64 rounds
  return out;
}

Result<Value> OnIntegers(Operator op, int64_t a, int64_t b) {
  switch (op) {
    case Operator::kAdd:
      return Checked(CheckedAdd(a, b));
    case Operator::kSubtract: {
      int64_t out;
      if (__builtin_sub_overflow(a, b, &out)) return Checked(std::nullopt);
      return Value::Int(out);
    }
    case Operator::kMultiply:
      return Checked(CheckedMul(a, b));
    case Operator::kDivide:
      if (b == 0) return InvalidArgument("division by zero");
      return Value::Float(static_cast<double>(a) / static_cast<double>(b));
    case Operator::kFloorDivide:
    case Operator::kModulo: {
      if (b == 0) return InvalidArgument(op == Operator::kModulo ? "integer modulo by zero" : "integer division or modulo by zero");
      if (b == -1) return op == Operator::kModulo ? Value::Int(0) : OnIntegers(Operator::kSubtract, 0, a);
      const int64_t remainder = a % b;
      const bool round_down = remainder != 0 && (remainder < 0) != (b < 0);
      if (op == Operator::kModulo) return Value::Int(round_down ? remainder + b : remainder);
      return Value::Int(a / b - (round_down ? 1 : 0));
    }
    default:
      if (b < 0) {
        if (a == 0) return InvalidArgument("0.0 cannot be raised to a negative power");
        return Value::Float(std::pow(static_cast<double>(a), static_cast<double>(b)));
      }
      return Checked(Power(a, b));
  }
}

Result<Value> OnFloats(Operator op, double a, double b) {
  switch (op) {
    case Operator::kAdd:
      return Value::Float(a + b);
    case Operator::kSubtract:
      return Value::Float(a - b);
    case Operator::kMultiply:
      return Value::Float(a * b);
    case Operator::kDivide:
      if (b == 0) return InvalidArgument("float division by zero");
      return Value::Float(a / b);
    case Operator::kFloorDivide:
    case Operator::kModulo: {
      if (b == 0) return InvalidArgument(op == Operator::kModulo ? "float modulo" : "float floor division by zero");
      // CPython's float_divmod, so that quotient and remainder agree after rounding.
      double remainder = std::fmod(a, b);
      double quotient = (a - remainder) / b;
      if (remainder != 0) {
        if ((b < 0) != (remainder < 0)) {
          remainder += b;
          quotient -= 1;
        }
      } else {
        remainder = std::copysign(0.0, b);
      }
      if (op == Operator::kModulo) return Value::Float(remainder);
      if (quotient == 0) return Value::Float(std::copysign(0.0, a / b));
      double floor = std::floor(quotient);
      if (quotient - floor > 0.5) floor += 1;
      return Value::Float(floor);
    }
    default:
      if (a == 0 && b < 0) return InvalidArgument("0.0 cannot be raised to a negative power");
      if (a < 0 && std::floor(b) != b) return InvalidArgument("power of a negative number by a fraction is complex");
      return Value::Float(std::pow(a, b));
  }
}

Result<Value> AddTexts(Runtime& runtime, const StringObject& left, const StringObject& right) {
  if (left.is_markup == right.is_markup) {
    STERNA_RETURN_IF_ERROR(runtime.CheckTextSize(uint64_t{left.text.size()} + right.text.size()));
    return runtime.MakeString(left.text + right.text, left.is_markup);
  }
  return runtime.MakeString(
      (left.is_markup ? left.text : EscapeHtml(left.text)) + (right.is_markup ? right.text : EscapeHtml(right.text)), true);
}

Result<Value> Repeat(Runtime& runtime, const Value& sequence, int64_t times) {
  const auto count = static_cast<uint64_t>(std::max<int64_t>(times, 0));
  if (sequence.is(Kind::kString)) {
    const StringObject& source = AsString(sequence);
    const auto bytes = CheckedMul<uint64_t>(source.text.size(), count);
    STERNA_RETURN_IF_ERROR(runtime.CheckTextSize(bytes.value_or(UINT64_MAX)));
    std::string out;
    out.reserve(*bytes);
    for (uint64_t i = 0; i < count && !source.text.empty(); ++i) out += source.text;
    return runtime.MakeString(std::move(out), source.is_markup);
  }
  const auto& source = AsList(sequence).items;
  const auto size = CheckedMul<uint64_t>(source.size(), count);
  STERNA_RETURN_IF_ERROR(runtime.CheckItemCount(size.value_or(UINT64_MAX)));
  STERNA_RETURN_IF_ERROR(runtime.Spend(*size));
  std::vector<Value> out;
  out.reserve(*size);
  for (uint64_t i = 0; i < count && !source.empty(); ++i) out.insert(out.end(), source.begin(), source.end());
  return sequence.is(Kind::kList) ? runtime.MakeList(std::move(out)) : runtime.MakeTuple(std::move(out));
}

Result<Value> AddLists(Runtime& runtime, const Value& left, const Value& right) {
  const auto &a = AsList(left).items, &b = AsList(right).items;
  STERNA_RETURN_IF_ERROR(runtime.CheckItemCount(uint64_t{a.size()} + b.size()));
  std::vector<Value> out;
  out.reserve(a.size() + b.size());
  out.insert(out.end(), a.begin(), a.end());
  out.insert(out.end(), b.begin(), b.end());
  return left.is(Kind::kList) ? runtime.MakeList(std::move(out)) : runtime.MakeTuple(std::move(out));
}

bool IsSequence(const Value& value) {
  return value.is(Kind::kString) || value.is(Kind::kList) || value.is(Kind::kTuple);
}

}  // namespace

std::optional<int64_t> IntegerOf(const Value& value) {
  if (value.is(Kind::kInt)) return value.int_value();
  if (value.is(Kind::kBool)) return value.bool_value() ? 1 : 0;
  return std::nullopt;
}

std::optional<double> NumberOf(const Value& value) {
  if (value.is(Kind::kFloat)) return value.float_value();
  if (const auto integer = IntegerOf(value)) return static_cast<double>(*integer);
  return std::nullopt;
}

Result<Value> Arithmetic(Runtime& runtime, Operator op, const Value& left, const Value& right) {
  if (op == Operator::kModulo && left.is(Kind::kString)) return FormatPrintf(runtime, left, right);
  for (const Value* side : {&left, &right}) {
    if (side->is(Kind::kUndefined)) return InvalidArgument(AsUndefined(*side).message);
  }
  if (const auto a = IntegerOf(left), b = IntegerOf(right); a && b) return OnIntegers(op, *a, *b);
  if (const auto a = NumberOf(left), b = NumberOf(right); a && b) return OnFloats(op, *a, *b);
  if (op == Operator::kAdd && IsSequence(left)) {
    if (left.kind() == right.kind()) {
      return left.is(Kind::kString) ? AddTexts(runtime, AsString(left), AsString(right)) : AddLists(runtime, left, right);
    }
    return InvalidArgument(fmt::format("can only concatenate {0} (not \"{1}\") to {0}", TypeName(left), TypeName(right)));
  }
  if (op == Operator::kMultiply) {
    if (const auto times = IntegerOf(right); times && IsSequence(left)) return Repeat(runtime, left, *times);
    if (const auto times = IntegerOf(left); times && IsSequence(right)) return Repeat(runtime, right, *times);
    if (IsSequence(left) || IsSequence(right)) {
      return InvalidArgument(
          fmt::format("can't multiply sequence by non-int of type '{}'", TypeName(IsSequence(left) ? right : left)));
    }
  }
  return InvalidArgument(
      fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", Symbol(op), TypeName(left), TypeName(right)));
}

Result<Value> Negate(const Value& value) {
  if (value.is(Kind::kUndefined)) return InvalidArgument(AsUndefined(value).message);
  if (value.is(Kind::kFloat)) return Value::Float(-value.float_value());
  if (const auto integer = IntegerOf(value)) return OnIntegers(Operator::kSubtract, 0, *integer);
  return InvalidArgument(fmt::format("bad operand type for unary -: '{}'", TypeName(value)));
}

Result<Value> UnaryPlus(const Value& value) {
  if (value.is(Kind::kUndefined)) return InvalidArgument(AsUndefined(value).message);
  if (value.is(Kind::kFloat)) return value;
  if (const auto integer = IntegerOf(value)) return Value::Int(*integer);
  return InvalidArgument(fmt::format("bad operand type for unary +: '{}'", TypeName(value)));
}

}  // namespace sterna::jinja
