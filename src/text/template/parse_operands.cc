// The tight end of the grammar: literals, names, brackets, and what may follow them.
#include <fmt/format.h>

#include "text/template/builtins.h"
#include "text/template/parser.h"

namespace sterna::jinja {

Result<ExpressionPtr> Parser::ParsePrimary() {
  const Token& token = current();
  switch (token.type) {
    case TokenType::kName:
      return ParseName();
    case TokenType::kString:
      return ParseString();
    case TokenType::kInteger:
    case TokenType::kFloat:
      return ParseNumber();
    default:
      break;
  }
  if (token.IsOperator("[")) return ParseList();
  if (token.IsOperator("{")) return ParseDict();
  if (!token.IsOperator("(")) return Unexpected("an expression");
  Advance();
  STERNA_ASSIGN_OR_RETURN(ExpressionPtr out, ParseTuple(true, true));
  STERNA_RETURN_IF_ERROR(ExpectOperator(")"));
  return out;
}

Result<ExpressionPtr> Parser::ParseName() {
  auto node = std::make_unique<Expression>();
  node->position = current().position;
  const std::string& name = current().text;
  if (name == "true" || name == "True") {
    node->constant = Value::Bool(true);
  } else if (name == "false" || name == "False") {
    node->constant = Value::Bool(false);
  } else if (name != "none" && name != "None") {
    node->kind = ExpressionKind::kName;
    node->name = name;
    for (Statement* callable : callables_) {
      callable->uses_caller |= name == "caller";
      callable->uses_varargs |= name == "varargs";
      callable->uses_kwargs |= name == "kwargs";
    }
  }
  Advance();
  return Finish(std::move(node));
}

Result<ExpressionPtr> Parser::ParseNumber() {
  auto node = std::make_unique<Expression>();
  node->position = current().position;
  if (current().type == TokenType::kInteger) {
    const std::optional<int64_t> value = ParseInteger(current().text, 0);
    if (!value) return SyntaxError(node->position, fmt::format("integer {} does not fit 64 bits", current().text.substr(0, 40)));
    node->constant = Value::Int(*value);
  } else {
    node->constant = Value::Float(ParseFloat(current().text).value_or(0));
  }
  Advance();
  return Finish(std::move(node));
}

Result<ExpressionPtr> Parser::ParseString() {
  auto node = std::make_unique<Expression>();
  node->position = current().position;
  std::string text;
  for (; current().type == TokenType::kString; Advance()) text += current().text;
  node->constant = Value::String(std::move(text));
  return Finish(std::move(node));
}

Result<ExpressionPtr> Parser::ParseList() {
  auto node = std::make_unique<Expression>();
  node->kind = ExpressionKind::kList;
  node->position = current().position;
  STERNA_RETURN_IF_ERROR(ExpectOperator("["));
  while (!current().IsOperator("]")) {
    STERNA_ASSIGN_OR_RETURN(ExpressionPtr item, ParseExpression());
    node->operands.push_back(std::move(item));
    if (!SkipOperator(",")) break;
  }
  STERNA_RETURN_IF_ERROR(ExpectOperator("]"));
  return Finish(std::move(node));
}

Result<ExpressionPtr> Parser::ParseDict() {
  auto node = std::make_unique<Expression>();
  node->kind = ExpressionKind::kDict;
  node->position = current().position;
  STERNA_RETURN_IF_ERROR(ExpectOperator("{"));
  while (!current().IsOperator("}")) {
    STERNA_ASSIGN_OR_RETURN(ExpressionPtr key, ParseExpression());
    STERNA_RETURN_IF_ERROR(ExpectOperator(":"));
    STERNA_ASSIGN_OR_RETURN(ExpressionPtr value, ParseExpression());
    node->operands.push_back(std::move(key));
    node->operands.push_back(std::move(value));
    if (!SkipOperator(",")) break;
  }
  STERNA_RETURN_IF_ERROR(ExpectOperator("}"));
  return Finish(std::move(node));
}

Result<ExpressionPtr> Parser::ParsePostfix(ExpressionPtr out) {
  while (true) {
    if (current().IsOperator(".")) {
      STERNA_ASSIGN_OR_RETURN(out, ParseAttribute(std::move(out)));
    } else if (current().IsOperator("[")) {
      STERNA_ASSIGN_OR_RETURN(out, ParseSubscript(std::move(out)));
    } else if (current().IsOperator("(")) {
      STERNA_ASSIGN_OR_RETURN(out, ParseCall(std::move(out)));
    } else {
      return out;
    }
  }
}

Result<ExpressionPtr> Parser::ParseFilters(ExpressionPtr out) {
  while (true) {
    if (SkipOperator("|")) {
      STERNA_ASSIGN_OR_RETURN(out, ParseOneFilter(std::move(out)));
    } else if (current().IsName("is")) {
      STERNA_ASSIGN_OR_RETURN(out, ParseTest(std::move(out)));
    } else if (current().IsOperator("(")) {
      STERNA_ASSIGN_OR_RETURN(out, ParseCall(std::move(out)));
    } else {
      return out;
    }
  }
}

Result<ExpressionPtr> Parser::ParseAttribute(ExpressionPtr operand) {
  auto node = std::make_unique<Expression>();
  node->position = current().position;
  STERNA_RETURN_IF_ERROR(ExpectOperator("."));
  node->operands.push_back(std::move(operand));
  if (current().type == TokenType::kInteger) {
    node->kind = ExpressionKind::kSubscript;
    STERNA_ASSIGN_OR_RETURN(ExpressionPtr index, ParseNumber());
    node->operands.push_back(std::move(index));
  } else {
    node->kind = ExpressionKind::kAttribute;
    STERNA_ASSIGN_OR_RETURN(node->name, ExpectAnyName());
  }
  return Finish(std::move(node));
}

Result<ExpressionPtr> Parser::ParseSubscript(ExpressionPtr operand) {
  auto node = std::make_unique<Expression>();
  node->kind = ExpressionKind::kSubscript;
  node->position = current().position;
  STERNA_RETURN_IF_ERROR(ExpectOperator("["));
  node->operands.push_back(std::move(operand));
  const auto at_part_end = [this] { return current().IsOperator(":") || current().IsOperator("]"); };
  ExpressionPtr first;
  if (!at_part_end()) {
    STERNA_ASSIGN_OR_RETURN(first, ParseExpression());
  }
  node->operands.push_back(std::move(first));
  while (node->operands.size() < 4 && SkipOperator(":")) {
    node->kind = ExpressionKind::kSlice;
    ExpressionPtr part;
    if (!at_part_end()) {
      STERNA_ASSIGN_OR_RETURN(part, ParseExpression());
    }
    node->operands.push_back(std::move(part));
  }
  if (node->kind == ExpressionKind::kSubscript && !node->operands[1]) return Unexpected("an expression");
  if (node->kind == ExpressionKind::kSlice) node->operands.resize(4);
  STERNA_RETURN_IF_ERROR(ExpectOperator("]"));
  return Finish(std::move(node));
}

Result<ExpressionPtr> Parser::ParseCall(ExpressionPtr operand) {
  auto node = std::make_unique<Expression>();
  node->kind = ExpressionKind::kCall;
  node->position = current().position;
  node->operands.push_back(std::move(operand));
  STERNA_ASSIGN_OR_RETURN(node->arguments, ParseArguments());
  return Finish(std::move(node));
}

Result<CallArguments> Parser::ParseArguments() {
  CallArguments out;
  STERNA_RETURN_IF_ERROR(ExpectOperator("("));
  while (!current().IsOperator(")")) {
    const Position position = current().position;
    bool in_order = !out.more_named;
    if (SkipOperator("*")) {
      in_order = in_order && !out.more_positional;
      STERNA_ASSIGN_OR_RETURN(out.more_positional, ParseExpression());
    } else if (SkipOperator("**")) {
      STERNA_ASSIGN_OR_RETURN(out.more_named, ParseExpression());
    } else if (current().type == TokenType::kName && ahead().IsOperator("=")) {
      std::string name = current().text;
      Advance();
      Advance();
      STERNA_ASSIGN_OR_RETURN(ExpressionPtr value, ParseExpression());
      out.named.emplace_back(std::move(name), std::move(value));
    } else {
      in_order = in_order && !out.more_positional && out.named.empty();
      STERNA_ASSIGN_OR_RETURN(ExpressionPtr value, ParseExpression());
      out.positional.push_back(std::move(value));
    }
    if (!in_order) return SyntaxError(position, "invalid syntax for function call expression");
    if (!SkipOperator(",")) break;
  }
  STERNA_RETURN_IF_ERROR(ExpectOperator(")"));
  return out;
}

// Filters and tests of extensions have names with dots; there is none here, but an error comes only where one is used.
Result<std::string> Parser::ParseDottedName() {
  STERNA_ASSIGN_OR_RETURN(std::string name, ExpectAnyName());
  while (SkipOperator(".")) {
    STERNA_ASSIGN_OR_RETURN(const std::string part, ExpectAnyName());
    name += "." + part;
  }
  return name;
}

Result<ExpressionPtr> Parser::ParseOneFilter(ExpressionPtr operand) {
  auto node = std::make_unique<Expression>();
  node->kind = ExpressionKind::kFilter;
  node->position = current().position;
  node->operands.push_back(std::move(operand));
  STERNA_ASSIGN_OR_RETURN(node->name, ParseDottedName());
  if (current().IsOperator("(")) {
    STERNA_ASSIGN_OR_RETURN(node->arguments, ParseArguments());
  }
  node->function = FindFilter(node->name);
  return Finish(std::move(node));
}

Result<ExpressionPtr> Parser::ParseTest(ExpressionPtr operand) {
  auto node = std::make_unique<Expression>();
  node->kind = ExpressionKind::kTest;
  node->position = current().position;
  node->operands.push_back(std::move(operand));
  STERNA_RETURN_IF_ERROR(ExpectName("is"));
  const bool is_negated = SkipName("not");
  STERNA_ASSIGN_OR_RETURN(node->name, ParseDottedName());
  const Token& token = current();
  const bool is_literal = token.type == TokenType::kString || token.type == TokenType::kInteger || token.type == TokenType::kFloat;
  const bool is_name = token.type == TokenType::kName && token.text != "else" && token.text != "or" && token.text != "and";
  if (token.IsOperator("(")) {
    STERNA_ASSIGN_OR_RETURN(node->arguments, ParseArguments());
  } else if (is_literal || is_name || token.IsOperator("[") || token.IsOperator("{")) {
    if (token.IsName("is")) return SyntaxError(token.position, "You cannot chain multiple tests with is");
    STERNA_ASSIGN_OR_RETURN(ExpressionPtr argument, ParsePrimary());
    STERNA_ASSIGN_OR_RETURN(argument, ParsePostfix(std::move(argument)));
    node->arguments.positional.push_back(std::move(argument));
  }
  node->function = FindTest(node->name);
  const Position position = node->position;
  STERNA_ASSIGN_OR_RETURN(ExpressionPtr test, Finish(std::move(node)));
  if (!is_negated) return test;
  auto negation = std::make_unique<Expression>();
  negation->kind = ExpressionKind::kNot;
  negation->position = position;
  negation->operands.push_back(std::move(test));
  return Finish(std::move(negation));
}

}  // namespace sterna::jinja
