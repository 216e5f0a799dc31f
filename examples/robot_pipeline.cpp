// A robot labels scan after scan: no PyTorch, no CUDA header, no copy of the message.
//
//   robot_pipeline [NETWORK]     a network file of 1 input channel; without one, a small network
//   made here
#include <gavotte/gavotte.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace {

using namespace gavotte;

// The fields of a ROS sensor_msgs/PointCloud2 that matter here: x, y, z at byte 0, intensity at
// byte 16, as PCL lays its PointXYZI.
struct PointCloud2 {
  std::uint32_t width = 0;
  std::uint32_t point_step = 32;
  std::vector<std::uint8_t> data;
};

// What a driver would deliver: a round room, seen from a scanner that turns a little further every
// frame.
PointCloud2 receive_scan(int frame) {
  PointCloud2 msg;
  constexpr int kBeams = 32;
  constexpr int kAzimuths = 360;
  msg.width = kBeams * kAzimuths;
  msg.data.resize(std::size_t{msg.width} * msg.point_step);
  for (int beam = 0; beam < kBeams; ++beam) {
    for (int azimuth = 0; azimuth < kAzimuths; ++azimuth) {
      const double up = (beam - 20) * 0.02;
      const double turn = (azimuth + 0.1 * frame) * 0.0174532925;
      // A wall 8 m away, or the floor 1.5 m below, whichever the beam meets first.
      const double range = up < -0.0001 ? std::min(8.0, -1.5 / std::sin(up)) : 8.0;
      const float point[] = {static_cast<float>(range * std::cos(turn)),
                             static_cast<float>(range * std::sin(turn)),
                             static_cast<float>(range * up)};
      const float intensity = range < 8.0 ? 0.2F : 0.8F;
      std::uint8_t* bytes =
          msg.data.data() + std::size_t(beam * kAzimuths + azimuth) * msg.point_step;
      std::memcpy(bytes, point, sizeof(point));
      std::memcpy(bytes + 16, &intensity, sizeof(intensity));
    }
  }
  return msg;
}

Network small_network() {
  NetworkBuilder build;
  std::string x = build.input(1);
  x = build.convolution("stem", x, 16, ConvSpec::submanifold(3));
  x = build.activation("stem.relu", build.batch_norm("stem.norm", x));
  x = build.convolution("block", x, 16, ConvSpec::submanifold(3));
  x = build.activation("block.relu", build.batch_norm("block.norm", x));
  return build.build(build.linear("head", x, 4));
}

int run(int argc, char** argv) {
  const Network network = argc > 1 ? Network::load(argv[1]) : small_network();
  Executor executor(network, {.device = Device::best(), .max_voxels = 120'000, .threads = 2});

  for (int frame = 0; frame < 3; ++frame) {
    const PointCloud2 msg = receive_scan(frame);

    const PointsView scan{.data = msg.data.data(),
                          .count = msg.width,
                          .stride_bytes = msg.point_step,
                          .xyz_offset = 0,
                          .feature_offset = 16,
                          .features = 1};
    const Voxels voxels = voxelize(scan, {.voxel_size_m = {0.1, 0.1, 0.1}, .reduce = Reduce::mean});
    const Result result = executor.run(voxels);
    const Tensor labels = voxels.to_points(result.argmax());  // int32 [points]

    std::printf("frame %d: %lld points, %s, %lld labels, %.1f ms\n", frame,
                static_cast<long long>(msg.width), voxels.to_string().c_str(),
                static_cast<long long>(labels.rows()), result.stats.total_ms);
    if (labels.rows() != scan.count) return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const gavotte::Error& error) {
    std::fprintf(stderr, "robot_pipeline: %s\n", error.what());
    return 2;
  }
}
