// A library that is no backend of Gavotte.
extern "C" __attribute__((visibility("default"))) int gavotte_absent();
int gavotte_absent() { return 1; }
