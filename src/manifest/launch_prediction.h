// How long a launch takes at least by a GPU's declared peaks, as a formula of the run's symbols.
#pragma once

#include "gavotte/manifest.h"

namespace gavotte::internal {

/// Sets `predict`, estimated from the launch's work and segments; unavailable where its work is not counted or the device's
/// peaks are not known. alone: the launch is all of its region, whose segments are then its own.
void predict_launch(const Manifest& manifest, bool alone, manifest::Launch& launch);

}  // namespace gavotte::internal
