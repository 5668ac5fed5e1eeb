// Filters on single values: numbers, defaults, attributes, JSON.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "text/template/builtins.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

Result<Value> Absolute(Runtime&, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("abs", arguments, {}).status());
  if (self.is(Kind::kFloat)) return Value::Float(std::fabs(self.float_value()));
  const std::optional<int64_t> integer = IntegerOf(self);
  if (!integer) return InvalidArgument(fmt::format("bad operand type for abs(): '{}'", TypeName(self)));
  return *integer < 0 ? Negate(Value::Int(*integer)) : Value::Int(*integer);
}

Result<Value> Attribute(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("attr", arguments, {"name"}, 1));
  STERNA_ASSIGN_OR_RETURN(const std::string_view name, bound.Text(0));
  // Members of a dict are no attributes of it.
  if (self.is(Kind::kDict) && !FindMethod(Kind::kDict, name) && !IsRefusedMethod(Kind::kDict, name)) {
    return GetAttribute(runtime, Value::Dict({}), name);
  }
  return GetAttribute(runtime, self, name);
}

Result<Value> Default(Runtime&, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("default", arguments, {"default_value", "boolean"}));
  const bool is_missing = self.is(Kind::kUndefined) || (bound.TruthOr(1, false) && !IsTrue(self));
  return is_missing ? bound.ValueOr(0, Value::String(std::string())) : self;
}

// int() of a float: toward zero. Nothing where it is no number.
Result<std::optional<int64_t>> Truncated(double value) {
  if (std::isnan(value)) return std::optional<int64_t>();
  if (std::isinf(value)) return InvalidArgument("cannot convert float infinity to integer");
  if (std::fabs(value) >= 0x1p63) return InvalidArgument("integer result does not fit 64 bits");
  return std::optional<int64_t>(static_cast<int64_t>(value));
}

Result<Value> Integer(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("int", arguments, {"default", "base"}));
  STERNA_ASSIGN_OR_RETURN(const int64_t base, bound.IntOr(1, 10));
  if (self.is(Kind::kUndefined)) return InvalidArgument(AsUndefined(self).message);
  std::optional<int64_t> out = IntegerOf(self);
  std::optional<double> real;
  if (self.is(Kind::kString)) {
    STERNA_RETURN_IF_ERROR(runtime.SpendOnBytes(self.text().size()));
    out = ParseInteger(self.text(), static_cast<int>(std::clamp<int64_t>(base, -1, 99)));
    if (!out) real = ParseFloat(self.text());
    if (real && std::isinf(*real)) real.reset();
  } else if (self.is(Kind::kFloat)) {
    real = self.float_value();
  }
  if (!out && real) {
    STERNA_ASSIGN_OR_RETURN(out, Truncated(*real));
  }
  return out ? Value::Int(*out) : bound.ValueOr(0, Value::Int(0));
}

Result<Value> Real(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("float", arguments, {"default"}));
  if (self.is(Kind::kUndefined)) return InvalidArgument(AsUndefined(self).message);
  std::optional<double> out = NumberOf(self);
  if (self.is(Kind::kString)) {
    STERNA_RETURN_IF_ERROR(runtime.SpendOnBytes(self.text().size()));
    out = ParseFloat(self.text());
  }
  return out ? Value::Float(*out) : bound.ValueOr(0, Value::Float(0));
}

// round(value, digits) of Python: to the decimal that is nearest to the exact binary value.
double RoundedToDigits(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 308) return value;
  if (digits < 0) {
    const double scale = std::pow(10.0, static_cast<double>(-digits));
    return std::isinf(scale) ? 0.0 : std::nearbyint(value / scale) * scale;
  }
  const std::string text = fmt::format("{:.{}f}", value, static_cast<int>(digits));
  return std::strtod(text.c_str(), nullptr);
}

Result<Value> Round(Runtime&, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("round", arguments, {"precision", "method"}));
  STERNA_ASSIGN_OR_RETURN(const int64_t precision, bound.IntOr(0, 0));
  std::string_view method = "common";
  if (bound.at(1)) {
    STERNA_ASSIGN_OR_RETURN(method, bound.Text(1));
  }
  if (method != "common" && method != "ceil" && method != "floor") {
    return InvalidArgument("method must be common, ceil or floor");
  }
  if (self.is(Kind::kUndefined)) return InvalidArgument(AsUndefined(self).message);
  const std::optional<double> number = NumberOf(self);
  if (!number) return InvalidArgument(fmt::format("type {} doesn't define __round__ method", TypeName(self)));
  if (method == "common") {
    if (const auto integer = IntegerOf(self); integer && precision >= 0) return Value::Int(*integer);
    const double rounded = RoundedToDigits(*number, precision);
    return self.is(Kind::kFloat) ? Value::Float(rounded) : Value::Int(static_cast<int64_t>(rounded));
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double whole = method == "ceil" ? std::ceil(*number * scale) : std::floor(*number * scale);
  return Value::Float((whole + 0.0) / scale);  // Python's ceil gives an integer, which has no negative zero
}

Result<Value> ToJson(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound,
                          BoundArguments::Bind("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}));
  JsonLayout layout;
  layout.ensure_ascii = bound.TruthOr(0, false);
  layout.sort_keys = bound.TruthOr(3, false);
  std::string indent;
  if (!bound.IsNoneOrMissing(1)) {
    if (bound.at(1)->is(Kind::kString)) {
      indent = bound.at(1)->text();
    } else {
      STERNA_ASSIGN_OR_RETURN(const int64_t width, bound.IntOr(1, 0));
      STERNA_RETURN_IF_ERROR(runtime.CheckTextSize(static_cast<uint64_t>(std::max<int64_t>(width, 0))));
      indent.assign(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
    }
    layout.indent = &indent;
    layout.item_separator = ",";
  }
  if (!bound.IsNoneOrMissing(2)) {
    const Value& pair = *bound.at(2);
    const bool is_pair = (pair.is(Kind::kList) || pair.is(Kind::kTuple)) && pair.items().size() == 2 &&
                         pair.items()[0].is(Kind::kString) && pair.items()[1].is(Kind::kString);
    if (!is_pair) return InvalidArgument("tojson(): separators must be two texts");
    layout.item_separator = pair.items()[0].text();
    layout.key_separator = pair.items()[1].text();
  }
  std::string out;
  STERNA_RETURN_IF_ERROR(AppendJson(runtime, self, layout, out));
  return runtime.MakeString(std::move(out));
}

constexpr NamedBuiltin kFilters[] = {
    {"abs", Absolute}, {"attr", Attribute}, {"d", Default},   {"default", Default},
    {"float", Real},   {"int", Integer},    {"round", Round}, {"tojson", ToJson},
};

}  // namespace

std::span<const NamedBuiltin> ValueFilters() {
  return kFilters;
}

}  // namespace sterna::jinja
