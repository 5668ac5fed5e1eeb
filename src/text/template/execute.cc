// Statements. One function per kind keeps the stack frames of the recursion small.
#include <fmt/format.h>

#include "text/template/evaluator.h"
#include "text/template/operators.h"
#include "text/template/print.h"

namespace sterna::jinja {

Result<std::string> Evaluator::Run(const Body& body) {
  std::string text;
  Status failed;
  {
    Capture capture(*this);
    InnerScope scope(*this, nullptr);
    const Result<Flow> flow = ExecuteBody(body, *scope);
    failed = flow.status();
    if (flow.ok()) text = capture.TakeText();
  }
  if (failed.ok()) return text;
  if (runtime_.is_raised_by_template() || !failure_) return failed;
  return Status(failed.code(), fmt::format("{} (line {}, column {})", failed.message(), failure_->line, failure_->column));
}

Result<Evaluator::Flow> Evaluator::ExecuteBody(const Body& body, Scope& scope) {
  for (const Statement& statement : body) {
    STERNA_ASSIGN_OR_RETURN(const Flow flow, Execute(statement, scope));
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Result<Evaluator::Flow> Evaluator::Execute(const Statement& statement, Scope& scope) {
  const Runtime::Level level(runtime_);
  STERNA_RETURN_IF_ERROR(level.Check());
  STERNA_RETURN_IF_ERROR(runtime_.Spend(1));
  Result<Flow> flow = Dispatch(statement, scope);
  if (!flow.ok()) NoteFailure(statement.position);
  return flow;
}

Result<Evaluator::Flow> Evaluator::Dispatch(const Statement& statement, Scope& scope) {
  switch (statement.kind) {
    case StatementKind::kText:
      STERNA_RETURN_IF_ERROR(Write(statement.text));
      return Flow::kNormal;
    case StatementKind::kOutput:
      STERNA_RETURN_IF_ERROR(ExecuteOutput(statement, scope));
      return Flow::kNormal;
    case StatementKind::kIf:
      return ExecuteIf(statement, scope);
    case StatementKind::kFor:
      return ExecuteFor(statement, scope);
    case StatementKind::kSet: {
      STERNA_ASSIGN_OR_RETURN(Value value, Evaluate(*statement.expressions[0], scope));
      STERNA_RETURN_IF_ERROR(Assign(statement.target, std::move(value), scope));
      return Flow::kNormal;
    }
    case StatementKind::kSetBlock:
    case StatementKind::kFilterBlock:
      return ExecuteCapture(statement, scope);
    case StatementKind::kMacro:
      STERNA_RETURN_IF_ERROR(ExecuteMacro(statement, scope));
      return Flow::kNormal;
    case StatementKind::kCallBlock:
      STERNA_RETURN_IF_ERROR(ExecuteCallBlock(statement, scope));
      return Flow::kNormal;
    case StatementKind::kWith:
    case StatementKind::kGeneration:
      return ExecuteWith(statement, scope);
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  return Internal("template: statement of an unknown kind");
}

Status Evaluator::Write(std::string_view text) {
  STERNA_RETURN_IF_ERROR(runtime_.CheckTextSize(uint64_t{out_->size()} + text.size()));
  STERNA_RETURN_IF_ERROR(runtime_.SpendOnBytes(text.size()));
  out_->append(text);
  return runtime_.ChargeForever(text.size());
}

Status Evaluator::WriteValue(const Value& value) {
  const size_t before = out_->size();
  const Status status = AppendText(runtime_, value, *out_);
  const Status charged = runtime_.ChargeForever(out_->size() - before);
  return status.ok() ? charged : status;
}

Status Evaluator::ExecuteOutput(const Statement& statement, Scope& scope) {
  for (const ExpressionPtr& expression : statement.expressions) {
    STERNA_ASSIGN_OR_RETURN(const Value value, Evaluate(*expression, scope));
    STERNA_RETURN_IF_ERROR(WriteValue(value));
  }
  return {};
}

Result<Evaluator::Flow> Evaluator::ExecuteIf(const Statement& statement, Scope& scope) {
  for (const Branch& branch : statement.branches) {
    STERNA_ASSIGN_OR_RETURN(const Value condition, Evaluate(*branch.condition, scope));
    if (IsTrue(condition)) return ExecuteBody(branch.body, scope);
  }
  return ExecuteBody(statement.otherwise, scope);
}

Result<Value> Evaluator::MakeLoop(const Statement& statement, Scope& scope, const Value& iterable, int depth0) {
  STERNA_ASSIGN_OR_RETURN(Cursor cursor, Cursor::Over(iterable));
  auto loop = std::make_shared<LoopObject>();
  STERNA_RETURN_IF_ERROR(runtime_.Charge(*loop, sizeof(LoopObject) + 64));
  loop->depth0 = depth0;
  if (statement.is_recursive) {
    loop->recurse = [this, &statement, &scope, depth0](const Value& items) -> Result<Value> {
      STERNA_RETURN_IF_ERROR(CheckCallDepth());
      Capture capture(*this);
      ++call_depth_;
      const Status ran = RunLoop(statement, scope, items, depth0 + 1).status();
      --call_depth_;
      if (!ran.ok()) return ran;
      return capture.Take();
    };
  }
  loop->pull = [this, &statement, &scope, cursor = std::move(cursor)]() mutable -> Result<std::optional<Value>> {
    while (true) {
      STERNA_ASSIGN_OR_RETURN(std::optional<Value> item, cursor.Next(runtime_));
      const ExpressionPtr& condition = statement.expressions[1];
      if (!item || !condition) return item;
      InnerScope test_scope(*this, &scope);
      STERNA_RETURN_IF_ERROR(Assign(statement.target, *item, *test_scope));
      STERNA_ASSIGN_OR_RETURN(const Value holds, Evaluate(*condition, *test_scope));
      if (IsTrue(holds)) return item;
    }
  };
  return Value(Kind::kLoop, std::move(loop));
}

Result<Evaluator::Flow> Evaluator::ExecuteFor(const Statement& statement, Scope& scope) {
  STERNA_ASSIGN_OR_RETURN(const Value iterable, Evaluate(*statement.expressions[0], scope));
  return RunLoop(statement, scope, iterable, 0);
}

Result<Evaluator::Flow> Evaluator::RunLoop(const Statement& statement, Scope& scope, const Value& iterable, int depth0) {
  STERNA_ASSIGN_OR_RETURN(const Value loop_value, MakeLoop(statement, scope, iterable, depth0));
  struct EndsLoop {
    LoopObject& loop;
    ~EndsLoop() { loop.End(); }
  } guard{AsLoop(loop_value)};
  // As in the code jinja2 compiles to, an iteration that breaks or continues does not count against the else part.
  bool completed_any = false;
  while (true) {
    STERNA_ASSIGN_OR_RETURN(std::optional<Value> item, guard.loop.Next());
    if (!item) break;
    InnerScope inner(*this, &scope);
    inner->Set("loop", loop_value);
    STERNA_RETURN_IF_ERROR(Assign(statement.target, *std::move(item), *inner));
    STERNA_ASSIGN_OR_RETURN(const Flow flow, ExecuteBody(statement.body, *inner));
    if (flow == Flow::kBreak) break;
    completed_any = completed_any || flow == Flow::kNormal;
  }
  if (completed_any || statement.otherwise.empty()) return Flow::kNormal;
  InnerScope inner(*this, &scope);
  return ExecuteBody(statement.otherwise, *inner);
}

// {% set name %}…{% endset %} and {% filter … %}…{% endfilter %}.
Result<Evaluator::Flow> Evaluator::ExecuteCapture(const Statement& statement, Scope& scope) {
  InnerScope inner(*this, &scope);
  Capture capture(*this);
  STERNA_ASSIGN_OR_RETURN(const Flow flow, ExecuteBody(statement.body, *inner));
  if (flow != Flow::kNormal) return flow;
  STERNA_ASSIGN_OR_RETURN(captured_, capture.Take());
  STERNA_ASSIGN_OR_RETURN(Value value, Evaluate(*statement.expressions[0], *inner));
  if (statement.kind == StatementKind::kFilterBlock) {
    // Jinja joins what blocks give without turning it into text.
    if (!value.is(Kind::kString)) return InvalidArgument(fmt::format("expected str instance, {} found", TypeName(value)));
    STERNA_RETURN_IF_ERROR(WriteValue(value));
  } else {
    STERNA_RETURN_IF_ERROR(Assign(statement.target, std::move(value), scope));
  }
  return Flow::kNormal;
}

// {% with … %} and {% generation %}: a body in a scope of its own.
Result<Evaluator::Flow> Evaluator::ExecuteWith(const Statement& statement, Scope& scope) {
  InnerScope inner(*this, &scope);
  for (const Parameter& parameter : statement.parameters) {
    STERNA_ASSIGN_OR_RETURN(Value value, Evaluate(*parameter.default_value, scope));
    inner->Set(parameter.name, std::move(value));
  }
  return ExecuteBody(statement.body, *inner);
}

Status Evaluator::ExecuteMacro(const Statement& statement, Scope& scope) {
  scope.Keep();
  STERNA_RETURN_IF_ERROR(runtime_.ChargeForever(sizeof(Scope) + 128));
  STERNA_ASSIGN_OR_RETURN(Value macro, runtime_.MakeMacro(statement, scope));
  scope.Set(statement.text, std::move(macro));
  return {};
}

Status Evaluator::ExecuteCallBlock(const Statement& statement, Scope& scope) {
  scope.Keep();
  STERNA_RETURN_IF_ERROR(runtime_.ChargeForever(sizeof(Scope) + 128));
  STERNA_ASSIGN_OR_RETURN(const Value caller, runtime_.MakeMacro(statement, scope));
  STERNA_ASSIGN_OR_RETURN(const Value value, EvaluateCall(*statement.expressions[0], scope, &caller));
  return WriteValue(value);
}

Status Evaluator::Assign(const Target& target, Value value, Scope& scope) {
  if (!target.parts.empty()) {
    if (!IsIterable(value)) return InvalidArgument(fmt::format("cannot unpack non-iterable {} object", TypeName(value)));
    STERNA_ASSIGN_OR_RETURN(std::vector<Value> items, Collect(runtime_, value));
    if (items.size() > target.parts.size()) {
      return InvalidArgument(fmt::format("too many values to unpack (expected {})", target.parts.size()));
    }
    if (items.size() < target.parts.size()) {
      return InvalidArgument(fmt::format("not enough values to unpack (expected {}, got {})", target.parts.size(), items.size()));
    }
    for (size_t i = 0; i < items.size(); ++i) STERNA_RETURN_IF_ERROR(Assign(target.parts[i], std::move(items[i]), scope));
    return {};
  }
  if (target.attribute.empty()) {
    scope.Set(target.name, std::move(value));
    return {};
  }
  const Value* object = scope.Find(target.name);
  if (!object) object = AsDict(variables_).Find(target.name);
  if (!object || !object->is(Kind::kNamespace)) return InvalidArgument("cannot assign attribute on non-namespace object");
  return runtime_.SetNamespaceAttribute(AsNamespace(*object), target.attribute, std::move(value));
}

}  // namespace sterna::jinja
