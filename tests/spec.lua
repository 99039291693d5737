-- spec.lua - runs busted (Debian's lua-busted) inside vaelua:
--   build/vaelua tests/spec.lua tests/lua/args_spec.lua
-- The words behind the file name are those of busted's own command line.

package.path = "./?.lua;" .. package.path
require "busted.runner" { standalone = false }
