// Expressions. One function per kind keeps the stack frames of the recursion small.
#include <fmt/format.h>

#include "text/template/builtins.h"
#include "text/template/evaluator.h"
#include "text/template/operators.h"
#include "text/template/print.h"

namespace sterna::jinja {

Result<Value> Evaluator::Evaluate(const Expression& expression, Scope& scope) {
  if (expression.kind == ExpressionKind::kConstant) return expression.constant;
  const Runtime::Level level(runtime_);
  STERNA_RETURN_IF_ERROR(level.Check());
  STERNA_RETURN_IF_ERROR(runtime_.Spend(1));
  Result<Value> out = Dispatch(expression, scope);
  if (!out.ok()) NoteFailure(expression.position);
  return out;
}

Result<Value> Evaluator::Dispatch(const Expression& expression, Scope& scope) {
  switch (expression.kind) {
    case ExpressionKind::kConstant:
      return expression.constant;
    case ExpressionKind::kName:
      return EvaluateName(expression, scope);
    case ExpressionKind::kCaptured:
      return captured_;
    case ExpressionKind::kList:
    case ExpressionKind::kTuple: {
      STERNA_ASSIGN_OR_RETURN(std::vector<Value> items, EvaluateAll(expression.operands, scope));
      return expression.kind == ExpressionKind::kList ? runtime_.MakeList(std::move(items)) : runtime_.MakeTuple(std::move(items));
    }
    case ExpressionKind::kDict:
      return EvaluateDict(expression, scope);
    case ExpressionKind::kAttribute: {
      STERNA_ASSIGN_OR_RETURN(const Value object, Evaluate(*expression.operands[0], scope));
      return GetAttribute(runtime_, object, expression.name);
    }
    case ExpressionKind::kSubscript: {
      STERNA_ASSIGN_OR_RETURN(const Value object, Evaluate(*expression.operands[0], scope));
      STERNA_ASSIGN_OR_RETURN(const Value key, Evaluate(*expression.operands[1], scope));
      return GetItem(runtime_, object, key);
    }
    case ExpressionKind::kSlice:
      return EvaluateSlice(expression, scope);
    case ExpressionKind::kCall:
      return EvaluateCall(expression, scope);
    case ExpressionKind::kFilter:
    case ExpressionKind::kTest:
      return EvaluateApplication(expression, scope);
    case ExpressionKind::kNot: {
      STERNA_ASSIGN_OR_RETURN(const Value value, Evaluate(*expression.operands[0], scope));
      return Value::Bool(!IsTrue(value));
    }
    case ExpressionKind::kNegate:
    case ExpressionKind::kPlus: {
      STERNA_ASSIGN_OR_RETURN(const Value value, Evaluate(*expression.operands[0], scope));
      return expression.kind == ExpressionKind::kNegate ? Negate(value) : UnaryPlus(value);
    }
    case ExpressionKind::kAnd:
    case ExpressionKind::kOr:
      return EvaluateLogic(expression, scope);
    case ExpressionKind::kConcatenate:
      return EvaluateConcatenation(expression, scope);
    case ExpressionKind::kArithmetic:
      return EvaluateArithmetic(expression, scope);
    case ExpressionKind::kComparison:
      return EvaluateComparison(expression, scope);
    case ExpressionKind::kConditional:
      return EvaluateConditional(expression, scope);
  }
  return Internal("template: expression of an unknown kind");
}

Result<Value> Evaluator::EvaluateName(const Expression& expression, Scope& scope) {
  if (const Value* found = scope.Find(expression.name)) return *found;
  if (const Value* found = AsDict(variables_).Find(expression.name)) return *found;
  if (const Builtin function = FindGlobal(expression.name)) return runtime_.MakeMethod(function, Value());
  return runtime_.MakeUndefined(fmt::format("{} is undefined", QuotedText(expression.name)));
}

Result<std::vector<Value>> Evaluator::EvaluateAll(const std::vector<ExpressionPtr>& operands, Scope& scope) {
  std::vector<Value> out;
  out.reserve(operands.size());
  for (const ExpressionPtr& operand : operands) {
    STERNA_ASSIGN_OR_RETURN(Value value, Evaluate(*operand, scope));
    out.push_back(std::move(value));
  }
  return out;
}

Result<Value> Evaluator::EvaluateDict(const Expression& expression, Scope& scope) {
  STERNA_ASSIGN_OR_RETURN(std::vector<Value> flat, EvaluateAll(expression.operands, scope));
  std::vector<std::pair<Value, Value>> entries;
  for (size_t i = 0; i < flat.size(); i += 2) entries.emplace_back(std::move(flat[i]), std::move(flat[i + 1]));
  return runtime_.MakeDict(std::move(entries));
}

Result<Value> Evaluator::EvaluateSlice(const Expression& expression, Scope& scope) {
  Value parts[4];
  for (size_t i = 0; i < 4; ++i) {
    if (!expression.operands[i]) continue;
    STERNA_ASSIGN_OR_RETURN(parts[i], Evaluate(*expression.operands[i], scope));
  }
  return GetSlice(runtime_, parts[0], parts[1], parts[2], parts[3]);
}

Result<Value> Evaluator::EvaluateLogic(const Expression& expression, Scope& scope) {
  const bool stops_at = expression.kind == ExpressionKind::kOr;
  Value value;
  for (const ExpressionPtr& operand : expression.operands) {
    STERNA_ASSIGN_OR_RETURN(value, Evaluate(*operand, scope));
    if (IsTrue(value) == stops_at) break;
  }
  return value;
}

Result<Value> Evaluator::EvaluateConcatenation(const Expression& expression, Scope& scope) {
  std::string out;
  for (const ExpressionPtr& operand : expression.operands) {
    STERNA_ASSIGN_OR_RETURN(const Value value, Evaluate(*operand, scope));
    STERNA_RETURN_IF_ERROR(AppendText(runtime_, value, out));
  }
  return runtime_.MakeString(std::move(out));
}

Result<Value> Evaluator::EvaluateArithmetic(const Expression& expression, Scope& scope) {
  STERNA_ASSIGN_OR_RETURN(Value left, Evaluate(*expression.operands[0], scope));
  for (size_t i = 0; i < expression.operators.size(); ++i) {
    STERNA_ASSIGN_OR_RETURN(const Value right, Evaluate(*expression.operands[i + 1], scope));
    STERNA_ASSIGN_OR_RETURN(left, Arithmetic(runtime_, expression.operators[i], left, right));
  }
  return left;
}

Result<Value> Evaluator::EvaluateComparison(const Expression& expression, Scope& scope) {
  STERNA_ASSIGN_OR_RETURN(Value left, Evaluate(*expression.operands[0], scope));
  for (size_t i = 0; i < expression.operators.size(); ++i) {
    STERNA_ASSIGN_OR_RETURN(Value right, Evaluate(*expression.operands[i + 1], scope));
    const Operator op = expression.operators[i];
    bool holds = false;
    if (op == Operator::kEqual || op == Operator::kNotEqual) {
      STERNA_ASSIGN_OR_RETURN(holds, EqualWithin(runtime_, left, right));
    } else if (op == Operator::kIn || op == Operator::kNotIn) {
      STERNA_ASSIGN_OR_RETURN(holds, Contains(runtime_, right, left));
    } else {
      STERNA_ASSIGN_OR_RETURN(holds, Compare(runtime_, op, left, right));
    }
    if (op == Operator::kNotEqual || op == Operator::kNotIn) holds = !holds;
    if (!holds) return Value::Bool(false);
    left = std::move(right);
  }
  return Value::Bool(true);
}

Result<Value> Evaluator::EvaluateConditional(const Expression& expression, Scope& scope) {
  STERNA_ASSIGN_OR_RETURN(const Value condition, Evaluate(*expression.operands[1], scope));
  if (IsTrue(condition)) return Evaluate(*expression.operands[0], scope);
  if (expression.operands[2]) return Evaluate(*expression.operands[2], scope);
  return runtime_.MakeUndefined(fmt::format(
      "the inline if-expression on line {} evaluated to false and no else section was defined.", expression.position.line));
}

Result<Value> Evaluator::EvaluateApplication(const Expression& expression, Scope& scope) {
  const bool is_filter = expression.kind == ExpressionKind::kFilter;
  STERNA_ASSIGN_OR_RETURN(const Value value, Evaluate(*expression.operands[0], scope));
  if (!expression.function) {
    return InvalidArgument(fmt::format("No {} named {}.", is_filter ? "filter" : "test", QuotedText(expression.name)));
  }
  STERNA_ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(expression.arguments, scope));
  if (value.is(Kind::kString)) STERNA_RETURN_IF_ERROR(runtime_.SpendOnBytes(value.text().size()));
  return expression.function(runtime_, value, arguments);
}

Result<Value> Evaluator::EvaluateCall(const Expression& expression, Scope& scope, const Value* caller) {
  STERNA_ASSIGN_OR_RETURN(const Value callee, Evaluate(*expression.operands[0], scope));
  STERNA_ASSIGN_OR_RETURN(Arguments arguments, EvaluateArguments(expression.arguments, scope));
  if (caller) arguments.named.emplace_back("caller", *caller);
  return Call(callee, std::move(arguments));
}

}  // namespace sterna::jinja
