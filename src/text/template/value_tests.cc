// The tests of `is`.
#include <fmt/format.h>

#include "text/template/builtins.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/python_text.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

template <bool (*kPredicate)(const Value&)>
Result<Value> Asked(Runtime&, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("test", arguments, {}).status());
  return Value::Bool(kPredicate(self));
}

template <Kind... kKinds>
bool IsOneOf(const Value& value) {
  return (value.is(kKinds) || ...);
}

bool IsDefined(const Value& value) {
  return !value.is(Kind::kUndefined);
}
bool IsExactlyTrue(const Value& value) {
  return value.is(Kind::kBool) && value.bool_value();
}
bool IsExactlyFalse(const Value& value) {
  return value.is(Kind::kBool) && !value.bool_value();
}
bool IsEscaped(const Value& value) {
  return value.is(Kind::kString) && AsString(value).is_markup;
}

template <bool (*kPredicate)(std::string_view)>
Result<Value> AskedOfText(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("test", arguments, {}).status());
  STERNA_ASSIGN_OR_RETURN(const std::string text, ToText(runtime, self));
  return Value::Bool(kPredicate(text));
}

Result<Value> Remainder(Runtime& runtime, const Value& self, int64_t divisor, int64_t expected) {
  STERNA_ASSIGN_OR_RETURN(const Value remainder, Arithmetic(runtime, Operator::kModulo, self, Value::Int(divisor)));
  return Value::Bool(Equal(remainder, Value::Int(expected)));
}

Result<Value> Odd(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("odd", arguments, {}).status());
  return Remainder(runtime, self, 2, 1);
}

Result<Value> Even(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("even", arguments, {}).status());
  return Remainder(runtime, self, 2, 0);
}

Result<Value> DivisibleBy(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("divisibleby", arguments, {"num"}, 1));
  STERNA_ASSIGN_OR_RETURN(const Value remainder, Arithmetic(runtime, Operator::kModulo, self, *bound.at(0)));
  return Value::Bool(Equal(remainder, Value::Int(0)));
}

template <Builtin (*kFind)(std::string_view)>
Result<Value> IsKnownName(Runtime&, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("test", arguments, {}).status());
  STERNA_RETURN_IF_ERROR(CheckHashable(self));
  return Value::Bool(self.is(Kind::kString) && kFind(self.text()) != nullptr);
}

// Identity: of scalars, equality within one type.
Result<Value> SameAs(Runtime&, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("sameas", arguments, {"other"}, 1));
  const Value& other = *bound.at(0);
  if (self.kind() != other.kind()) return Value::Bool(false);
  return Value::Bool(self.object() ? self.object() == other.object() : Equal(self, other));
}

Result<Value> In(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("in", arguments, {"seq"}, 1));
  STERNA_ASSIGN_OR_RETURN(const bool contains, Contains(runtime, *bound.at(0), self));
  return Value::Bool(contains);
}

template <Operator kOperator>
Result<Value> Compared(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("comparison", arguments, {"other"}, 1));
  const Value& other = *bound.at(0);
  if (kOperator == Operator::kEqual || kOperator == Operator::kNotEqual) {
    STERNA_ASSIGN_OR_RETURN(const bool equal, EqualWithin(runtime, self, other));
    return Value::Bool(equal == (kOperator == Operator::kEqual));
  }
  STERNA_ASSIGN_OR_RETURN(const bool holds, Compare(runtime, kOperator, self, other));
  return Value::Bool(holds);
}

constexpr NamedBuiltin kTests[] = {
    {"!=", Compared<Operator::kNotEqual>},
    {"<", Compared<Operator::kLess>},
    {"<=", Compared<Operator::kLessEqual>},
    {"==", Compared<Operator::kEqual>},
    {">", Compared<Operator::kGreater>},
    {">=", Compared<Operator::kGreaterEqual>},
    {"boolean", Asked<IsOneOf<Kind::kBool>>},
    {"callable", Asked<IsOneOf<Kind::kCallable, Kind::kMacro, Kind::kLoop, Kind::kUndefined>>},
    {"defined", Asked<IsDefined>},
    {"divisibleby", DivisibleBy},
    {"eq", Compared<Operator::kEqual>},
    {"equalto", Compared<Operator::kEqual>},
    {"escaped", Asked<IsEscaped>},
    {"even", Even},
    {"false", Asked<IsExactlyFalse>},
    {"filter", IsKnownName<FindFilter>},
    {"float", Asked<IsOneOf<Kind::kFloat>>},
    {"ge", Compared<Operator::kGreaterEqual>},
    {"greaterthan", Compared<Operator::kGreater>},
    {"gt", Compared<Operator::kGreater>},
    {"in", In},
    {"integer", Asked<IsOneOf<Kind::kInt>>},
    {"iterable", Asked<IsIterable>},
    {"le", Compared<Operator::kLessEqual>},
    {"lessthan", Compared<Operator::kLess>},
    {"lower", AskedOfText<IsLower>},
    {"lt", Compared<Operator::kLess>},
    {"mapping", Asked<IsOneOf<Kind::kDict>>},
    {"ne", Compared<Operator::kNotEqual>},
    {"none", Asked<IsOneOf<Kind::kNone>>},
    {"number", Asked<IsOneOf<Kind::kBool, Kind::kInt, Kind::kFloat>>},
    {"odd", Odd},
    {"sameas", SameAs},
    {"sequence", Asked<IsOneOf<Kind::kString, Kind::kList, Kind::kTuple, Kind::kDict, Kind::kRange, Kind::kUndefined>>},
    {"string", Asked<IsOneOf<Kind::kString>>},
    {"test", IsKnownName<FindTest>},
    {"true", Asked<IsExactlyTrue>},
    {"undefined", Asked<IsOneOf<Kind::kUndefined>>},
    {"upper", AskedOfText<IsUpper>},
};

}  // namespace

std::span<const NamedBuiltin> ValueTests() {
  return kTests;
}

}  // namespace sterna::jinja
