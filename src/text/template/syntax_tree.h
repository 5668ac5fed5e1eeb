// A parsed template: statements that hold expressions. Immutable after parsing; shared by all renderings.
#ifndef STERNA_TEXT_TEMPLATE_SYNTAX_TREE_H_
#define STERNA_TEXT_TEMPLATE_SYNTAX_TREE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/template/heap_object.h"
#include "text/template/lexer.h"
#include "text/template/operators.h"

namespace sterna::jinja {

/// Bound of nested blocks, brackets, calls and chains of . [] () | in a template.
inline constexpr int kMaxSyntaxDepth = 100;

struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<const Expression>;
using Body = std::vector<Statement>;

enum class ExpressionKind : uint8_t {
  kConstant,     // constant
  kName,         // name
  kCaptured,     // the text a filter or set block captured
  kList,         // operands
  kTuple,        // operands
  kDict,         // operands: key, value, key, value, …
  kAttribute,    // operands[0] . name
  kSubscript,    // operands[0] [ operands[1] ]
  kSlice,        // operands[0] [ operands[1] : operands[2] : operands[3] ], each but the first may be null
  kCall,         // operands[0] ( arguments )
  kFilter,       // operands[0] | name ( arguments ), function null where there is no such filter
  kTest,         // operands[0] is name ( arguments ), likewise
  kNot,          // operands[0]
  kNegate,       // operands[0]
  kPlus,         // operands[0]
  kAnd,          // operands, from left to right
  kOr,           // operands
  kConcatenate,  // operands, the ~ operator
  kArithmetic,   // operands[0] operators[0] operands[1] operators[1] …, from left to right
  kComparison,   // the same as a chain: all must hold
  kConditional   // operands[0] if operands[1] else operands[2], which may be null
};

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr more_positional;  ///< *list, or null
  ExpressionPtr more_named;       ///< **dict, or null
};

/// The fields that a kind uses stand beside it above; the others are empty.
struct Expression {
  ExpressionKind kind = ExpressionKind::kConstant;
  Position position;
  int height = 1;  ///< levels of expressions below and including this one
  Value constant;
  std::string name;
  std::vector<ExpressionPtr> operands;
  std::vector<Operator> operators;
  CallArguments arguments;
  Builtin function = nullptr;
};

/// Where a value is stored: a name, an attribute of a namespace, or a tuple of targets.
struct Target {
  Position position;
  std::string name;
  std::string attribute;      ///< empty where the target is the name itself
  std::vector<Target> parts;  ///< of a tuple, whose name is empty
};

enum class StatementKind : uint8_t {
  kText,         // text
  kOutput,       // expressions
  kIf,           // branches, otherwise
  kFor,          // target, expressions[0] the iterable, expressions[1] the condition or null; body, otherwise
  kSet,          // target, expressions[0]
  kSetBlock,     // target, expressions[0] on what body gives
  kFilterBlock,  // expressions[0] on what body gives
  kMacro,        // text the name; parameters, body
  kCallBlock,    // expressions[0] the call; parameters and body of its `caller`
  kWith,         // parameters with their values as defaults, body
  kGeneration,   // body in a scope of its own
  kBreak,
  kContinue
};

struct Parameter {
  std::string name;
  ExpressionPtr default_value;  ///< or null
};

struct Branch {
  ExpressionPtr condition;
  Body body;
};

struct Statement {
  StatementKind kind = StatementKind::kText;
  Position position;
  std::string text;
  std::vector<ExpressionPtr> expressions;
  Target target;
  std::vector<Branch> branches;
  std::vector<Parameter> parameters;
  Body body, otherwise;
  // Of macros and callers: which of the special names their bodies mention, and so accept.
  bool uses_caller = false, uses_varargs = false, uses_kwargs = false;
  bool is_recursive = false;  ///< of a for loop: its body may call `loop`
};

}  // namespace sterna::jinja

#endif  // STERNA_TEXT_TEMPLATE_SYNTAX_TREE_H_
