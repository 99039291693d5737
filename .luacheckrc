std = "lua54"
max_line_length = 100
include_files = { "lua", "experiments", "examples", "tests" }
files["tests/lua"] = { std = "+busted" }
