// The closed set of functions, filters, tests and methods that templates may call, found by name.
#ifndef STERNA_TEXT_TEMPLATE_BUILTINS_H_
#define STERNA_TEXT_TEMPLATE_BUILTINS_H_

#include <optional>
#include <span>
#include <string_view>

#include "text/template/heap_object.h"

namespace sterna::jinja {

struct NamedBuiltin {
  std::string_view name;
  Builtin function;
};

// Null where there is none of the name. The meaning of each is that of jinja2 3.1 or Python 3.11.
Builtin FindFilter(std::string_view name);
Builtin FindTest(std::string_view name);
Builtin FindGlobal(std::string_view name);
/// Of str, list, tuple and dict.
Builtin FindMethod(Kind kind, std::string_view name);
/// Whether Python's type has a method of this name that the immutable sandbox refuses ("append" of a list).
bool IsRefusedMethod(Kind kind, std::string_view name);

/// value.name as the sandbox resolves it: methods first, then the member of a dict; undefined where there is neither.
Result<Value> GetAttribute(Runtime& runtime, const Value& value, std::string_view name);
/// value[key]: the member first, then an attribute where the key is a text.
Result<Value> GetItem(Runtime& runtime, const Value& value, const Value& key);
/// value[start:stop:step], each none or an integer.
Result<Value> GetSlice(Runtime& runtime, const Value& value, const Value& start, const Value& stop, const Value& step);
/// An attribute of `loop`; nothing where it has none of the name.
Result<std::optional<Value>> GetLoopAttribute(Runtime& runtime, const Value& loop, std::string_view name);

/// Calls a filter or test by name, as map and select do; counts one level of evaluation.
Result<Value> CallFilter(Runtime& runtime, std::string_view name, const Value& value, const Arguments& arguments);
Result<Value> CallTest(Runtime& runtime, std::string_view name, const Value& value, const Arguments& arguments);

/// str.replace; every occurrence where count < 0.
Result<Value> ReplaceText(Runtime& runtime, const Value& self, std::string_view from, std::string_view to, int64_t count);

/// str.format.
Result<Value> FormatBraces(Runtime& runtime, const Value& format, const Arguments& arguments);

// The tables, one per file.
std::span<const NamedBuiltin> TextFilters();
std::span<const NamedBuiltin> ValueFilters();
std::span<const NamedBuiltin> SequenceFilters();
std::span<const NamedBuiltin> SelectionFilters();
std::span<const NamedBuiltin> ValueTests();
std::span<const NamedBuiltin> GlobalFunctions();
std::span<const NamedBuiltin> StringMethods();
std::span<const NamedBuiltin> StringQueryMethods();
std::span<const NamedBuiltin> ListMethods();
std::span<const NamedBuiltin> TupleMethods();
std::span<const NamedBuiltin> DictMethods();

}  // namespace sterna::jinja

#endif  // STERNA_TEXT_TEMPLATE_BUILTINS_H_
