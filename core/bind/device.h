/* device.h - see device.c; system.c adds these to the core table. */
#ifndef bind_device_h
#define bind_device_h

#include <lauxlib.h>

extern const luaL_Reg device_functions[];

#endif
