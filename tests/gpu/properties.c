/*
 * properties.c - prints cuDNN's description of CUDA device 0 as JSON, the form
 * in which tests/sim describes GPUs that are not there.
 */
#include <stdbool.h>
#include <stdio.h>
#include <cudnn.h>
#include <cudnn_graph.h>

static int failed (const char *what, cudnnStatus_t s) {
  char text[300] = "";
  cudnnGetLastErrorString(text, sizeof text);
  fprintf(stderr, "%s: %s %s\n", what, cudnnGetErrorString(s), text);
  return 1;
}

int main (void) {
  static char json[65536];
  cudnnBackendDescriptor_t d;
  int32_t index = 0;
  int64_t length = 0;
  cudnnStatus_t s = cudnnBackendCreateDescriptor(
    CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &d);
  if (s != CUDNN_STATUS_SUCCESS)
    return failed("description", s);
  s = cudnnBackendSetAttribute(d, CUDNN_ATTR_DEVICEPROP_DEVICE_ID,
                               CUDNN_TYPE_INT32, 1, &index);
  if (s == CUDNN_STATUS_SUCCESS)
    s = cudnnBackendFinalize(d);
  if (s != CUDNN_STATUS_SUCCESS)
    return failed("the device", s);
  s = cudnnBackendGetAttribute(d, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                               CUDNN_TYPE_CHAR, sizeof json - 1, &length,
                               json);
  if (s != CUDNN_STATUS_SUCCESS)
    return failed("JSON", s);
  printf("%s\n", json);
  return 0;
}
