// The functions every template finds: range, dict, namespace, cycler, joiner, raise_exception, strftime_now.
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
    if (source.is(Kind::kUndefined)) return InvalidArgument(AsUndefined(source).message);
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

// jinja2.utils.Joiner: nothing at the first call, the separator at every other. Its state is a namespace that nothing else sees.
Result<Value> CallJoiner(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("joiner", arguments, {}).status());
  NamespaceObject& state = AsNamespace(self);
  if (state.attributes.contains("used")) return state.attributes["separator"];
  STERNA_RETURN_IF_ERROR(runtime.SetNamespaceAttribute(state, "used", Value::Bool(true)));
  return Value::String(std::string());
}

Result<Value> Joiner(Runtime& runtime, const Value&, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("joiner", arguments, {"sep"}));
  STERNA_ASSIGN_OR_RETURN(const Value state, runtime.MakeNamespace());
  STERNA_RETURN_IF_ERROR(runtime.SetNamespaceAttribute(AsNamespace(state), "separator", bound.ValueOr(0, Value::String(", "))));
  return runtime.MakeMethod(CallJoiner, state);
}

// jinja2.utils.Cycler, as a namespace of its attributes. A template can set none whose name has an underscore in front, so that
// these two are what Cycler made them.
constexpr const char *kCyclerItems = "_items", *kCyclerPosition = "_position";

Status MoveCycler(Runtime& runtime, const Value& cycler, int64_t position) {
  NamespaceObject& state = AsNamespace(cycler);
  const std::vector<Value>& items = state.attributes[kCyclerItems].items();
  position %= static_cast<int64_t>(items.size());
  state.attributes[kCyclerPosition] = Value::Int(position);
  return runtime.SetNamespaceAttribute(state, "current", items[static_cast<size_t>(position)]);
}

Result<Value> NextOfCycler(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("next", arguments, {}).status());
  NamespaceObject& state = AsNamespace(self);
  const int64_t position = state.attributes[kCyclerPosition].int_value();
  Value current = state.attributes[kCyclerItems].items()[static_cast<size_t>(position)];
  STERNA_RETURN_IF_ERROR(MoveCycler(runtime, self, position + 1));
  return current;
}

Result<Value> ResetCycler(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("reset", arguments, {}).status());
  STERNA_RETURN_IF_ERROR(MoveCycler(runtime, self, 0));
  return Value();
}

Result<Value> Cycler(Runtime& runtime, const Value&, const Arguments& arguments) {
  if (!arguments.named.empty()) return InvalidArgument("cycler() takes no keyword arguments");
  if (arguments.positional.empty()) return InvalidArgument("at least one item has to be provided");
  STERNA_ASSIGN_OR_RETURN(Value out, runtime.MakeNamespace());
  STERNA_ASSIGN_OR_RETURN(Value items, runtime.MakeTuple(arguments.positional));
  STERNA_ASSIGN_OR_RETURN(Value next, runtime.MakeMethod(NextOfCycler, out));
  STERNA_ASSIGN_OR_RETURN(Value reset, runtime.MakeMethod(ResetCycler, out));
  NamespaceObject& state = AsNamespace(out);
  STERNA_RETURN_IF_ERROR(runtime.ChargeForever(2 * (sizeof(Value) + 80)));
  state.attributes[kCyclerItems] = std::move(items);
  STERNA_RETURN_IF_ERROR(runtime.SetNamespaceAttribute(state, "next", std::move(next)));
  STERNA_RETURN_IF_ERROR(runtime.SetNamespaceAttribute(state, "reset", std::move(reset)));
  STERNA_RETURN_IF_ERROR(MoveCycler(runtime, out, 0));
  return out;
}

constexpr NamedBuiltin kFunctions[] = {
    {"cycler", Cycler},
    {"dict", Dict},
    {"joiner", Joiner},
    {"namespace", Namespace},
    {"raise_exception", RaiseException},
    {"range", Range},
    {"strftime_now", StrftimeNow},
};

}  // namespace

std::span<const NamedBuiltin> GlobalFunctions() {
  return kFunctions;
}

}  // namespace sterna::jinja
