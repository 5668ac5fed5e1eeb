// Filters that apply filters and tests by name to every item: map, select, reject, selectattr, rejectattr.
#include <fmt/format.h>

#include "text/template/attribute_path.h"
#include "text/template/builtins.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/python_text.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

bool IsIndex(std::string_view text) {
  return !text.empty() && text.size() < 18 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The name of the filter or test at `place`, and the arguments behind it.
struct Application {
  std::string_view name;
  Arguments arguments;
};

Result<Application> SplitApplication(const Arguments& arguments, size_t place) {
  const Value& name = arguments.positional[place];
  if (!name.is(Kind::kString)) return InvalidArgument(fmt::format("No filter or test named {}.", TypeName(name)));
  Application out;
  out.name = name.text();
  out.arguments.positional.assign(arguments.positional.begin() + static_cast<ptrdiff_t>(place) + 1, arguments.positional.end());
  out.arguments.named = arguments.named;
  return out;
}

Result<Value> Map(Runtime& runtime, const Value& self, const Arguments& arguments) {
  if (!IsTrue(self)) return runtime.MakeIterator({});
  STERNA_ASSIGN_OR_RETURN(Cursor cursor, Cursor::Over(self));
  std::vector<Value> out;
  AttributePath path;
  const Value* fallback = nullptr;
  Application application;
  const bool by_attribute = arguments.positional.empty();
  if (by_attribute) {
    STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("map", arguments, {"attribute", "default"}));
    if (!bound.at(0)) return InvalidArgument("map requires a filter argument");
    path = AttributePath::Parse(bound.at(0));
    fallback = bound.at(1);
  } else {
    STERNA_ASSIGN_OR_RETURN(application, SplitApplication(arguments, 0));
  }
  while (true) {
    STERNA_ASSIGN_OR_RETURN(std::optional<Value> item, cursor.Next(runtime));
    if (!item) return runtime.MakeIterator(std::move(out));
    STERNA_ASSIGN_OR_RETURN(Value mapped, by_attribute ? path.Follow(runtime, *std::move(item), fallback)
                                                       : CallFilter(runtime, application.name, *item, application.arguments));
    out.push_back(std::move(mapped));
  }
}

template <bool kKeeps, bool kByAttribute>
Result<Value> Select(Runtime& runtime, const Value& self, const Arguments& arguments) {
  if (!IsTrue(self)) return runtime.MakeIterator({});
  STERNA_ASSIGN_OR_RETURN(Cursor cursor, Cursor::Over(self));
  AttributePath path;
  constexpr size_t kTestPlace = kByAttribute ? 1 : 0;
  if (kByAttribute) {
    if (arguments.positional.empty()) return InvalidArgument("Missing parameter for attribute name");
    path = AttributePath::Parse(&arguments.positional[0]);
  }
  Application application;
  const bool has_test = arguments.positional.size() > kTestPlace;
  if (has_test) {
    STERNA_ASSIGN_OR_RETURN(application, SplitApplication(arguments, kTestPlace));
  }
  std::vector<Value> out;
  while (true) {
    STERNA_ASSIGN_OR_RETURN(std::optional<Value> item, cursor.Next(runtime));
    if (!item) return runtime.MakeIterator(std::move(out));
    STERNA_ASSIGN_OR_RETURN(Value tested, path.Follow(runtime, *item));
    if (has_test) {
      STERNA_ASSIGN_OR_RETURN(tested, CallTest(runtime, application.name, tested, application.arguments));
    }
    if (IsTrue(tested) == kKeeps) out.push_back(*std::move(item));
  }
}

constexpr NamedBuiltin kFilters[] = {
    {"map", Map},
    {"reject", Select<false, false>},
    {"rejectattr", Select<false, true>},
    {"select", Select<true, false>},
    {"selectattr", Select<true, true>},
};

}  // namespace

AttributePath AttributePath::Parse(const Value* attribute) {
  AttributePath out;
  if (!attribute || attribute->is(Kind::kNone)) return out;
  if (!attribute->is(Kind::kString)) {
    out.parts_.push_back(*attribute);
    return out;
  }
  std::string_view rest = attribute->text();
  while (true) {
    const size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    out.parts_.push_back(IsIndex(part) ? Value::Int(ParseInteger(part, 10).value_or(0)) : Value::String(std::string(part)));
    if (dot == std::string_view::npos) return out;
    rest.remove_prefix(dot + 1);
  }
}

std::vector<AttributePath> AttributePath::ParseList(const Value* attribute) {
  if (!attribute || !attribute->is(Kind::kString)) return {Parse(attribute)};
  std::vector<AttributePath> out;
  std::string_view rest = attribute->text();
  while (true) {
    const size_t comma = rest.find(',');
    const Value part = Value::String(std::string(rest.substr(0, comma)));
    out.push_back(Parse(&part));
    if (comma == std::string_view::npos) return out;
    rest.remove_prefix(comma + 1);
  }
}

Result<Value> AttributePath::Follow(Runtime& runtime, Value value, const Value* fallback) const {
  for (const Value& part : parts_) {
    STERNA_ASSIGN_OR_RETURN(value, GetItem(runtime, value, part));
    if (fallback && !fallback->is(Kind::kNone) && value.is(Kind::kUndefined)) value = *fallback;
  }
  return value;
}

Result<Value> SortKey(Runtime& runtime, Value value, bool case_sensitive) {
  if (case_sensitive || !value.is(Kind::kString)) return value;
  return runtime.MakeString(ToLower(value.text()));
}

std::span<const NamedBuiltin> SelectionFilters() {
  return kFilters;
}

}  // namespace sterna::jinja
