// Networks with trained weights that lie beside the program, in ../share/gavotte/networks.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace gavotte::cli {

/// Their names, "street" for street.gavotte, in alphabetical order; none where the folder is missing.
std::vector<std::string> trained_networks();

/// The file of one of them.
std::filesystem::path trained_network_path(const std::string& name);

}  // namespace gavotte::cli
