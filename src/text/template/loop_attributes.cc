// The attributes of `loop`, as jinja2.runtime.LoopContext has them.
#include <fmt/format.h>

#include "text/template/builtins.h"
#include "text/template/operators.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

Result<Value> Cycle(Runtime&, const Value& self, const Arguments& arguments) {
  if (arguments.positional.empty()) return InvalidArgument("no items for cycling given");
  const auto count = static_cast<int64_t>(arguments.positional.size());
  return arguments.positional[static_cast<size_t>(std::max<int64_t>(AsLoop(self).index0, 0) % count)];
}

Result<Value> Changed(Runtime& runtime, const Value& self, const Arguments& arguments) {
  LoopObject& loop = AsLoop(self);
  if (!loop.pull) return InvalidArgument("loop.changed() after the loop has ended");
  STERNA_ASSIGN_OR_RETURN(Value now, runtime.MakeTuple(arguments.positional));
  bool same = false;
  if (loop.last_changed) {
    STERNA_ASSIGN_OR_RETURN(same, EqualWithin(runtime, *loop.last_changed, now));
  }
  if (!same) loop.last_changed = std::move(now);
  return Value::Bool(!same);
}

}  // namespace

Result<std::optional<Value>> GetLoopAttribute(Runtime& runtime, const Value& value, std::string_view name) {
  using Found = std::optional<Value>;
  LoopObject& loop = AsLoop(value);
  if (name == "index0") return Found(Value::Int(loop.index0));
  if (name == "index") return Found(Value::Int(loop.index0 + 1));
  if (name == "first") return Found(Value::Bool(loop.index0 == 0));
  if (name == "depth0") return Found(Value::Int(loop.depth0));
  if (name == "depth") return Found(Value::Int(loop.depth0 + 1));
  if (name == "last") {
    STERNA_ASSIGN_OR_RETURN(const Value* next, loop.Peek());
    return Found(Value::Bool(next == nullptr));
  }
  if (name == "length" || name == "revindex" || name == "revindex0") {
    STERNA_ASSIGN_OR_RETURN(const int64_t length, loop.Length());
    if (name == "length") return Found(Value::Int(length));
    return Found(Value::Int(length - loop.index0 - (name == "revindex0" ? 1 : 0)));
  }
  if (name == "previtem") {
    if (loop.index0 > 0) return Found(loop.previous);
    STERNA_ASSIGN_OR_RETURN(Value none, runtime.MakeUndefined("there is no previous item"));
    return Found(std::move(none));
  }
  if (name == "nextitem") {
    STERNA_ASSIGN_OR_RETURN(const Value* next, loop.Peek());
    if (next) return Found(*next);
    STERNA_ASSIGN_OR_RETURN(Value none, runtime.MakeUndefined("there is no next item"));
    return Found(std::move(none));
  }
  if (name == "cycle" || name == "changed") {
    STERNA_ASSIGN_OR_RETURN(Value method, runtime.MakeMethod(name == "cycle" ? Cycle : Changed, value));
    return Found(std::move(method));
  }
  return Found();
}

}  // namespace sterna::jinja
