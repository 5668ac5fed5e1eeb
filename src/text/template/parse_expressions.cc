// Expressions of the grammar, from the loosest binding to the tightest:
// conditional, or, and, not, comparison, + -, ~, * / // %, **, unary + -, . [] (), then | and `is`.
#include <fmt/format.h>

#include <algorithm>

#include "text/template/builtins.h"
#include "text/template/parser.h"

namespace sterna::jinja {

Result<ExpressionPtr> Parser::Finish(std::unique_ptr<Expression> expression) {
  int deepest = 0;
  const auto look = [&deepest](const ExpressionPtr& child) {
    if (child) deepest = std::max(deepest, child->height);
  };
  for (const ExpressionPtr& operand : expression->operands) look(operand);
  for (const ExpressionPtr& argument : expression->arguments.positional) look(argument);
  for (const auto& argument : expression->arguments.named) look(argument.second);
  look(expression->arguments.more_positional);
  look(expression->arguments.more_named);
  expression->height = deepest + 1;
  if (expression->height > kMaxSyntaxDepth) {
    return SyntaxError(expression->position, fmt::format("expression nested deeper than {} levels", kMaxSyntaxDepth));
  }
  return ExpressionPtr(std::move(expression));
}

Result<ExpressionPtr> Parser::ParseExpression(bool allows_condition) {
  const Level level(*this);
  STERNA_RETURN_IF_ERROR(level.Check());
  return allows_condition ? ParseConditional() : ParseOr();
}

Result<ExpressionPtr> Parser::ParseTuple(bool allows_condition, bool is_parenthesized, std::string_view end_name) {
  auto tuple = std::make_unique<Expression>();
  tuple->kind = ExpressionKind::kTuple;
  tuple->position = current().position;
  bool is_tuple = false;
  while (true) {
    const Token& token = current();
    const bool at_end = token.type == TokenType::kVariableEnd || token.type == TokenType::kBlockEnd || token.IsOperator(")") ||
                        (!end_name.empty() && token.IsName(end_name));
    if (at_end) break;
    STERNA_ASSIGN_OR_RETURN(ExpressionPtr item, ParseExpression(allows_condition));
    tuple->operands.push_back(std::move(item));
    if (!SkipOperator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!tuple->operands.empty()) return std::move(tuple->operands[0]);
    if (!is_parenthesized) return Unexpected("an expression");
  }
  return Finish(std::move(tuple));
}

Result<ExpressionPtr> Parser::ParseConditional() {
  Position position = current().position;
  STERNA_ASSIGN_OR_RETURN(ExpressionPtr out, ParseOr());
  while (SkipName("if")) {
    auto node = std::make_unique<Expression>();
    node->kind = ExpressionKind::kConditional;
    node->position = position;
    STERNA_ASSIGN_OR_RETURN(ExpressionPtr condition, ParseOr());
    ExpressionPtr otherwise;
    if (SkipName("else")) {
      const Level level(*this);
      STERNA_RETURN_IF_ERROR(level.Check());
      STERNA_ASSIGN_OR_RETURN(otherwise, ParseConditional());
    }
    node->operands.push_back(std::move(out));
    node->operands.push_back(std::move(condition));
    node->operands.push_back(std::move(otherwise));
    STERNA_ASSIGN_OR_RETURN(out, Finish(std::move(node)));
    position = current().position;
  }
  return out;
}

// Chains stay flat, so that a long sum is no deep tree. Nodes are made on the heap and only where an operator follows: this
// recursion passes through every level of precedence, and its frames add up.
Result<ExpressionPtr> Parser::ParseChain(ExpressionKind kind, Operand operand,
                                         std::initializer_list<std::pair<std::string_view, Operator>> symbols) {
  const Position position = current().position;
  STERNA_ASSIGN_OR_RETURN(ExpressionPtr first, (this->*operand)());
  std::unique_ptr<Expression> node;
  while (true) {
    const std::optional<Operator> op = TakeOperator(kind, symbols);
    if (!op) break;
    if (!node) {
      node = std::make_unique<Expression>();
      node->kind = kind;
      node->position = position;
      node->operands.push_back(std::move(first));
    }
    node->operators.push_back(*op);
    STERNA_ASSIGN_OR_RETURN(ExpressionPtr next, (this->*operand)());
    node->operands.push_back(std::move(next));
  }
  if (!node) return first;
  return Finish(std::move(node));
}

std::optional<Operator> Parser::TakeOperator(ExpressionKind kind,
                                             std::initializer_list<std::pair<std::string_view, Operator>> symbols) {
  for (const auto& [symbol, op] : symbols) {
    if (SkipOperator(symbol)) return op;
  }
  if (kind != ExpressionKind::kComparison) return std::nullopt;
  if (SkipName("in")) return Operator::kIn;
  if (!current().IsName("not") || !ahead().IsName("in")) return std::nullopt;
  Advance();
  Advance();
  return Operator::kNotIn;
}

Result<ExpressionPtr> Parser::ParseWordChain(ExpressionKind kind, Operand operand, std::string_view word) {
  const Position position = current().position;
  STERNA_ASSIGN_OR_RETURN(ExpressionPtr first, (this->*operand)());
  if (!current().IsName(word)) return first;
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->position = position;
  node->operands.push_back(std::move(first));
  while (SkipName(word)) {
    STERNA_ASSIGN_OR_RETURN(ExpressionPtr next, (this->*operand)());
    node->operands.push_back(std::move(next));
  }
  return Finish(std::move(node));
}

Result<ExpressionPtr> Parser::ParseOr() {
  return ParseWordChain(ExpressionKind::kOr, &Parser::ParseAnd, "or");
}

Result<ExpressionPtr> Parser::ParseAnd() {
  return ParseWordChain(ExpressionKind::kAnd, &Parser::ParseNot, "and");
}

Result<ExpressionPtr> Parser::ParseNot() {
  if (!current().IsName("not")) return ParseComparison();
  const Level level(*this);
  STERNA_RETURN_IF_ERROR(level.Check());
  auto node = std::make_unique<Expression>();
  node->kind = ExpressionKind::kNot;
  node->position = current().position;
  Advance();
  STERNA_ASSIGN_OR_RETURN(ExpressionPtr operand, ParseNot());
  node->operands.push_back(std::move(operand));
  return Finish(std::move(node));
}

Result<ExpressionPtr> Parser::ParseComparison() {
  return ParseChain(ExpressionKind::kComparison, &Parser::ParseSum,
                    {{"==", Operator::kEqual},
                     {"!=", Operator::kNotEqual},
                     {"<", Operator::kLess},
                     {"<=", Operator::kLessEqual},
                     {">", Operator::kGreater},
                     {">=", Operator::kGreaterEqual}});
}

Result<ExpressionPtr> Parser::ParseSum() {
  return ParseChain(ExpressionKind::kArithmetic, &Parser::ParseConcatenation, {{"+", Operator::kAdd}, {"-", Operator::kSubtract}});
}

Result<ExpressionPtr> Parser::ParseConcatenation() {
  return ParseChain(ExpressionKind::kConcatenate, &Parser::ParseProduct, {{"~", Operator::kAdd}});
}

Result<ExpressionPtr> Parser::ParseProduct() {
  return ParseChain(
      ExpressionKind::kArithmetic, &Parser::ParsePower,
      {{"*", Operator::kMultiply}, {"/", Operator::kDivide}, {"//", Operator::kFloorDivide}, {"%", Operator::kModulo}});
}

Result<ExpressionPtr> Parser::ParsePower() {
  return ParseChain(ExpressionKind::kArithmetic, &Parser::ParseFilteredUnary, {{"**", Operator::kPower}});
}

Result<ExpressionPtr> Parser::ParseUnary(bool with_filters) {
  ExpressionPtr out;
  if (current().IsOperator("-") || current().IsOperator("+")) {
    const Level level(*this);
    STERNA_RETURN_IF_ERROR(level.Check());
    auto node = std::make_unique<Expression>();
    node->kind = current().IsOperator("-") ? ExpressionKind::kNegate : ExpressionKind::kPlus;
    node->position = current().position;
    Advance();
    STERNA_ASSIGN_OR_RETURN(ExpressionPtr operand, ParseUnary(false));
    node->operands.push_back(std::move(operand));
    STERNA_ASSIGN_OR_RETURN(out, Finish(std::move(node)));
  } else {
    STERNA_ASSIGN_OR_RETURN(out, ParsePrimary());
  }
  STERNA_ASSIGN_OR_RETURN(out, ParsePostfix(std::move(out)));
  if (with_filters) return ParseFilters(std::move(out));
  return out;
}

}  // namespace sterna::jinja
