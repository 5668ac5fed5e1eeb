// Tokens to a syntax tree, with jinja2's grammar and precedences.
#ifndef STERNA_TEXT_TEMPLATE_PARSER_H_
#define STERNA_TEXT_TEMPLATE_PARSER_H_

#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "text/template/lexer.h"
#include "text/template/syntax_tree.h"

namespace sterna::jinja {

/// Errors: Malformed with line and column, also where the template nests deeper than kMaxSyntaxDepth; Unsupported for include,
/// import, extends, block, autoescape and recursive loops.
Result<Body> ParseTemplate(std::string_view source);

/// Recursive descent; its depth is bounded by kMaxSyntaxDepth. One use.
class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Result<Body> ParseTemplateBody();

 private:
  class Level;

  // Statements: parse_statements.cc
  Result<Body> ParseBody(std::initializer_list<std::string_view> end_tags, const Token* opened_by);
  void ParseText(Body& body);
  Status ParseOutput(Body& body);
  Status ParseStatement(Body& body);
  Status ParseIf(Statement& out);
  Status ParseFor(Statement& out);
  Status ParseSet(Statement& out);
  Status ParseMacro(Statement& out);
  Status ParseCallBlock(Statement& out);
  Status ParseFilterBlock(Statement& out);
  Status ParseWith(Statement& out);
  Status ParseGeneration(Statement& out);
  Status ParsePrint(Statement& out);
  Status ParseLoopControl(Statement& out);
  Status ParseParameters(Statement& out);
  /// After the head of a block: the rest of its tag, its body, and the end tag, whose name stays current.
  Result<Body> ParseBlockBody(std::initializer_list<std::string_view> end_tags, const Token& opened_by);
  Status ParseCallableBody(Statement& out, std::string_view end_tag, const Token& opened_by);
  /// Filters on the text that a block captures.
  Result<ExpressionPtr> ParseFilterChain();
  Result<Target> ParseTarget(bool allows_attribute);
  Result<Target> ParseTargetPart(bool allows_attribute);

  // Expressions: parse_expressions.cc
  Result<ExpressionPtr> ParseExpression(bool allows_condition = true);
  Result<ExpressionPtr> ParseTuple(bool allows_condition, bool is_parenthesized, std::string_view end_name = {});
  Result<ExpressionPtr> ParseConditional();
  Result<ExpressionPtr> ParseOr();
  Result<ExpressionPtr> ParseAnd();
  Result<ExpressionPtr> ParseNot();
  Result<ExpressionPtr> ParseComparison();
  Result<ExpressionPtr> ParseSum();
  Result<ExpressionPtr> ParseConcatenation();
  Result<ExpressionPtr> ParseProduct();
  Result<ExpressionPtr> ParsePower();
  Result<ExpressionPtr> ParseFilteredUnary() { return ParseUnary(true); }
  Result<ExpressionPtr> ParseUnary(bool with_filters);
  Result<ExpressionPtr> ParsePostfix(ExpressionPtr operand);
  Result<ExpressionPtr> ParseFilters(ExpressionPtr operand);
  Result<ExpressionPtr> ParsePrimary();
  Result<ExpressionPtr> ParseName();
  Result<ExpressionPtr> ParseNumber();
  Result<ExpressionPtr> ParseString();
  Result<ExpressionPtr> ParseList();
  Result<ExpressionPtr> ParseDict();
  Result<ExpressionPtr> ParseAttribute(ExpressionPtr operand);
  Result<ExpressionPtr> ParseSubscript(ExpressionPtr operand);
  Result<ExpressionPtr> ParseCall(ExpressionPtr operand);
  Result<ExpressionPtr> ParseOneFilter(ExpressionPtr operand);
  Result<ExpressionPtr> ParseTest(ExpressionPtr operand);
  Result<CallArguments> ParseArguments();
  using Operand = Result<ExpressionPtr> (Parser::*)();
  Result<ExpressionPtr> ParseChain(ExpressionKind kind, Operand operand,
                                   std::initializer_list<std::pair<std::string_view, Operator>> symbols);
  std::optional<Operator> TakeOperator(ExpressionKind kind, std::initializer_list<std::pair<std::string_view, Operator>> symbols);
  Result<ExpressionPtr> ParseWordChain(ExpressionKind kind, Operand operand, std::string_view word);
  /// Sets the height, which bounds the recursion of whoever walks the tree.
  Result<ExpressionPtr> Finish(std::unique_ptr<Expression> expression);

  const Token& current() const { return tokens_[next_]; }
  const Token& ahead() const { return tokens_[next_ + 1 < tokens_.size() ? next_ + 1 : next_]; }
  void Advance() {
    if (next_ + 1 < tokens_.size()) ++next_;
  }
  bool SkipName(std::string_view name);
  bool SkipOperator(std::string_view symbol);
  Status ExpectOperator(std::string_view symbol);
  Status ExpectName(std::string_view name);
  Status ExpectType(TokenType type);
  Result<std::string> ExpectAnyName();
  Result<std::string> ParseDottedName();
  Status Unexpected(std::string_view expected) const;

  std::vector<Token> tokens_;
  size_t next_ = 0;
  int depth_ = 0;
  int loops_ = 0;                      // open loops of the innermost macro
  std::vector<Statement*> callables_;  // open macros and call blocks
};

/// Counts one level of nesting for as long as it lives.
class Parser::Level {
 public:
  explicit Level(Parser& parser) : parser_(parser) { ++parser_.depth_; }
  ~Level() { --parser_.depth_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  Status Check() const;

 private:
  Parser& parser_;
};

}  // namespace sterna::jinja

#endif  // STERNA_TEXT_TEMPLATE_PARSER_H_
