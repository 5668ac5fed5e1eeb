#include "text/template/builtins.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "text/template/print.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

Builtin FindIn(std::initializer_list<std::span<const NamedBuiltin>> tables, std::string_view name) {
  for (const std::span<const NamedBuiltin> table : tables) {
    for (const NamedBuiltin& builtin : table) {
      if (builtin.name == name) return builtin.function;
    }
  }
  return nullptr;
}

}  // namespace

Builtin FindFilter(std::string_view name) {
  return FindIn({TextFilters(), ValueFilters(), SequenceFilters(), SelectionFilters()}, name);
}

Builtin FindTest(std::string_view name) {
  return FindIn({ValueTests()}, name);
}

Builtin FindGlobal(std::string_view name) {
  return FindIn({GlobalFunctions()}, name);
}

Builtin FindMethod(Kind kind, std::string_view name) {
  switch (kind) {
    case Kind::kString:
      return FindIn({StringMethods(), StringQueryMethods()}, name);
    case Kind::kList:
      return FindIn({ListMethods()}, name);
    case Kind::kTuple:
      return FindIn({TupleMethods()}, name);
    case Kind::kDict:
      return FindIn({DictMethods()}, name);
    default:
      return nullptr;
  }
}

bool IsRefusedMethod(Kind kind, std::string_view name) {
  static constexpr std::string_view kListNames[] = {"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"};
  static constexpr std::string_view kDictNames[] = {"clear", "pop", "popitem", "setdefault", "update"};
  const auto is_among = [name](std::span<const std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return (kind == Kind::kList && is_among(kListNames)) || (kind == Kind::kDict && is_among(kDictNames));
}

Result<Value> CallFilter(Runtime& runtime, std::string_view name, const Value& value, const Arguments& arguments) {
  const Runtime::Level level(runtime);
  STERNA_RETURN_IF_ERROR(level.Check());
  STERNA_RETURN_IF_ERROR(runtime.Spend(1));
  const Builtin filter = FindFilter(name);
  if (!filter) return InvalidArgument(fmt::format("No filter named {}.", QuotedText(name.substr(0, 200))));
  return filter(runtime, value, arguments);
}

Result<Value> CallTest(Runtime& runtime, std::string_view name, const Value& value, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(runtime.Spend(1));
  const Builtin test = FindTest(name);
  if (!test) return InvalidArgument(fmt::format("No test named {}.", QuotedText(name.substr(0, 200))));
  return test(runtime, value, arguments);
}

}  // namespace sterna::jinja
