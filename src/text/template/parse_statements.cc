// Statements of the grammar, and the parser's steps over tokens.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "text/template/parser.h"

namespace sterna::jinja {
namespace {

std::string Describe(const Token& token) {
  switch (token.type) {
    case TokenType::kText:
      return "template data";
    case TokenType::kVariableBegin:
      return "'{{'";
    case TokenType::kVariableEnd:
      return "end of print statement";
    case TokenType::kBlockBegin:
      return "'{%'";
    case TokenType::kBlockEnd:
      return "end of statement block";
    case TokenType::kEnd:
      return "end of template";
    default:
      return fmt::format("'{}'", token.text.substr(0, 40));
  }
}

std::string Join(std::initializer_list<std::string_view> tags) {
  std::string out;
  for (const std::string_view tag : tags) out += fmt::format("{}'{}'", out.empty() ? "" : " or ", tag);
  return out;
}

}  // namespace

Status Parser::Level::Check() const {
  if (parser_.depth_ <= kMaxSyntaxDepth) return {};
  return SyntaxError(parser_.current().position, fmt::format("nested deeper than {} levels", kMaxSyntaxDepth));
}

bool Parser::SkipName(std::string_view name) {
  if (!current().IsName(name)) return false;
  Advance();
  return true;
}

bool Parser::SkipOperator(std::string_view symbol) {
  if (!current().IsOperator(symbol)) return false;
  Advance();
  return true;
}

Status Parser::Unexpected(std::string_view expected) const {
  return SyntaxError(current().position, fmt::format("expected {}, got {}", expected, Describe(current())));
}

Status Parser::ExpectOperator(std::string_view symbol) {
  return SkipOperator(symbol) ? Status() : Unexpected(fmt::format("'{}'", symbol));
}

Status Parser::ExpectName(std::string_view name) {
  return SkipName(name) ? Status() : Unexpected(fmt::format("'{}'", name));
}

Status Parser::ExpectType(TokenType type) {
  if (current().type != type) return Unexpected(type == TokenType::kBlockEnd ? "end of statement block" : "end of print statement");
  Advance();
  return {};
}

Result<std::string> Parser::ExpectAnyName() {
  if (current().type != TokenType::kName) return Unexpected("a name");
  std::string name = current().text;
  Advance();
  return name;
}

Result<Body> Parser::ParseTemplateBody() {
  return ParseBody({}, nullptr);
}

Result<Body> Parser::ParseBody(std::initializer_list<std::string_view> end_tags, const Token* opened_by) {
  const Level level(*this);
  STERNA_RETURN_IF_ERROR(level.Check());
  Body body;
  while (current().type != TokenType::kEnd) {
    if (current().type == TokenType::kText) {
      ParseText(body);
    } else if (current().type == TokenType::kVariableBegin) {
      STERNA_RETURN_IF_ERROR(ParseOutput(body));
    } else {
      Advance();  // "{%"
      if (current().type != TokenType::kName) return Unexpected("a tag name");
      if (std::find(end_tags.begin(), end_tags.end(), current().text) != end_tags.end()) return body;
      STERNA_RETURN_IF_ERROR(ParseStatement(body));
      STERNA_RETURN_IF_ERROR(ExpectType(TokenType::kBlockEnd));
    }
  }
  if (opened_by) {
    return SyntaxError(opened_by->position, fmt::format("Unexpected end of template: '{}' opened here is not closed; looked for {}",
                                                        opened_by->text, Join(end_tags)));
  }
  return body;
}

void Parser::ParseText(Body& body) {
  Statement& text = body.emplace_back();
  text.position = current().position;
  text.text = current().text;
  Advance();
}

Status Parser::ParseOutput(Body& body) {
  Statement out;
  out.kind = StatementKind::kOutput;
  out.position = current().position;
  Advance();
  STERNA_ASSIGN_OR_RETURN(ExpressionPtr expression, ParseTuple(true, false));
  out.expressions.push_back(std::move(expression));
  body.push_back(std::move(out));
  return ExpectType(TokenType::kVariableEnd);
}

Status Parser::ParseStatement(Body& body) {
  struct Tag {
    std::string_view name;
    Status (Parser::*parse)(Statement&);
  };
  static constexpr Tag kTags[] = {
      {"if", &Parser::ParseIf},
      {"for", &Parser::ParseFor},
      {"set", &Parser::ParseSet},
      {"macro", &Parser::ParseMacro},
      {"call", &Parser::ParseCallBlock},
      {"filter", &Parser::ParseFilterBlock},
      {"with", &Parser::ParseWith},
      {"print", &Parser::ParsePrint},
      {"break", &Parser::ParseLoopControl},
      {"continue", &Parser::ParseLoopControl},
      {"generation", &Parser::ParseGeneration},
  };
  const std::string& name = current().text;
  auto statement = std::make_unique<Statement>();  // on the heap: this function recurses
  statement->position = current().position;
  for (const Tag& tag : kTags) {
    if (tag.name != name) continue;
    STERNA_RETURN_IF_ERROR((this->*tag.parse)(*statement));
    body.push_back(std::move(*statement));
    return {};
  }
  static constexpr std::string_view kRefused[] = {"include", "import", "from", "extends", "block", "autoescape"};
  if (std::find(std::begin(kRefused), std::end(kRefused), name) != std::end(kRefused)) {
    return Unsupported(fmt::format("chat templates may not use '{}' (line {}, column {})", name, statement->position.line,
                                   statement->position.column));
  }
  return SyntaxError(statement->position, fmt::format("Encountered unknown tag '{}'.", name.substr(0, 40)));
}

Result<Body> Parser::ParseBlockBody(std::initializer_list<std::string_view> end_tags, const Token& opened_by) {
  SkipOperator(":");
  STERNA_RETURN_IF_ERROR(ExpectType(TokenType::kBlockEnd));
  return ParseBody(end_tags, &opened_by);
}

Status Parser::ParseIf(Statement& out) {
  out.kind = StatementKind::kIf;
  const Token& opened_by = current();
  do {
    Advance();  // "if" or "elif"
    Branch branch;
    STERNA_ASSIGN_OR_RETURN(branch.condition, ParseTuple(false, false));
    STERNA_ASSIGN_OR_RETURN(branch.body, ParseBlockBody({"elif", "else", "endif"}, opened_by));
    out.branches.push_back(std::move(branch));
  } while (current().IsName("elif"));
  if (SkipName("else")) {
    STERNA_ASSIGN_OR_RETURN(out.otherwise, ParseBlockBody({"endif"}, opened_by));
  }
  return ExpectName("endif");
}

Status Parser::ParseFor(Statement& out) {
  out.kind = StatementKind::kFor;
  const Token& opened_by = current();
  Advance();
  ++loops_;
  STERNA_ASSIGN_OR_RETURN(out.target, ParseTarget(false));
  STERNA_RETURN_IF_ERROR(ExpectName("in"));
  STERNA_ASSIGN_OR_RETURN(ExpressionPtr iterable, ParseTuple(false, false, "recursive"));
  ExpressionPtr condition;
  if (SkipName("if")) {
    STERNA_ASSIGN_OR_RETURN(condition, ParseExpression());
  }
  out.is_recursive = SkipName("recursive");
  out.expressions.push_back(std::move(iterable));
  out.expressions.push_back(std::move(condition));
  STERNA_ASSIGN_OR_RETURN(out.body, ParseBlockBody({"endfor", "else"}, opened_by));
  --loops_;
  if (SkipName("else")) {
    // A recursive loop is a function of its own, out of which no loop around it can be left.
    const int outer_loops = std::exchange(loops_, out.is_recursive ? 0 : loops_);
    STERNA_ASSIGN_OR_RETURN(out.otherwise, ParseBlockBody({"endfor"}, opened_by));
    loops_ = outer_loops;
  }
  return ExpectName("endfor");
}

Status Parser::ParseSet(Statement& out) {
  const Token& opened_by = current();
  Advance();
  STERNA_ASSIGN_OR_RETURN(out.target, ParseTarget(true));
  if (SkipOperator("=")) {
    out.kind = StatementKind::kSet;
    STERNA_ASSIGN_OR_RETURN(ExpressionPtr value, ParseTuple(true, false));
    out.expressions.push_back(std::move(value));
    return {};
  }
  out.kind = StatementKind::kSetBlock;
  STERNA_ASSIGN_OR_RETURN(ExpressionPtr value, ParseFilterChain());
  out.expressions.push_back(std::move(value));
  STERNA_ASSIGN_OR_RETURN(out.body, ParseBlockBody({"endset"}, opened_by));
  return ExpectName("endset");
}

Result<ExpressionPtr> Parser::ParseFilterChain() {
  auto captured = std::make_unique<Expression>();
  captured->kind = ExpressionKind::kCaptured;
  captured->position = current().position;
  STERNA_ASSIGN_OR_RETURN(ExpressionPtr out, Finish(std::move(captured)));
  while (SkipOperator("|")) {
    STERNA_ASSIGN_OR_RETURN(out, ParseOneFilter(std::move(out)));
  }
  return out;
}

Status Parser::ParseFilterBlock(Statement& out) {
  out.kind = StatementKind::kFilterBlock;
  const Token& opened_by = current();
  Advance();
  STERNA_ASSIGN_OR_RETURN(ExpressionPtr filter, ParseFilterChain());
  STERNA_ASSIGN_OR_RETURN(filter, ParseOneFilter(std::move(filter)));
  while (SkipOperator("|")) {
    STERNA_ASSIGN_OR_RETURN(filter, ParseOneFilter(std::move(filter)));
  }
  out.expressions.push_back(std::move(filter));
  STERNA_ASSIGN_OR_RETURN(out.body, ParseBlockBody({"endfilter"}, opened_by));
  return ExpectName("endfilter");
}

Status Parser::ParseParameters(Statement& out) {
  STERNA_RETURN_IF_ERROR(ExpectOperator("("));
  while (!current().IsOperator(")")) {
    const Position position = current().position;
    Parameter parameter;
    STERNA_ASSIGN_OR_RETURN(parameter.name, ExpectAnyName());
    if (SkipOperator("=")) {
      STERNA_ASSIGN_OR_RETURN(parameter.default_value, ParseExpression());
    } else if (!out.parameters.empty() && out.parameters.back().default_value) {
      return SyntaxError(position, "non-default argument follows default argument");
    }
    out.parameters.push_back(std::move(parameter));
    if (!SkipOperator(",")) break;
  }
  return ExpectOperator(")");
}

Status Parser::ParseCallableBody(Statement& out, std::string_view end_tag, const Token& opened_by) {
  const int outer_loops = std::exchange(loops_, 0);
  callables_.push_back(&out);
  Result<Body> body = ParseBlockBody({end_tag}, opened_by);
  callables_.pop_back();
  loops_ = outer_loops;
  if (!body.ok()) return body.status();
  out.body = *std::move(body);
  return ExpectName(end_tag);
}

Status Parser::ParseMacro(Statement& out) {
  out.kind = StatementKind::kMacro;
  const Token& opened_by = current();
  Advance();
  STERNA_ASSIGN_OR_RETURN(out.text, ExpectAnyName());
  STERNA_RETURN_IF_ERROR(ParseParameters(out));
  return ParseCallableBody(out, "endmacro", opened_by);
}

Status Parser::ParseCallBlock(Statement& out) {
  out.kind = StatementKind::kCallBlock;
  out.text = "caller";
  const Token& opened_by = current();
  Advance();
  if (current().IsOperator("(")) STERNA_RETURN_IF_ERROR(ParseParameters(out));
  STERNA_ASSIGN_OR_RETURN(ExpressionPtr call, ParseExpression());
  if (call->kind != ExpressionKind::kCall) return SyntaxError(call->position, "expected call");
  out.expressions.push_back(std::move(call));
  return ParseCallableBody(out, "endcall", opened_by);
}

Status Parser::ParseGeneration(Statement& out) {
  out.kind = StatementKind::kGeneration;
  const Token& opened_by = current();
  Advance();
  return ParseCallableBody(out, "endgeneration", opened_by);
}

Status Parser::ParseWith(Statement& out) {
  out.kind = StatementKind::kWith;
  const Token& opened_by = current();
  Advance();
  while (current().type != TokenType::kBlockEnd && !current().IsOperator(":")) {
    if (!out.parameters.empty()) STERNA_RETURN_IF_ERROR(ExpectOperator(","));
    Parameter parameter;
    STERNA_ASSIGN_OR_RETURN(parameter.name, ExpectAnyName());
    STERNA_RETURN_IF_ERROR(ExpectOperator("="));
    STERNA_ASSIGN_OR_RETURN(parameter.default_value, ParseExpression());
    out.parameters.push_back(std::move(parameter));
  }
  STERNA_ASSIGN_OR_RETURN(out.body, ParseBlockBody({"endwith"}, opened_by));
  return ExpectName("endwith");
}

Status Parser::ParsePrint(Statement& out) {
  out.kind = StatementKind::kOutput;
  Advance();
  while (current().type != TokenType::kBlockEnd) {
    if (!out.expressions.empty()) STERNA_RETURN_IF_ERROR(ExpectOperator(","));
    STERNA_ASSIGN_OR_RETURN(ExpressionPtr expression, ParseExpression());
    out.expressions.push_back(std::move(expression));
  }
  return {};
}

Status Parser::ParseLoopControl(Statement& out) {
  out.kind = current().IsName("break") ? StatementKind::kBreak : StatementKind::kContinue;
  if (loops_ == 0) return SyntaxError(out.position, fmt::format("'{}' outside loop", current().text));
  Advance();
  return {};
}

Result<Target> Parser::ParseTarget(bool allows_attribute) {
  STERNA_ASSIGN_OR_RETURN(Target first, ParseTargetPart(allows_attribute));
  if (!current().IsOperator(",")) return first;
  Target tuple;
  tuple.position = first.position;
  tuple.parts.push_back(std::move(first));
  while (SkipOperator(",")) {
    if (current().type != TokenType::kName && !current().IsOperator("(")) break;
    if (current().IsName("in")) break;
    STERNA_ASSIGN_OR_RETURN(Target part, ParseTargetPart(allows_attribute));
    tuple.parts.push_back(std::move(part));
  }
  return tuple;
}

Result<Target> Parser::ParseTargetPart(bool allows_attribute) {
  const Level level(*this);
  STERNA_RETURN_IF_ERROR(level.Check());
  if (SkipOperator("(")) {
    STERNA_ASSIGN_OR_RETURN(Target inner, ParseTarget(allows_attribute));
    STERNA_RETURN_IF_ERROR(ExpectOperator(")"));
    return inner;
  }
  Target out;
  out.position = current().position;
  STERNA_ASSIGN_OR_RETURN(out.name, ExpectAnyName());
  static constexpr std::string_view kConstants[] = {"true", "false", "none", "True", "False", "None"};
  if (std::find(std::begin(kConstants), std::end(kConstants), out.name) != std::end(kConstants)) {
    return SyntaxError(out.position, "can't assign to 'const'");
  }
  if (allows_attribute && SkipOperator(".")) {
    STERNA_ASSIGN_OR_RETURN(out.attribute, ExpectAnyName());
  } else if (out.name == "loop" && loops_ > 0) {
    return SyntaxError(out.position, "Can't assign to special loop variable in for-loop target");
  }
  return out;
}

Result<Body> ParseTemplate(std::string_view source) {
  STERNA_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(source));
  return Parser(std::move(tokens)).ParseTemplateBody();
}

}  // namespace sterna::jinja
