// The named shapes of `--shape`, for the commands that take one.
#ifndef STERNA_CLI_SHAPES_H_
#define STERNA_CLI_SHAPES_H_

#include <string>
#include <string_view>

namespace sterna {

/// Only in the callback of a subcommand: FailUsage where no shape has this name, with the names that begin like it.
void CheckShapeName(std::string_view name);

/// One line a shape: name, parameters, sizes, the model it is taken from.
std::string ShapesTable();
/// The same as a JSON array.
std::string ShapesJson();

}  // namespace sterna

#endif  // STERNA_CLI_SHAPES_H_
