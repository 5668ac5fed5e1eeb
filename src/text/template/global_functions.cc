// The functions every template finds: range, dict, namespace, raise_exception, strftime_now.
#include <fmt/format.h>

#include "text/template/builtins.h"
#include "text/template/date_format.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

Result<Value> Range(Runtime& runtime, const Value&, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("range", arguments, {"start", "stop", "step"}, 1));
  STERNA_ASSIGN_OR_RETURN(int64_t start, bound.IntOr(0, 0));
  STERNA_ASSIGN_OR_RETURN(int64_t stop, bound.IntOr(1, 0));
  STERNA_ASSIGN_OR_RETURN(const int64_t step, bound.IntOr(2, 1));
  if (!bound.at(1)) stop = std::exchange(start, 0);
  return runtime.MakeRange(start, stop, step);
}

using Entries = std::vector<std::pair<Value, Value>>;

// The entries of dict(mapping or pairs, name=value, …).
Result<Entries> DictArguments(Runtime& runtime, std::string_view name, const Arguments& arguments) {
  Entries entries;
  if (arguments.positional.size() > 1) {
    return InvalidArgument(fmt::format("{} expected at most 1 argument, got {}", name, arguments.positional.size()));
  }
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (source.is(Kind::kDict)) {
      entries = AsDict(source).entries;
    } else {
      STERNA_ASSIGN_OR_RETURN(Cursor cursor, Cursor::Over(source));
      while (true) {
        STERNA_ASSIGN_OR_RETURN(const std::optional<Value> item, cursor.Next(runtime));
        if (!item) break;
        STERNA_ASSIGN_OR_RETURN(std::vector<Value> pair, Collect(runtime, *item));
        if (pair.size() != 2) {
          return InvalidArgument(
              fmt::format("dictionary update sequence element #{} has length {}; 2 is required", entries.size(), pair.size()));
        }
        entries.emplace_back(std::move(pair[0]), std::move(pair[1]));
      }
    }
  }
  for (const auto& [key, value] : arguments.named) entries.emplace_back(Value::String(key), value);
  return entries;
}

Result<Value> Dict(Runtime& runtime, const Value&, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(Entries entries, DictArguments(runtime, "dict", arguments));
  return runtime.MakeDict(std::move(entries));
}

Result<Value> Namespace(Runtime& runtime, const Value&, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const Entries entries, DictArguments(runtime, "namespace", arguments));
  STERNA_ASSIGN_OR_RETURN(Value out, runtime.MakeNamespace());
  for (const auto& [key, value] : entries) {
    if (!key.is(Kind::kString)) return InvalidArgument("namespace(): names must be texts");
    STERNA_RETURN_IF_ERROR(runtime.SetNamespaceAttribute(AsNamespace(out), key.text(), value));
  }
  return out;
}

Result<Value> RaiseException(Runtime& runtime, const Value&, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("raise_exception", arguments, {"message"}, 1));
  STERNA_ASSIGN_OR_RETURN(std::string message, ToText(runtime, *bound.at(0)));
  runtime.NoteRaisedByTemplate();
  return InvalidArgument(std::move(message));
}

Result<Value> StrftimeNow(Runtime& runtime, const Value&, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("strftime_now", arguments, {"format"}, 1));
  STERNA_ASSIGN_OR_RETURN(const std::string_view format, bound.Text(0));
  STERNA_RETURN_IF_ERROR(runtime.CheckTextSize(uint64_t{16} * format.size()));
  STERNA_ASSIGN_OR_RETURN(std::string text, FormatTime(runtime.options().now.value_or(LocalTime()), format));
  return runtime.MakeString(std::move(text));
}

constexpr NamedBuiltin kFunctions[] = {
    {"dict", Dict}, {"namespace", Namespace}, {"raise_exception", RaiseException}, {"range", Range}, {"strftime_now", StrftimeNow},
};

}  // namespace

std::span<const NamedBuiltin> GlobalFunctions() {
  return kFunctions;
}

}  // namespace sterna::jinja
