// Calls of functions, methods and macros.
#include <fmt/format.h>

#include <algorithm>

#include "text/template/evaluator.h"
#include "text/template/operators.h"
#include "text/template/print.h"

namespace sterna::jinja {
namespace {

std::optional<Value> TakeNamed(Arguments& arguments, std::string_view name) {
  const auto place =
      std::find_if(arguments.named.begin(), arguments.named.end(), [name](const auto& a) { return a.first == name; });
  if (place == arguments.named.end()) return std::nullopt;
  Value value = std::move(place->second);
  arguments.named.erase(place);
  return value;
}

}  // namespace

Result<Arguments> Evaluator::EvaluateArguments(const CallArguments& source, Scope& scope) {
  Arguments out;
  STERNA_ASSIGN_OR_RETURN(out.positional, EvaluateAll(source.positional, scope));
  for (const auto& [name, expression] : source.named) {
    STERNA_ASSIGN_OR_RETURN(Value value, Evaluate(*expression, scope));
    out.named.emplace_back(name, std::move(value));
  }
  if (source.more_positional) {
    STERNA_ASSIGN_OR_RETURN(const Value list, Evaluate(*source.more_positional, scope));
    STERNA_ASSIGN_OR_RETURN(std::vector<Value> items, Collect(runtime_, list));
    for (Value& item : items) out.positional.push_back(std::move(item));
  }
  if (source.more_named) {
    STERNA_ASSIGN_OR_RETURN(const Value dict, Evaluate(*source.more_named, scope));
    if (!dict.is(Kind::kDict)) return InvalidArgument(fmt::format("argument after ** must be a mapping, not {}", TypeName(dict)));
    STERNA_RETURN_IF_ERROR(runtime_.Spend(AsDict(dict).entries.size()));
    for (const auto& [key, value] : AsDict(dict).entries) {
      if (!key.is(Kind::kString)) return InvalidArgument("keywords must be strings");
      out.named.emplace_back(key.text(), value);
    }
  }
  return out;
}

Result<Value> Evaluator::Call(const Value& callee, Arguments arguments) {
  switch (callee.kind()) {
    case Kind::kCallable: {
      const CallableObject& callable = AsCallable(callee);
      if (callable.self.is(Kind::kString)) STERNA_RETURN_IF_ERROR(runtime_.SpendOnBytes(callable.self.text().size()));
      return callable.function(runtime_, callable.self, arguments);
    }
    case Kind::kMacro:
      return CallMacro(AsMacro(callee), std::move(arguments));
    case Kind::kUndefined:
      return InvalidArgument(AsUndefined(callee).message);
    case Kind::kLoop: {
      const auto& recurse = AsLoop(callee).recurse;
      if (!recurse) return InvalidArgument("The loop must have the 'recursive' marker to be called recursively.");
      STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("loop", arguments, {"iterable"}, 1));
      return recurse(*bound.at(0));
    }
    default:
      return InvalidArgument(fmt::format("'{}' object is not callable", TypeName(callee)));
  }
}

Status Evaluator::CheckCallDepth() const {
  const int limit = runtime_.options().limits.max_call_depth;
  return call_depth_ < limit ? Status() : ResourceExhausted(fmt::format("calls nested deeper than {} levels", limit));
}

Result<Value> Evaluator::CallMacro(const MacroObject& macro, Arguments arguments) {
  STERNA_RETURN_IF_ERROR(CheckCallDepth());
  InnerScope scope(*this, macro.scope);
  STERNA_RETURN_IF_ERROR(BindMacroArguments(*macro.definition, std::move(arguments), *scope));
  Capture capture(*this);
  ++call_depth_;
  const Result<Flow> flow = ExecuteBody(macro.definition->body, *scope);
  --call_depth_;
  if (!flow.ok()) return flow.status();
  return capture.Take();
}

// The order of steps is that of jinja2.runtime.Macro: positions, names, then the special names the body mentions.
Status Evaluator::BindMacroArguments(const Statement& definition, Arguments arguments, Scope& scope) {
  const std::vector<Parameter>& parameters = definition.parameters;
  bool has_caller_parameter = false;
  for (size_t i = 0; i < parameters.size(); ++i) {
    has_caller_parameter = has_caller_parameter || parameters[i].name == "caller";
    std::optional<Value> value;
    if (i < arguments.positional.size()) {
      value = arguments.positional[i];
    } else {
      value = TakeNamed(arguments, parameters[i].name);
    }
    if (!value && parameters[i].default_value) {
      STERNA_ASSIGN_OR_RETURN(value, Evaluate(*parameters[i].default_value, scope));
    }
    if (!value) {
      STERNA_ASSIGN_OR_RETURN(value,
                              runtime_.MakeUndefined(fmt::format("parameter {} was not provided", QuotedText(parameters[i].name))));
    }
    scope.Set(parameters[i].name, *std::move(value));
  }
  if (definition.uses_caller && !has_caller_parameter) {
    std::optional<Value> caller = TakeNamed(arguments, "caller");
    if (!caller) {
      STERNA_ASSIGN_OR_RETURN(caller, runtime_.MakeUndefined("No caller defined"));
    }
    scope.Set("caller", *std::move(caller));
  }
  if (definition.uses_kwargs) {
    std::vector<std::pair<Value, Value>> entries;
    for (auto& [name, value] : arguments.named) entries.emplace_back(Value::String(name), std::move(value));
    STERNA_ASSIGN_OR_RETURN(Value kwargs, runtime_.MakeDict(std::move(entries)));
    scope.Set("kwargs", std::move(kwargs));
  } else if (TakeNamed(arguments, "caller")) {
    return InvalidArgument(
        fmt::format("macro {} was invoked with two values for the special caller argument. This is most likely a bug.",
                    QuotedText(definition.text)));
  } else if (!arguments.named.empty()) {
    return InvalidArgument(
        fmt::format("macro {} takes no keyword argument {}", QuotedText(definition.text), QuotedText(arguments.named[0].first)));
  }
  const bool has_more = arguments.positional.size() > parameters.size();
  if (definition.uses_varargs) {
    std::vector<Value> rest;
    if (has_more) rest.assign(arguments.positional.begin() + static_cast<ptrdiff_t>(parameters.size()), arguments.positional.end());
    STERNA_ASSIGN_OR_RETURN(Value varargs, runtime_.MakeTuple(std::move(rest)));
    scope.Set("varargs", std::move(varargs));
  } else if (has_more) {
    return InvalidArgument(
        fmt::format("macro {} takes not more than {} argument(s)", QuotedText(definition.text), parameters.size()));
  }
  return {};
}

}  // namespace sterna::jinja
